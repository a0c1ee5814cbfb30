/*
 * The configuration of one generation: read once, checked whole, never changed. Everything is owned
 * by struct conf and lives until conf_free. Texts are never NULL ("" when not set).
 *
 * The supervisor reads the files from disk; workers and housekeeper get the same bytes as sealed memory
 * and read them again with the same code (conf_files.h). Blocks on files, in the supervisor only.
 */
#pragma once

#include "addr.h"
#include "conf_files.h"
#include "err.h"
#include "log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_protocol { CONF_TLS, CONF_FTPS, CONF_FTP, CONF_HTTPS };
enum conf_client_certificate { CONF_CLIENT_NONE, CONF_CLIENT_REQUEST, CONF_CLIENT_REQUIRE };
enum conf_reject_at { CONF_REJECT_LOGIN, CONF_REJECT_HANDSHAKE };
enum conf_bad_certificate { CONF_BAD_IGNORE, CONF_BAD_FAIL };
enum conf_resumption { CONF_RESUMPTION_OFF, CONF_RESUMPTION_PREFER };
enum { CONF_NONE = -1, CONF_SESSIONS_MAX = 1000000 }; /* no index; what max-sessions = 0, no limit, means */

struct conf_keystore {
    int line;
    const char *alias, *module, *init_args, *token, *pin_file, *directory;
    const char *pin_credential; /* a name: the file is $CREDENTIALS_DIRECTORY/NAME; not together with pin_file */
    uint32_t signers;
    uint64_t sign_timeout_ms;
    uint32_t max_signatures_per_second; /* 0: no limit */
};

struct conf_truststore {
    int line;
    const char *alias, *ca_file;
    const char *ca_pem; /* the bytes of ca_file */
    size_t ca_pem_len;
    uint32_t verify_depth;
    bool announce;
};

struct conf_key {
    const char *alias;            /* label or pkcs11: URI */
    const char *certificate_file; /* "" : on the token */
    const char *certificate_pem;
    size_t certificate_pem_len;
    const char *ocsp_file; /* "" : no stapling */
    const char *ocsp_der;  /* the bytes of ocsp_file, which are not looked into here */
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

struct conf {
    const char *path;
    uint32_t workers;
    const char *user, *signer_user;
    uint64_t stop_timeout_ms, drain_timeout_ms;
    uint32_t max_generations;
    bool admin_enabled; /* admin_bind is set: pages over HTTP */
    struct addr admin_bind;
    const char *control_socket, *admin_group; /* control_socket "" : none */
    enum log_level log_level;
    const char *log_target; /* "stderr" or a path */
    size_t keystore_count, truststore_count, listener_count;
    struct conf_keystore *keystores;
    struct conf_truststore *truststores;
    struct conf_listener *listeners;
};

/* Every error that can be seen, one "file:line: block: reason" each, in the order of the lines. */
enum { CONF_ERRORS_MAX = 50 };
struct conf_errors {
    size_t count;
    struct err items[CONF_ERRORS_MAX];
};

/* NULL when anything is wrong; errors says what. files supplies (and remembers) the bytes of the file itself,
 * of certificate-file, ocsp-file and ca-file. */
struct conf *conf_read(struct conf_files *files, const char *path, struct conf_errors *errors);
void conf_free(struct conf *conf);

/* "p11gate.conf:31: listener \"ftps-edge\"", the beginning of an error that is found later. */
void conf_where_listener(const struct conf *conf, const struct conf_listener *listener, struct err *out);
void conf_where_keystore(const struct conf *conf, const struct conf_keystore *keystore, struct err *out);

/* Calls found for each key that an enabled listener wants from the keystore, wanted = 0, 1, 2, ... in the
 * same order in every process. The same alias with the same certificate file is one key. */
void conf_wanted_keys(const struct conf *conf, size_t keystore,
                      void (*found)(void *owner, const struct conf_listener *, const struct conf_key *),
                      void *owner);

extern const char *const conf_protocol_names[];
