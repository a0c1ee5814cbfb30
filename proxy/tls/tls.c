#include "tls.h"

#include "clock.h"
#include "tls_bio.h"
#include "tls_cause.h"
#include "tls_client.h"
#include "tls_private.h"
#include "tls_sessions.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum {
    FRAGMENT_MIN = 512,      /* RFC 6066 4: a client may ask for records as short as this */
    RECORD_OVERHEAD_MAX = 96 /* header, explicit nonce, padding and the longest MAC */
};

size_t tls_sealed_size(size_t len)
{
    return len + (len / FRAGMENT_MIN + 2) * RECORD_OVERHEAD_MAX;
}

static void enter(struct tls *tls, struct tls_io *io)
{
    ERR_clear_error();
    tls_bio_lend(&tls->carry, io);
    remote_pause_set(&tls->pause);
}

static void leave(void)
{
    remote_pause_set(NULL);
    tls_bio_return();
}

/* What a data channel has from its control channel: the session that it may resume, and the name. */
static bool take_control(struct tls *tls, const struct tls *control)
{
    char folded[SERVER_NAME_LEN];

    tls->control = control->binding;
    if (!tls_sessions_copy(control, &tls->control_session))
        return false;
    if (!server_name_fold(tls_name(control), folded) || !folded[0])
        return true;
    tls->server_name = strdup(folded);
    return tls->server_name;
}

struct tls *tls_open(SSL_CTX *ssl_ctx, struct err *err)
{
    struct tls *tls = calloc(1, sizeof *tls);
    BIO *bio = tls_bio_get();

    ERR_clear_error();
    if (tls)
        tls->ssl = SSL_new(ssl_ctx);
    if (!tls || !tls->ssl || !bio || !SSL_set_app_data(tls->ssl, tls) || !BIO_up_ref(bio))
        goto fail;
    SSL_set_bio(tls->ssl, bio, bio);
    tls->pause.tls = tls;
    tls->pause.err = &tls->err;
    buf_init(&tls->carry, TLS_KEPT_MAX);
    return tls;
fail:
    (void)tls_cause(NULL, err);
    if (tls)
        SSL_free(tls->ssl);
    BIO_free(bio);
    free(tls);
    return NULL;
}

struct tls *tls_new(struct tls_ctx *ctx, enum tls_role role, const struct tls *control, struct err *err)
{
    struct tls *tls = tls_open(ctx->ssl_ctx, err);

    if (!tls)
        return NULL;
    SSL_set_accept_state(tls->ssl);
    tls->ctx = tls_ctx_ref(ctx);
    tls->role = role;
    if (role == TLS_DATA)
        SSL_set_num_tickets(tls->ssl, 0);
    if (role == TLS_DATA && control && !take_control(tls, control)) {
        tls_free(tls);
        err_set(err, "out of memory");
        return NULL;
    }
    return tls;
}

/* A paused fibre has to run to its end before SSL_free, or its stack leaks. */
static void end_pause(struct tls *tls, struct tls_io *io)
{
    tls->pause.ending = true;
    if (!SSL_waiting_for_async(tls->ssl))
        return;
    enter(tls, io);
    SSL_do_handshake(tls->ssl);
    leave();
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    end_pause(tls, NULL);
    tls_admission_end(tls);
    ERR_clear_error();
    SSL_free(tls->ssl);
    SSL_SESSION_free(tls->control_session);
    tls_ctx_unref(tls->ctx);
    tls_client_ctx_unref(tls->client);
    tls_peer_free(&tls->peer);
    buf_free(&tls->carry);
    free(tls->server_name);
    free(tls->name_wanted);
    free(tls);
}

enum tls_role tls_role(const struct tls *tls)
{
    return tls->role;
}

void **tls_signer_note(struct tls *tls)
{
    return &tls->signer_note;
}

void tls_resume_nothing(struct tls *tls)
{
    tls->control.set = false;
    SSL_SESSION_free(tls->control_session);
    tls->control_session = NULL;
}

static bool no_signature(void *owner, struct err *err)
{
    (void)owner;
    err_set(err, "the session of the control connection was not resumed");
    return false;
}

void tls_resume_only(struct tls *tls)
{
    tls_set_gate(tls, no_signature, tls);
}

void tls_set_source(struct tls *tls, uint64_t network)
{
    tls->source = network;
}

uint64_t tls_source(const struct tls *tls)
{
    return tls->source;
}

void tls_set_gate(struct tls *tls, bool (*may_begin)(void *owner, struct err *err), void *owner)
{
    tls->may_begin = may_begin;
    tls->gate_owner = owner;
}

void tls_set_wake(struct tls *tls, void (*wake)(void *owner), void *owner)
{
    tls->wake = wake;
    tls->owner = owner;
}

void tls_wake(struct tls *tls)
{
    if (tls->phase != PHASE_WAITING || tls->woken)
        return;
    tls->woken = true;
    if (tls->wake)
        tls->wake(tls->owner);
}

/* The reason is in err already. */
static enum tls_status fail(struct tls *tls)
{
    tls->phase = PHASE_FAILED;
    tls_admission_end(tls);
    buf_free(&tls->carry);
    ERR_clear_error();
    return TLS_FAILED;
}

/* The reason is what a callback said, else what OpenSSL says. */
static enum tls_status fail_by_openssl(struct tls *tls, int error)
{
    if (tls->cause_known || tls->pause.failed)
        return fail(tls);
    if (error == SSL_ERROR_WANT_WRITE)
        err_set(&tls->err, "no room for what TLS has to send");
    else
        tls->cause = tls_cause(tls->ssl, &tls->err);
    return fail(tls);
}

