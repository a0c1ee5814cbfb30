/*
 * Where partners connect, as the configuration says it: a part of struct conf (conf.h), which owns all
 * of it. Texts are never NULL ("" when not set). Never changed after it was read.
 */
#pragma once

#include "addr.h"
#include "conf_key.h"
#include "conf_network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_protocol { CONF_TLS, CONF_FTPS, CONF_FTP, CONF_HTTPS, CONF_HTTP };
enum conf_client_certificate { CONF_CLIENT_NONE, CONF_CLIENT_REQUEST, CONF_CLIENT_REQUIRE };
enum conf_reject_at { CONF_REJECT_LOGIN, CONF_REJECT_HANDSHAKE };
enum conf_bad_certificate { CONF_BAD_IGNORE, CONF_BAD_FAIL };
enum conf_resumption { CONF_RESUMPTION_OFF, CONF_RESUMPTION_PREFER, CONF_RESUMPTION_REQUIRE };
enum conf_data_peer { CONF_PEER_SAME_ADDRESS, CONF_PEER_SAME_SESSION };
enum conf_client_cert_header { CONF_HEADER_NONE, CONF_HEADER_RFC9440, CONF_HEADER_XFCC };
enum conf_balance { CONF_BALANCE_FIRST, CONF_BALANCE_LEAST_SESSIONS, CONF_BALANCE_SOURCE };
enum conf_send_proxy { CONF_PROXY_NONE, CONF_PROXY_V1, CONF_PROXY_V2, CONF_PROXY_V2_TLS };
enum conf_quirk { CONF_QUIRK_NO_PBSZ = 1, CONF_QUIRK_AUTH_IMPLIES_PRIVATE = 2, CONF_QUIRK_ALLOW_CCC = 4 };

/* A secret that tickets are sealed with: 48 or 80 bytes of a file. */
struct conf_ticket_secret {
    const uint8_t *data;
    size_t len;
};

struct conf_ticket_secrets {
    size_t count;
    struct conf_ticket_secret *items; /* the first encrypts, all decrypt */
};

/* What clients of a network are told in a 227 reply. */
struct conf_passive_for {
    struct conf_network network;
    struct conf_host_name address;
};

struct conf_route {
    const char *path; /* begins with '/' */
    struct conf_backends backends;
    size_t method_count; /* 0: all */
    const char **methods;
    uint64_t max_body_bytes; /* 0: no limit */
};

struct conf_listener {
    int line;
    enum conf_protocol protocol;
    const char *alias, *description, *group;
    size_t bind_count;
    struct addr *binds;
    uint32_t backlog, max_sessions;
    uint32_t handshakes_per_second_per_ip;  /* full ones; 0: no limit */
    uint32_t max_sessions_per_ip;           /* 0: no limit */
    struct conf_networks accept_proxy_from; /* whose connections begin with a PROXY header */
    struct conf_access access;

    bool enabled;
    bool strict_server_name; /* a name that is none of these is refused; so is a client that sends none */
    int keystore;            /* index; CONF_NONE: a plain listener (http) */
    size_t key_count;
    struct conf_key *keys;
    size_t server_name_count;
    struct conf_server_name *server_names;
    const char *tls_versions, *ciphers, *ciphersuites, *groups;
    uint64_t session_lifetime_ms;
    struct conf_ticket_secrets ticket_secrets; /* none: made at the start, of this node alone */
    enum conf_client_certificate client_certificate;
    int truststore; /* index or CONF_NONE */
    enum conf_bad_certificate bad_certificate;
    enum conf_reject_at reject_at;

    /* ftp, ftps */
    bool secure_clients_only, require_data_tls, require_close_notify;
    enum conf_resumption data_resumption;
    enum conf_data_peer data_peer;
    bool cert_map, active_mode;
    struct conf_host_name passive_host; /* the server's, or else the listener's (C6); IPv4 clients only */
    size_t passive_for_count;
    struct conf_passive_for *passive_for; /* the longest prefix first */
    uint16_t passive_first, passive_last;
    uint16_t advertised_first, advertised_last; /* as many; 0: the same */
    size_t allow_commands_count, deny_commands_count;
    const char **allow_commands, **deny_commands; /* upper case; allow_commands empty: all */
    unsigned quirks;                              /* enum conf_quirk, or-ed */
    uint32_t max_login_failures;                  /* 0: no limit */
    const char *login_directory;                  /* "%u" is the user; "" : no CWD after a login */
    const char *greeting;
    uint64_t ban_time_ms; /* 0: no bans */
    struct conf_networks ban_exempt;
    /* https, http */
    size_t route_count;
    struct conf_route *routes; /* the longest path first */
    enum conf_client_cert_header client_cert_header;
    bool require_as2_id;
    uint64_t max_head_bytes; /* 64 KB, not configurable */
    uint64_t response_timeout_ms, head_timeout_ms;
    /* all */
    struct conf_backends backends;
    enum conf_balance balance;
    enum conf_send_proxy send_proxy;
    uint64_t health_check_ms; /* 0: off */
    struct conf_backend_tls backend_tls;
    uint64_t min_rate_bytes; /* a second; 0: off */
    uint64_t handshake_timeout_ms, login_timeout_ms, connect_timeout_ms, data_connect_timeout_ms,
        idle_timeout_ms;
    uint64_t stall_timeout_ms; /* ftp, ftps; 0: never */
};
