/*
 * What the housekeeper shows, told to it by the supervisor: the configuration in force, pages of counters
 * (each numbered by the configuration that was granted last before it), which keystores can sign, the
 * listening socket of its HTTP. All of it again to each new housekeeper. Never blocks.
 */
#pragma once

#include <stdint.h>

struct crew;
struct keystore;
struct supervisor;

/* A new housekeeper knows nothing. */
void feed_all(struct supervisor *supervisor);

/* A crew took over from another. */
void feed_crew(struct supervisor *supervisor, const struct crew *crew, const struct crew *before);

/* A crew is about to be freed. */
void feed_crew_gone(struct supervisor *supervisor, const struct crew *crew);

/* A signer came or (fd -1) went. */
void feed_signer(struct supervisor *supervisor, const struct keystore *keystore, uint32_t index, int fd);

void feed_keystore(struct supervisor *supervisor, const struct keystore *keystore);
