#include "tls_algorithms.h"

#include "remote_key.h"
#include "remote_provider.h"
#include "tls_cause.h"

#include <openssl/err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* AES-128 first: it is the quickest with AES instructions; X25519 likewise. */
#define CIPHERS                                                                                              \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                             \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                                             \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERSUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS       "X25519:P-256:P-384:P-521"
/* What the other side may sign with. */
#define PEER_SCHEMES                                                                                         \
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"     \
    "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512"
/* Whatever was configured: keys sign ECDHE only (T2). */
#define NEVER ":!kRSA:!DHE:!PSK:!SRP:!aNULL:!eNULL"

static bool set_versions(SSL_CTX *ctx, const char *versions, struct err *err)
{
    static const struct {
        const char *text;
        int min, max;
    } known[] = {
        {"1.2-1.3", TLS1_2_VERSION, TLS1_3_VERSION},
        {"1.2", TLS1_2_VERSION, TLS1_2_VERSION},
        {"1.3", TLS1_3_VERSION, TLS1_3_VERSION},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(versions, known[i].text))
            return SSL_CTX_set_min_proto_version(ctx, known[i].min) &&
                   SSL_CTX_set_max_proto_version(ctx, known[i].max);
    err_set(err, "TLS versions \"%s\": one of 1.2-1.3, 1.2, 1.3", versions);
    return false;
}

static bool set_ciphers(SSL_CTX *ctx, const char *ciphers, struct err *err)
{
    char list[4096];
    int len = snprintf(list, sizeof list, "%s%s", ciphers[0] ? ciphers : CIPHERS, NEVER);

    if (len > 0 && (size_t)len < sizeof list && SSL_CTX_set_cipher_list(ctx, list))
        return true;
    err_set(err, "ciphers \"%s\": no cipher suite with ECDHE is left of it", ciphers);
    return false;
}

/* OpenSSL's macros for this cast const away. */
static bool set_list(SSL_CTX *ctx, int what, const char *list)
{
    return SSL_CTX_ctrl(ctx, what, 0, (void *)(uintptr_t)list) > 0;
}

static bool set_algorithms(SSL_CTX *ctx, int peer_schemes, const struct tls_algorithms *algorithms,
                           struct err *err)
{
    const char *suites = algorithms->ciphersuites[0] ? algorithms->ciphersuites : CIPHERSUITES;
    const char *groups = algorithms->groups[0] ? algorithms->groups : GROUPS;

    if (!set_versions(ctx, algorithms->versions, err) || !set_ciphers(ctx, algorithms->ciphers, err))
        return false;
    if (!SSL_CTX_set_ciphersuites(ctx, suites)) {
        err_set(err, "ciphersuites \"%s\": not TLS 1.3 cipher suites", suites);
        return false;
    }
    if (!set_list(ctx, SSL_CTRL_SET_GROUPS_LIST, groups)) {
        err_set(err, "groups \"%s\": not a list of key exchange groups", groups);
        return false;
    }
    if (set_list(ctx, peer_schemes, PEER_SCHEMES))
        return true;
    (void)tls_cause(NULL, err);
    return false;
}

SSL_CTX *tls_algorithms_ctx(const SSL_METHOD *method, int peer_schemes,
                            const struct tls_algorithms *algorithms, struct err *err)
{
    SSL_CTX *ctx;

    if (!remote_key_setup(err))
        return NULL;
    ERR_clear_error();
    ctx = SSL_CTX_new_ex(remote_key_library(), REMOTE_PROPERTIES, method);
    if (!ctx) {
        (void)tls_cause(NULL, err);
        return NULL;
    }
    SSL_CTX_set_security_level(ctx, 2);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    /* Our chain comes from the inventory, never from the store of the other side's authorities. */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ASYNC);
    if (set_algorithms(ctx, peer_schemes, algorithms, err))
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}
