/* Chains: made and verified by OpenSSL in a full handshake, remembered, and looked at again. */
#include "remote_provider.h"
#include "tls_trust_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SECURITY_LEVEL = 2 }; /* as tls_ctx.c sets it */

const char *tls_trust_reason(int code)
{
    if (code == X509_V_OK)
        return "";
    if (code == X509_V_ERR_CERT_REJECTED)
        return "its partner is disabled";
    return X509_verify_cert_error_string(code);
}

/* ---- in a full handshake ---- */

static bool says_crl_is_missing(int code)
{
    return code == X509_V_ERR_UNABLE_TO_GET_CRL || code == X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER ||
           code == X509_V_ERR_DIFFERENT_CRL_SCOPE || code == X509_V_ERR_CRL_HAS_EXPIRED ||
           code == X509_V_ERR_CRL_NOT_YET_VALID || code == X509_V_ERR_CRL_SIGNATURE_FAILURE;
}

/* Who ends the chain is trusted for standing in the truststore: nobody has to vouch for it. */
static bool is_anchor(X509_STORE_CTX *store)
{
    return X509_STORE_CTX_get_error_depth(store) == sk_X509_num(X509_STORE_CTX_get0_chain(store)) - 1;
}

bool tls_trust_concede(X509_STORE_CTX *store, bool crl_fail)
{
    if (!says_crl_is_missing(X509_STORE_CTX_get_error(store)) || (crl_fail && !is_anchor(store)))
        return false;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return true;
}

static int look(int good, X509_STORE_CTX *store)
{
    const struct tls_trust *trust = X509_STORE_CTX_get_app_data(store);

    if (good || !trust) /* a CRL's own chain has none, and no concessions */
        return good;
    return tls_trust_concede(store, trust->crl_fail);
}

/* OpenSSL's own, as it is before it is replaced. */
static X509_STORE_CTX_check_crl_fn openssl_check_crl(void)
{
    static X509_STORE_CTX_check_crl_fn check;
    X509_STORE_CTX *store = check ? NULL : X509_STORE_CTX_new();

    if (store && X509_STORE_CTX_init(store, NULL, NULL, NULL))
        check = X509_STORE_CTX_get_check_crl(store);
    X509_STORE_CTX_free(store);
    return check;
}

/* The same CRL is looked at with the same issuer again and again. At the chain's end everything passes
 * (look): that says nothing about the CRL. */
static int check_crl(X509_STORE_CTX *store, X509_CRL *crl)
{
    const struct tls_trust *trust = X509_STORE_CTX_get_app_data(store);
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    int depth = X509_STORE_CTX_get_error_depth(store);
    const X509 *issuer = sk_X509_value(chain, is_anchor(store) ? depth : depth + 1);

    if (!trust)
        return openssl_check_crl()(store, crl);
    if (tls_crls_are_checked(trust->authorities->crls, crl, issuer))
        return 1;
    if (!openssl_check_crl()(store, crl))
        return 0;
    if (!is_anchor(store))
        tls_crls_set_checked(trust->authorities->crls, crl, issuer);
    return 1;
}

void tls_trust_watch_crls(X509_STORE *store)
{
    if (openssl_check_crl())
        X509_STORE_set_check_crl(store, check_crl);
}

static bool remember_issuer(struct tls_issuer *out, const X509 *issuer)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(issuer);
    int len = ASN1_STRING_length(serial);

    if (len > TLS_SERIAL_MAX)
        return false;
    memcpy(out->serial, ASN1_STRING_get0_data(serial), (size_t)len);
    out->serial_len = (uint8_t)len;
    return tls_hash_of(issuer, out->hash) && tls_name_of(X509_get_subject_name(issuer), out->name);
}

/* False: it cannot be remembered as it is, and will not be resumed. */
static bool remember_issuers(struct tls_standing *out, STACK_OF(X509) * chain)
{
    int count = sk_X509_num(chain) - 1;

    if (count > TLS_ISSUERS_MAX)
        return false;
    out->issuer_count = (uint8_t)count;
    for (int i = 0; i < count; i++)
        if (!remember_issuer(&out->issuers[i], sk_X509_value(chain, i + 1)))
            return false;
    return true;
}

static int64_t earliest_end(STACK_OF(X509) * chain)
{
    int64_t earliest = INT64_MAX, end;

    for (int i = 0; i < sk_X509_num(chain); i++)
        if (tls_seconds_of(X509_get0_notAfter(sk_X509_value(chain, i)), &end) && end < earliest)
            earliest = end;
    return earliest;
}

static void remember(struct tls_standing *out, STACK_OF(X509) * chain)
{
    out->verdict = TLS_TRUSTED;
    out->code = X509_V_OK;
    out->not_after = earliest_end(chain);
    out->chained = remember_issuers(out, chain);
}

/* No CRL has to vouch for the end of the chain, but one that names it counts. */
static void decide_by_end(const struct tls_trust *trust, STACK_OF(X509) * chain, struct tls_standing *out)
{
    if (tls_authorities_revoke_end(trust->authorities, chain))
        out->code = X509_V_ERR_CERT_REVOKED;
    else
        remember(out, chain);
}

