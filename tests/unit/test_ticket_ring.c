#include "sealed.h"
#include "ticket_ring.h"
#include "unit.h"

#include <string.h>

enum { HOUR_MS = 3600 * 1000 };

static void map(const struct ticket_ring *ring, struct sealed *out)
{
    struct err err;

    assert_true(sealed_map(ring->fd, sizeof ring->secrets, out, &err));
    assert_int_equal(out->len, ring->count * TICKET_SECRET_LEN);
    assert_memory_equal(out->data, ring->secrets, out->len);
}

static void it_begins_with_one(void **state)
{
    struct ticket_ring ring;
    struct sealed sealed;
    struct err err;

    (void)state;
    assert_true(ticket_ring_open(&ring, 1000, &err));
    assert_int_equal(ring.count, 1);
    map(&ring, &sealed);
    sealed_unmap(&sealed);
    ticket_ring_close(&ring);
    assert_int_equal(ring.fd, -1);
}

/* T3: sealed at any moment of its turn, a ticket can be opened for the whole of its life. */
static void a_secret_is_kept_as_long_as_its_tickets_live(void **state)
{
    const uint64_t lifetime_ms = 8 * HOUR_MS, turn_ms = lifetime_ms / 4;
    uint8_t first[TICKET_SECRET_LEN];
    struct ticket_ring ring;
    uint64_t now_ms = 5000, last_sealed_ms;
    struct sealed sealed;
    struct err err;

    (void)state;
    assert_true(ticket_ring_open(&ring, now_ms, &err));
    memcpy(first, ring.secrets[0], sizeof first);
    assert_false(ticket_ring_turn(&ring, lifetime_ms, now_ms + turn_ms - 1));
    last_sealed_ms = now_ms + turn_ms - 1;
    while (now_ms < last_sealed_ms + lifetime_ms) {
        bool kept = false;

        now_ms += 250;
        (void)ticket_ring_turn(&ring, lifetime_ms, now_ms);
        for (size_t i = 0; i < ring.count; i++)
            kept = kept || memcmp(ring.secrets[i], first, sizeof first) == 0;
        if (!kept)
            fail_msg("gone after %llu ms", (unsigned long long)now_ms);
    }
    assert_memory_not_equal(ring.secrets[0], first, sizeof first);
    map(&ring, &sealed);
    sealed_unmap(&sealed);
    ticket_ring_close(&ring);
}

static void it_turns_and_forgets(void **state)
{
    uint8_t first[TICKET_SECRET_LEN];
    struct ticket_ring ring;
    struct err err;

    (void)state;
    assert_true(ticket_ring_open(&ring, 0, &err));
    memcpy(first, ring.secrets[0], sizeof first);
    for (uint64_t turn = 1; turn <= 20; turn++) {
        uint8_t before[TICKET_SECRET_LEN];

        memcpy(before, ring.secrets[0], sizeof before);
        assert_true(ticket_ring_turn(&ring, 4 * HOUR_MS, turn * HOUR_MS));
        assert_false(ticket_ring_turn(&ring, 4 * HOUR_MS, turn * HOUR_MS));
        assert_memory_equal(ring.secrets[1], before, sizeof before);
        assert_true(ring.count <= TICKET_RING_MAX);
    }
    assert_int_equal(ring.count, TICKET_RING_MAX);
    for (size_t i = 0; i < ring.count; i++)
        assert_memory_not_equal(ring.secrets[i], first, sizeof first);
    ticket_ring_close(&ring);
}

static void a_short_lifetime_does_not_make_it_spin(void **state)
{
    struct ticket_ring ring;
    struct err err;

    (void)state;
    assert_true(ticket_ring_open(&ring, 0, &err));
    assert_false(ticket_ring_turn(&ring, 1000, 59999));
    assert_true(ticket_ring_turn(&ring, 1000, 60000));
    ticket_ring_close(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_with_one),
        cmocka_unit_test(a_secret_is_kept_as_long_as_its_tickets_live),
        cmocka_unit_test(it_turns_and_forgets),
        cmocka_unit_test(a_short_lifetime_does_not_make_it_spin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
