/* What is said and counted about each request: one line, everything that is known (who, what, how it ended).
 */
#include "http_private.h"

#include "addr.h"
#include "counters.h"
#include "loop.h"
#include "reason.h"

void http_finished(void *owner, const struct http_record *record)
{
    struct http *http = owner;
    struct session *session = http->session;
    struct log_line line;

    listener_counters_request(session_counters(session), record->code);
    session_log(session, &line, LOG_LEVEL_INFO, "request");
    session_log_client(session, &line);
    log_text(&line, "command", record->method);
    log_text(&line, "path", record->target);
    if (http->route)
        log_text(&line, "route", http->route->path);
    if (record->code)
        log_number(&line, "code", record->code);
    log_number(&line, "bytes_in", (int64_t)record->bytes_in);
    log_number(&line, "bytes_out", (int64_t)record->bytes_out);
    log_number(&line, "ms", (int64_t)(loop_now_ms(session_loop(session)) - http->started_ms));
    if (http->backend)
        log_text(&line, "backend", session_backend_text(session));
    log_text(&line, "reason", reason_name(record->reason));
    log_text(&line, "detail", record->detail ? record->detail : http_cause(http));
    log_end(&line);
}
