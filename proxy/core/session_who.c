/* Who the client of a session is, and whether it is still welcome by the policy of now (C5). */
#include "access.h"
#include "conf.h"
#include "policy.h"
#include "quotas.h"
#include "session_private.h"
#include "stream.h"
#include "text.h"
#include "tls.h"
#include "tls_facts.h"

#include <stdlib.h>
#include <string.h>

const struct addr *session_peer(const struct session *session)
{
    return &session->peer;
}

const struct conf_partner *session_partner(const struct session *session)
{
    const struct identity *who = &session->identity;
    const struct conf_partner *partner = NULL;

    if (who->secure && who->verdict == TLS_TRUSTED && who->partner[0])
        partner = policy_partner(session->service->policy, who->partner);
    return partner && partner->enabled ? partner : NULL;
}

/* --- its certificate --- */

bool session_certificate(const struct session *session, const uint8_t **der, size_t *len)
{
    struct tls *tls = stream_tls(session->client);

    return tls && session->identity.secure && tls_certificate(tls, der, len);
}

bool session_chain_certificate(struct session *session, size_t i, const uint8_t **der, size_t *len)
{
    const struct tls *tls = stream_tls(session->client);
    struct session_chain *kept;

    if (i >= SESSION_CHAIN_MAX || !tls || !session->identity.secure)
        return false;
    kept = &session->chain[i];
    if (!kept->der && !tls_chain_certificate(tls, i, &kept->der, &kept->len))
        return false;
    *der = kept->der;
    *len = kept->len;
    return true;
}

/* What is thought of it now stands in the identity from now on. */
static void judge(struct session *session)
{
    struct identity *who = &session->identity;
    struct tls_judgement now;

    tls_judge(stream_tls(session->client), service_trust(session->service), &now);
    who->verdict = now.verdict;
    (void)text_copy(who->partner, sizeof who->partner, now.partner);
    (void)text_copy(who->reason, sizeof who->reason, now.reason);
}

/* Required, it has to be good; requested, a bad one counts where bad-certificate says so, and one that has
 * logged somebody in (cert-map) has to stay the same partner's. */
static bool certificate_will_do(const struct session *session, struct err *why)
{
    const struct conf_listener *conf = session_conf(session);
    const struct identity *who = &session->identity;
    bool required = conf->client_certificate == CONF_CLIENT_REQUIRE;

    if (who->verdict == TLS_UNTRUSTED && (required || conf->bad_certificate == CONF_BAD_FAIL)) {
        err_set(why, "the client certificate is not trusted: %s", who->reason);
        return false;
    }
    if (who->verdict == TLS_NO_CERTIFICATE && required) {
        err_set(why, "the client has sent no certificate");
        return false;
    }
    if (conf->cert_map && session->first_partner[0] && strcmp(session->first_partner, who->partner) != 0) {
        err_set(why, "the client certificate is no longer that of partner \"%s\"", session->first_partner);
        return false;
    }
    return true;
}

/* --- its partner's rules --- */

static void leave_partner(struct session *session)
{
    if (session->places.partner)
        quotas_give(session->service->setup.quotas, session->places.partner);
    session->places.partner = 0;
}

/* One of the partner's max-sessions, taken once and kept. */
static bool take_partner_place(struct session *session, const struct conf_partner *partner)
{
    struct quotas *quotas = session->service->setup.quotas;
    uint64_t key = quotas_key(quotas, LIMIT_PARTNER, partner->alias, NULL);

    if (session->places.partner == key && partner->max_sessions)
        return true;
    leave_partner(session);
    if (!partner->max_sessions)
        return true;
    if (!quotas_take(quotas, key, partner->max_sessions))
        return false;
    session->places.partner = key;
    return true;
}

static bool partner_lets_in(struct session *session, struct err *why)
{
    const struct conf_partner *partner = session_partner(session);

    if (!partner) {
        leave_partner(session);
        return true;
    }
    if (partner->allow.count && !access_contains(&partner->allow, &session->peer)) {
        err_set(why, "partner \"%s\" may not come from this address", partner->alias);
        return false;
    }
    if (take_partner_place(session, partner))
        return true;
    err_set(why, "partner \"%s\" has as many sessions as it may", partner->alias);
    return false;
}

/* --- all of it --- */

bool session_recheck(struct session *session, struct err *why)
{
    const struct service *service = session->service;

    if (!access_allows(&service->rules->access, &session->peer)) {
        err_set(why, "allow and deny keep this address out");
        return false;
    }
    if (!session->identity.secure || session_conf(session)->client_certificate == CONF_CLIENT_NONE)
        return true;
    judge(session);
    return certificate_will_do(session, why) && partner_lets_in(session, why);
}

bool session_login_failed(struct session *session)
{
    const struct service_setup *setup = &session->service->setup;
    uint32_t max = setup->listener->max_login_failures;

    if (setup->login_failed)
        setup->login_failed(setup->owner, setup->index, &session->peer);
    return ++session->login_failures >= max && max;
}

void session_forget_tls(struct session *session)
{
    leave_partner(session);
    session_forget_who(session);
    session->identity = (struct identity){.secure = false};
    session->first_partner[0] = '\0';
}

void session_forget_who(struct session *session)
{
    for (size_t i = 0; i < SESSION_CHAIN_MAX; i++)
        free(session->chain[i].der);
    memset(session->chain, 0, sizeof session->chain);
}
