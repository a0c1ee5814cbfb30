#include "tls_kit.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

enum { KIT_SCHEME_ED25519 = 0x0807 };

static const uint8_t ticket_secret[TLS_TICKET_SECRET_LEN] = "tests";

/* ---- signer ---- */

static enum remote_admission signer_admit(struct remote_signer *base, struct tls *tls, struct err *err)
{
    struct kit_signer *signer = (struct kit_signer *)base;

    signer->admits++;
    signer->asked = tls;
    if (signer->admission == REMOTE_REFUSE)
        err_set(err, "the token is away");
    return signer->admission;
}

static void signer_leave(struct remote_signer *base, struct tls *tls)
{
    struct kit_signer *signer = (struct kit_signer *)base;

    assert_non_null(tls);
    signer->leaves++;
}

static void signer_submit(struct remote_signer *base, struct remote_signature *signature)
{
    struct kit_signer *signer = (struct kit_signer *)base;

    signer->submits++;
    assert_true(signer->pending_count < KIT_PENDING_MAX);
    assert_true(signature->bytes_len <= sizeof signer->bytes);
    signer->pending[signer->pending_count++] = signature;
    signer->form = signature->form;
    signer->scheme = signature->scheme;
    memcpy(signer->bytes, signature->bytes, signature->bytes_len);
    signer->bytes_len = signature->bytes_len;
    memcpy(signer->key, signature->key, sizeof signer->key);
}

static void signer_cancel(struct remote_signer *base, struct remote_signature *signature)
{
    struct kit_signer *signer = (struct kit_signer *)base;

    signer->cancels++;
    for (size_t i = 0; i < signer->pending_count; i++) {
        if (signer->pending[i] != signature)
            continue;
        signer->pending[i] = signer->pending[--signer->pending_count];
        return;
    }
    fail_msg("cancelled a signature that is not pending");
}

void kit_signer_init(struct kit_signer *signer)
{
    static const struct remote_signer_ops ops = {signer_admit, signer_leave, signer_submit, signer_cancel};

    *signer = (struct kit_signer){.base.ops = &ops, .admission = REMOTE_GO};
}

static EVP_PKEY *key_of_name(const uint8_t name[SIGN_KEY_NAME_LEN])
{
    for (int kind = 0; kind < KIT_KINDS; kind++) {
        struct inventory_key key = kit_inventory((enum kit_kind)kind);

        if (!memcmp(key.name, name, SIGN_KEY_NAME_LEN))
            return kit_key((enum kit_kind)kind);
    }
    return NULL;
}

static const EVP_MD *hash_of_scheme(uint32_t scheme)
{
    uint32_t hash = scheme >> 8 == 8 ? scheme & 0xff : scheme >> 8;

    if (scheme == KIT_SCHEME_ED25519)
        return NULL;
    return hash == 4 ? EVP_sha256() : hash == 5 ? EVP_sha384() : EVP_sha512();
}

static void sign_really(struct remote_signature *signature)
{
    EVP_PKEY *key = key_of_name(signature->key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pkey_ctx = NULL;

    assert_non_null(key);
    assert_int_equal(EVP_DigestSignInit(ctx, &pkey_ctx, hash_of_scheme(signature->scheme), NULL, key), 1);
    if (EVP_PKEY_is_a(key, "RSA") && signature->scheme >> 8 == 8) {
        assert_true(EVP_PKEY_CTX_set_rsa_padding(pkey_ctx, RSA_PKCS1_PSS_PADDING) > 0);
        assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey_ctx, RSA_PSS_SALTLEN_DIGEST) > 0);
    }
    signature->signature_len = sizeof signature->signature;
    assert_int_equal(EVP_DigestSign(ctx, signature->signature, &signature->signature_len, signature->bytes,
                                    signature->bytes_len),
                     1);
    EVP_MD_CTX_free(ctx);
}

void kit_signer_answer(struct kit_signer *signer)
{
    while (signer->pending_count) {
        struct remote_signature *signature = signer->pending[--signer->pending_count];

        sign_really(signature);
        remote_signature_done(signature);
    }
}

void kit_signer_fail(struct kit_signer *signer, const char *why)
{
    while (signer->pending_count) {
        struct remote_signature *signature = signer->pending[--signer->pending_count];

        signature->failed = true;
        err_set(&signature->err, "%s", why);
        remote_signature_done(signature);
    }
}

/* ---- listener ---- */

struct tls_policy kit_policy(void)
{
    return (struct tls_policy){
        .name = "unit",
        .versions = "1.2-1.3",
        .ciphers = "",
        .ciphersuites = "",
        .groups = "",
        .session_lifetime_ms = 8 * 3600 * 1000,
        .ticket_secret = ticket_secret,
        .tickets = 2,
    };
}

