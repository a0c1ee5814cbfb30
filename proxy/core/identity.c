#include "identity.h"

#include "text.h"

static void identity_copy(char *out, size_t size, const char *text)
{
    (void)text_copy(out, size, text ? text : "");
}

void identity_from_failed_tls(struct identity *out, const struct tls *tls)
{
    identity_from_tls(out, tls);
    out->secure = false;
}

void identity_from_tls(struct identity *out, const struct tls *tls)
{
    struct tls_facts facts;

    tls_facts(tls, &facts);
    out->secure = true;
    out->resumed = facts.resumed;
    out->verdict = facts.verdict;
    out->key_ms = facts.key_ms;
    identity_copy(out->version, sizeof out->version, facts.version);
    identity_copy(out->cipher, sizeof out->cipher, facts.cipher);
    identity_copy(out->sni, sizeof out->sni, facts.sni);
    identity_copy(out->subject, sizeof out->subject, facts.subject);
    identity_copy(out->serial, sizeof out->serial, facts.serial);
    identity_copy(out->fingerprint, sizeof out->fingerprint, facts.fingerprint);
    identity_copy(out->partner, sizeof out->partner, facts.partner);
    identity_copy(out->reason, sizeof out->reason, facts.reason);
}
