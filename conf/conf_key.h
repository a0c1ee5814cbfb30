/*
 * Private keys by their aliases, and where a listener uses other keys than its own: for names that clients
 * ask for, and towards its backends. Parts of struct conf (conf.h), which owns all of it. Texts are never
 * NULL ("" when not set). Never changed after it was read.
 */
#pragma once

#include "conf_network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_key {
    const char *alias;            /* label or pkcs11: URI */
    const char *certificate_file; /* "" : on the token */
    const char *certificate_pem;
    size_t certificate_pem_len;
    const char *ocsp_file; /* "" : no stapling */
    const char *ocsp_der;  /* the bytes of ocsp_file, DER, "successful"; not verified */
    size_t ocsp_der_len;
    bool client;     /* towards a backend: signs as a TLS client, and never as a server */
    uint32_t wanted; /* its number within its keystore: see conf_wanted_keys; UINT32_MAX: disabled */
};

/* The keys of a name that clients ask for (SNI); they are of the listener's keystore. */
struct conf_server_name {
    const char *name; /* lower case; "*.example.com" stands for one label in front */
    size_t key_count;
    struct conf_key *keys;
    struct conf_backends backends; /* of sessions with this name; none: the listener's */
};

/* TLS towards the backends. */
struct conf_backend_tls {
    bool set;
    int truststore;          /* index */
    const char *server_name; /* that is asked for and must be in the certificate; "" : the backend's own */
    int keystore;            /* index; CONF_NONE: no client certificate */
    size_t key_count;
    struct conf_key *keys;
};
