#include "tls_algorithms.h"

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

bool tls_algorithms_list(SSL_CTX *ctx, int what, const char *list)
{
    return SSL_CTX_ctrl(ctx, what, 0, (void *)(uintptr_t)list) > 0;
}

bool tls_algorithms_set(SSL_CTX *ctx, const struct tls_algorithms *algorithms, struct err *err)
{
    const char *suites = algorithms->ciphersuites[0] ? algorithms->ciphersuites : CIPHERSUITES;
    const char *groups = algorithms->groups[0] ? algorithms->groups : GROUPS;

    if (!set_versions(ctx, algorithms->versions, err) || !set_ciphers(ctx, algorithms->ciphers, err))
        return false;
    if (!SSL_CTX_set_ciphersuites(ctx, suites)) {
        err_set(err, "ciphersuites \"%s\": not TLS 1.3 cipher suites", suites);
        return false;
    }
    if (tls_algorithms_list(ctx, SSL_CTRL_SET_GROUPS_LIST, groups))
        return true;
    err_set(err, "groups \"%s\": not a list of key exchange groups", groups);
    return false;
}