/* While it waits, a conversation takes no input from OpenSSL's point of view: keep it. */
static enum tls_status keep_waiting(struct tls *tls, struct tls_io *io)
{
    tls->phase = PHASE_WAITING;
    if (!io->in_len)
        return TLS_WAITING;
    if (buf_add(&tls->carry, io->in, io->in_len)) {
        io->in += io->in_len;
        io->in_len = 0;
        return TLS_WAITING;
    }
    end_pause(tls, io);
    err_set(&tls->err, "%s sent more than %d bytes before it may", tls->client ? "partner" : "client",
            TLS_KEPT_MAX);
    return fail(tls);
}

static enum tls_status established(struct tls *tls)
{
    tls_admission_end(tls);
    SSL_clear_mode(tls->ssl, SSL_MODE_ASYNC);
    free(tls->server_name);
    tls->server_name = NULL;
    SSL_certs_clear(tls->ssl); /* nothing is signed any more: the keys need not live as long as this */
    if (tls->pause.answered_ms)
        tls->key_ms = (uint32_t)(tls->pause.answered_ms - tls->asked_ms);
    if (tls->ctx && (!tls_peer_take(tls) || !tickets_bind(tls->ssl, &tls->binding))) {
        err_set(&tls->err, "out of memory");
        return fail(tls);
    }
    tls->phase = PHASE_ESTABLISHED;
    return TLS_OK;
}

enum tls_status tls_handshake(struct tls *tls, struct tls_io *io)
{
    int result, error;

    if (tls->phase == PHASE_ESTABLISHED)
        return TLS_OK;
    if (tls->phase == PHASE_FAILED)
        return TLS_FAILED;
    if (tls->phase == PHASE_WAITING && !tls->woken)
        return keep_waiting(tls, io);
    tls->woken = false;
    tls->phase = PHASE_HANDSHAKE;
    enter(tls, io);
    result = SSL_do_handshake(tls->ssl);
    error = SSL_get_error(tls->ssl, result);
    leave();
    if (tls->stale)
        tls_keys_tell_stale(tls->ctx);
    tls->stale = false;
    if (result == 1)
        return established(tls);
    if (error == SSL_ERROR_WANT_READ)
        return TLS_WANT_INPUT;
    if (error == SSL_ERROR_WANT_ASYNC || error == SSL_ERROR_WANT_X509_LOOKUP)
        return keep_waiting(tls, io);
    return fail_by_openssl(tls, error);
}

/* What SSL_read_ex did not give: nothing more yet, the end, or a failure. */
static enum tls_status read_end(struct tls *tls, int error)
{
    if (error == SSL_ERROR_WANT_READ)
        return TLS_OK;
    if (error != SSL_ERROR_ZERO_RETURN)
        return fail_by_openssl(tls, error);
    tls->ended = true;
    return TLS_ENDED;
}

static enum tls_status not_established(struct tls *tls)
{
    if (tls->phase == PHASE_FAILED)
        return TLS_FAILED;
    end_pause(tls, NULL);
    err_set(&tls->err, "used before its handshake was done");
    return fail(tls);
}

enum tls_status tls_read(struct tls *tls, struct tls_io *io, uint8_t *plain, size_t size, size_t *len)
{
    enum tls_status status = TLS_OK;
    size_t got;

    *len = 0;
    if (tls->phase != PHASE_ESTABLISHED)
        return not_established(tls);
    if (tls->ended) {
        io->in_len = 0; /* nothing counts after close_notify */
        return TLS_ENDED;
    }
    enter(tls, io);
    while (*len < size) {
        if (SSL_read_ex(tls->ssl, plain + *len, size - *len, &got)) {
            *len += got;
            continue;
        }
        status = read_end(tls, SSL_get_error(tls->ssl, 0));
        break;
    }
    leave();
    return status;
}

/* Enough for a ticket with the client's certificate in it. */
static size_t ticket_size(struct tls *tls)
{
    int len = i2d_SSL_SESSION(SSL_get_session(tls->ssl), NULL);

    return tls_sealed_size(len > 0 ? (size_t)len + 1024 : 0);
}

/* OpenSSL sends it in front of the bytes of this write; without room the next write tries again. */
static void send_ticket(struct tls *tls, const struct tls_io *io, size_t len)
{
    if (io->out_size - io->out_len < tls_sealed_size(len) + ticket_size(tls))
        return;
    tls->renew_ticket = false;
    if (SSL_new_session_ticket(tls->ssl))
        SSL_do_handshake(tls->ssl);
}

enum tls_status tls_write(struct tls *tls, struct tls_io *io, const uint8_t *data, size_t len)
{
    enum tls_status status = TLS_OK;
    size_t written;

    if (tls->phase != PHASE_ESTABLISHED)
        return not_established(tls);
    enter(tls, io);
    if (tls->renew_ticket)
        send_ticket(tls, io, len);
    if (len && !SSL_write_ex(tls->ssl, data, len, &written))
        status = fail_by_openssl(tls, SSL_get_error(tls->ssl, 0));
    leave();
    return status;
}

void tls_close(struct tls *tls, struct tls_io *io)
{
    if (tls->phase != PHASE_ESTABLISHED || tls->closed)
        return;
    tls->closed = true;
    enter(tls, io);
    SSL_shutdown(tls->ssl);
    leave();
    ERR_clear_error();
}

void tls_renew_ticket(struct tls *tls)
{
    if (tls->phase == PHASE_ESTABLISHED && tls->role == TLS_MAIN && SSL_version(tls->ssl) == TLS1_3_VERSION)
        tls->renew_ticket = true;
}

const struct err *tls_error(const struct tls *tls)
{
    return &tls->err;
}

bool tls_certificate_refused(const struct tls *tls)
{
    return tls->cause == SSL_R_CERTIFICATE_VERIFY_FAILED ||
           tls->cause == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
}
