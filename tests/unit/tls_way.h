/*
 * A way out in memory: a client's context and conversation of ours, and an OpenSSL server as the partner.
 */
#pragma once

#include "tls_client.h"
#include "tls_kit.h"

#include <openssl/ssl.h>
#include <stdbool.h>

#define PARTNER "as2.acme.example"

struct way {
    struct kit_signer signer;
    struct tls_client_ctx *ctx;
    SSL_CTX *server_ctx;
    struct tls *client;
    SSL *server;
    BIO *to_server, *from_server;
    enum tls_status status;
    int server_error; /* SSL_get_error of the server's handshake; SSL_ERROR_NONE: done */
    uint8_t *out;
    size_t cut; /* so many bytes of what the server says last are kept back */
};

/* Whom the way trusts, and somebody else; made once, gone with way_teardown. */
extern struct kit_identity way_root, way_stranger;
extern const struct kit_wish way_good; /* a certificate for PARTNER by way_root */
int way_setup(void **state);
int way_teardown(void **state);

void way_open(struct way *way, const char *versions);
void way_close(struct way *way);
bool way_trust(struct way *way, const struct kit_identity *authority, struct err *err);
/* A key of ours; without: what its token cannot do. */
void way_add_key(struct way *way, enum kit_kind kind, uint32_t without);
/* The partner's own certificate, made as wished. */
void way_serve(struct way *way, const struct kit_wish *wish, enum kit_kind kind);
/* The partner asks for a certificate, and takes any. */
void way_ask(struct way *way, bool require);

/* One connection; way_end may be followed by another way_begin. */
void way_begin(struct way *way, const char *name);
void way_end(struct way *way);
/* Our next step with what the partner has said. */
void way_client_step(struct way *way);
/* Both ends until neither moves; answer: signatures come at once. */
void way_run(struct way *way, bool answer);
void way_expect_established(struct way *way, const char *what);
/* What we say arrives, and what we are told. */
void way_expect_data(struct way *way);
