#include "refusals.h"

#include "err.h"
#include "token_name.h"

#include <stdlib.h>
#include <string.h>

static void refusal_clear(struct refusal *refusal)
{
    free(refusal->module);
    free(refusal->token);
    refusal->module = refusal->token = NULL;
    pin_wipe(&refusal->pin);
}

/* Aliases come and go; the token is what counts tries. */
static bool refusal_is(const struct refusal *refusal, const struct conf_keystore *keystore,
                       const struct pin *pin)
{
    return refusal->module && refusal->token &&
           token_name_may_be_same(refusal->module, refusal->token, keystore->module, keystore->token) &&
           pin_same(&refusal->pin, pin) && pin_same_age(&refusal->pin, pin);
}

bool refusals_has(const struct refusals *refusals, const struct conf_keystore *keystore,
                  const struct pin *pin)
{
    for (size_t i = 0; i < REFUSALS_MAX; i++)
        if (refusal_is(&refusals->all[i], keystore, pin))
            return true;
    return false;
}

void refusals_add(struct refusals *refusals, const struct conf_keystore *keystore, const struct pin *pin)
{
    struct refusal *one = &refusals->all[refusals->next];
    struct err err;

    if (!pin->memory || refusals_has(refusals, keystore, pin))
        return;
    refusals->next = (refusals->next + 1) % REFUSALS_MAX;
    refusal_clear(one);
    if (!pin_copy(pin, &one->pin, &err))
        return;
    one->module = strdup(keystore->module);
    one->token = strdup(keystore->token);
}

void refusals_clear(struct refusals *refusals)
{
    for (size_t i = 0; i < REFUSALS_MAX; i++)
        refusal_clear(&refusals->all[i]);
}
