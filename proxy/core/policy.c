#include "policy.h"

#include "tls_trust.h"

#include <stdlib.h>
#include <string.h>

struct by_alias {
    const struct conf_partner *partner;
};

struct policy {
    unsigned holders;
    struct conf *conf;
    struct conf_files *files;
    struct by_alias *partners; /* sorted */
    struct truststore {
        struct tls_trust *trust;
    } * stores; /* as in conf; the last: of none */
    size_t store_count;
};

static int partner_order(const void *a, const void *b)
{
    const struct by_alias *one = a, *other = b;

    return strcmp(one->partner->alias, other->partner->alias);
}

static bool policy_sort_partners(struct policy *policy)
{
    size_t count = policy->conf->partner_count;

    policy->partners = calloc(count + 1, sizeof *policy->partners);
    for (size_t i = 0; policy->partners && i < count; i++)
        policy->partners[i].partner = &policy->conf->partners[i];
    if (policy->partners)
        qsort(policy->partners, count, sizeof *policy->partners, partner_order);
    return policy->partners;
}

/* --- trust --- */

/* Every certificate file of every partner; an array that lives for one call. */
static struct tls_trust_partner *all_partners(const struct conf *conf, size_t *count)
{
    struct tls_trust_partner *all;
    size_t max = 1;

    *count = 0;
    for (size_t i = 0; i < conf->partner_count; i++)
        max += conf->partners[i].certificate_count;
    all = calloc(max, sizeof *all);
    for (size_t i = 0; all && i < conf->partner_count; i++) {
        const struct conf_partner *partner = &conf->partners[i];

        for (size_t k = 0; k < partner->certificate_count; k++)
            all[(*count)++] = (struct tls_trust_partner){.alias = partner->alias,
                                                         .pem = partner->certificates[k].pem,
                                                         .len = partner->certificates[k].len,
                                                         .enabled = partner->enabled};
    }
    return all;
}

static bool make_partner_trust(struct policy *policy, struct err *err)
{
    size_t count;
    struct tls_trust_partner *partners = all_partners(policy->conf, &count);
    const struct tls_trust_setup setup = {.partners = partners, .partner_count = count};
    struct tls_trust *trust = NULL;

    if (partners)
        trust = tls_trust_new(&setup, err);
    else
        err_set(err, "out of memory");
    free(partners);
    if (!trust)
        err_context(err, "%s: partners", policy->conf->path);
    policy->stores[policy->store_count - 1].trust = trust;
    return trust;
}

static bool make_truststore(struct policy *policy, size_t index, struct err *err)
{
    const struct conf_truststore *store = &policy->conf->truststores[index];
    const struct tls_trust_setup setup = {
        .ca_pem = store->ca_pem_len ? store->ca_pem : NULL,
        .ca_pem_len = store->ca_pem_len,
        .crl_pem = store->crl_file[0] ? store->crl_pem : NULL,
        .crl_pem_len = store->crl_pem_len,
        .crl_fail = store->crl_policy == CONF_CRL_FAIL,
        .verify_depth = store->verify_depth,
        .announce = store->announce,
        .partners_of = policy->stores[policy->store_count - 1].trust,
    };

    policy->stores[index].trust = tls_trust_new(&setup, err);
    if (!policy->stores[index].trust)
        err_context(err, "%s:%d: truststore \"%s\"", policy->conf->path, store->line, store->alias);
    return policy->stores[index].trust;
}

static bool policy_make_trusts(struct policy *policy, struct err *err)
{
    size_t count = policy->conf->truststore_count;

    policy->stores = calloc(count + 1, sizeof *policy->stores);
    if (!policy->stores) {
        err_set(err, "out of memory");
        return false;
    }
    policy->store_count = count + 1;
    if (!make_partner_trust(policy, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!make_truststore(policy, i, err))
            return false;
    return true;
}

/* --- life --- */

static void policy_free(struct policy *policy)
{
    for (size_t i = 0; i < policy->store_count; i++)
        tls_trust_unref(policy->stores[i].trust);
    free(policy->stores);
    free(policy->partners);
    conf_free(policy->conf);
    conf_files_free(policy->files);
    free(policy);
}

struct policy *policy_new(struct conf *conf, struct conf_files *files, struct err *err)
{
    struct policy *policy = calloc(1, sizeof *policy);

    if (!policy) {
        err_set(err, "out of memory");
        conf_free(conf);
        conf_files_free(files);
        return NULL;
    }
    policy->holders = 1;
    policy->conf = conf;
    policy->files = files;
    if (!policy_sort_partners(policy))
        err_set(err, "out of memory");
    else if (policy_make_trusts(policy, err))
        return policy;
    policy_free(policy);
    return NULL;
}

struct policy *policy_ref(struct policy *policy)
{
    policy->holders++;
    return policy;
}

void policy_unref(struct policy *policy)
{
    if (policy && !--policy->holders)
        policy_free(policy);
}

/* --- looking --- */

const struct conf *policy_conf(const struct policy *policy)
{
    return policy->conf;
}

const struct conf_listener *policy_listener(const struct policy *policy, const char *alias)
{
    for (size_t i = 0; i < policy->conf->listener_count; i++)
        if (strcmp(policy->conf->listeners[i].alias, alias) == 0)
            return &policy->conf->listeners[i];
    return NULL;
}

const struct conf_partner *policy_partner(const struct policy *policy, const char *alias)
{
    const struct conf_partner wanted = {.alias = alias};
    const struct by_alias key = {&wanted},
                          *found = bsearch(&key, policy->partners, policy->conf->partner_count,
                                           sizeof *policy->partners, partner_order);

    return found ? found->partner : NULL;
}

struct tls_trust *policy_trust(const struct policy *policy, const char *truststore)
{
    for (size_t i = 0; i < policy->conf->truststore_count; i++)
        if (strcmp(policy->conf->truststores[i].alias, truststore) == 0)
            return policy->stores[i].trust;
    return policy->stores[policy->store_count - 1].trust;
}
