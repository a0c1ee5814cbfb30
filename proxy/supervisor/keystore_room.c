/*
 * Room on a token that has no session free: a reload looks at it with one signer more than the keystore has,
 * so one of those that run ends for it. While the old generation drains it keeps one signer, and the new one
 * has the sessions of the others.
 */
#include "clock.h"
#include "keystore_private.h"

enum {
    ROOM_STAYS_MS = 4000,     /* no signer takes its session again before a look should have ended */
    ROOM_COMES_MS = 300,      /* until a token has noticed that a signer is gone */
    ROOM_TAKE_OVER_MS = 2000, /* the others follow when the old generation has let go of its own */
};

bool keystore_full(const struct keystore *keystore)
{
    return keystore->full && keystore->trouble != TROUBLE_NONE && !keystore->crowded;
}

/* One inside a login is not to be killed. */
static bool is_ready(const struct signer *signer)
{
    return child_runs(&signer->child) && signer->child.ready && !signer->child.killed && !signer->odd &&
           !signer_logs_in(signer);
}

/* One that has nothing to do, if there is one: what another one works on is asked for once more. */
static struct signer *one_to_spare(struct keystore *keystore)
{
    struct signer *spare = NULL;

    for (size_t i = 0; i < keystore->signer_count; i++) {
        struct signer *signer = &keystore->signers[i];

        if (is_ready(signer) && (!spare || !counter_get(&signer->page->busy_since_ms)))
            spare = signer;
    }
    return spare;
}

static size_t count_ready(const struct keystore *keystore)
{
    size_t count = 0;

    for (size_t i = 0; i < keystore->signer_count; i++)
        count += is_ready(&keystore->signers[i]);
    return count;
}

bool keystore_make_room(struct keystore *keystore)
{
    if (keystore->stopping || keystore->retired || count_ready(keystore) < 2)
        return false;
    keystore->not_before_ms = clock_monotonic_ms() + ROOM_STAYS_MS;
    keystore->crowded = true;
    child_kill(&one_to_spare(keystore)->child, "its token has no session free for a reload");
    return true;
}

void keystore_look_again(struct keystore *keystore)
{
    keystore->trouble = TROUBLE_NONE;
    keystore->settled = false;
    keystore->crowded = true;
    keystore->failed_starts = 0;
    keystore->reason[0] = keystore->stated.text[0] = '\0';
    keystore->not_before_ms = clock_monotonic_ms() + ROOM_COMES_MS;
    keystore_step(keystore);
}

void keystore_wait_for_room(struct keystore *keystore)
{
    if (keystore->crowded)
        keystore->not_before_ms = clock_monotonic_ms() + ROOM_TAKE_OVER_MS;
}

void keystore_leave_room(struct keystore *keystore)
{
    while (keystore->crowded && count_ready(keystore) > 1)
        child_kill(&one_to_spare(keystore)->child, "its token's sessions are for the next generation");
}

bool keystore_keeps_room(struct keystore *keystore)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (keystore->retired)
        return keystore->crowded && !keystore_idle(keystore);
    /* What room there was is taken again, by all of its signers. */
    if (!keystore->alone && now_ms >= keystore->not_before_ms)
        keystore->crowded = false;
    return false;
}
