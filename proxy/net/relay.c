#include "relay.h"

#include "stream.h"

#include <stdlib.h>

struct relay {
    struct stream *side[2];
    bool ended[2], told;
    const struct relay_user *user;
    void *owner;
};

static int relay_side(const struct relay *relay, const struct stream *stream)
{
    return relay->side[1] == stream;
}

/* Last use of the relay: the owner may free it in here. */
static void relay_over(struct relay *relay, enum relay_end end)
{
    if (relay->told)
        return;
    relay->told = true;
    relay->user->ended(relay->owner, end);
}

static void relay_check_done(struct relay *relay)
{
    if (relay->ended[0] && relay->ended[1] && !stream_unsent(relay->side[0]) &&
        !stream_unsent(relay->side[1]))
        relay_over(relay, RELAY_DONE);
}

static size_t relay_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    struct relay *relay = owner;

    stream_write(relay->side[!relay_side(relay, stream)], data, len);
    if (relay->user->moved)
        relay->user->moved(relay->owner);
    return len;
}

static void relay_side_ended(struct relay *relay, int side)
{
    relay->ended[side] = true;
    if (!relay->user->side_ended || relay->user->side_ended(relay->owner, side))
        stream_finish(relay->side[!side]);
    if (!relay->told)
        relay_check_done(relay);
}

static void relay_event(void *owner, struct stream *stream, enum stream_event event)
{
    struct relay *relay = owner;
    int side = relay_side(relay, stream);

    switch (event) {
    case STREAM_ENDED:
        relay_side_ended(relay, side);
        break;
    case STREAM_CUT:
        relay_over(relay, side ? RELAY_B_CUT : RELAY_A_CUT);
        break;
    case STREAM_FAILED:
        relay_over(relay, side ? RELAY_B_FAILED : RELAY_A_FAILED);
        break;
    case STREAM_DRAINED:
        relay_check_done(relay);
        break;
    case STREAM_CONNECTED:
    case STREAM_SECURE:
        break;
    }
}

static const struct stream_user relay_streams = {.data = relay_data, .event = relay_event};

struct relay *relay_new(struct stream *a, struct stream *b, const struct relay_user *user, void *owner)
{
    struct relay *relay = calloc(1, sizeof *relay);

    if (!relay)
        return NULL;
    relay->side[0] = a;
    relay->side[1] = b;
    relay->user = user;
    relay->owner = owner;
    stream_set_sink(a, b);
    stream_set_sink(b, a);
    stream_set_user(a, &relay_streams, relay);
    stream_set_user(b, &relay_streams, relay);
    stream_resume(a);
    stream_resume(b);
    return relay;
}

void relay_free(struct relay *relay)
{
    if (!relay)
        return;
    for (int side = 0; side < 2; side++) {
        stream_set_user(relay->side[side], NULL, NULL);
        stream_set_sink(relay->side[side], NULL);
    }
    free(relay);
}
