#include "key_source.h"

#include "clock.h"

static void busy(struct key_source *source, uint64_t since_ms)
{
    if (source->busy_since_ms)
        counter_set(source->busy_since_ms, since_ms);
}

enum sign_status key_source_sign(struct key_source *source, const struct signing_key *key,
                                 const struct scheme *scheme, const uint8_t *hash, struct signature *out)
{
    enum sign_status status;

    busy(source, clock_monotonic_ms());
    status = source->ops->sign(source, key, scheme, hash, out);
    busy(source, 0);
    return status;
}

enum outcome key_source_probe(struct key_source *source, struct err *err)
{
    enum outcome outcome;

    busy(source, clock_monotonic_ms());
    outcome = source->ops->probe(source, err);
    busy(source, 0);
    return outcome;
}
