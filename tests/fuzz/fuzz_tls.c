/*
 * Whatever bytes a client sends, in whatever pieces: a conversation ends in a known state with a reason,
 * keeps within its room, accounts for its place at the signers, and never takes the client for a TLS client
 * that has finished its handshake, because no input can know the secrets.
 *
 * The first byte says which listener and which role, the second how the rest is cut into pieces.
 */
#include "remote_key.h"
#include "tls.h"
#include "tls_ctx.h"

#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { LISTENER_STRICT = 1, LISTENER_WEAK_RSA = 2, ROLE_DATA = 4, SIGNER_FULL = 8, SIGNER_FAILS = 16 };
enum { LISTENERS = 4, SPKI_MAX = 1024, CERTIFICATE_MAX = 2048 };

struct identity {
    EVP_PKEY *key;
    uint8_t der[CERTIFICATE_MAX];
    struct inventory_key inventory;
};

static struct signer {
    struct remote_signer base; /* first: remote_key.h */
    struct remote_signature *pending;
    bool full;   /* the next one has to wait */
    bool placed; /* a handshake has a place, or the promise of one */
} signer;

static struct identity rsa, p256;
static struct tls_ctx *listeners[LISTENERS];

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* ---- a signer with the keys in memory ---- */

static enum remote_admission signer_admit(struct remote_signer *base, struct tls *tls, struct err *err)
{
    (void)base;
    (void)tls;
    (void)err;
    signer.placed = true;
    return signer.full ? REMOTE_WAIT : REMOTE_GO;
}

static void signer_leave(struct remote_signer *base, struct tls *tls)
{
    (void)base;
    (void)tls;
    must(signer.placed);
    signer.placed = false;
}

static void signer_submit(struct remote_signer *base, struct remote_signature *signature)
{
    (void)base;
    must(signer.placed && !signer.pending);
    signer.placed = false;
    signer.pending = signature;
}

static void signer_cancel(struct remote_signer *base, struct remote_signature *signature)
{
    (void)base;
    must(signer.pending == signature);
    signer.pending = NULL;
}

static const EVP_MD *hash_of(uint32_t scheme)
{
    uint32_t hash = scheme >> 8 == 8 ? scheme & 0xff : scheme >> 8;

    return hash == 4 ? EVP_sha256() : hash == 5 ? EVP_sha384() : EVP_sha512();
}