struct tls_trust *kit_trust(const char *pem)
{
    const struct tls_trust_setup setup = {
        .ca_pem = pem, .ca_pem_len = pem ? strlen(pem) : 0, .verify_depth = 5};
    struct err err = {""};
    struct tls_trust *trust = tls_trust_new(&setup, &err);

    if (!trust)
        fail_msg("tls_trust_new: %s", err.text);
    return trust;
}

struct tls_ctx *kit_ctx(const struct tls_policy *policy, struct kit_signer *signer, unsigned kinds)
{
    struct err err = {""};
    struct tls_ctx *ctx = tls_ctx_new(policy, &err);

    if (!ctx)
        fail_msg("tls_ctx_new: %s", err.text);
    for (int kind = 0; kind < KIT_KINDS; kind++) {
        struct inventory_key key = kit_inventory((enum kit_kind)kind);

        if ((kinds & 1U << kind) && !tls_ctx_add_key(ctx, &key, NULL, &signer->base, &err))
            fail_msg("tls_ctx_add_key: %s", err.text);
    }
    return ctx;
}

/* ---- both ends ---- */

static int session_came(SSL *ssl, SSL_SESSION *session)
{
    struct kit_client *client = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if (client->session_count == KIT_SESSIONS_MAX)
        return 0;
    client->sessions[client->session_count++] = session;
    return 1;
}

void kit_client_init(struct kit_client *client, int version)
{
    *client = (struct kit_client){.ctx = SSL_CTX_new(TLS_client_method())};
    assert_non_null(client->ctx);
    SSL_CTX_set_app_data(client->ctx, client);
    SSL_CTX_set_session_cache_mode(client->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client->ctx, session_came);
    if (version) {
        SSL_CTX_set_min_proto_version(client->ctx, version);
        SSL_CTX_set_max_proto_version(client->ctx, version);
    }
}

void kit_client_groups(struct kit_client *client, const char *groups)
{
    assert_true(SSL_CTX_ctrl(client->ctx, SSL_CTRL_SET_GROUPS_LIST, 0, (void *)(uintptr_t)groups));
}

void kit_client_sigalgs(struct kit_client *client, const char *sigalgs)
{
    assert_true(SSL_CTX_ctrl(client->ctx, SSL_CTRL_SET_SIGALGS_LIST, 0, (void *)(uintptr_t)sigalgs));
}

void kit_client_free(struct kit_client *client)
{
    for (size_t i = 0; i < client->session_count; i++)
        SSL_SESSION_free(client->sessions[i]);
    SSL_CTX_free(client->ctx);
}

SSL_SESSION *kit_client_newest(const struct kit_client *client)
{
    return client->session_count ? client->sessions[client->session_count - 1] : NULL;
}

void kit_open(struct kit *kit, const struct tls_policy *policy, unsigned kinds, int version)
{
    kit_signer_init(&kit->signer);
    kit->ctx = kit_ctx(policy, &kit->signer, kinds);
    kit_client_init(&kit->client, version);
}

void kit_close(struct kit *kit)
{
    kit_client_free(&kit->client);
    tls_ctx_unref(kit->ctx);
}

static void count_wake(void *owner)
{
    struct kit_pair *pair = owner;

    pair->wakes++;
}

void kit_connect(struct kit_pair *pair, struct tls_ctx *ctx, enum tls_role role, const struct tls *control,
                 struct kit_client *client, SSL_SESSION *session)
{
    struct err err = {""};

    *pair = (struct kit_pair){.out = malloc(KIT_ROOM), .plain = malloc(KIT_ROOM)};
    pair->server = tls_new(ctx, role, control, &err);
    if (!pair->server)
        fail_msg("tls_new: %s", err.text);
    tls_set_wake(pair->server, count_wake, pair);
    pair->client = SSL_new(client->ctx);
    pair->to_client = BIO_new(BIO_s_mem());
    pair->from_client = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(pair->to_client, -1);
    SSL_set_bio(pair->client, pair->to_client, pair->from_client);
    SSL_set_connect_state(pair->client);
    if (session) {
        /* The test may use a session twice; OpenSSL marks it as used. */
        SSL_SESSION *copy = SSL_SESSION_dup(session);

        assert_true(SSL_set_session(pair->client, copy));
        SSL_SESSION_free(copy);
    }
    pair->client_error = SSL_ERROR_WANT_READ;
}

void kit_pair_free(struct kit_pair *pair)
{
    SSL_set_shutdown(pair->client, SSL_SENT_SHUTDOWN); /* or SSL_free would spoil the session */
    SSL_free(pair->client);
    tls_free(pair->server);
    free(pair->out);
    free(pair->plain);
    ERR_clear_error();
}

