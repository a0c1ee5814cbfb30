/* What the log and the counters say about a session. */
#include "conf.h"
#include "counters.h"
#include "loop.h"
#include "session_private.h"
#include "stream.h"

void session_log(const struct session *session, struct log_line *line, enum log_level level,
                 const char *event)
{
    log_begin(line, level, event);
    log_format(line, "session", "%llx", (unsigned long long)session->id);
    log_text(line, "listener", session_conf(session)->alias);
    log_text(line, "client", session->peer_text);
}

static const char *verdict_name(enum tls_verdict verdict)
{
    switch (verdict) {
    case TLS_TRUSTED:
        return "trusted";
    case TLS_UNTRUSTED:
        return "untrusted";
    case TLS_NO_CERTIFICATE:
        break;
    }
    return NULL;
}

static void log_tls(struct log_line *line, const struct identity *who)
{
    if (!who->secure)
        return;
    log_text(line, "tls", who->version);
    log_text(line, "cipher", who->cipher);
    log_text(line, "resumed", who->resumed ? "yes" : "no");
    log_text(line, "sni", who->sni);
}

void session_log_client(const struct session *session, struct log_line *line)
{
    const struct identity *who = &session->identity;

    if (!who->secure)
        return;
    log_tls(line, who);
    log_text(line, "cert", who->subject);
    log_text(line, "fingerprint", who->fingerprint);
    log_text(line, "partner", who->partner);
    log_number(line, "key_ms", who->key_ms);
}

/* The certificate also when it was the end of the handshake. */
static void log_identity(struct log_line *line, const struct identity *who)
{
    log_tls(line, who);
    log_text(line, "cert", who->subject);
    log_text(line, "serial", who->serial);
    log_text(line, "fingerprint", who->fingerprint);
    log_text(line, "partner", who->partner);
    log_text(line, "verdict", verdict_name(who->verdict));
    log_text(line, "cert_reason", who->reason);
}

/* The last line, and what is counted. */
void session_account(struct session *session, enum session_reason reason, const char *detail)
{
    uint64_t in = stream_bytes_in(session->client), out = stream_bytes_out(session->client);
    struct listener_counters *counters = session->service->counters;
    struct log_line line;

    session_log(session, &line, LOG_LEVEL_INFO, "session-end");
    log_identity(&line, &session->identity);
    log_text(&line, "user", session->user);
    log_number(&line, "bytes_in", (int64_t)in);
    log_number(&line, "bytes_out", (int64_t)out);
    log_number(&line, "ms", (int64_t)(loop_now_ms(session_loop(session)) - session->started_ms));
    if (session->identity.secure)
        log_number(&line, "key_ms", session->identity.key_ms);
    log_text(&line, "backend", session_backend_text(session));
    log_text(&line, "reason", reason_name(reason));
    log_text(&line, "detail", detail);
    log_end(&line);
    counter_add(&counters->bytes_in, in);
    counter_add(&counters->bytes_out, out);
    counter_add(&counters->sessions_by_reason[reason], 1);
    counter_set(&counters->sessions, session->service->session_count - 1);
    if (session->slot)
        counter_set(&session->slot->id, 0);
}
