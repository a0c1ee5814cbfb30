#include "metrics.h"

#include "ckr.h"
#include "reason.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int)REASON_COUNT <= (int)COUNTERS_REASONS_MAX, "a reason has no counter");

struct text {
    struct buf *out;
    bool whole;
};

struct label {
    const char *name, *value;
};

/* One counter of a struct. Rows of one name stand together: its HELP and TYPE are said once. */
struct metric {
    const char *name, *type, *help;
    struct label label; /* besides the alias; name NULL: none */
    size_t offset;
};

#define LISTENER(field) offsetof(struct listener_totals, counters.field)
#define KEYSTORE(field) offsetof(struct keystore_totals, counters.field)
#define SIGNERS(field)  offsetof(struct keystore_totals, field)

static const struct metric listener_metrics[] = {
    {"p11gate_sessions", "gauge", "Sessions that exist now.", {NULL, NULL}, LISTENER(sessions)},
    {"p11gate_sessions_refused_total",
     "counter",
     "Connections that a limit refused before they were sessions.",
     {NULL, NULL},
     LISTENER(refused_total)},
    {"p11gate_handshakes_total",
     "counter",
     "TLS handshakes with clients.",
     {"kind", "full"},
     LISTENER(handshakes_full)},
    {"p11gate_handshakes_total", "", "", {"kind", "resumed"}, LISTENER(handshakes_resumed)},
    {"p11gate_handshakes_total", "", "", {"kind", "failed"}, LISTENER(handshakes_failed)},
    {"p11gate_bytes_total",
     "counter",
     "Plain bytes from (in) and to (out) clients, counted when a session or transfer ends.",
     {"direction", "in"},
     LISTENER(bytes_in)},
    {"p11gate_bytes_total", "", "", {"direction", "out"}, LISTENER(bytes_out)},
    {"p11gate_transfers_total", "counter", "FTP transfers.", {"result", "done"}, LISTENER(transfers_done)},
    {"p11gate_transfers_total", "", "", {"result", "failed"}, LISTENER(transfers_failed)},
    {"p11gate_commands_refused_total",
     "counter",
     "FTP commands that allow-commands or deny-commands refused.",
     {NULL, NULL},
     LISTENER(commands_refused)},
    {"p11gate_client_certificates_total",
     "counter",
     "What clients showed that were asked for a certificate.",
     {"verdict", "trusted"},
     LISTENER(certificates_trusted)},
    {"p11gate_client_certificates_total", "", "", {"verdict", "untrusted"}, LISTENER(certificates_untrusted)},
    {"p11gate_client_certificates_total", "", "", {"verdict", "none"}, LISTENER(certificates_none)},
    {"p11gate_passive_ports_in_use",
     "gauge",
     "Ports of passive-ports that wait for their client.",
     {NULL, NULL},
     LISTENER(passive_ports_in_use)},
    {"p11gate_passive_ports_exhausted_total",
     "counter",
     "PASV and EPSV that found no free port.",
     {NULL, NULL},
     LISTENER(passive_ports_exhausted)},
};

static const struct metric keystore_metrics[] = {
    {"p11gate_sign_queue",
     "gauge",
     "Handshakes that wait for their turn to be signed.",
     {NULL, NULL},
     KEYSTORE(waiting)},
    {"p11gate_sign_in_flight",
     "gauge",
     "Requests that signers were sent and have not answered.",
     {NULL, NULL},
     KEYSTORE(in_flight)},
    {"p11gate_sign_failed_total",
     "counter",
     "Handshakes that got no signature: an error of the token, or none within sign-timeout.",
     {NULL, NULL},
     KEYSTORE(failures)},
    {"p11gate_sign_resent_total",
     "counter",
     "Requests that were sent again, because their signer died or asked for it.",
     {NULL, NULL},
     KEYSTORE(resent)},
    {"p11gate_sign_refused_early_total",
     "counter",
     "Handshakes refused at once, because their turn would have come after their deadline.",
     {NULL, NULL},
     KEYSTORE(refused_early)},
    {"p11gate_sign_refused_total",
     "counter",
     "Requests that a signer refused: not a handshake, or no such key or scheme.",
     {NULL, NULL},
     SIGNERS(signer_refused)},
};

/* -- pieces ------------------------------------------------------------------------------------- */

static void put(struct text *text, const char *piece)
{
    text->whole = text->whole && buf_add_text(text->out, piece);
}

/* As the format asks: backslash, quote and newline escaped; and nothing that is not printable ASCII. */
static void put_value(struct text *text, const char *value)
{
    for (; *value; value++) {
        char one[2] = {*value, '\0'};

        if (*value == '\n')
            put(text, "\\n");
        else if (*value == '\\' || *value == '"')
            put(text, *value == '"' ? "\\\"" : "\\\\");
        else
            put(text, *value < ' ' || *value > '~' ? "?" : one);
    }
}