void kit_client_asks(struct kit_pair *pair, const char *name)
{
    assert_true(SSL_ctrl(pair->client, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                         (void *)(uintptr_t)name));
}

enum kit_kind kit_client_sees(const struct kit_pair *pair)
{
    X509 *certificate = SSL_get0_peer_certificate(pair->client);
    int kind = 0;

    while (kind < KIT_KINDS && X509_cmp(certificate, kit_server_identity((enum kit_kind)kind)->certificate))
        kind++;
    assert_int_not_equal(kind, KIT_KINDS);
    return (enum kit_kind)kind;
}

static void deliver(struct kit_pair *pair, const struct tls_io *io)
{
    if (io->out_len)
        assert_int_equal(BIO_write(pair->to_client, io->out, (int)io->out_len), (int)io->out_len);
}

struct tls_io kit_lend(struct kit_pair *pair)
{
    char *data;
    long len = BIO_get_mem_data(pair->from_client, &data);

    return (struct tls_io){
        .in = (const uint8_t *)data, .in_len = (size_t)len, .out = pair->out, .out_size = KIT_ROOM};
}

void kit_return(struct kit_pair *pair, const struct tls_io *io, size_t lent_len)
{
    size_t count = lent_len - io->in_len;

    if (count) {
        uint8_t *taken = malloc(count);

        assert_int_equal(BIO_read(pair->from_client, taken, (int)count), (int)count);
        free(taken);
    }
    deliver(pair, io);
}

enum tls_status kit_server_step(struct kit_pair *pair)
{
    struct tls_io io = kit_lend(pair);
    size_t lent_len = io.in_len;

    pair->status = tls_handshake(pair->server, &io);
    kit_return(pair, &io, lent_len);
    return pair->status;
}

void kit_client_step(struct kit_pair *pair)
{
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(pair->client);
    pair->client_error = SSL_get_error(pair->client, result);
}

bool kit_handshake(struct kit_pair *pair, struct kit_signer *signer)
{
    for (int round = 0; round < 20; round++) {
        if (pair->client_error == SSL_ERROR_WANT_READ)
            kit_client_step(pair);
        kit_server_step(pair);
        if (pair->status == TLS_WAITING) {
            if (!signer)
                return false;
            kit_signer_answer(signer);
            kit_server_step(pair);
        }
        if (pair->status == TLS_OK && pair->client_error == SSL_ERROR_NONE) {
            kit_client_read(pair, pair->plain, KIT_ROOM); /* tickets */
            return true;
        }
        if (pair->status == TLS_FAILED && pair->client_error != SSL_ERROR_WANT_READ)
            return false;
    }
    return false;
}

enum tls_status kit_server_read(struct kit_pair *pair)
{
    struct tls_io io = kit_lend(pair);
    size_t lent_len = io.in_len, len;

    pair->status =
        tls_read(pair->server, &io, pair->plain + pair->plain_len, KIT_ROOM - pair->plain_len, &len);
    pair->plain_len += len;
    kit_return(pair, &io, lent_len);
    return pair->status;
}

enum tls_status kit_server_write(struct kit_pair *pair, const void *data, size_t len)
{
    struct tls_io io = {.out = pair->out, .out_size = KIT_ROOM};

    pair->status = tls_write(pair->server, &io, data, len);
    deliver(pair, &io);
    return pair->status;
}

void kit_server_close(struct kit_pair *pair)
{
    struct tls_io io = {.out = pair->out, .out_size = KIT_ROOM};

    tls_close(pair->server, &io);
    deliver(pair, &io);
}

size_t kit_client_read(struct kit_pair *pair, void *data, size_t size)
{
    size_t len = 0, got;

    ERR_clear_error();
    while (len < size && SSL_read_ex(pair->client, (uint8_t *)data + len, size - len, &got))
        len += got;
    pair->client_error = len == size ? SSL_ERROR_NONE : SSL_get_error(pair->client, 0);
    return len;
}

struct tls_facts kit_facts(const struct kit_pair *pair)
{
    struct tls_facts facts;

    tls_facts(pair->server, &facts);
    return facts;
}

const char *kit_client_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    return reason ? reason : "";
}

enum tls_status kit_begin(struct kit_pair *pair, struct kit *kit, SSL_SESSION *session)
{
    kit_connect(pair, kit->ctx, TLS_MAIN, NULL, &kit->client, session);
    kit_client_step(pair);
    return kit_server_step(pair);
}

void kit_establish(struct kit_pair *pair, struct kit *kit, SSL_SESSION *session)
{
    kit_connect(pair, kit->ctx, TLS_MAIN, NULL, &kit->client, session);
    if (!kit_handshake(pair, &kit->signer))
        fail_msg("handshake: server %d (%s), client %d (%s)", (int)pair->status,
                 tls_error(pair->server)->text, pair->client_error, kit_client_reason());
}
