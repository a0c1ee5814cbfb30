/*
 * One TLS conversation, the server's side (tls_client.h makes the client's), without I/O: ciphertext goes in
 * and comes out through a struct tls_io, so that a stream decides when to call the kernel (one recv and one
 * send a wake-up).
 *
 * Owner: the stream it was given to. Worker only, one thread. Nothing blocks; a handshake that needs a
 * signature returns TLS_WAITING and later calls the wake function.
 *
 * RFC 8446, RFC 5246, RFC 5077; requirements T1-T4, C5, F15, F16.
 */
#pragma once

#include "err.h"
#include "tls_ctx.h"
#include "tls_facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls;

enum {
    TLS_KEPT_MAX = 32 * 1024,       /* ciphertext that a waiting handshake keeps */
    TLS_HANDSHAKE_ROOM = 128 * 1024 /* what tls_handshake wants free in out: certificates, CA names */
};

/* The loop's buffers, lent for one call. */
struct tls_io {
    const uint8_t *in; /* ciphertext received; advanced as it is taken */
    size_t in_len;
    uint8_t *out; /* ciphertext to send is appended at out + out_len */
    size_t out_len, out_size;
};

enum tls_status {
    TLS_OK,         /* handshake: done. read: drained, more may come. write: all of it is in out */
    TLS_WANT_INPUT, /* handshake: call again when there is more ciphertext */
    TLS_WAITING,    /* handshake: paused (signature, or a place in the queue); wake will be called */
    TLS_ENDED,      /* read: close_notify came: the peer's end is clean and complete */
    TLS_FAILED,     /* tls_error says why; an alert may be in out: send it, then close */
};

enum tls_role {
    TLS_MAIN, /* a session's own connection: tickets are issued and carry its binding */
    TLS_DATA, /* an FTP data channel: no tickets; resumes only sessions with its control channel's binding
                 (F16) */
};

/* The room that len plain bytes need in out in one tls_write, whatever cipher and record size. */
size_t tls_sealed_size(size_t len);

/* role TLS_DATA: control is the established conversation of the control channel (borrowed for this call);
 * else NULL. */
struct tls *tls_new(struct tls_ctx *ctx, enum tls_role role, const struct tls *control, struct err *err);

/* Also ends a paused handshake without leaking its fibre. */
void tls_free(struct tls *tls);

enum tls_role tls_role(const struct tls *tls);

/* TLS_DATA: a full handshake in any case (data-resumption = "off"). Before the handshake. */
void tls_resume_nothing(struct tls *tls);
/* TLS_DATA: a full handshake fails before it costs a signature (somebody who is not known yet). Before the
 * handshake. */
void tls_resume_only(struct tls *tls);

/* TLS_MAIN: whom the client has named before its hello (FTP's HOST, RFC 7151). It counts as if the hello had
 * named it, and not at all when the hello names somebody. Copied; NULL or "": nobody. Before the handshake.
 * False: it is too long, or out of memory. */
bool tls_set_name_wanted(struct tls *tls, const char *name);

/* What stands in front of a full handshake, told before it begins: the client's network (a number, for fair
 * turns at the signers) and a question that is asked once, before a signature is (NULL: none). The question
 * fills err when it says no. */
void tls_set_source(struct tls *tls, uint64_t network);
uint64_t tls_source(const struct tls *tls);
void tls_set_gate(struct tls *tls, bool (*may_begin)(void *owner, struct err *err), void *owner);

/* A place where the remote_signer keeps its note about this conversation (NULL at first; remote_key.h:
 * admit). */
void **tls_signer_note(struct tls *tls);

/* Called when a waiting handshake can go on: the owner calls tls_handshake again (soon, not inside). */
void tls_set_wake(struct tls *tls, void (*wake)(void *owner), void *owner);
void tls_wake(struct tls *tls);

/* Input that comes while it waits is kept inside (limited: TLS_FAILED when a client sends more than
 * TLS_KEPT_MAX before it may). After TLS_OK, what came behind the client's last handshake message is in
 * io->in or kept: call tls_read with the same io, it takes what was kept first. A call without need is
 * harmless: TLS_WAITING until woken, TLS_OK once done, TLS_FAILED for ever. */
enum tls_status tls_handshake(struct tls *tls, struct tls_io *io);

/* Decrypts everything in io->in. plain must have room for io->in_len + 17 KB, in the first call after the
 * handshake for TLS_KEPT_MAX more; should it be full all the same, TLS_OK leaves the rest in io->in. *len is
 * set in every case: bytes may come together with TLS_ENDED or TLS_FAILED. io->out may grow (KeyUpdate),
 * never by more than the input. */
enum tls_status tls_read(struct tls *tls, struct tls_io *io, uint8_t *plain, size_t size, size_t *len);
/* All or nothing; never short of room when out has tls_sealed_size(len) free. */
enum tls_status tls_write(struct tls *tls, struct tls_io *io, const uint8_t *data, size_t len);

/* Appends close_notify (T1); once. */
void tls_close(struct tls *tls, struct tls_io *io);

/* TLS 1.3, TLS_MAIN: one more ticket goes out in front of the next tls_write that has room for it (F16:
 * clients that use each ticket once); len 0 will do. */
void tls_renew_ticket(struct tls *tls);

const struct err *tls_error(const struct tls *tls);

/* After TLS_FAILED of a handshake: it was the client's certificate, missing or not trusted. */
bool tls_certificate_refused(const struct tls *tls);
