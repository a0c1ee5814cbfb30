#include "key_source.h"

#include "ckr.h"
#include "clock.h"

const char *signing_key_type_name(enum signing_key_type type)
{
    static const char *const names[] = {
        [SIGNING_KEY_RSA] = "RSA", [SIGNING_KEY_EC] = "EC", [SIGNING_KEY_ED25519] = "ED25519"};

    return names[type];
}

void signature_fault(const struct signature *signature, struct err *err)
{
    const char *function = signature->function ? signature->function : "signing";

    if (signature->ckr)
        err_set(err, "%s: %s", function, ckr_name(signature->ckr));
    else
        err_set(err, "%s", function);
}

static void busy(struct key_source *source, uint64_t since_ms)
{
    if (source->busy_since_ms)
        counter_set(source->busy_since_ms, since_ms);
}

enum sign_status key_source_sign(struct key_source *source, const struct signing_key *key,
                                 const struct scheme *scheme, const struct crypto_input *in,
                                 struct signature *out)
{
    enum sign_status status;

    busy(source, clock_monotonic_ms());
    status = source->ops->sign(source, key, scheme, in, out);
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
