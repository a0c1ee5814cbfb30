/*
 * CRLs of the authorities of the kit, made on the spot.
 */
#pragma once

#include "tls_kit.h"

struct kit_crl_wish {
    const struct kit_identity *issuer, *revoked; /* revoked: whom it names; NULL: nobody */
    long valid_s;                                /* from now, negative: it ran out so long ago */
    bool has_key_id;                             /* its authorityKeyIdentifier is there, as in most CRLs */
};

/* PEM, to be freed with OPENSSL_free. */
char *kit_crl(const struct kit_crl_wish *wish);
