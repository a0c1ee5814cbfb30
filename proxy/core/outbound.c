#include "outbound.h"

#include "conf.h"
#include "inventory.h"
#include "policy.h"
#include "sign_client.h"
#include "text.h"
#include "tls.h"
#include "tls_client.h"

#include <stdlib.h>
#include <string.h>

/* All ways out together are one network among those that wait for a signature; none of addr_network's. */
static const uint64_t OUTBOUND_SOURCE = UINT64_MAX;

struct outbound {
    struct outbound_setup setup;
    struct tls_client_ctx *tls;
    char name[256]; /* that partners' certificates must have */
};

static const struct conf_backend_tls *rules_of(const struct outbound *outbound)
{
    return &outbound->setup.listener->backend_tls;
}

/* Without server-name it is the backends' own, which conf_check has found to be one. */
static void choose_name(struct outbound *outbound)
{
    const struct conf_listener *listener = outbound->setup.listener;
    const struct conf_backends *backends = listener->backends.count || !listener->route_count
                                               ? &listener->backends
                                               : &listener->routes[0].backends;
    const char *name = rules_of(outbound)->server_name;
    char numeric[ADDR_TEXT_LEN];

    if (!name[0] && backends->count && backends->items[0].host[0])
        name = backends->items[0].host;
    if (!name[0] && backends->count) {
        addr_host_text(&backends->items[0].addr, numeric);
        name = numeric;
    }
    (void)text_copy(outbound->name, sizeof outbound->name, name);
}

struct outbound *outbound_new(const struct outbound_setup *setup, struct err *err)
{
    const struct conf_listener *listener = setup->listener;
    const struct tls_client_policy policy = {
        .versions = listener->tls_versions,
        .ciphers = listener->ciphers,
        .ciphersuites = listener->ciphersuites,
        .groups = listener->groups,
    };
    struct outbound *outbound = calloc(1, sizeof *outbound);

    if (!outbound) {
        err_set(err, "out of memory");
        return NULL;
    }
    outbound->setup = *setup;
    choose_name(outbound);
    outbound->tls = tls_client_ctx_new(&policy, err);
    if (outbound->tls && outbound_set_policy(outbound, setup->policy, err))
        return outbound;
    err_context(err, "backend-tls");
    outbound_free(outbound);
    return NULL;
}

void outbound_free(struct outbound *outbound)
{
    if (!outbound)
        return;
    tls_client_ctx_unref(outbound->tls);
    free(outbound);
}

/* --- what it works with --- */

static bool add_key(struct outbound *outbound, const struct inventory_key *keys, size_t count,
                    const struct conf_key *wanted, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].wanted != wanted->wanted)
            continue;
        if (tls_client_ctx_add_key(outbound->tls, &keys[i], sign_client_signer(outbound->setup.signer), err))
            return true;
        err_context(err, "backend-tls: key \"%s\"", wanted->alias);
        return false;
    }
    err_set(err, "backend-tls: key \"%s\" is not among those that the keystore offers", wanted->alias);
    return false;
}

bool outbound_set_keys(struct outbound *outbound, const struct inventory_key *keys, size_t count,
                       struct err *err)
{
    const struct conf_backend_tls *rules = rules_of(outbound);

    tls_client_ctx_clear_keys(outbound->tls);
    for (size_t i = 0; i < rules->key_count; i++)
        if (!add_key(outbound, keys, count, &rules->keys[i], err))
            return false;
    return true;
}

int64_t outbound_expiry(const struct outbound *outbound, size_t index)
{
    return tls_client_ctx_expiry(outbound->tls, index);
}

/* The truststore of this name as the policy's configuration has it; NULL: it has none. */
static const struct conf_truststore *truststore_of(const struct policy *policy, const char *alias)
{
    const struct conf *conf = policy_conf(policy);

    for (size_t i = 0; i < conf->truststore_count; i++)
        if (!strcmp(conf->truststores[i].alias, alias))
            return &conf->truststores[i];
    return NULL;
}

bool outbound_set_policy(struct outbound *outbound, const struct policy *policy, struct err *err)
{
    const char *alias = outbound->setup.conf->truststores[rules_of(outbound)->truststore].alias;
    const struct conf_truststore *store = truststore_of(policy, alias);
    struct tls_client_trust trust;

    if (!store) {
        err_set(err, "truststore \"%s\" is gone", alias);
        return false;
    }
    trust = (struct tls_client_trust){
        .ca_pem = store->ca_pem,
        .ca_pem_len = store->ca_pem_len,
        .crl_pem = store->crl_pem,
        .crl_pem_len = store->crl_file[0] ? store->crl_pem_len : 0,
        .crl_fail = store->crl_policy == CONF_CRL_FAIL,
        .verify_depth = store->verify_depth,
    };
    if (tls_client_ctx_set_trust(outbound->tls, &trust, err))
        return true;
    err_context(err, "truststore \"%s\"", alias);
    return false;
}

/* --- conversations --- */

/* A partner may ask for the certificate in any handshake: without the token none is begun. */
static bool can_sign(const struct outbound *outbound, struct err *err)
{
    const struct conf_backend_tls *rules = rules_of(outbound);

    if (!rules->key_count)
        return true;
    if (tls_client_ctx_has_key(outbound->tls) && sign_client_up(outbound->setup.signer))
        return true;
    err_set(err, "keystore \"%s\" cannot sign with the client key: its token is away",
            outbound->setup.conf->keystores[rules->keystore].alias);
    return false;
}

struct tls *outbound_tls(struct outbound *outbound, struct err *err)
{
    struct tls *tls;

    if (!can_sign(outbound, err))
        return NULL;
    tls = tls_client_new(outbound->tls, outbound->name, err);
    if (tls)
        tls_set_source(tls, OUTBOUND_SOURCE);
    return tls;
}
