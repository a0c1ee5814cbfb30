/*
 * p11gate-signer: one process, one session with one keystore. Started by the supervisor with a
 * channel at CHANNEL_FD; everything else comes through it. No partner's byte gets here except the
 * few that a TLS handshake message has, and those are checked (handshake_form.h).
 */
#include "channel.h"
#include "check.h"
#include "counters.h"
#include "crypto.h"
#include "directory.h"
#include "inventory.h"
#include "listing.h"
#include "log.h"
#include "message.h"
#include "requests.h"
#include "sealed.h"
#include "serve.h"
#include "signer_start.h"
#include "token.h"
#include "token_keys.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GRANTS_WAIT_MS = 30000, SEND_WAIT_MS = 2000, SEND_PAUSE_MS = 10, CHECK_BYTES_MAX = 256 * 1024 };

struct signer {
    int start_fd, pin_fd, queue, counters_fd, gate_fd;
    struct signer_page *page;
    struct signer_start start;
    struct token *token; /* NULL: a directory */
    struct key_source *source;
    struct keyring *ring;
    struct problems problems;
};

/* Core dumps and debuggers would show the PIN and, with `directory`, the keys. */
static void hide_memory(void)
{
    const struct rlimit none = {0, 0};

    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* A report waits a little for room in the channel: without it the supervisor would guess. */
static void report(enum message_type type, uint32_t number, const char *text)
{
    for (int waited_ms = 0; waited_ms < SEND_WAIT_MS; waited_ms += SEND_PAUSE_MS) {
        if (message_send_text(CHANNEL_FD, type, number, text) != CHANNEL_AGAIN)
            return;
        (void)poll(NULL, 0, SEND_PAUSE_MS);
    }
}

static void enter(const struct signer *signer, enum signer_state state, const char *text)
{
    if (signer->page)
        counter_set(&signer->page->state, state);
    report(MESSAGE_SIGNER_STATE, state, text);
}

static void take_grant(struct signer *signer, const struct grant *grant)
{
    int *place = grant->kind == GRANT_SIGNER_START ? &signer->start_fd
                 : grant->kind == GRANT_PIN        ? &signer->pin_fd
                 : grant->kind == GRANT_QUEUE      ? &signer->queue
                 : grant->kind == GRANT_COUNTERS   ? &signer->counters_fd
                 : grant->kind == GRANT_LOGIN_GATE ? &signer->gate_fd
                                                   : NULL;

    if (grant->kind == GRANT_LOG) {
        log_open(grant->fd);
        return;
    }
    if (!place || *place >= 0) {
        (void)close(grant->fd);
        return;
    }
    *place = grant->fd;
}

static bool take_message(struct signer *signer, struct channel_message *message, bool *started,
                         struct err *err)
{
    struct grant grants[CHANNEL_FDS_MAX];
    size_t count = 0;

    if (message->type == MESSAGE_START) {
        *started = true;
        return true;
    }
    if (!message_read_grants(message, grants, CHANNEL_FDS_MAX, &count)) {
        err_set(err, "a message on the channel is malformed");
        return false;
    }
    for (size_t i = 0; i < count; i++)
        take_grant(signer, &grants[i]);
    return true;
}

static bool wait_for_start(struct signer *signer, struct err *err)
{
    static struct channel_message message;
    bool started = false;

    while (!started) {
        if (channel_wait(CHANNEL_FD, GRANTS_WAIT_MS, &message, err) != CHANNEL_OK ||
            !take_message(signer, &message, &started, err))
            return false;
    }
    return true;
}

/* The page is for the supervisor's eyes; a check has none and counts for itself. */
static bool map_page(struct signer *signer, struct err *err)
{
    static struct signer_page own_page;

    if (signer->counters_fd < 0)
        signer->page = &own_page;
    else
        signer->page = counters_map(signer->counters_fd, sizeof *signer->page, err);
    return signer->page != NULL;
}

static bool read_start(struct signer *signer, struct err *err)
{
    struct sealed sealed;

    if (signer->start_fd < 0 || !sealed_map(signer->start_fd, SIGNER_START_BYTES_MAX, &sealed, err))
        return false;
    if (!signer_start_read(sealed.data, sealed.len, &signer->start)) {
        err_set(err, "what the signer shall do is malformed");
        return false;
    }
    if (signer->queue < 0 && !signer->start.check) {
        err_set(err, "the signer got no queue");
        return false;
    }
    return map_page(signer, err) && (signer->queue < 0 || requests_setup(signer->queue, err));
}

/* The PIN lives from here until the keys are known (settle_pin). */
static enum outcome login(struct signer *signer, struct err *err)
{
    struct pin pin = {0};
    enum outcome outcome;

    if (signer->pin_fd >= 0 && !pin_read(&pin, signer->pin_fd, err))
        return OUTCOME_CONFIGURATION;
    enter(signer, SIGNER_LOGGING_IN, "");
    outcome = token_login(signer->token, &pin, err);
    if (outcome == OUTCOME_OK)
        token_keep_pin(signer->token, &pin);
    pin_wipe(&pin);
    return outcome;
}

/* Only a key that wants the PIN for each signature is a reason to keep it. */
static void settle_pin(struct signer *signer)
{
    bool wanted = false;

    for (size_t i = 0; i < keyring_count(signer->ring); i++)
        wanted = wanted || keyring_at(signer->ring, i)->always_authenticate;
    if (signer->token && !wanted)
        token_forget_pin(signer->token);
}

/* NULL with err. */
static struct token *attended_token(const struct signer *signer, struct err *err)
{
    struct login_gate gate = LOGIN_GATE_NONE;
    struct token *token;

    if (signer->gate_fd >= 0 && !login_gate_take(&gate, signer->gate_fd, err))
        return NULL;
    token = token_new(&signer->start);
    if (token)
        token_attend(token, signer->page, &gate);
    else
        err_set(err, "no memory for the token");
    return token;
}

static enum outcome open_token(struct signer *signer, struct err *err)
{
    enum outcome outcome = OUTCOME_FAULTY;

    signer->token = attended_token(signer, err);
    if (signer->token)
        outcome = token_load(signer->token, err);
    if (outcome == OUTCOME_OK)
        outcome = token_open(signer->token, err);
    if (outcome == OUTCOME_OK)
        outcome = login(signer, err);
    if (outcome != OUTCOME_OK)
        return outcome;
    signer->source = token_keys_new(signer->token);
    return signer->source ? OUTCOME_OK : OUTCOME_FAULTY;
}

static enum outcome open_source(struct signer *signer, struct err *err)
{
    enter(signer, SIGNER_STARTING, "");
    if (!*signer->start.directory)
        return open_token(signer, err);
    signer->source = directory_new(signer->start.directory, err);
    return signer->source ? OUTCOME_OK : OUTCOME_CONFIGURATION;
}

/* Its report goes to whoever runs p11gate -t, in one piece, as other keystores report too. */
static enum outcome check(struct signer *signer, struct err *err)
{
    enum outcome outcome;
    struct buf report;

    buf_init(&report, CHECK_BYTES_MAX);
    (void)buf_printf(&report, "keystore \"%s\", %s \"%s\":\n", signer->start.alias,
                     signer->token ? "token" : "directory", keyring_label(signer->ring));
    outcome = check_keys(signer->ring, &signer->problems, &report, err);
    (void)fwrite(buf_data(&report), 1, buf_len(&report), stdout);
    (void)fflush(stdout);
    buf_free(&report);
    return outcome;
}

static enum outcome find_keys(struct signer *signer, struct err *err)
{
    enum outcome outcome = OUTCOME_FAULTY;

    enter(signer, SIGNER_STARTING, "looking for the keys");
    signer->source->busy_since_ms = &signer->page->busy_since_ms;
    err_set(err, "no memory for the keys");
    signer->ring = keyring_new(signer->source, &signer->start);
    if (signer->ring)
        outcome = keyring_resolve(signer->ring, &signer->problems, err);
    if (outcome == OUTCOME_OK)
        settle_pin(signer);
    if (outcome == OUTCOME_OK && signer->start.check)
        outcome = check(signer, err);
    return outcome == OUTCOME_OK && signer->problems.count ? OUTCOME_CONFIGURATION : outcome;
}

static bool send_inventory(struct signer *signer, struct err *err)
{
    struct buf bytes;
    int fd = -1;
    bool sent = false;

    buf_init(&bytes, INVENTORY_BYTES_MAX);
    if (keyring_inventory(signer->ring, &bytes))
        fd = sealed_new("p11gate-inventory", buf_data(&bytes), buf_len(&bytes), err);
    else
        err_set(err, "the certificates of all keys are too large for one inventory");
    buf_free(&bytes);
    if (fd < 0)
        return false;
    sent = channel_send(CHANNEL_FD, MESSAGE_INVENTORY, NULL, 0, &fd, 1) == CHANNEL_OK;
    (void)close(fd);
    if (!sent)
        err_set(err, "the inventory could not be sent");
    return sent;
}

static void list_schemes(const struct signing_key *key, struct buf *out)
{
    static const char *const names[] = {
        [SCHEME_PKCS1] = "pkcs1", [SCHEME_PSS] = "pss", [SCHEME_ECDSA] = "ecdsa", [SCHEME_EDDSA] = "ed25519"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (key->paddings & 1u << i)
            (void)buf_printf(out, "/%s", names[i]);
}

/* Without PSS an RSA key signs for TLS 1.2 only (RFC 8446 4.2.3). */
static void warn_of_tls12(const struct signer *signer, size_t index)
{
    struct log_line line;

    if (keyring_at(signer->ring, index)->type != SIGNING_KEY_RSA ||
        (keyring_at(signer->ring, index)->paddings & 1u << SCHEME_PSS))
        return;
    log_begin(&line, LOG_LEVEL_WARNING, "key-without-pss");
    log_text(&line, "keystore", signer->start.alias);
    log_text(&line, "key", keyring_alias(signer->ring, index));
    log_text(&line, "reason", "the token has no RSA-PSS: this key cannot be used with TLS 1.3");
    log_end(&line);
}

static void log_ready(const struct signer *signer)
{
    struct log_line line;
    struct buf keys;

    buf_init(&keys, 1024);
    for (size_t i = 0; i < keyring_count(signer->ring); i++) {
        (void)buf_printf(&keys, "%s%s", i ? "," : "", keyring_alias(signer->ring, i));
        list_schemes(keyring_at(signer->ring, i), &keys);
        warn_of_tls12(signer, i);
    }
    log_begin(&line, LOG_LEVEL_INFO, signer->start.check ? "signer-checked" : "signer-ready");
    log_text(&line, "keystore", signer->start.alias);
    log_text(&line, signer->token ? "token" : "directory", keyring_label(signer->ring));
    log_bytes(&line, "keys", buf_data(&keys), buf_len(&keys));
    log_end(&line);
    (void)log_flush();
    buf_free(&keys);
}

static enum outcome run(struct signer *signer, struct err *err)
{
    enum outcome outcome = open_source(signer, err);

    if (outcome == OUTCOME_OK)
        outcome = find_keys(signer, err);
    if (outcome == OUTCOME_OK && !send_inventory(signer, err))
        outcome = OUTCOME_FAULTY;
    if (outcome != OUTCOME_OK)
        return outcome;
    log_ready(signer);
    enter(signer, SIGNER_READY, "");
    if (channel_send(CHANNEL_FD, MESSAGE_READY, NULL, 0, NULL, 0) == CHANNEL_CLOSED || signer->start.check)
        return OUTCOME_OK;
    return serve(signer->ring, signer->queue, signer->page, &signer->start, err);
}

static void fault(struct signer *signer, uint32_t code, struct err *err)
{
    if (signer->problems.count) {
        report(MESSAGE_FAULT, code, problems_text(&signer->problems));
        return;
    }
    err_context(err, "%.200s", signer->start.where);
    report(MESSAGE_FAULT, code, err->text);
}

/* Tells the supervisor how it ended and returns the exit code. */
static int finish(struct signer *signer, enum outcome outcome, struct err *err)
{
    switch (outcome) {
    case OUTCOME_OK:
        if (signer->token)
            token_close(signer->token);
        return CHILD_EXIT_OK;
    case OUTCOME_CONFIGURATION:
        fault(signer, CHILD_EXIT_CONFIGURATION, err);
        return CHILD_EXIT_CONFIGURATION;
    case OUTCOME_PIN:
        fault(signer, CHILD_EXIT_PIN, err);
        return CHILD_EXIT_PIN;
    case OUTCOME_ABSENT:
        enter(signer, SIGNER_ABSENT, err->text);
        return CHILD_EXIT_AGAIN;
    case OUTCOME_FULL:
        enter(signer, SIGNER_FAULTY, err->text);
        return CHILD_EXIT_FULL;
    case OUTCOME_FAULTY:
        enter(signer, SIGNER_FAULTY, err->text);
        return CHILD_EXIT_AGAIN;
    }
    return CHILD_EXIT_AGAIN;
}

int main(int argc, char **argv)
{
    static struct signer signer = {
        .start_fd = -1, .pin_fd = -1, .queue = -1, .counters_fd = -1, .gate_fd = -1};
    struct err err = {""};
    struct stat channel;
    enum outcome outcome;
    int code;

    hide_memory();
    if (argc > 1 && strcmp(argv[1], "--keys") == 0)
        return listing_main(argc - 1, argv + 1);
    if (argc > 1 || fstat(CHANNEL_FD, &channel) != 0 || !S_ISSOCK(channel.st_mode)) {
        (void)fprintf(stderr, "%s %s is started by p11gate, not by hand; \"p11gate keys\" lists the keys\n",
                      argv[0], P11GATE_VERSION);
        return 2;
    }
    problems_init(&signer.problems);
    if (!crypto_setup(&err) || !wait_for_start(&signer, &err) || !read_start(&signer, &err)) {
        enter(&signer, SIGNER_FAULTY, err.text);
        _exit(CHILD_EXIT_AGAIN);
    }
    outcome = run(&signer, &err);
    if (signer.token)
        token_forget_pin(signer.token);
    code = finish(&signer, outcome, &err);
    (void)log_flush();
    /* Several modules crash when a process that used them ends in order. */
    _exit(code);
}
