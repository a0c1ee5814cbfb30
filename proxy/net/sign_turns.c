#include "sign_turns.h"

#include <stdlib.h>

struct sign_network {
    TAILQ_ENTRY(sign_network) in_ring;
    TAILQ_ENTRY(sign_network) in_slot;
    uint64_t number;
    size_t count;
    struct sign_turn_list waiting;
};

void sign_turns_init(struct sign_turns *turns)
{
    *turns = (struct sign_turns){.count = 0};
    TAILQ_INIT(&turns->urgent);
    TAILQ_INIT(&turns->ring);
    for (size_t i = 0; i < SIGN_NETWORK_SLOTS; i++)
        TAILQ_INIT(&turns->table[i]);
}

static size_t slot_of(uint64_t network)
{
    return (size_t)((network * 0x9e3779b97f4a7c15u) >> 32) % SIGN_NETWORK_SLOTS;
}

static struct sign_network *network_find(const struct sign_turns *turns, uint64_t number)
{
    struct sign_network *network;

    TAILQ_FOREACH(network, &turns->table[slot_of(number)], in_slot)
    if (network->number == number)
        return network;
    return NULL;
}

static struct sign_network *network_add(struct sign_turns *turns, uint64_t number)
{
    struct sign_network *network = calloc(1, sizeof *network);

    if (!network)
        return NULL;
    network->number = number;
    TAILQ_INIT(&network->waiting);
    TAILQ_INSERT_TAIL(&turns->ring, network, in_ring);
    TAILQ_INSERT_HEAD(&turns->table[slot_of(number)], network, in_slot);
    turns->network_count++;
    return network;
}

static void network_drop(struct sign_turns *turns, struct sign_network *network)
{
    TAILQ_REMOVE(&turns->ring, network, in_ring);
    TAILQ_REMOVE(&turns->table[slot_of(network->number)], network, in_slot);
    turns->network_count--;
    free(network);
}

size_t sign_turns_ahead(const struct sign_turns *turns, bool urgent, uint64_t network)
{
    const struct sign_network *own = network_find(turns, network);
    size_t rounds = own ? own->count : 0, others = turns->network_count - (own ? 1 : 0);
    size_t fair = turns->urgent_count + rounds + (rounds + 1) * others;

    if (urgent)
        return turns->urgent_count;
    return fair < turns->count ? fair : turns->count;
}

bool sign_turns_add(struct sign_turns *turns, struct sign_turn *turn, bool urgent, uint64_t network)
{
    turn->network = NULL;
    if (urgent) {
        TAILQ_INSERT_TAIL(&turns->urgent, turn, queued);
        turns->urgent_count++;
    } else {
        turn->network = network_find(turns, network);
        if (!turn->network)
            turn->network = network_add(turns, network);
        if (!turn->network)
            return false;
        TAILQ_INSERT_TAIL(&turn->network->waiting, turn, queued);
        turn->network->count++;
    }
    turn->waits = true;
    turns->count++;
    return true;
}

void sign_turns_remove(struct sign_turns *turns, struct sign_turn *turn)
{
    struct sign_network *network = turn->network;

    if (!turn->waits)
        return;
    turn->waits = false;
    turn->network = NULL;
    turns->count--;
    if (!network) {
        TAILQ_REMOVE(&turns->urgent, turn, queued);
        turns->urgent_count--;
        return;
    }
    TAILQ_REMOVE(&network->waiting, turn, queued);
    if (--network->count == 0)
        network_drop(turns, network);
}

struct sign_turn *sign_turns_next(struct sign_turns *turns)
{
    struct sign_turn *turn = TAILQ_FIRST(&turns->urgent);
    struct sign_network *network = TAILQ_FIRST(&turns->ring);

    if (!turn && network) {
        turn = TAILQ_FIRST(&network->waiting);
        TAILQ_REMOVE(&turns->ring, network, in_ring);
        TAILQ_INSERT_TAIL(&turns->ring, network, in_ring);
    }
    if (turn)
        sign_turns_remove(turns, turn);
    return turn;
}

void sign_turns_each(struct sign_turns *turns, void (*each)(struct sign_turn *turn))
{
    struct sign_network *network;
    struct sign_turn *turn;

    TAILQ_FOREACH(turn, &turns->urgent, queued)
    each(turn);
    TAILQ_FOREACH(network, &turns->ring, in_ring)
    TAILQ_FOREACH(turn, &network->waiting, queued)
    each(turn);
}
