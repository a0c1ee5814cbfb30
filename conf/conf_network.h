/*
 * Addresses of a configuration: networks that are let in, backends, names of hosts. Parts of struct conf
 * (conf.h), which owns all of it. Texts are never NULL ("" when not set). Never changed after it was read.
 */
#pragma once

#include "addr.h"

#include <stdbool.h>
#include <stddef.h>

/* 198.51.100.0/24: an address (port 0, the bits behind the prefix are 0) and how many bits count. */
struct conf_network {
    struct addr addr;
    unsigned prefix;
};

struct conf_networks {
    size_t count;
    struct conf_network *items;
};

/* The most specific network wins; of two that are the same, deny. allow empty: everyone who is not denied. */
struct conf_access {
    struct conf_networks allow, deny;
};

struct conf_backend {
    const char *text; /* as written: "10.0.0.5:21", "ftp.example.com:21" */
    const char *host; /* lower case name; "" : addr is complete */
    struct addr addr; /* of a name only the port is of use */
};

struct conf_backends {
    size_t count;
    struct conf_backend *items;
};

/* An IPv4 address, or a name that is looked up again and again. */
struct conf_host_name {
    bool set;
    const char *host; /* lower case name; "" : addr has it */
    struct addr addr; /* port 0 */
};
