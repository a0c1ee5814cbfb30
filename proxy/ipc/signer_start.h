/*
 * What a signer is told at its start: which module and token, and which keys are wanted from it.
 * Written by the supervisor into sealed memory, read once by the signer. No secret is in it: the PIN
 * comes through a pipe of its own (GRANT_PIN).
 */
#pragma once

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIGNER_START_BYTES_MAX = 8 * 1024 * 1024, SIGNER_START_KEYS_MAX = 256 };

struct signer_wanted {
    const char *where; /* p11gate.conf:31: listener "ftps-edge": the beginning of an error about it */
    const char *name;  /* a label or a pkcs11: URI; NAME of NAME.key in a directory */
    const uint8_t
        *certificates; /* PEM, the chain of the listener's certificate-file; len 0: look on the token */
    size_t certificates_len;
    const char *certificates_path; /* for errors */
    bool client;                   /* it signs as a TLS client, and never as a server; else the other way */
};

struct signer_start {
    const char *alias;
    const char *where; /* the beginning of an error about the keystore */
    const char *module;
    const char *init_args;
    const char *token;     /* pkcs11: URI; "" when directory is set */
    const char *directory; /* "" when a token is used */
    uint32_t sign_timeout_ms;
    uint32_t max_per_second; /* of the whole keystore: the most that one signer may get; 0: no limit */
    bool force_login;
    bool check; /* p11gate -t: send the inventory and exit */
    size_t wanted_count;
    struct signer_wanted wanted[SIGNER_START_KEYS_MAX];
};

bool signer_start_write(struct buf *out, const struct signer_start *start);

/* Everything in out borrows from data; false when malformed. */
bool signer_start_read(const void *data, size_t len, struct signer_start *out);