static void put_header(struct text *text, const char *name, const char *type, const char *help)
{
    text->whole =
        text->whole && buf_printf(text->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_labels(struct text *text, const struct label *labels, size_t count)
{
    for (size_t i = 0; i < count && labels[i].name; i++) {
        put(text, i ? "," : "{");
        put(text, labels[i].name);
        put(text, "=\"");
        put_value(text, labels[i].value);
        put(text, "\"");
    }
    put(text, count && labels[0].name ? "} " : " ");
}

/* name{labels} value; a label without a name ends the list. */
static void put_sample(struct text *text, const char *name, const struct label *labels, size_t count,
                       uint64_t value)
{
    put(text, name);
    put_labels(text, labels, count);
    text->whole = text->whole && buf_printf(text->out, "%" PRIu64 "\n", value);
}

static counter *counter_at(void *row, size_t offset)
{
    return (counter *)(void *)((uint8_t *)row + offset);
}

static bool begins(const struct metric *metrics, size_t i)
{
    return !i || strcmp(metrics[i].name, metrics[i - 1].name) != 0;
}

/* -- listeners ---------------------------------------------------------------------------------- */

static void put_listeners(struct text *text, struct totals *totals, const struct metric *metric)
{
    for (size_t i = 0; i < totals->listener_count; i++) {
        struct listener_totals *row = &totals->listeners[i];
        const struct label labels[] = {{"listener", row->alias}, metric->label};

        put_sample(text, metric->name, labels, 2, counter_get(counter_at(row, metric->offset)));
    }
}

/* A reason that never came is left out: most of them are errors, and there are many. */
static void put_reasons(struct text *text, struct listener_totals *row)
{
    for (int reason = 0; reason < REASON_COUNT; reason++) {
        uint64_t count = counter_get(&row->counters.sessions_by_reason[reason]);
        const struct label labels[] = {{"listener", row->alias},
                                       {"reason", reason_name((enum session_reason)reason)}};

        if (count)
            put_sample(text, "p11gate_sessions_total", labels, 2, count);
    }
}

static void put_all_reasons(struct text *text, struct totals *totals)
{
    put_header(text, "p11gate_sessions_total", "counter", "Sessions that ended, by the reason of their end.");
    for (size_t i = 0; i < totals->listener_count; i++)
        put_reasons(text, &totals->listeners[i]);
}

/* A code that never came is left out. */
static void put_codes(struct text *text, struct listener_totals *row)
{
    for (size_t i = 0; i < COUNTERS_CODES_MAX; i++) {
        uint64_t code = counter_get(&row->counters.requests_by_code[i].code);
        uint64_t count = counter_get(&row->counters.requests_by_code[i].count);
        char value[24] = "none";
        const struct label labels[] = {{"listener", row->alias}, {"code", value}};

        if (code == COUNTERS_CODE_OTHER || code > 999)
            (void)snprintf(value, sizeof value, "other");
        else if (code)
            (void)snprintf(value, sizeof value, "%" PRIu64, code);
        if (count)
            put_sample(text, "p11gate_http_requests_total", labels, 2, count);
    }
}

static void put_all_codes(struct text *text, struct totals *totals)
{
    put_header(text, "p11gate_http_requests_total", "counter",
               "HTTP requests by the code of their answer; none: the client got none.");
    for (size_t i = 0; i < totals->listener_count; i++)
        put_codes(text, &totals->listeners[i]);
}

static void put_certificates(struct text *text, const struct totals *totals)
{
    static const char name[] = "p11gate_certificate_expiry_seconds";

    put_header(text, name, "gauge", "How long a certificate is valid from now on; negative: it has expired.");
    for (size_t i = 0; i < totals->certificate_count; i++) {
        const struct certificate_totals *row = &totals->certificates[i];
        const struct label labels[] = {{"listener", row->listener}, {"alias", row->alias}};
        uint64_t end = row->not_after < INT64_MAX ? row->not_after : INT64_MAX;

        put(text, name);
        put_labels(text, labels, 2);
        text->whole =
            text->whole && buf_printf(text->out, "%" PRId64 "\n", (int64_t)end - totals->now_seconds);
    }
}

/* -- backends ----------------------------------------------------------------------------------- */

static void put_backends(struct text *text, const struct totals *totals)
{
    put_header(text, "p11gate_backend_up", "gauge", "0: a worker holds the backend for down.");
    for (size_t i = 0; i < totals->backend_count; i++) {
        const struct label labels[] = {{"backend", totals->backends[i].text}};

        if (totals->backends[i].known)
            put_sample(text, "p11gate_backend_up", labels, 1, !totals->backends[i].down);
    }
}

/* -- keystores ---------------------------------------------------------------------------------- */

static void put_keystores(struct text *text, struct totals *totals, const struct metric *metric)
{
    for (size_t i = 0; i < totals->keystore_count; i++) {
        struct keystore_totals *row = &totals->keystores[i];
        const struct label labels[] = {{"keystore", row->alias}};

        put_sample(text, metric->name, labels, 1, counter_get(counter_at(row, metric->offset)));
    }
}

static void put_signers(struct text *text, struct totals *totals)
{
    static const char *const states[TOTALS_STATES] = {
        [SIGNER_STARTING] = "starting", [SIGNER_LOGGING_IN] = "logging-in", [SIGNER_READY] = "ready",
        [SIGNER_BUSY] = "busy",         [SIGNER_ABSENT] = "absent",         [SIGNER_FAULTY] = "faulty",
        [TOTALS_DOWN] = "down",
    };

    put_header(text, "p11gate_signers", "gauge",
               "Signers by what they do; down: configured, but not running.");
    for (size_t i = 0; i < totals->keystore_count; i++) {
        for (size_t state = 0; state < TOTALS_STATES; state++) {
            struct keystore_totals *row = &totals->keystores[i];
            const struct label labels[] = {{"keystore", row->alias}, {"state", states[state]}};

            put_sample(text, "p11gate_signers", labels, 2, row->signers[state]);
        }
    }
}

static void put_errors(struct text *text, struct keystore_totals *row)
{
    for (size_t i = 0; i < COUNTERS_CKR_MAX; i++) {
        uint64_t count = counter_get(&row->errors[i].count), ckr = counter_get(&row->errors[i].ckr);
        const struct label labels[] = {{"keystore", row->alias},
                                       {"ckr", ckr == COUNTERS_CKR_OTHER ? "other" : ckr_name(ckr)}};

        if (count)
            put_sample(text, "p11gate_sign_errors_total", labels, 2, count);
    }
}

static void put_all_errors(struct text *text, struct totals *totals)
{
    put_header(text, "p11gate_sign_errors_total", "counter", "Answers of the token that were errors.");
    for (size_t i = 0; i < totals->keystore_count; i++)
        put_errors(text, &totals->keystores[i]);
}

/* Buckets are cumulative in the text, and so that they always agree with it, the count is their sum. */
static void put_histogram(struct text *text, struct keystore_totals *row)
{
    static const char name[] = "p11gate_sign_seconds_bucket";
    uint64_t us = counter_get(&row->counters.sign_us_total);
    counter sum = 0;

    for (size_t i = 0; i < COUNTERS_BUCKETS; i++) {
        char bound[32] = "+Inf";
        const struct label labels[] = {{"keystore", row->alias}, {"le", bound}};

        if (i < COUNTERS_BUCKETS - 1)
            (void)snprintf(bound, sizeof bound, "%g", (double)counters_bucket_us[i] / 1e6);
        counter_add_saturating(&sum, counter_get(&row->counters.sign_bucket[i]));
        put_sample(text, name, labels, 2, counter_get(&sum));
    }
    put(text, "p11gate_sign_seconds_sum");
    put_labels(text, &(struct label){"keystore", row->alias}, 1);
    text->whole =
        text->whole && buf_printf(text->out, "%" PRIu64 ".%06" PRIu64 "\n", us / 1000000, us % 1000000);
    put_sample(text, "p11gate_sign_seconds_count", &(struct label){"keystore", row->alias}, 1,
               counter_get(&sum));
}

static void put_all_histograms(struct text *text, struct totals *totals)
{
    put_header(text, "p11gate_sign_seconds", "histogram",
               "From the first sending of a request to its signature.");
    for (size_t i = 0; i < totals->keystore_count; i++)
        put_histogram(text, &totals->keystores[i]);
}

/* -- all ---------------------------------------------------------------------------------------- */

bool metrics_write(struct totals *totals, struct buf *out)
{
    struct text text = {.out = out, .whole = true};

    for (size_t i = 0; i < sizeof listener_metrics / sizeof listener_metrics[0]; i++) {
        const struct metric *metric = &listener_metrics[i];

        if (begins(listener_metrics, i))
            put_header(&text, metric->name, metric->type, metric->help);
        put_listeners(&text, totals, metric);
    }
    put_all_reasons(&text, totals);
    put_all_codes(&text, totals);
    put_certificates(&text, totals);
    put_backends(&text, totals);
    for (size_t i = 0; i < sizeof keystore_metrics / sizeof keystore_metrics[0]; i++) {
        const struct metric *metric = &keystore_metrics[i];

        put_header(&text, metric->name, metric->type, metric->help);
        put_keystores(&text, totals, metric);
    }
    put_signers(&text, totals);
    put_all_histograms(&text, totals);
    put_all_errors(&text, totals);
    put_header(&text, "p11gate_bans", "gauge", "Addresses that are banned after failed logins.");
    put_sample(&text, "p11gate_bans", NULL, 0, counter_get(&totals->bans));
    put_header(&text, "p11gate_log_lines_dropped_total", "counter",
               "Log lines that were lost, because the housekeeper did not take them in time.");
    put_sample(&text, "p11gate_log_lines_dropped_total", NULL, 0, counter_get(&totals->log_dropped));
    return text.whole;
}
