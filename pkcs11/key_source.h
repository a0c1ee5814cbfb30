/*
 * Where private keys are: on a token (token_keys.h) or in a directory of files (directory.h), behind
 * one struct of functions. A signing_key is one key of a source with what is known about it.
 * Signer process; one thread; calls may block for as long as the token likes.
 */
#pragma once

#include "certificates.h"
#include "counters.h"
#include "crypto.h"
#include "err.h"
#include "outcome.h"
#include "scheme.h"
#include "sign_message.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIGNING_KEY_ID_MAX = 64, SIGNING_KEY_POINT_MAX = 133 };

enum signing_key_type { SIGNING_KEY_RSA, SIGNING_KEY_EC, SIGNING_KEY_ED25519 };

/* As OpenSSL names it: "RSA", "EC", "ED25519". */
const char *signing_key_type_name(enum signing_key_type type);

struct signing_key {
    /* filled by find */
    enum signing_key_type type;
    bool always_authenticate;       /* token: wants the PIN for each signature */
    uint32_t paddings;              /* bits 1 << enum scheme_padding: what the source can do with it */
    unsigned long object;           /* token: its handle */
    EVP_PKEY *private_key;          /* directory; owned */
    EVP_PKEY *token_public;         /* the public half as the source knows it, NULL: it does not; owned */
    uint8_t id[SIGNING_KEY_ID_MAX]; /* CKA_ID */
    size_t id_len;
    uint8_t point[SIGNING_KEY_POINT_MAX]; /* EC, Ed25519: of a public-key object with this id, a hint only */
    size_t point_len;

    /* filled by the keyring when the certificate is known */
    enum scheme_key kind;
    bool client;          /* signs as a TLS client, and never as a server; else the other way round */
    size_t bits;          /* of the modulus or the curve; 0: not known yet */
    EVP_PKEY *public_key; /* of the certificate, owned by it */
    uint8_t name[SIGN_KEY_NAME_LEN];
};

/* The answer to one signing; never on the heap. */
struct signature {
    uint8_t bytes[SIGN_SIGNATURE_MAX]; /* ECDSA: in DER, as TLS carries it */
    size_t len;
    unsigned long ckr;    /* the token's return code, 0 if it is not the cause */
    const char *function; /* the call that failed, static */
    bool pin_refused;     /* the token refused the PIN, or warns: nobody may try it again */
    bool late;            /* nothing was tried: the logins of other signers took the time */
};

/* "C_Sign: CKR_DEVICE_REMOVED": why there is none. */
void signature_fault(const struct signature *signature, struct err *err);

struct key_source;

struct key_source_ops {
    /* The one private key that the name means; more than one is an error. */
    enum outcome (*find)(struct key_source *, const char *name, struct signing_key *out, struct err *);
    /* The certificates that lie beside the key, and issuers. */
    enum outcome (*certificates)(struct key_source *, const char *name, const struct signing_key *,
                                 struct certificates *out, struct err *);
    /* SIGN_AGAIN: the source is broken, and the process must end. */
    enum sign_status (*sign)(struct key_source *, const struct signing_key *, const struct scheme *,
                             const struct crypto_input *, struct signature *out);
    /* Is it still there? Asked when there was no work for a while. */
    enum outcome (*probe)(struct key_source *, struct err *);
};

/* Embedded as the first member of whatever implements it. */
struct key_source {
    const struct key_source_ops *ops;
    const char *label;      /* of the token; the directory's path. For log lines and errors */
    counter *busy_since_ms; /* set while the source may block, for the supervisor's eyes; NULL: nowhere */
};

/* The sign and probe of the source, with busy_since_ms set meanwhile: one that hangs is killed. */
enum sign_status key_source_sign(struct key_source *source, const struct signing_key *key,
                                 const struct scheme *scheme, const struct crypto_input *in,
                                 struct signature *out);
enum outcome key_source_probe(struct key_source *source, struct err *err);