static void decide_by_chain(const struct tls_trust *trust, X509 *leaf, STACK_OF(X509) * sent,
                            struct tls_standing *out)
{
    X509_STORE_CTX *store = X509_STORE_CTX_new_ex(remote_key_library(), REMOTE_PROPERTIES);

    out->code = X509_V_ERR_UNSPECIFIED;
    if (!store || !X509_STORE_CTX_init(store, trust->authorities->store, leaf, sent) ||
        !X509_STORE_CTX_set_default(store, "ssl_client") ||
        !X509_STORE_CTX_set_app_data(store, (void *)(uintptr_t)trust))
        goto done;
    X509_STORE_CTX_set_depth(store, (int)trust->verify_depth);
    X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(store), SECURITY_LEVEL);
    X509_STORE_CTX_set_verify_cb(store, look);
    if (X509_verify_cert(store) > 0)
        decide_by_end(trust, X509_STORE_CTX_get0_chain(store), out);
    else if (X509_STORE_CTX_get_error(store) != X509_V_OK)
        out->code = X509_STORE_CTX_get_error(store);
done:
    X509_STORE_CTX_free(store);
    ERR_clear_error(); /* what is left there would pass for a failure of the handshake */
}

static void begin(const struct tls_trust *trust, struct tls_standing *out)
{
    *out = (struct tls_standing){.verdict = TLS_UNTRUSTED, .partner = ""};
    memcpy(out->stamp, trust->stamp, sizeof out->stamp);
}

void tls_trust_decide(const struct tls_trust *trust, X509 *leaf, STACK_OF(X509) * sent,
                      struct tls_standing *out)
{
    begin(trust, out);
    if (!tls_partners_decide(trust, leaf, out))
        decide_by_chain(trust, leaf, sent, out);
}

/* ---- later ---- */

static bool is_authority(const struct tls_trust *trust, const uint8_t hash[TLS_HASH_LEN])
{
    const struct tls_authorities *all = trust->authorities;

    return all->count && bsearch(hash, all->hashes, all->count, TLS_HASH_LEN, tls_hash_order);
}

/* How many issuers it takes to come to an authority of today: 0: it is one itself. -1: none is. */
static int issuers_needed(const struct tls_trust *trust, const X509 *leaf, const struct tls_standing *then)
{
    uint8_t hash[TLS_HASH_LEN];

    if (!tls_hash_of(leaf, hash))
        return -1;
    if (is_authority(trust, hash))
        return 0;
    for (int i = 0; i < then->issuer_count; i++)
        if (is_authority(trust, then->issuers[i].hash))
            return i + 1;
    return -1;
}

/* A CRL that names it refuses it; one that is missing does where it has to be there. */
static int weigh(const struct tls_trust *trust, int code, bool is_anchor)
{
    if (code == X509_V_ERR_CERT_REVOKED || code == X509_V_ERR_OUT_OF_MEM)
        return code;
    return trust->crl_fail && !is_anchor ? code : X509_V_OK;
}

static int revocation(const struct tls_trust *trust, const X509 *leaf, const struct tls_standing *then,
                      int needed)
{
    const struct tls_crls *crls = trust->authorities->crls;
    const struct tls_issuer *issuers = then->issuers;
    int code;

    if (needed && tls_authorities_revoke(trust->authorities, issuers[needed - 1].hash))
        return X509_V_ERR_CERT_REVOKED;
    code = weigh(trust, tls_crls_ask_about(crls, leaf, needed ? &issuers[0] : NULL), needed == 0);

    for (int i = 0; code == X509_V_OK && i + 1 < needed; i++)
        code = weigh(trust, tls_crls_ask(crls, &issuers[i + 1], issuers[i].serial, issuers[i].serial_len),
                     false);
    return code;
}

/* False: the chain leads nowhere today. */
static bool decide_by_memory(const struct tls_trust *trust, const X509 *leaf, const struct tls_standing *then,
                             struct tls_standing *out)
{
    int needed = issuers_needed(trust, leaf, then);

    if (needed < 0)
        return false;
    if (needed > (int)trust->verify_depth + 1)
        out->code = X509_V_ERR_CERT_CHAIN_TOO_LONG;
    else if (time(NULL) >= then->not_after)
        out->code = X509_V_ERR_CERT_HAS_EXPIRED;
    else
        out->code = revocation(trust, leaf, then, needed);
    if (out->code != X509_V_OK)
        return true;
    out->verdict = TLS_TRUSTED;
    out->not_after = then->not_after;
    out->chained = true;
    out->issuer_count = then->issuer_count;
    memcpy(out->issuers, then->issuers, sizeof out->issuers);
    return true;
}

void tls_trust_decide_again(const struct tls_trust *trust, X509 *leaf, STACK_OF(X509) * sent,
                            const struct tls_standing *then, struct tls_standing *out)
{
    bool same_trust = !memcmp(then->stamp, trust->stamp, sizeof trust->stamp);

    begin(trust, out);
    if (tls_partners_decide(trust, leaf, out))
        return;
    if (then->verdict == TLS_TRUSTED && then->chained && decide_by_memory(trust, leaf, then, out))
        return;
    if (then->verdict == TLS_UNTRUSTED && same_trust)
        out->code = then->code; /* nothing that could have made it better */
    else
        decide_by_chain(trust, leaf, sent, out);
}
