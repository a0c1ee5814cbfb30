/*
 * Private keys that are somewhere else. An OpenSSL provider, registered in a library context of its
 * own, offers RSA (PKCS#1 v1.5, PSS), EC and Ed25519 keys of which this process knows the public half only.
 * Its sign operation hands the bytes to a struct remote_signer and pauses the handshake's fibre
 * (ASYNC_pause_job); when the answer is there the handshake is called again and goes on.
 *
 * Worker only; one thread. Nothing here blocks or touches a socket: what carries the bytes to the
 * signers is behind remote_signer_ops (net/sign_client.c, or a test).
 */
#pragma once

#include "err.h"
#include "sign_message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct remote_signer;
struct tls;

/* One signature. Lives on the paused fibre; borrowed by the signer from submit until it calls
 * remote_signature_done, or until cancel. */
struct remote_signature {
    struct tls *tls; /* whose handshake; NULL outside of one */
    uint8_t key[SIGN_KEY_NAME_LEN];
    enum sign_form form;
    uint32_t scheme;
    const uint8_t *bytes; /* to be signed */
    size_t bytes_len;

    bool done, failed; /* done: it is over; failed: without a signature */
    uint8_t signature[SIGN_SIGNATURE_MAX];
    size_t signature_len;
    struct err err; /* when failed */
    void *ticket;   /* the signer's own note */
};

enum remote_admission { REMOTE_GO, REMOTE_WAIT, REMOTE_REFUSE };

struct remote_signer_ops {
    /* A full handshake is about to need a signature: now, later (tls_wake is called when there is
     * room), or not at all (the token is away; err says so). Asked again after a wait. */
    enum remote_admission (*admit)(struct remote_signer *, struct tls *, struct err *);
    /* The handshake will not come back to a place that admit gave or promised. After REMOTE_GO or REMOTE_WAIT
     * exactly one of submit and leave follows, also when admit says REMOTE_REFUSE the second time. */
    void (*leave)(struct remote_signer *, struct tls *);
    /* Takes the request; later calls remote_signature_done, never from inside submit. */
    void (*submit)(struct remote_signer *, struct remote_signature *);
    /* The fibre ends: forget the pointer. */
    void (*cancel)(struct remote_signer *, struct remote_signature *);
};

/* Embedded as the first member of whatever implements it. */
struct remote_signer {
    const struct remote_signer_ops *ops;
};

/* Called by the signer when signature/signature_len or failed/err are filled: wakes the handshake. */
void remote_signature_done(struct remote_signature *signature);

/* Once per process, before any tls_ctx: the library context with the provider in it, and ASYNC. */
bool remote_key_setup(struct err *err);
