/*
 * What the options of each block are read into, before names are turned into indexes and the whole
 * is checked. Lives as long as one reading. Only conf/ sees it.
 */
#pragma once

#include "addr.h"
#include "conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONF_OPTIONS_MAX = 64 }; /* of one block */

/* Which options the file sets, by their place in the block's table. First member of each struct below. */
struct conf_given {
    const char *file; /* of partners-dir; NULL: the configuration itself */
    int line;         /* of the block; 0: not in the file */
    char where[640];  /* listener "ftps-edge": the beginning of an error */
    uint64_t present; /* bit n: option n is in the file */
    uint64_t refused; /* bit n: ... and was refused, so its value says nothing */
    int lines[CONF_OPTIONS_MAX];
};

struct conf_strings {
    size_t count;
    const char **items;
};

struct conf_endpoints {
    size_t count;
    struct addr *items;
};

struct conf_endpoint {
    bool set;
    struct addr addr;
};

struct conf_ports {
    uint16_t first, last;
};

struct conf_server_block {
    struct conf_given given;
    uint32_t workers; /* 0: one a core */
    const char *user, *signer_user;
    uint64_t stop_timeout_ms, drain_timeout_ms;
    uint32_t max_generations;
    struct conf_host_name passive_address;
    struct conf_networks allow, deny;
    const char *partners_dir;
    const char *tls_versions, *ciphers, *ciphersuites, *groups;
};

struct conf_log_block {
    struct conf_given given;
    uint32_t level, format;
    const char *target;
};

struct conf_admin_block {
    struct conf_given given;
    struct conf_endpoint bind;
    const char *control_socket, *group;
};

struct conf_keystore_block {
    struct conf_given given;
    struct conf_keystore value;
};

struct conf_truststore_block {
    struct conf_given given;
    struct conf_truststore value;
    uint32_t crl_policy;
};

struct conf_partner_block {
    struct conf_given given;
    struct conf_partner value;
    struct conf_strings certificate_files, as2_ids;
};
