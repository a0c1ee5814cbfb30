/*
 * The options of each block as const tables: name, type, what is allowed, default, where the value
 * goes. The reader, the tests that hold the tables against p11gate.conf and the man page, and nobody
 * else, see them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_type {
    CONF_TYPE_BOOL,      /* bool */
    CONF_TYPE_NUMBER,    /* uint32_t, min..max */
    CONF_TYPE_SIZE,      /* uint64_t bytes, min..max */
    CONF_TYPE_DURATION,  /* uint64_t ms, min..max */
    CONF_TYPE_TEXT,      /* const char * */
    CONF_TYPE_NAME,      /* const char *: made lower case */
    CONF_TYPE_FILE,      /* const char *: a path, made relative to the configuration's directory; or "" */
    CONF_TYPE_CHOICE,    /* uint32_t: index into choices */
    CONF_TYPE_FLAGS,     /* unsigned: a bit for each of choices, min..max of them */
    CONF_TYPE_TEXTS,     /* struct conf_strings, min..max of them */
    CONF_TYPE_VERBS,     /* the same, made upper case */
    CONF_TYPE_FILES,     /* struct conf_strings of paths */
    CONF_TYPE_HOST,      /* struct conf_host_name: numeric IPv4, or a name */
    CONF_TYPE_BACKENDS,  /* struct conf_backends, min..max of them */
    CONF_TYPE_OPTIONAL,  /* struct conf_endpoint: numeric with port, or "" */
    CONF_TYPE_ENDPOINTS, /* struct conf_endpoints, min..max of them */
    CONF_TYPE_PORTS,     /* struct conf_ports: "FIRST-LAST"; min 0: or "" */
    CONF_TYPE_NETWORK,   /* struct conf_network */
    CONF_TYPE_NETWORKS,  /* struct conf_networks, min..max of them */
    CONF_TYPES
};

/* Bits of enum conf_protocol. */
enum conf_for {
    CONF_FOR_ALL = 0,
    CONF_FOR_TLS = 1,
    CONF_FOR_FTPS = 2,
    CONF_FOR_FTP = 4,
    CONF_FOR_HTTPS = 8,
    CONF_FOR_HTTP = 16
};

struct conf_option {
    const char *name;
    enum conf_type type;
    unsigned protocols; /* enum conf_for, or-ed: the listeners that take it */
    bool required;
    bool policy;  /* changes without a new generation: not in the shape of a configuration */
    bool or_zero; /* of durations: below min, "0" is allowed, and means never */
    size_t offset;
    const char *preset; /* the default, as it is written in the file (without quotes); NULL: see below */
    const char *preset_words; /* a default that is computed or empty, in words; NULL when required */
    uint64_t min, max;
    const char *const *choices;
    bool (*good)(const char *text); /* of texts; NULL: any without control characters; of files: any path */
    const char *allowed;            /* what good wants, in words */
};

enum conf_block_id {
    CONF_BLOCK_SERVER,
    CONF_BLOCK_LOG,
    CONF_BLOCK_KEYSTORE,
    CONF_BLOCK_TRUSTSTORE,
    CONF_BLOCK_LISTENER,
    CONF_BLOCK_SERVER_NAME,
    CONF_BLOCK_PARTNER,
    CONF_BLOCK_PASSIVE_FOR,
    CONF_BLOCK_ROUTE,
    CONF_BLOCK_BACKEND_TLS,
    CONF_BLOCK_ADMIN,
    CONF_BLOCKS
};

struct conf_block {
    const char *name;          /* "listener"; "" : the server's own options */
    const char *list;          /* the setting that holds it: "listeners"; "" : the file itself */
    enum conf_block_id within; /* the block that the setting stands in */
    unsigned protocols;        /* enum conf_for, or-ed: the listeners that have it */
    bool many;                 /* a list of blocks, each named by its first option, an alias or name */
    size_t size;               /* of what it is read into */
    size_t count_max;
    const struct conf_option *options;
    size_t option_count;
};

const struct conf_block *conf_block(enum conf_block_id id);

/* The place of an option in its block's table; CONF_NONE (-1) when there is none. */
int conf_option_index(const struct conf_block *block, const char *name);
