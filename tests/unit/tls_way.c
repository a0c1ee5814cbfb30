#include "tls_way.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

struct kit_identity way_root, way_stranger;

int way_setup(void **state)
{
    const struct kit_wish wish = {.name = "Partners' CA", .authority = true};
    const struct kit_wish other = {.name = "Stranger CA", .authority = true};

    (void)state;
    way_root = kit_identity(kit_key(KIT_P256), &wish);
    way_stranger = kit_identity(kit_key(KIT_P384), &other);
    return 0;
}

int way_teardown(void **state)
{
    (void)state;
    kit_identity_free(&way_root);
    kit_identity_free(&way_stranger);
    return 0;
}

static struct tls_client_policy policy(void)
{
    return (struct tls_client_policy){.versions = "1.2-1.3", .ciphers = "", .ciphersuites = "", .groups = ""};
}

bool way_trust(struct way *way, const struct kit_identity *authority, struct err *err)
{
    char *pem = kit_pem(&authority, 1);
    const struct tls_client_trust trust = {.ca_pem = pem, .ca_pem_len = strlen(pem), .verify_depth = 5};
    bool done = tls_client_ctx_set_trust(way->ctx, &trust, err);

    OPENSSL_free(pem);
    return done;
}

void way_open(struct way *way, const char *versions)
{
    struct tls_client_policy made = policy();
    struct err err = {""};

    *way = (struct way){.out = malloc(KIT_ROOM)};
    kit_signer_init(&way->signer);
    made.versions = versions;
    way->ctx = tls_client_ctx_new(&made, &err);
    if (!way->ctx || !way_trust(way, &way_root, &err))
        fail_msg("%s", err.text);
    way->server_ctx = SSL_CTX_new(TLS_server_method());
    assert_non_null(way->server_ctx);
}

void way_add_key(struct way *way, enum kit_kind kind, uint32_t without)
{
    struct inventory_key key = kit_inventory(kind);
    struct err err = {""};

    key.client = true;
    key.schemes &= ~without;
    if (!tls_client_ctx_add_key(way->ctx, &key, &way->signer.base, &err))
        fail_msg("%s", err.text);
}

/* The partner's own certificate. */
void way_serve(struct way *way, const struct kit_wish *wish, enum kit_kind kind)
{
    struct kit_identity identity = kit_identity(kit_key(kind), wish);

    kit_show(way->server_ctx, &identity);
    kit_identity_free(&identity);
}

static int take_any(int fine, X509_STORE_CTX *store)
{
    (void)fine;
    (void)store;
    return 1;
}

void way_ask(struct way *way, bool require)
{
    SSL_CTX_set_verify(way->server_ctx, SSL_VERIFY_PEER | (require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       take_any);
}

void way_begin(struct way *way, const char *name)
{
    struct err err = {""};

    way->client = tls_client_new(way->ctx, name, &err);
    if (!way->client)
        fail_msg("%s", err.text);
    way->server = SSL_new(way->server_ctx);
    way->to_server = BIO_new(BIO_s_mem());
    way->from_server = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(way->to_server, -1);
    SSL_set_bio(way->server, way->to_server, way->from_server);
    SSL_set_accept_state(way->server);
    way->status = TLS_WANT_INPUT;
    way->server_error = SSL_ERROR_WANT_READ;
}

void way_end(struct way *way)
{
    tls_free(way->client);
    SSL_free(way->server);
    way->client = NULL;
    way->server = NULL;
    ERR_clear_error();
}

void way_close(struct way *way)
{
    way_end(way);
    tls_client_ctx_unref(way->ctx);
    SSL_CTX_free(way->server_ctx);
    free(way->out);
    ERR_clear_error();
}

static struct tls_io lend(struct way *way)
{
    char *data;
    size_t len = (size_t)BIO_get_mem_data(way->from_server, &data);

    len = len > way->cut ? len - way->cut : 0;
    return (struct tls_io){.in = (const uint8_t *)data, .in_len = len, .out = way->out, .out_size = KIT_ROOM};
}

static void give_back(struct way *way, const struct tls_io *io, size_t lent_len)
{
    static uint8_t taken[KIT_ROOM];

    if (lent_len > io->in_len)
        assert_true(BIO_read(way->from_server, taken, (int)(lent_len - io->in_len)) > 0);
    if (io->out_len)
        assert_int_equal(BIO_write(way->to_server, io->out, (int)io->out_len), (int)io->out_len);
}

void way_client_step(struct way *way)
{
    struct tls_io io = lend(way);
    size_t lent_len = io.in_len;

    way->status = tls_handshake(way->client, &io);
    give_back(way, &io, lent_len);
}

static void server_step(struct way *way)
{
    ERR_clear_error();
    way->server_error = SSL_get_error(way->server, SSL_do_handshake(way->server));
}

/* Both ends until neither moves; answer: signatures come at once. */
void way_run(struct way *way, bool answer)
{
    for (int round = 0; round < 12; round++) {
        way_client_step(way);
        if (way->status == TLS_WAITING && answer)
            kit_signer_answer(&way->signer);
        if (way->server_error == SSL_ERROR_WANT_READ)
            server_step(way);
    }
}

void way_expect_established(struct way *way, const char *what)
{
    if (way->status != TLS_OK || way->server_error != SSL_ERROR_NONE)
        fail_msg("%s: client %d (%s), server %d (%s)", what, (int)way->status, tls_error(way->client)->text,
                 way->server_error, kit_client_reason());
}

/* What the client says arrives, and what it is told. */
void way_expect_data(struct way *way)
{
    struct tls_io io = {.out = way->out, .out_size = KIT_ROOM};
    static uint8_t plain[KIT_ROOM];
    size_t len;

    assert_int_equal(tls_write(way->client, &io, (const uint8_t *)"POST", 4), TLS_OK);
    give_back(way, &io, 0);
    assert_int_equal(SSL_read(way->server, plain, sizeof plain), 4);
    assert_memory_equal(plain, "POST", 4);
    assert_int_equal(SSL_write(way->server, "200", 3), 3);
    io = lend(way);
    assert_int_equal(tls_read(way->client, &io, plain, sizeof plain, &len), TLS_OK);
    assert_int_equal(len, 3);
    assert_memory_equal(plain, "200", 3);
}

const struct kit_wish way_good = {.name = "Acme", .issuer = &way_root, .names = "DNS:" PARTNER};