/* Nobody verifies it, so the padding does not matter. */
static void sign(struct remote_signature *signature)
{
    bool is_rsa = !memcmp(signature->key, rsa.inventory.name, sizeof signature->key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    must(is_rsa || !memcmp(signature->key, p256.inventory.name, sizeof signature->key));
    must(EVP_DigestSignInit(ctx, NULL, hash_of(signature->scheme), NULL, is_rsa ? rsa.key : p256.key) == 1);
    signature->signature_len = sizeof signature->signature;
    must(EVP_DigestSign(ctx, signature->signature, &signature->signature_len, signature->bytes,
                        signature->bytes_len) == 1);
    EVP_MD_CTX_free(ctx);
}

static void signer_answer(bool fails)
{
    struct remote_signature *signature = signer.pending;

    if (!signature)
        return;
    signer.pending = NULL;
    signature->failed = fails;
    if (!fails)
        sign(signature);
    remote_signature_done(signature);
}

/* ---- the listeners ---- */

static void identity_make(struct identity *out, EVP_PKEY *key, uint32_t schemes)
{
    X509 *certificate = X509_new();
    uint8_t spki[SPKI_MAX], *end = out->der;
    int len;

    X509_set_version(certificate, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    must(key && X509_set_pubkey(certificate, key) && X509_sign(certificate, key, EVP_sha256()));
    len = i2d_X509(certificate, NULL);
    must(len > 0 && len <= CERTIFICATE_MAX);
    i2d_X509(certificate, &end);
    out->key = key;
    out->inventory =
        (struct inventory_key){.schemes = schemes, .chain_len = 1, .chain = {{out->der, (size_t)len}}};
    end = spki;
    len = i2d_PUBKEY(key, NULL);
    must(len > 0 && len <= SPKI_MAX);
    i2d_PUBKEY(key, &end);
    SHA256(spki, (size_t)len, out->inventory.name);
    X509_free(certificate);
}

static struct tls_ctx *listener_make(bool strict, bool weak_rsa)
{
    static const uint8_t secret[TLS_TICKET_SECRET_LEN] = "fuzz";
    static const char *const names[] = {"ftp.example.com", "*.example.org"};
    const struct tls_policy policy = {
        .name = "fuzz",
        .versions = "1.2-1.3",
        .ciphers = "",
        .ciphersuites = "",
        .groups = "",
        .alpn = "ftp",
        .session_lifetime_ms = 3600 * 1000,
        .ticket_secret = secret,
        .tickets = 2,
        .server_names = names,
        .server_name_count = 2,
        .strict_server_name = strict,
    };
    const struct tls_key_use named = {.server_name = names[0]}, wild = {.server_name = names[1]};
    struct inventory_key key = rsa.inventory;
    struct err err;
    struct tls_ctx *ctx = tls_ctx_new(&policy, &err);

    key.schemes = weak_rsa ? INVENTORY_RSA_PKCS1 : INVENTORY_RSA_PKCS1 | INVENTORY_RSA_PSS;
    must(ctx && tls_ctx_add_key(ctx, &key, NULL, &signer.base, &err) &&
         tls_ctx_add_key(ctx, &p256.inventory, NULL, &signer.base, &err) &&
         tls_ctx_add_key(ctx, &p256.inventory, &named, &signer.base, &err) &&
         tls_ctx_add_key(ctx, &key, &wild, &signer.base, &err));
    return ctx;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct remote_signer_ops ops = {signer_admit, signer_leave, signer_submit, signer_cancel};

    (void)argc;
    (void)argv;
    signer.base.ops = &ops;
    identity_make(&rsa, EVP_RSA_gen(2048), INVENTORY_RSA_PKCS1);
    identity_make(&p256, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), INVENTORY_ECDSA);
    for (int i = 0; i < LISTENERS; i++)
        listeners[i] = listener_make(i & LISTENER_STRICT, i & LISTENER_WEAK_RSA);
    return 0;
}

/* ---- one conversation ---- */

static uint8_t out[TLS_HANDSHAKE_ROOM];

static enum tls_status step(struct tls *tls, const uint8_t *data, size_t len)
{
    struct tls_io io = {.in = data, .in_len = len, .out = out, .out_size = sizeof out};
    enum tls_status status = tls_handshake(tls, &io);

    must(io.out_len <= sizeof out);
    must(status == TLS_WANT_INPUT || status == TLS_WAITING || status == TLS_FAILED);
    must(status == TLS_FAILED || !io.in_len);
    must((status == TLS_FAILED) == (tls_error(tls)->text[0] != 0));
    return status;
}

/* The waiting handshake goes on: first to its place, then to its signature. */
static enum tls_status resume(struct tls *tls, bool fails)
{
    signer.full = false;
    tls_wake(tls);
    if (step(tls, NULL, 0) == TLS_WAITING)
        signer_answer(fails);
    return step(tls, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    uint8_t flags = size > 0 ? data[0] : 0;
    size_t piece = size > 1 && data[1] ? data[1] * 4U : SIZE_MAX;
    enum tls_status status = TLS_WANT_INPUT;
    struct tls *tls;

    if (size < 2)
        return 0;
    if (!listeners[0])
        LLVMFuzzerInitialize(NULL, NULL); /* without libFuzzer nobody has called it */
    tls = tls_new(listeners[flags & (LISTENERS - 1)], flags & ROLE_DATA ? TLS_DATA : TLS_MAIN, NULL, &err);
    must(tls);
    signer.full = flags & SIGNER_FULL;
    for (size_t at = 2; at < size && status != TLS_FAILED;) {
        size_t len = size - at < piece ? size - at : piece;

        status = step(tls, data + at, len);
        at += len;
        if (status == TLS_WAITING)
            status = resume(tls, flags & SIGNER_FAILS);
    }
    tls_free(tls);
    must(!signer.pending && !signer.placed);
    return 0;
}
