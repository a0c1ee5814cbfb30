/* Which handshake may ask for a signature, and when. The requests themselves are in sign_request.c. */
#include "sign_client.h"

#include "sign_client_private.h"
#include "tls.h"

#include <stdlib.h>
#include <unistd.h>

/* A conversation that holds, or waits for, a place among the requests in flight. */
struct sign_place {
    TAILQ_ENTRY(sign_place) queued;
    struct tls *tls;
    bool waits; /* stands in a queue; else the place is its own */
};

static struct sign_client *client_of(struct remote_signer *signer)
{
    return (struct sign_client *)(void *)signer;
}

static void place_drop(struct sign_client *client, struct sign_place *place)
{
    if (place->waits) {
        TAILQ_REMOVE(&client->waiting[tls_role(place->tls) == TLS_DATA ? 0 : 1], place, queued);
        counter_set(&client->policy.counters->waiting, --client->waiting_count);
    }
    *tls_signer_note(place->tls) = NULL;
    free(place);
}

/* The next one in line gets the place that has become free; its handshake comes back to admit. */
static void place_pass_on(struct sign_client *client)
{
    while (client->in_flight < client->policy.max_in_flight) {
        struct sign_place *place = TAILQ_FIRST(&client->waiting[0]);
        int list = 0;

        if (!place) {
            place = TAILQ_FIRST(&client->waiting[1]);
            list = 1;
        }
        if (!place)
            return;
        TAILQ_REMOVE(&client->waiting[list], place, queued);
        counter_set(&client->policy.counters->waiting, --client->waiting_count);
        place->waits = false;
        client->in_flight++;
        tls_wake(place->tls);
    }
}

void sign_client_place_free(struct sign_client *client)
{
    client->in_flight--;
    counter_set(&client->policy.counters->in_flight, client->in_flight);
    place_pass_on(client);
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
        return place->waits ? REMOTE_WAIT : REMOTE_GO;
    place = calloc(1, sizeof *place);
    if (!place) {
        err_set(err, "out of memory");
        return REMOTE_REFUSE;
    }
    place->tls = tls;
    *tls_signer_note(tls) = place;
    if (client->in_flight < client->policy.max_in_flight) {
        client->in_flight++;
        return REMOTE_GO;
    }
    place->waits = true;
    TAILQ_INSERT_TAIL(&client->waiting[tls_role(tls) == TLS_DATA ? 0 : 1], place, queued);
    counter_set(&client->policy.counters->waiting, ++client->waiting_count);
    return REMOTE_WAIT;
}

static void sign_client_leave(struct remote_signer *signer, struct tls *tls)
{
    struct sign_client *client = client_of(signer);
    struct sign_place *place = *tls_signer_note(tls);
    bool had_place;

    if (!place)
        return;
    had_place = !place->waits;
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
    TAILQ_INIT(&client->waiting[0]);
    TAILQ_INIT(&client->waiting[1]);
    sign_request_setup(client);
    return client;
}

void sign_client_free(struct sign_client *client)
{
    if (!client)
        return;
    sign_request_end_all(client);
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

void sign_client_set_up(struct sign_client *client, bool up)
{
    struct sign_place *place;

    client->up = up;
    if (up)
        return;
    /* Each comes back to admit and is refused there; its leave takes it out of the list. */
    for (int list = 0; list < 2; list++)
        TAILQ_FOREACH(place, &client->waiting[list], queued)
    tls_wake(place->tls);
}

bool sign_client_up(const struct sign_client *client)
{
    return client->up;
}

struct remote_signer *sign_client_signer(struct sign_client *client)
{
    return &client->signer;
}
