/*
 * Which client certificates are trusted: a truststore's authorities and CRLs, and the partners that are known
 * by certificates of their own. Never changed once it is made, and counted: a new policy makes a new one and
 * gives it to the contexts (tls_ctx_set_trust); whoever still works with the old one keeps it.
 *
 * 1. A certificate that is a partner's, byte for byte, is trusted in its own dates while the partner is
 *    enabled, whoever issued it and whatever usage it names; of a disabled partner it is refused, whoever
 *    issued it.
 * 2. Every other one needs a chain to an authority of the truststore (RFC 5280 6), of verify_depth
 *    intermediates at most, and must be allowed to authenticate a TLS client. It is nobody's.
 * 3. What a CRL names is refused in both cases.
 *
 * Worker only; one thread; reads no file, never blocks. A certificate takes about 20 us to read.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

struct tls_trust;

/* One certificate file of a partner. A partner with several has several of these, under the same alias.
 * Every certificate of the text counts, but not one that has issued another of them: that is its chain. */
struct tls_trust_partner {
    const char *alias;
    const void *pem;
    size_t len;
    bool enabled;
};

struct tls_trust_setup {
    const void *ca_pem; /* the authorities; an intermediate or an end may stand for itself. NULL: none */
    size_t ca_pem_len;
    const void *crl_pem; /* NULL: nothing is asked about revocation */
    size_t crl_pem_len;
    bool crl_fail; /* every issuer of a chain must have a CRL that is current; else it is asked where there is
                      one */
    unsigned verify_depth;
    bool announce; /* send the authorities' names in the CertificateRequest (T7) */
    const struct tls_trust_partner *partners;
    size_t partner_count;
    struct tls_trust *partners_of; /* NULL, or a trust that has the same partners: they are shared, partners
                                      is not read */
};

/* Borrows nothing of setup afterwards. NULL: err says what cannot be read. */
struct tls_trust *tls_trust_new(const struct tls_trust_setup *setup, struct err *err);
struct tls_trust *tls_trust_ref(struct tls_trust *trust);
void tls_trust_unref(struct tls_trust *trust);
