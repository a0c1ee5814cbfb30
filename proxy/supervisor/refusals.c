#include "refusals.h"

#include "err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Aliases come and go; the token is what counts tries. */
static char *token_name(const struct conf_keystore *keystore)
{
    char *name = NULL;

    return asprintf(&name, "%s %s", keystore->module, keystore->token) < 0 ? NULL : name;
}

static void refusal_clear(struct refusal *refusal)
{
    free(refusal->token);
    refusal->token = NULL;
    pin_wipe(&refusal->pin);
}

bool refusals_has(const struct refusals *refusals, const struct conf_keystore *keystore,
                  const struct pin *pin)
{
    char *name = token_name(keystore);
    bool found = false;

    for (size_t i = 0; name && i < REFUSALS_MAX && !found; i++) {
        const struct refusal *one = &refusals->all[i];

        found = one->token && strcmp(one->token, name) == 0 && pin_same(&one->pin, pin) &&
                one->pin.changed.tv_sec == pin->changed.tv_sec &&
                one->pin.changed.tv_nsec == pin->changed.tv_nsec;
    }
    free(name);
    return found;
}

void refusals_add(struct refusals *refusals, const struct conf_keystore *keystore, const struct pin *pin)
{
    struct refusal *one = &refusals->all[refusals->next];
    struct err err;

    if (!pin->memory || refusals_has(refusals, keystore, pin))
        return;
    refusals->next = (refusals->next + 1) % REFUSALS_MAX;
    refusal_clear(one);
    if (pin_copy(pin, &one->pin, &err))
        one->token = token_name(keystore);
}

void refusals_clear(struct refusals *refusals)
{
    for (size_t i = 0; i < REFUSALS_MAX; i++)
        refusal_clear(&refusals->all[i]);
}
