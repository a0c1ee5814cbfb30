#include "serve.h"

#include "clock.h"
#include "handshake_form.h"
#include "log.h"
#include "message.h"
#include "rate.h"
#include "requests.h"

enum { REFUSALS_LOG_MS = 1000 };

struct server {
    struct keyring *ring;
    struct signer_page *page;
    const char *keystore;
    struct rate rate;
    uint64_t refusal_logged_ms, refusals_unlogged;
};

/* Whoever floods the queue with refused requests fills no disk: a line a second, with a count. */
static void log_refused(struct server *server, const struct sign_request *head, const char *reason)
{
    uint64_t now_ms = clock_monotonic_ms();
    struct log_line line;

    counter_add(&server->page->refused, 1);
    if (server->refusal_logged_ms && now_ms - server->refusal_logged_ms < REFUSALS_LOG_MS) {
        server->refusals_unlogged++;
        return;
    }
    log_begin(&line, LOG_LEVEL_WARNING, "sign-refused");
    log_text(&line, "keystore", server->keystore);
    log_text(&line, "reason", reason);
    log_number(&line, "form", head->form);
    log_format(&line, "scheme", "0x%04x", (unsigned)head->scheme);
    log_number(&line, "bytes", head->bytes_len);
    if (server->refusals_unlogged)
        log_number(&line, "more", (int64_t)server->refusals_unlogged);
    log_end(&line);
    (void)log_flush();
    server->refusal_logged_ms = now_ms;
    server->refusals_unlogged = 0;
}

static void refuse(struct server *server, struct request *request, enum sign_status status,
                   const char *reason)
{
    log_refused(server, &request->head, reason);
    request_answer(request, status, 0, 0, NULL, 0);
}

static void log_failed(const struct server *server, const struct signature *signature)
{
    struct err cause;
    struct log_line line;

    signature_fault(signature, &cause);
    log_begin(&line, LOG_LEVEL_ERROR, "sign-failed");
    log_text(&line, "keystore", server->keystore);
    log_text(&line, "reason", cause.text);
    log_end(&line);
    (void)log_flush();
}

/* A key for servers signs no client's message, nor the other way round: whoever asks does not do what its
 * configuration says. */
static const struct signing_key *find_key(struct server *server, struct request *request)
{
    const struct sign_request *head = &request->head;
    bool client = handshake_form_is_client(head->form);
    const struct signing_key *key = keyring_find(server->ring, head->key, client);

    if (key)
        return key;
    if (!keyring_find(server->ring, head->key, !client))
        refuse(server, request, SIGN_NO_KEY, "no key of this name");
    else
        refuse(server, request, SIGN_NOT_ALLOWED,
               client ? "a client's handshake message, and the key is for servers"
                      : "a server's handshake message, and the key is for clients");
    return NULL;
}

/* The request may be signed: do it. OUTCOME_FAULTY ends the process. */
static enum outcome sign(struct server *server, struct request *request, const struct signing_key *key,
                         const struct scheme *scheme, struct err *err)
{
    uint64_t begun_us = clock_monotonic_us(), token_us;
    struct signature signature;
    enum sign_status status;

    status =
        keyring_sign(server->ring, key, scheme, request->bytes, request->head.bytes_len, false, &signature);
    token_us = clock_monotonic_us() - begun_us;
    counter_add(status == SIGN_DONE ? &server->page->signatures : &server->page->failures, 1);
    request_answer(request, status, (uint32_t)signature.ckr, token_us, signature.bytes, signature.len);
    if (status == SIGN_DONE)
        return OUTCOME_OK;
    signer_page_count_ckr(server->page, (uint32_t)signature.ckr);
    log_failed(server, &signature);
    signature_fault(&signature, err);
    if (signature.pin_refused)
        return OUTCOME_PIN;
    return status == SIGN_AGAIN && !signature.late ? OUTCOME_FAULTY : OUTCOME_OK;
}

static enum outcome handle(struct server *server, struct request *request, struct err *err)
{
    const struct sign_request *head = &request->head;
    enum form_verdict verdict = handshake_form_check(head->form, request->bytes, head->bytes_len);
    const struct scheme *scheme = scheme_find(head->scheme);
    const struct signing_key *key;
    enum outcome outcome;

    if (verdict != FORM_OK) {
        refuse(server, request, SIGN_NOT_ALLOWED, form_verdict_text(verdict));
        return OUTCOME_OK;
    }
    key = find_key(server, request);
    if (!key)
        return OUTCOME_OK;
    if (!handshake_form_allows(head->form, scheme, key->kind)) {
        refuse(server, request, scheme ? SIGN_NO_SCHEME : SIGN_NOT_ALLOWED,
               scheme ? "the scheme does not fit the key or the form" : "unknown signature scheme");
        return OUTCOME_OK;
    }
    /* The workers keep the limit: what exceeds it is not from a worker in its senses. */
    if (!rate_take(&server->rate, clock_monotonic_ms())) {
        refuse(server, request, SIGN_NOT_ALLOWED, "more than max-signatures-per-second");
        return OUTCOME_OK;
    }
    counter_set(&server->page->state, SIGNER_BUSY);
    outcome = sign(server, request, key, scheme, err);
    counter_set(&server->page->state, SIGNER_READY);
    return outcome;
}

enum outcome serve(struct keyring *ring, int queue, struct signer_page *page,
                   const struct signer_start *start, struct err *err)
{
    struct server server = {.ring = ring, .page = page, .keystore = start->alias};
    enum outcome outcome = OUTCOME_OK;
    struct request request;

    /* The kernel does not spread requests evenly: one signer may honestly get all of them, after a pause too.
     */
    rate_init(&server.rate, start->max_per_second, 2 * start->max_per_second, clock_monotonic_ms());
    while (outcome == OUTCOME_OK) {
        switch (requests_take(queue, &request, err)) {
        case REQUESTS_TAKEN:
            outcome = handle(&server, &request, err);
            break;
        case REQUESTS_MALFORMED:
            refuse(&server, &request, SIGN_NOT_ALLOWED, "malformed request");
            break;
        case REQUESTS_SKIPPED:
            break;
        case REQUESTS_IDLE:
            outcome = keyring_probe(ring, err);
            break;
        case REQUESTS_CLOSED:
            return OUTCOME_OK;
        case REQUESTS_FAILED:
            return OUTCOME_FAULTY;
        }
    }
    return outcome;
}
