/*
 * Private to this folder: the two halves of the provider (keys in remote_key.c, the sign operation
 * in remote_sign.c) and what a conversation tells them while OpenSSL runs for it.
 */
#pragma once

#include "remote_key.h"

#include <openssl/core_dispatch.h>
#include <openssl/evp.h>

#define REMOTE_PROVIDER "p11gate"
/* What TLS asks OpenSSL for: everything from the default provider but the keys that are made here. */
#define REMOTE_PROPERTIES "?provider=default"

/* A key whose private half is elsewhere. Owned by OpenSSL's EVP_PKEY. */
struct remote_key {
    EVP_PKEY *public; /* in the default provider; NULL before the import */
    uint8_t name[SIGN_KEY_NAME_LEN];
    struct remote_signer *signer; /* borrowed; NULL: a public key only */
};

/* Part of a conversation: lives as long as it, and longer than any fibre of it. */
struct remote_pause {
    struct tls *tls;
    /* Asks for a place at the signers, at the last moment; NULL: it has one before it comes to signing. May
     * set form. */
    enum remote_admission (*admit)(struct tls *tls, struct err *err);
    enum sign_form form;  /* known once the version is chosen */
    bool ending;          /* no answer is awaited any more */
    bool submitted;       /* the signer accounts for the place that admit gave */
    bool failed;          /* err says why the signature failed */
    uint64_t answered_ms; /* when the answer was taken; 0: there was none */
    struct err *err;
};

/* While OpenSSL may ask for a signature for this conversation; NULL afterwards. */
void remote_pause_set(struct remote_pause *pause);

/* The library context that remote_key_setup made; NULL before. */
OSSL_LIB_CTX *remote_key_library(void);

/* A key that signs by signer, with the public half (of the default provider); the caller's to free. */
EVP_PKEY *remote_key_new(EVP_PKEY *public, const uint8_t name[SIGN_KEY_NAME_LEN],
                         struct remote_signer *signer, struct err *err);

extern const OSSL_DISPATCH remote_sign_rsa[], remote_sign_ecdsa[], remote_sign_ed25519[];
