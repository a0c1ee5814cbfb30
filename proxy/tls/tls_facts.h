/*
 * What is known about a conversation: how it was secured, who the client is by its certificate, and what is
 * thought of that, when it began and now (C5). About a handshake that failed too: whose certificate it was
 * and why it was refused stays known until tls_free.
 *
 * Worker only; one thread; nothing blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls;
struct tls_trust;

enum tls_verdict { TLS_NO_CERTIFICATE, TLS_TRUSTED, TLS_UNTRUSTED };

/* Texts are borrowed until tls_free, and never NULL. */
struct tls_facts {
    const char *version, *cipher; /* "TLSv1.3", "TLS_AES_128_GCM_SHA256" */
    const char *sni;     /* what the client asked for, in its hello or before it (HOST); "": nothing */
    const char *alpn;    /* the protocol that was agreed on; "" : none */
    bool resumed, bound; /* bound: TLS_DATA that was resumed from its control channel's session */
    uint32_t key_ms;     /* waited for the signature */
    /* The client's certificate, as it was judged in this handshake, resumed or not. */
    enum tls_verdict verdict;
    const char *partner;                        /* its alias; "": nobody's, or not trusted */
    const char *subject, *serial, *fingerprint; /* fingerprint: SHA-256, hex */
    const char *reason;                         /* why untrusted */
    int64_t not_after; /* seconds since 1970: until when it and its issuers are valid; 0: not trusted */
};

void tls_facts(const struct tls *tls, struct tls_facts *out);

/* Some bytes of a record have come, and not all: an end here is none, whatever ends it. */
bool tls_is_inside_record(const struct tls *tls);

struct tls_judgement {
    enum tls_verdict verdict;
    const char *partner; /* borrowed from the trust; "": nobody's, or not trusted */
    const char *reason;  /* why untrusted; lives for ever */
};

/* Judges the certificate of an established conversation once more, resumed or not, by the trust of now:
 * partners, authorities, CRLs, dates. Cheap enough for each transfer and request: a look-up or two, and a
 * signature is verified only where the trust has changed so that it has to be. */
void tls_judge(const struct tls *tls, struct tls_trust *trust, struct tls_judgement *out);

/* The client's certificate as DER, of a resumed conversation too; borrowed until tls_free. False: none. */
bool tls_certificate(struct tls *tls, const uint8_t **der, size_t *len);

/* What the client sent behind its own certificate: index 0, 1, ... False: no more; a resumed conversation has
 * none. To be freed with free. */
bool tls_chain_certificate(const struct tls *tls, size_t index, uint8_t **der, size_t *len);
