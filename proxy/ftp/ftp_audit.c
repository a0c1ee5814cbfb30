#include "ftp_audit.h"

#include "log.h"
#include "session.h"

#include <string.h>

/* So much of a path is shown when all of it, escaped, is too long for a line. */
enum { PATH_CUT_BYTES = 256 };

static const char *yes_or_no(const struct ftp_data_facts *facts, bool answer)
{
    if (!facts->tls.version)
        return "-";
    return answer ? "yes" : "no";
}

static void log_client(struct log_line *line, const struct session *session)
{
    const struct identity *who = session_identity(session);
    log_text(line, "sni", who->sni);
    log_text(line, "cert", who->subject);
    log_text(line, "fingerprint", who->fingerprint);
    log_text(line, "partner", who->partner);
    log_text(line, "user", session_user(session));
}

/* Stands last: whatever a client calls its file, nothing else is missing for it. */
static void log_path(struct log_line *line, const char *path)
{
    size_t before = line->len;
    log_text(line, "path", path);
    if (line->len == before && *path)
        log_bytes(line, "path", path, strnlen(path, PATH_CUT_BYTES));
}

void ftp_audit_transfer(const struct session *session, const struct ftp_transfer_report *report,
                        const struct ftp_data_facts *facts, uint64_t ms)
{
    struct log_line line;
    session_log(session, &line, LOG_LEVEL_INFO, "transfer");
    log_text(&line, "tls", facts->tls.version);
    log_text(&line, "cipher", facts->tls.cipher);
    log_text(&line, "resumed", yes_or_no(facts, facts->tls.resumed));
    log_client(&line, session);
    log_text(&line, "command", report->verb);
    log_number(&line, "bytes_in", (int64_t)facts->bytes_in);
    log_number(&line, "bytes_out", (int64_t)facts->bytes_out);
    log_number(&line, "ms", (int64_t)ms);
    log_number(&line, "key_ms", facts->tls.key_ms);
    log_text(&line, "close_notify", yes_or_no(facts, facts->close_notify));
    log_text(&line, "backend", session_backend_text(session));
    log_number(&line, "code", report->code);
    log_text(&line, "reason", reason_name(report->reason));
    log_path(&line, report->path);
    log_end(&line);
}
