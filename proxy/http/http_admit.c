/* May a request go on, to which servers, and what are they told about its client: routes (H10), AS2 names,
 * trust as it is now (C5), the certificate (H7). */
#include "http_private.h"

#include "addr.h"
#include "http_as2.h"
#include "http_certificate.h"
#include "http_head.h"
#include "http_route.h"
#include "reason.h"

#include <string.h>

const struct conf_backends *http_backends_of(const struct http *http, const struct conf_route *route)
{
    return route && route->backends.count ? &route->backends : &session_conf(http->session)->backends;
}

static bool find_route(struct http *http, const struct http_head *head, const uint8_t *bytes,
                       struct http_permit *permit, struct http_fault *fault)
{
    const struct conf_listener *conf = session_conf(http->session);
    const char *path = (const char *)bytes + head->path.at, *method = (const char *)bytes + head->method.at;

    if (!conf->route_count)
        return true;
    http->route = http_route_find(conf, path, head->path.len);
    if (!http->route)
        return conf->backends.count || http_refuse(fault, 404, "no route for this path");
    if (!http_route_takes(http->route, method, head->method.len)) {
        permit->allowed =
            (struct http_allowed){(const char *const *)http->route->methods, http->route->method_count};
        return http_refuse(fault, 405, "a method that the route does not take");
    }
    permit->max_body_bytes = http->route->max_body_bytes;
    return true;
}

static bool has_as2_id(const struct conf_partner *partner, const char *name)
{
    for (size_t i = 0; i < partner->as2_id_count; i++)
        if (strcmp(partner->as2_ids[i], name) == 0)
            return true;
    return false;
}

/* require-as2-id: AS2-From, exactly one, is a name of the partner whose certificate came. */
static bool check_as2_id(struct http *http, const struct http_head *head, const uint8_t *bytes,
                         struct http_fault *fault)
{
    const struct http_field *from = http_head_field(head, HTTP_NAME_AS2_FROM);
    const struct conf_partner *partner = session_partner(http->session);
    char name[HTTP_AS2_NAME_MAX + 1];

    if (!partner)
        return http_refuse(fault, 403, "the client certificate is no partner's");
    if (!from)
        return http_refuse(fault, 403, "no AS2-From");
    if (head->count[HTTP_NAME_AS2_FROM] > 1 || head->count[HTTP_NAME_AS2_LOOKALIKE])
        return http_refuse(fault, 403, "more than one AS2-From");
    if (!http_as2_name(bytes + from->value.at, from->value.len, name))
        return http_refuse(fault, 403, "an AS2-From that is no AS2 name");
    if (has_as2_id(partner, name))
        return true;
    err_set(&http->refusal, "AS2-From %s is not one of partner %s", name, partner->alias);
    return http_refuse(fault, 403, http->refusal.text);
}

static bool add_chain(struct http *http)
{
    const uint8_t *der;
    size_t len;

    for (size_t i = 0; session_chain_certificate(http->session, i, &der, &len); i++)
        if (!http_certificate_issuer(&http->identity, !i, der, len))
            return false;
        else if (!session_chain_certificate(http->session, i + 1, &der, &len))
            return buf_add_text(&http->identity, "\r\n");
    return true;
}

static bool add_certificate(struct http *http, const uint8_t *der, size_t len)
{
    const struct identity *who = session_identity(http->session);
    bool whole = strlen(who->subject) < sizeof who->subject - 1;

    switch (session_conf(http->session)->client_cert_header) {
    case CONF_HEADER_RFC9440:
        return http_certificate_leaf(&http->identity, der, len) && add_chain(http);
    case CONF_HEADER_XFCC:
        return http_certificate_xfcc(&http->identity, who->fingerprint, whole ? who->subject : "", der, len);
    case CONF_HEADER_NONE:
        break;
    }
    return true;
}

/* H7: only a certificate that was presented and that is trusted now is told. Made once a session. */
static bool tell_identity(struct http *http, struct http_permit *permit, struct http_fault *fault)
{
    const uint8_t *der;
    size_t len;

    if (session_conf(http->session)->client_cert_header == CONF_HEADER_NONE ||
        session_identity(http->session)->verdict != TLS_TRUSTED ||
        !session_certificate(http->session, &der, &len))
        return true;
    if (!buf_len(&http->identity) && !add_certificate(http, der, len)) {
        buf_free(&http->identity);
        permit->reason = REASON_NO_MEMORY;
        return http_refuse(fault, 503, "no memory for the client's certificate");
    }
    permit->identity = buf_data(&http->identity);
    permit->identity_len = buf_len(&http->identity);
    return true;
}

/* Or is it the address, or the partner's own rules? */
static bool is_distrusted(const struct session *session)
{
    return session_conf(session)->client_certificate != CONF_CLIENT_NONE &&
           session_identity(session)->verdict != TLS_TRUSTED;
}

bool http_admit(void *owner, const struct http_head *head, const uint8_t *bytes, struct http_permit *permit,
                struct http_fault *fault)
{
    struct http *http = owner;

    http->route = NULL;
    if (!session_recheck(http->session, &http->refusal)) {
        if (is_distrusted(http->session))
            permit->reason = REASON_CERTIFICATE_REFUSED;
        return http_refuse(fault, 403, http->refusal.text);
    }
    if (!find_route(http, head, bytes, permit, fault))
        return false;
    if (session_conf(http->session)->require_as2_id && !check_as2_id(http, head, bytes, fault))
        return false;
    http->moves = http->backend && !http_route_same_backends(http_backends_of(http, http->route),
                                                             http_backends_of(http, http->connected));
    return tell_identity(http, permit, fault);
}
