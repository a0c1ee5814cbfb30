#include "signer.h"

#include "clock.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SIGNER_BACKOFF_MS = 50,
    SIGNER_BACKOFF_CAP_MS = 400,
    SIGNER_START_MS = 120000, /* a token with thousands of keys takes its time */
    SIGNER_OPEN_MS = 15000,   /* C_Initialize and C_OpenSession */
    SIGNER_LOGIN_MS = 30000,  /* a token may be lost when a login is cut off */
    SIGNER_SLACK_MS = 1000,   /* beyond sign-timeout */
    SIGNER_STOP_MS = 2000,
    SIGNER_STOP_NOW_MS = 200,
    SIGNER_STOP_LOGIN_MS = 5000,
};

bool signer_make(struct signer *signer, struct err *err)
{
    signer->child.process = "signer";
    signer->child.logs = true;
    signer->child.start_timeout_ms = SIGNER_START_MS;
    backoff_init(&signer->backoff, SIGNER_BACKOFF_MS, SIGNER_BACKOFF_CAP_MS);
    signer->page_fd = counters_new("signer-counters", sizeof *signer->page, err);
    if (signer->page_fd >= 0)
        signer->page = counters_map(signer->page_fd, sizeof *signer->page, err);
    return signer->page;
}

void signer_unmake(struct signer *signer)
{
    if (signer->page)
        (void)munmap(signer->page, sizeof *signer->page);
    if (signer->page_fd >= 0)
        close(signer->page_fd);
}

bool signer_start(struct signer *signer, const struct signer_tools *tools, struct err *err)
{
    static const char *const arguments[] = {"p11gate-signer", NULL};
    const struct spawn_plan plan = {.program = tools->programs->signer,
                                    .arguments = arguments,
                                    .account = tools->account,
                                    .inherit_environment = true};
    struct grant grants[5] = {{GRANT_SIGNER_START, tools->keystore, tools->start},
                              {GRANT_QUEUE, tools->keystore, tools->queue},
                              {GRANT_COUNTERS, tools->keystore, signer->page_fd}};
    size_t count = 3;
    int pin = -1;
    bool started;

    if (tools->pin->memory) {
        pin = pin_pipe(tools->pin, err);
        if (pin < 0)
            return false;
        grants[count++] = (struct grant){GRANT_PIN, tools->keystore, pin};
    }
    if (tools->gate >= 0)
        grants[count++] = (struct grant){GRANT_LOGIN_GATE, tools->keystore, tools->gate};
    signer->state = SIGNER_STARTING;
    signer->login_seen = signer->odd = false;
    started = child_start(&signer->child, &plan, grants, count, err);
    if (pin >= 0)
        close(pin);
    return started;
}

bool signer_take_state(struct signer *signer, const struct channel_message *message, const char **text)
{
    uint32_t state;

    if (!message_read_text(message, &state, text) || state > SIGNER_FAULTY)
        return false;
    signer->state = (enum signer_state)state;
    signer->login_seen = signer->login_seen || signer->state == SIGNER_LOGGING_IN;
    return true;
}

void signer_rest(struct signer *signer, struct counters_history *history, const char *keystore,
                 const struct child_end *end, uint64_t now_ms)
{
    if (history)
        counters_history_take_signer(history, keystore, signer->page);
    else
        memset((void *)signer->page, 0, sizeof *signer->page);
    signer->due_ms = now_ms + backoff_wait_ms(&signer->backoff, end->lived_ms);
}

bool signer_logs_in(const struct signer *signer)
{
    return signer->state == SIGNER_LOGGING_IN || counter_get(&signer->page->login_since_ms);
}

/* As far as it can be held against the signer; 0 when it begins in the future. */
static uint64_t lasts_ms(const struct signer *signer, uint64_t since_ms, uint64_t now_ms)
{
    return standstill_age_ms(&signer->child.family->standstill, since_ms, now_ms);
}

/* 0 as well when it has only said that it will. The clock is read after the page, which must not be in its
 * future. */
static uint64_t login_ms(const struct signer *signer)
{
    uint64_t since_ms = counter_get(&signer->page->login_since_ms), now_ms = clock_monotonic_ms();

    return since_ms ? lasts_ms(signer, since_ms, now_ms) : 0;
}

/* NULL: it does not hang. */
static const char *signer_hangs(struct signer *signer, bool has_token, uint64_t sign_timeout_ms,
                                uint64_t now_ms)
{
    uint64_t busy_since_ms = counter_get(&signer->page->busy_since_ms);

    if (signer_logs_in(signer))
        return login_ms(signer) > SIGNER_LOGIN_MS ? "its login takes too long" : NULL;
    if (signer->odd)
        return "it found other keys";
    if (has_token && !signer->child.ready && !signer->login_seen &&
        lasts_ms(signer, signer->child.started_ms, now_ms) > SIGNER_OPEN_MS)
        return "it could not open its token within 15 s";
    if (busy_since_ms && lasts_ms(signer, busy_since_ms, now_ms) > sign_timeout_ms + SIGNER_SLACK_MS)
        return "it was busy for longer than sign-timeout and 1 s";
    return NULL;
}

void signer_watch(struct signer *signer, bool has_token, uint64_t sign_timeout_ms, uint64_t now_ms)
{
    const char *why =
        child_runs(&signer->child) ? signer_hangs(signer, has_token, sign_timeout_ms, now_ms) : NULL;

    if (why)
        child_kill(&signer->child, why);
}

/* A second TERM gives a login less time, but never none. */
static bool signer_must_end(const struct signer *signer, bool at_once, uint64_t waited_ms)
{
    if (!signer_logs_in(signer))
        return waited_ms >= (at_once ? SIGNER_STOP_NOW_MS : SIGNER_STOP_MS);
    if (at_once && waited_ms < SIGNER_STOP_LOGIN_MS)
        return false;
    return login_ms(signer) >= (at_once ? SIGNER_STOP_LOGIN_MS : SIGNER_LOGIN_MS);
}

void signer_watch_stopping(struct signer *signer, bool at_once, uint64_t waited_ms)
{
    if (child_runs(&signer->child) && signer_must_end(signer, at_once, waited_ms))
        child_kill(&signer->child, "it did not end with its queue");
}
