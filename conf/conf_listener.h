/*
 * Where partners connect, as the configuration says it: a part of struct conf (conf.h), which owns all
 * of it. Texts are never NULL ("" when not set). Never changed after it was read.
 */
#pragma once

#include "addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_protocol { CONF_TLS, CONF_FTPS, CONF_FTP, CONF_HTTPS };
enum conf_client_certificate { CONF_CLIENT_NONE, CONF_CLIENT_REQUEST, CONF_CLIENT_REQUIRE };
enum conf_reject_at { CONF_REJECT_LOGIN, CONF_REJECT_HANDSHAKE };
enum conf_bad_certificate { CONF_BAD_IGNORE, CONF_BAD_FAIL };
enum conf_resumption { CONF_RESUMPTION_OFF, CONF_RESUMPTION_PREFER };

struct conf_key {
    const char *alias;            /* label or pkcs11: URI */
    const char *certificate_file; /* "" : on the token */
    const char *certificate_pem;
    size_t certificate_pem_len;
    const char *ocsp_file; /* "" : no stapling */
    const char *ocsp_der;  /* the bytes of ocsp_file, DER, "successful"; not verified */
    size_t ocsp_der_len;
    uint32_t wanted; /* its number within its keystore: see conf_wanted_keys; UINT32_MAX: disabled */
};

/* The keys of a name that clients ask for (SNI); they are of the listener's keystore. */
struct conf_server_name {
    const char *name; /* lower case; "*.example.com" stands for one label in front */
    size_t key_count;
    struct conf_key *keys;
};

struct conf_listener {
    int line;
    const char *alias, *description;
    bool enabled;
    enum conf_protocol protocol;
    size_t bind_count;
    struct addr *binds;
    uint32_t backlog, max_sessions;
    uint32_t handshakes_per_second_per_ip; /* full ones; 0: no limit */

    int keystore; /* index */
    size_t key_count;
    struct conf_key *keys;
    size_t server_name_count;
    struct conf_server_name *server_names;
    bool strict_server_name; /* a name that is none of these is refused; so is a client that sends none */
    const char *tls_versions, *ciphers, *ciphersuites, *groups;
    uint64_t session_lifetime_ms;
    enum conf_client_certificate client_certificate;
    int truststore; /* index or CONF_NONE */
    enum conf_bad_certificate bad_certificate;
    enum conf_reject_at reject_at;

    /* ftp, ftps */
    bool secure_clients_only, require_data_tls, require_close_notify;
    enum conf_resumption data_resumption;
    bool has_passive_address;
    struct addr passive_address; /* port 0 */
    uint16_t passive_first, passive_last;
    const char *greeting;
    /* https */
    uint64_t max_head_bytes; /* 64 KB, not configurable */
    uint64_t response_timeout_ms, head_timeout_ms;
    /* all */
    struct addr backend;
    uint64_t handshake_timeout_ms, login_timeout_ms, connect_timeout_ms, data_connect_timeout_ms,
        idle_timeout_ms;
};
