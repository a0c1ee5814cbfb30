/*
 * OCSP responses about the certificates of the kit, made on the spot.
 */
#pragma once

#include "tls_kit.h"

#include <openssl/ocsp.h>

enum { KIT_HOUR_S = 3600 };

struct answer {
    int status;                  /* V_OCSP_CERTSTATUS_... */
    long from_s, until_s;        /* from now; until_s 0: none */
    const EVP_MD *(*hash)(void); /* of the CertID; NULL: SHA-1 */
};

/* For an hour yet. */
extern const struct answer kit_good_answer;

/* der is to be freed with OPENSSL_free. */
struct response {
    uint8_t *der;
    size_t len;
};

/* About the certificates, which issuer has issued and signs for. */
struct response kit_respond(const struct kit_identity *const *leaves, size_t count,
                            const struct kit_identity *issuer, const struct answer *answer);
/* The kit's servers are self-signed: each speaks for itself. */
struct response kit_respond_for(enum kit_kind kind, const struct answer *answer);
/* Takes made. */
struct response kit_response_pack(OCSP_RESPONSE *made);
