/*
 * A real p11gate-signer with a SoftHSM2 token of its own, as the supervisor and a worker see it.
 * The token is made once a test program, in a folder that goes away with it.
 */
#pragma once

#include "channel.h"
#include "counters.h"
#include "inventory.h"
#include "message.h"
#include "sign_message.h"
#include "signer_start.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/types.h>

#define FIXTURE_PIN "p1n-of-the-token-4711"

/* Keys on the token "edge", by their labels; ids are 01, 02, ... in this order. */
enum fixture_key {
    FIXTURE_RSA,    /* "ftps-rsa", certificate on the token */
    FIXTURE_EC,     /* "ftps-ec", P-256, certificate on the token */
    FIXTURE_P384,   /* "p384", no certificate on the token */
    FIXTURE_P521,   /* "p521", no certificate on the token */
    FIXTURE_TWIN_1, /* "twin" */
    FIXTURE_TWIN_2, /* "twin" */
    FIXTURE_ED,     /* "ed", Ed25519, no certificate on the token */
    FIXTURE_KEYS,
};

struct fixture {
    char folder[64];
    EVP_PKEY *keys[FIXTURE_KEYS];
    X509 *certificates[FIXTURE_KEYS];
    X509 *root, *intermediate; /* the intermediate signed the certificates and is on the token too */
    EVP_PKEY *root_key, *intermediate_key;
};

extern struct fixture fixture;

/* For cmocka_run_group_tests. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* In the fixture's folder; borrowed until the next call but three. */
const char *fixture_path(const char *name);
void fixture_write(const char *name, const void *data, size_t len);
void fixture_command(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Leaf, then the rest; on the heap, the caller's. */
char *fixture_pem(X509 *const *certificates, size_t count, size_t *len);
X509 *fixture_certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key);

/* The control file of the fake token; "" for a token that behaves. */
void fixture_control(const char *lines);

/* A signer's start for the token with one wanted key (NULL: none); module SoftHSM2. */
void fixture_start(struct signer_start *out, const char *key);

/* Adds a wanted key with a certificate file of its own: the certificate, the intermediate, the root. The
 * PEM is returned, the caller's to free after the start. */
char *fixture_want(struct signer_start *start, const char *name, X509 *certificate);

/* A start with the directory keys/: rsa, ec, ed, and locked, lonely, wrong, empty, which are no good. */
void fixture_start_directory(struct signer_start *start);

struct running {
    pid_t pid;
    int channel, queue, far_queue, log;
    struct signer_page *page;
    bool ready;
    size_t state_count;
    uint32_t states[8];
    char last_state_text[600], fault[8192], log_text[16384];
    uint32_t fault_code;
    size_t key_count;
    struct inventory_key keys[16];
    uint8_t inventory[65536];
};

/* Starts it and follows it until it is ready or gone. pin NULL: none is granted. */
void running_start(struct running *running, const struct signer_start *start, const char *pin);

/* Starts it only. */
void running_begin(struct running *running, const struct signer_start *start, const char *pin);

/* Like running_start, on another signer's queue. */
void running_start_beside(struct running *running, const struct running *first,
                          const struct signer_start *start, const char *pin);

/* Follows the channel until the process is gone; its exit code, or 256 + the signal. */
int running_end(struct running *running);

/* Shuts the queue down and expects a clean end. */
void running_stop(struct running *running);
bool running_saw(const struct running *running, enum signer_state state);

/* Everything that was logged so far. */
const char *running_log(struct running *running);
