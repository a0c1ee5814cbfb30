/*
 * A small world of authorities, partners and clients with every fault that a certificate can have, and what
 * is trusted in it. Made once for each test program.
 */
#pragma once

#include "tls_kit.h"

#define DAY 86400L

/* Who there is: O=p11gate tests, CN=the name. */
enum world {
    NOBODY,
    ROOT,
    MIDDLE,      /* of ROOT */
    LOWER,       /* of MIDDLE */
    TWIN,        /* called as ROOT, with another key */
    LATE_MIDDLE, /* of ROOT, ends in an hour */
    BY_ROOT,     /* clients: */
    BY_MIDDLE,
    BY_LOWER,
    BY_TWIN,
    BY_LATE_MIDDLE,
    ALONE,        /* self-signed */
    ALONE_TOO,    /* the same name */
    ALONE_AGAIN,  /* the same name and the same key */
    ALONE_EARLY,  /* from tomorrow on */
    ALONE_LATE,   /* until yesterday */
    ALONE_SERVER, /* serverAuth only */
    EXPIRED,      /* of ROOT, and so on */
    EARLY,
    ENDS_SOON, /* in half an hour */
    FOR_SERVERS,
    FOR_SIGNING_CERTIFICATES,
    WORLD_SIZE
};

extern struct kit_identity world[WORLD_SIZE];

int world_make(void **state);
int world_unmake(void **state);

/* A CRL of issuer that names revoked; runs for valid_s from now, negative: it ran out so long ago. */
struct world_crl {
    enum world issuer, revoked;
    long valid_s;
    bool has_key_id; /* its authorityKeyIdentifier is there, as in most CRLs */
};

struct world_partner {
    const char *alias;
    enum world certificate;
    bool disabled;
};

enum { WORLD_AUTHORITIES = 4, WORLD_CRLS = 4, WORLD_PARTNERS = 4 };

struct world_trust {
    enum world authorities[WORLD_AUTHORITIES]; /* up to the first NOBODY */
    struct world_crl crls[WORLD_CRLS];         /* up to the first without issuer */
    bool crl_ignore;
    struct world_partner partners[WORLD_PARTNERS]; /* up to the first without alias */
    unsigned depth;                                /* 0: five */
};

struct tls_trust *world_trust(const struct world_trust *wish);

/* The kit's, and a certificate is required. */
struct tls_policy world_policy(void);
/* kit_open of a listener that trusts so, with a P-256 key. */
void world_open(struct kit *kit, const struct tls_policy *policy, const struct world_trust *wish,
                int version);

/* The client shows this certificate and, behind it, its issuers up to but without the root. */
void world_present(struct kit *kit, enum world who, enum world first_issuer, enum world second_issuer);

/* What is thought of a client that shows this certificate alone, in a full handshake. */
enum tls_verdict world_verdict(struct tls_trust *trust, enum world who);

/* Of a failed or established handshake: the client's certificate is who, or none. */
void world_check_certificate(const struct kit_pair *pair, enum world who);
