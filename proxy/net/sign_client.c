/* Which handshake may ask for a signature, and when. The requests themselves are in sign_request.c. */
#include "sign_client.h"

#include "clock.h"
#include "loop.h"
#include "quotas.h"
#include "sign_client_private.h"
#include "tls.h"

#include <stdlib.h>
#include <unistd.h>

/* A conversation that holds, or waits for, a place among the requests in flight. */
struct sign_place {
    struct sign_turn turn; /* first */
    struct tls *tls;
};

static struct sign_client *client_of(struct remote_signer *signer)
{
    return (struct sign_client *)(void *)signer;
}

static struct sign_place *place_of(struct sign_turn *turn)
{
    return (struct sign_place *)(void *)turn;
}

static bool is_urgent(const struct tls *tls)
{
    return tls_role(tls) == TLS_DATA;
}

static void count_waiting(struct sign_client *client)
{
    const struct sign_client_policy *policy = &client->policy;

    counter_set(&policy->counters->waiting, client->turns.count);
    if (policy->per_second)
        quotas_tell(policy->quotas, policy->rate_key, client->turns.count);
}

static void place_drop(struct sign_client *client, struct sign_place *place)
{
    sign_turns_remove(&client->turns, &place->turn);
    count_waiting(client);
    *tls_signer_note(place->tls) = NULL;
    free(place);
}

/* Is there a place, and does max-signatures-per-second allow one more? Takes it if so. */
static bool place_take(struct sign_client *client)
{
    const struct sign_client_policy *policy = &client->policy;

    client->rate_wait_ms = 0;
    if (client->in_flight >= policy->max_in_flight)
        return false;
    if (policy->per_second)
        client->rate_wait_ms = quotas_take_rate(policy->quotas, LIMIT_SIGNATURES, policy->rate_key,
                                                policy->per_second, clock_monotonic_ms());
    if (client->rate_wait_ms)
        return false;
    client->in_flight++;
    return true;
}

/* The next one in line gets the place that has become free; its handshake comes back to admit. */
static void place_pass_on(struct sign_client *client)
{
    struct sign_turn *turn;

    while (client->turns.count && place_take(client)) {
        turn = sign_turns_next(&client->turns);
        count_waiting(client);
        tls_wake(place_of(turn)->tls);
    }
    if (!client->turns.count || !client->rate_wait_ms)
        return;
    ev_timer_stop(loop_ev(client->loop), &client->refill);
    ev_timer_set(&client->refill, (double)client->rate_wait_ms / 1000., 0.);
    ev_timer_start(loop_ev(client->loop), &client->refill);
}

static void rate_refilled(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    place_pass_on(timer->data);
}

void sign_client_place_free(struct sign_client *client)
{
    client->in_flight--;
    counter_set(&client->policy.counters->in_flight, client->in_flight);
    place_pass_on(client);
}

/* Of all workers: those who wait in others come in between, but not before a data channel. */
static uint64_t rate_predicted_ms(const struct sign_client *client, const struct tls *tls, size_t ahead)
{
    const struct sign_client_policy *policy = &client->policy;
    uint64_t others;

    if (!policy->per_second)
        return 0;
    others = is_urgent(tls) ? 0 : quotas_others(policy->quotas, policy->rate_key);
    return (ahead + others) * 1000 / policy->per_second;
}

/* How long a newcomer would wait: those before it, at the pace of the last answers and of the rate. */
static uint64_t wait_predicted_ms(const struct sign_client *client, const struct tls *tls)
{
    size_t ahead = sign_turns_ahead(&client->turns, is_urgent(tls), tls_source(tls));
    uint64_t by_token_ms = (ahead + 1) * client->answer_us / client->policy.max_in_flight / 1000;
    uint64_t by_rate_ms = rate_predicted_ms(client, tls, ahead);

    return by_token_ms > by_rate_ms ? by_token_ms : by_rate_ms;
}

static bool wait_is_bearable(struct sign_client *client, const struct tls *tls, struct err *err)
{
    uint64_t wait_ms = wait_predicted_ms(client, tls);

    if (wait_ms <= client->policy.patience_ms)
        return true;
    err_set(err, "keystore %s: the wait for a signature would be %llu s", client->policy.keystore,
            (unsigned long long)wait_ms / 1000);
    counter_add(&client->policy.counters->refused_early, 1);
    return false;
}

