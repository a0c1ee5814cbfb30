#include "ticket_ring.h"

#include "log.h"
#include "sealed.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* A key is good for more tickets than any hour brings. */
enum { TICKET_TURN_MIN_MS = 60 * 1000, TICKET_TURNS = 4 };

/* One more in front; false: nothing has changed. */
static bool ring_add(struct ticket_ring *ring, struct err *err)
{
    uint8_t made[TICKET_RING_MAX][TICKET_SECRET_LEN];
    size_t count = ring->count < TICKET_RING_MAX ? ring->count + 1 : TICKET_RING_MAX;
    int fd = -1;

    memcpy(made[1], ring->secrets[0], (count - 1) * TICKET_SECRET_LEN);
    if (getrandom(made[0], TICKET_SECRET_LEN, 0) != TICKET_SECRET_LEN)
        err_errno(err, "no random bytes");
    else
        fd = sealed_new("ticket-secrets", made, count * TICKET_SECRET_LEN, err);
    if (fd >= 0) {
        if (ring->fd >= 0)
            (void)close(ring->fd);
        ring->fd = fd;
        ring->count = count;
        memcpy(ring->secrets, made, count * TICKET_SECRET_LEN);
    }
    explicit_bzero(made, sizeof made);
    return fd >= 0;
}

bool ticket_ring_open(struct ticket_ring *ring, uint64_t now_ms, struct err *err)
{
    *ring = (struct ticket_ring){.fd = -1, .turned_ms = now_ms};
    return ring_add(ring, err);
}

void ticket_ring_close(struct ticket_ring *ring)
{
    if (ring->fd >= 0)
        (void)close(ring->fd);
    explicit_bzero(ring, sizeof *ring);
    ring->fd = -1;
}

bool ticket_ring_turn(struct ticket_ring *ring, uint64_t lifetime_ms, uint64_t now_ms)
{
    uint64_t span_ms = lifetime_ms / TICKET_TURNS;
    struct err err;

    if (span_ms < TICKET_TURN_MIN_MS)
        span_ms = TICKET_TURN_MIN_MS;
    if (now_ms - ring->turned_ms < span_ms)
        return false;
    ring->turned_ms = now_ms;
    if (ring_add(ring, &err))
        return true;
    log_event(LOG_LEVEL_ERROR, "ticket-secret-failed", "%s", err.text);
    return false;
}
