/*
 * What the options of a listener and of the blocks in it are read into; see conf_blocks.h. Only conf/ sees
 * it.
 */
#pragma once

#include "conf_blocks.h"

/* Lists that belong together, member by member. */
struct conf_key_lists {
    struct conf_strings aliases, certificate_files, ocsp_files;
};

struct conf_server_name_block {
    struct conf_given given;
    const char *name;
    struct conf_key_lists keys;
    struct conf_backends backends;
};

struct conf_passive_for_block {
    struct conf_given given;
    struct conf_passive_for value;
};

struct conf_route_block {
    struct conf_given given;
    struct conf_route value;
    struct conf_strings methods;
};

struct conf_backend_tls_block {
    struct conf_given given; /* line 0: not in the file */
    const char *truststore, *server_name, *keystore;
    struct conf_key_lists keys;
};

struct conf_listener_block {
    struct conf_given given;
    struct conf_listener value;
    uint32_t protocol, client_certificate, bad_certificate, reject_at, data_resumption, data_peer;
    uint32_t client_cert_header, balance, send_proxy;
    struct conf_endpoints binds;
    struct conf_key_lists keys;
    struct conf_strings ticket_secret_files, allow_commands, deny_commands;
    size_t names_listed; /* blocks of server-names in the file, those that are wrong too */
    size_t name_count, passive_for_count, route_count;
    struct conf_server_name_block *names;
    struct conf_passive_for_block *passive_for;
    struct conf_route_block *routes;
    struct conf_backend_tls_block backend_tls;
    const char *keystore, *truststore; /* aliases */
    struct conf_host_name passive_address;
    struct conf_ports passive_ports, passive_ports_advertised;
};