static struct sign_place *place_new(struct sign_client *client, struct tls *tls, bool waits, struct err *err)
{
    struct sign_place *place = calloc(1, sizeof *place);

    if (!place || (waits && !sign_turns_add(&client->turns, &place->turn, is_urgent(tls), tls_source(tls)))) {
        free(place);
        err_set(err, "out of memory");
        return NULL;
    }
    place->tls = tls;
    *tls_signer_note(tls) = place;
    return place;
}

/* Who finds a free place takes it: what is predicted is how long others would keep theirs. */
static enum remote_admission place_ask(struct sign_client *client, struct tls *tls, struct err *err)
{
    bool at_once = !client->turns.count && place_take(client);
    struct sign_place *place = NULL;

    if (at_once || wait_is_bearable(client, tls, err))
        place = place_new(client, tls, !at_once, err);
    if (!place) {
        if (at_once)
            sign_client_place_free(client);
        return REMOTE_REFUSE;
    }
    place_pass_on(client);
    count_waiting(client);
    return place->turn.waits ? REMOTE_WAIT : REMOTE_GO;
}

static enum remote_admission sign_client_admit(struct remote_signer *signer, struct tls *tls, struct err *err)
{
    struct sign_client *client = client_of(signer);
    struct sign_place *place = *tls_signer_note(tls);

    if (!client->up) {
        err_set(err, "keystore %s cannot sign: its token is away", client->policy.keystore);
        return REMOTE_REFUSE; /* leave follows, if it has a place */
    }
    if (place)
        return place->turn.waits ? REMOTE_WAIT : REMOTE_GO;
    return place_ask(client, tls, err);
}

static void sign_client_leave(struct remote_signer *signer, struct tls *tls)
{
    struct sign_client *client = client_of(signer);
    struct sign_place *place = *tls_signer_note(tls);
    bool had_place;

    if (!place)
        return;
    had_place = !place->turn.waits;
    place_drop(client, place);
    if (had_place)
        sign_client_place_free(client);
}

/* From here the place belongs to the request, until its answer or its deadline. */
static void sign_client_submit(struct remote_signer *signer, struct remote_signature *signature)
{
    struct sign_client *client = client_of(signer);
    struct sign_place *place = signature->tls ? *tls_signer_note(signature->tls) : NULL;

    if (place)
        place_drop(client, place);
    else
        client->in_flight++;
    counter_set(&client->policy.counters->in_flight, client->in_flight);
    sign_request_start(client, signature);
}

static void sign_client_cancel(struct remote_signer *signer, struct remote_signature *signature)
{
    (void)signer;
    sign_request_forget(signature);
}

static const struct remote_signer_ops sign_client_ops = {
    .admit = sign_client_admit,
    .leave = sign_client_leave,
    .submit = sign_client_submit,
    .cancel = sign_client_cancel,
};

struct sign_client *sign_client_new(struct loop *loop, const struct sign_client_policy *policy,
                                    struct err *err)
{
    struct sign_client *client = calloc(1, sizeof *client);

    if (!client) {
        err_set(err, "out of memory");
        return NULL;
    }
    client->signer.ops = &sign_client_ops;
    client->loop = loop;
    client->policy = *policy;
    client->queue = -1;
    sign_turns_init(&client->turns);
    ev_timer_init(&client->refill, rate_refilled, 0., 0.);
    client->refill.data = client;
    sign_request_setup(client);
    return client;
}

void sign_client_free(struct sign_client *client)
{
    if (!client)
        return;
    sign_request_end_all(client);
    ev_timer_stop(loop_ev(client->loop), &client->refill);
    if (client->queue >= 0)
        (void)close(client->queue);
    free(client);
}

void sign_client_set_queue(struct sign_client *client, int fd)
{
    if (client->queue >= 0)
        (void)close(client->queue);
    client->queue = fd;
    client->queue_broken = false;
    sign_request_send_unsent(client);
}

static void place_wake(struct sign_turn *turn)
{
    tls_wake(place_of(turn)->tls);
}

void sign_client_set_up(struct sign_client *client, bool up)
{
    client->up = up;
    if (up)
        return;
    /* Each comes back to admit and is refused there; its leave takes it out of the line. */
    sign_turns_each(&client->turns, place_wake);
    sign_request_fail_all(client);
}

bool sign_client_up(const struct sign_client *client)
{
    return client->up;
}

struct remote_signer *sign_client_signer(struct sign_client *client)
{
    return &client->signer;
}
