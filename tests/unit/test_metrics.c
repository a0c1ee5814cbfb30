/* Pages in, Prometheus text out: the whole text of one listener and one keystore, and what hostile pages
 * make. */
#include "unit.h"

#include "metrics.h"
#include "reason.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct totals *totals;
static struct counters_page *page;
static struct signer_page signer;
static struct buf out;
static const struct counters_names names = {1, 1, {"ftps-edge"}, {"edge"}};

static int make(void **state)
{
    (void)state;
    totals = calloc(1, sizeof *totals);
    page = calloc(1, sizeof *page);
    memset((void *)&signer, 0, sizeof signer);
    buf_init(&out, METRICS_BYTES_MAX);
    return totals && page ? 0 : -1;
}

static int clear(void **state)
{
    (void)state;
    free(totals);
    free(page);
    buf_free(&out);
    return 0;
}

static const char *text(void)
{
    assert_true(metrics_write(totals, &out));
    assert_true(buf_add(&out, "", 1));
    return (const char *)buf_data(&out);
}

/* A whole line of the text. */
static void says(const char *line)
{
    char wanted[512];

    (void)snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (!strstr((const char *)buf_data(&out), wanted))
        fail_msg("no line \"%s\" in\n%s", line, (const char *)buf_data(&out));
}

static const char listeners_text[] =
    "# HELP p11gate_sessions Sessions that exist now.\n"
    "# TYPE p11gate_sessions gauge\n"
    "p11gate_sessions{listener=\"ftps-edge\"} 2\n"
    "# HELP p11gate_sessions_refused_total Connections that a limit refused before they were sessions.\n"
    "# TYPE p11gate_sessions_refused_total counter\n"
    "p11gate_sessions_refused_total{listener=\"ftps-edge\"} 3\n"
    "# HELP p11gate_handshakes_total TLS handshakes with clients.\n"
    "# TYPE p11gate_handshakes_total counter\n"
    "p11gate_handshakes_total{listener=\"ftps-edge\",kind=\"full\"} 4\n"
    "p11gate_handshakes_total{listener=\"ftps-edge\",kind=\"resumed\"} 5\n"
    "p11gate_handshakes_total{listener=\"ftps-edge\",kind=\"failed\"} 6\n"
    "# HELP p11gate_bytes_total Plain bytes from (in) and to (out) clients, counted when a session or "
    "transfer "
    "ends.\n"
    "# TYPE p11gate_bytes_total counter\n"
    "p11gate_bytes_total{listener=\"ftps-edge\",direction=\"in\"} 5000000000\n"
    "p11gate_bytes_total{listener=\"ftps-edge\",direction=\"out\"} 8\n"
    "# HELP p11gate_transfers_total FTP transfers.\n"
    "# TYPE p11gate_transfers_total counter\n"
    "p11gate_transfers_total{listener=\"ftps-edge\",result=\"done\"} 9\n"
    "p11gate_transfers_total{listener=\"ftps-edge\",result=\"failed\"} 10\n"
    "# HELP p11gate_commands_refused_total FTP commands that allow-commands or deny-commands refused.\n"
    "# TYPE p11gate_commands_refused_total counter\n"
    "p11gate_commands_refused_total{listener=\"ftps-edge\"} 35\n"
    "# HELP p11gate_client_certificates_total What clients showed that were asked for a certificate.\n"
    "# TYPE p11gate_client_certificates_total counter\n"
    "p11gate_client_certificates_total{listener=\"ftps-edge\",verdict=\"trusted\"} 31\n"
    "p11gate_client_certificates_total{listener=\"ftps-edge\",verdict=\"untrusted\"} 32\n"
    "p11gate_client_certificates_total{listener=\"ftps-edge\",verdict=\"none\"} 33\n"
    "# HELP p11gate_passive_ports_in_use Ports of passive-ports that wait for their client.\n"
    "# TYPE p11gate_passive_ports_in_use gauge\n"
    "p11gate_passive_ports_in_use{listener=\"ftps-edge\"} 34\n"
    "# HELP p11gate_passive_ports_exhausted_total PASV and EPSV that found no free port.\n"
    "# TYPE p11gate_passive_ports_exhausted_total counter\n"
    "p11gate_passive_ports_exhausted_total{listener=\"ftps-edge\"} 35\n"
    "# HELP p11gate_sessions_total Sessions that ended, by the reason of their end.\n"
    "# TYPE p11gate_sessions_total counter\n"
    "p11gate_sessions_total{listener=\"ftps-edge\",reason=\"client-closed\"} 12\n"
    "p11gate_sessions_total{listener=\"ftps-edge\",reason=\"token-down\"} 13\n"
    "# HELP p11gate_http_requests_total HTTP requests by the code of their answer; none: the client got "
    "none.\n"
    "# TYPE p11gate_http_requests_total counter\n"
    "p11gate_http_requests_total{listener=\"ftps-edge\",code=\"200\"} 7\n"
    "p11gate_http_requests_total{listener=\"ftps-edge\",code=\"503\"} 3\n"
    "p11gate_http_requests_total{listener=\"ftps-edge\",code=\"none\"} 1\n"
    "# HELP p11gate_certificate_expiry_seconds How long a certificate is valid from now on; negative: it has "
    "expired.\n"
    "# TYPE p11gate_certificate_expiry_seconds gauge\n"
    "p11gate_certificate_expiry_seconds{listener=\"ftps-edge\",alias=\"rsa\"} 86400\n"
    "p11gate_certificate_expiry_seconds{listener=\"ftps-edge\",alias=\"ec\"} -1\n"
    "# HELP p11gate_backend_up 0: a worker holds the backend for down.\n"
    "# TYPE p11gate_backend_up gauge\n"
    "p11gate_backend_up{backend=\"10.0.0.5:21\"} 1\n"
    "p11gate_backend_up{backend=\"ftp.example:21\"} 0\n";

static const char keystores_text[] =
    "# HELP p11gate_sign_queue Handshakes that wait for their turn to be signed.\n"
    "# TYPE p11gate_sign_queue gauge\n"
    "p11gate_sign_queue{keystore=\"edge\"} 21\n"
    "# HELP p11gate_sign_in_flight Requests that signers were sent and have not answered.\n"
    "# TYPE p11gate_sign_in_flight gauge\n"
    "p11gate_sign_in_flight{keystore=\"edge\"} 22\n"
    "# HELP p11gate_sign_failed_total Handshakes that got no signature: an error of the token, or none "
    "within "
    "sign-timeout.\n"
    "# TYPE p11gate_sign_failed_total counter\n"
    "p11gate_sign_failed_total{keystore=\"edge\"} 23\n"
    "# HELP p11gate_sign_resent_total Requests that were sent again, because their signer died or asked for "
    "it.\n"
    "# TYPE p11gate_sign_resent_total counter\n"
    "p11gate_sign_resent_total{keystore=\"edge\"} 24\n"
    "# HELP p11gate_sign_refused_early_total Handshakes refused at once, because their turn would have come "
    "after their deadline.\n"
    "# TYPE p11gate_sign_refused_early_total counter\n"
    "p11gate_sign_refused_early_total{keystore=\"edge\"} 25\n"
    "# HELP p11gate_sign_refused_total Requests that a signer refused: not a handshake, or no such key or "
    "scheme.\n"
    "# TYPE p11gate_sign_refused_total counter\n"
    "p11gate_sign_refused_total{keystore=\"edge\"} 26\n"
    "# HELP p11gate_signers Signers by what they do; down: configured, but not running.\n"
    "# TYPE p11gate_signers gauge\n"
    "p11gate_signers{keystore=\"edge\",state=\"starting\"} 0\n"
    "p11gate_signers{keystore=\"edge\",state=\"logging-in\"} 0\n"
    "p11gate_signers{keystore=\"edge\",state=\"ready\"} 1\n"
    "p11gate_signers{keystore=\"edge\",state=\"busy\"} 0\n"
    "p11gate_signers{keystore=\"edge\",state=\"absent\"} 0\n"
    "p11gate_signers{keystore=\"edge\",state=\"faulty\"} 0\n"
    "p11gate_signers{keystore=\"edge\",state=\"down\"} 3\n";

static const char histogram_text[] =
    "# HELP p11gate_sign_seconds From the first sending of a request to its signature.\n"
    "# TYPE p11gate_sign_seconds histogram\n"
    "p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"0.001\"} 1\n"
    "p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"0.002\"} 1\n"
    "p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"0.005\"} 1\n"
    "p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"0.01\"} 1\n"
    "p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"0.02\"} 3\n"
    "p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"0.05\"} 3\n"
    "p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"0.1\"} 3\n"
    "p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"0.2\"} 3\n"
    "p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"0.5\"} 3\n"
    "p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"1\"} 3\n"
    "p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"2\"} 3\n"
    "p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"5\"} 3\n"
    "p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"+Inf\"} 4\n"
    "p11gate_sign_seconds_sum{keystore=\"edge\"} 6.030700\n"
    "p11gate_sign_seconds_count{keystore=\"edge\"} 4\n"
    "# HELP p11gate_sign_errors_total Answers of the token that were errors.\n"
    "# TYPE p11gate_sign_errors_total counter\n"
    "p11gate_sign_errors_total{keystore=\"edge\",ckr=\"CKR_DEVICE_ERROR\"} 2\n"
    "p11gate_sign_errors_total{keystore=\"edge\",ckr=\"CKR 0x80000001\"} 1\n"
    "p11gate_sign_errors_total{keystore=\"edge\",ckr=\"other\"} 1\n"
    "# HELP p11gate_bans Addresses that are banned after failed logins.\n"
    "# TYPE p11gate_bans gauge\n"
    "p11gate_bans 0\n"
    "# HELP p11gate_log_lines_dropped_total Log lines that were lost, because the housekeeper did not take "
    "them in "
    "time.\n"
    "# TYPE p11gate_log_lines_dropped_total counter\n"
    "p11gate_log_lines_dropped_total 27\n";

static void fill_listener(struct listener_counters *listener)
{
    counter_set(&listener->sessions, 2);
    counter_set(&listener->refused_total, 3);
    counter_set(&listener->handshakes_full, 4);
    counter_set(&listener->handshakes_resumed, 5);
    counter_set(&listener->handshakes_failed, 6);
    counter_set(&listener->bytes_in, 5000000000);
    counter_set(&listener->bytes_out, 8);
    counter_set(&listener->transfers_done, 9);
    counter_set(&listener->transfers_failed, 10);
    counter_set(&listener->commands_refused, 35);
    counter_set(&listener->certificates_trusted, 31);
    counter_set(&listener->certificates_untrusted, 32);
    counter_set(&listener->certificates_none, 33);
    counter_set(&listener->passive_ports_in_use, 34);
    counter_set(&listener->passive_ports_exhausted, 35);
    for (int i = 0; i < 11; i++)
        listener_counters_request(listener, i < 7 ? 200 : i < 10 ? 503 : 0);
    counter_set(&listener->sessions_by_reason[REASON_CLIENT_CLOSED], 12);
    counter_set(&listener->sessions_by_reason[REASON_TOKEN_DOWN], 13);
}

static void fill_keystore(struct keystore_counters *keystore)
{
    counter_set(&keystore->waiting, 21);
    counter_set(&keystore->in_flight, 22);
    counter_set(&keystore->failures, 23);
    counter_set(&keystore->resent, 24);
    counter_set(&keystore->refused_early, 25);
    keystore_counters_signed(keystore, 700);
    keystore_counters_signed(keystore, 10001);
    keystore_counters_signed(keystore, 19999);
    keystore_counters_signed(keystore, 6000000);
}

static void fill_rows(void)
{
    totals->now_seconds = 1000000;
    counters_certificate(page, 0, "rsa", 1000500);
    counters_certificate(page, 0, "ec", 999999);
    counters_certificate(page, 0, "rsa", 1086400); /* a new one under the same alias */
    counters_certificate(page, 1, "of no listener", 5);
    counter_set(&counters_backend(page, "10.0.0.5:21")->health, BACKEND_UP);
    counter_set(&counters_backend(page, "ftp.example:21")->health, BACKEND_DOWN);
    (void)counters_backend(page, "unknown.example:21");
}

static void every_number_has_its_line(void **state)
{
    const char *got;
    size_t at = 0;

    (void)state;
    fill_listener(&page->listeners[0]);
    fill_keystore(&page->keystores[0]);
    fill_rows();
    counter_set(&page->log_dropped, 27);
    counter_set(&signer.state, SIGNER_READY);
    counter_set(&signer.refused, 26);
    signer_page_count_ckr(&signer, 0x30);
    signer_page_count_ckr(&signer, 0x30);
    signer_page_count_ckr(&signer, 0x80000001);
    signer_page_count_ckr(&signer, 0);
    totals_expect_signers(totals, "edge", 4);
    totals_add_worker(totals, &names, page);
    totals_add_signer(totals, "edge", &signer);
    totals_settle(totals);
    got = text();
    for (size_t i = 0; i < 3; i++) {
        const char *wanted = i == 0 ? listeners_text : i == 1 ? keystores_text : histogram_text;

        if (strncmp(got + at, wanted, strlen(wanted)) != 0)
            fail_msg("wanted:\n%s\ngot:\n%s", wanted, got + at);
        at += strlen(wanted);
    }
    assert_int_equal(strlen(got), at);
}

static void what_is_configured_has_lines_before_anything_happened(void **state)
{
    (void)state;
    totals_expect(totals, &names);
    totals_expect_signers(totals, "edge", 4);
    totals_settle(totals);
    (void)text();
    says("p11gate_sessions{listener=\"ftps-edge\"} 0");
    says("p11gate_signers{keystore=\"edge\",state=\"down\"} 4");
    says("p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"+Inf\"} 0");
    says("p11gate_sign_seconds_sum{keystore=\"edge\"} 0.000000");
}

static void workers_signers_and_the_dead_are_summed(void **state)
{
    struct counters_history *history = calloc(1, sizeof *history);
    struct counters_page *dead = calloc(1, sizeof *dead);
    struct signer_page dead_signer = {0};

    (void)state;
    fill_listener(&dead->listeners[0]);
    fill_keystore(&dead->keystores[0]);
    signer_page_count_ckr(&dead_signer, 0x30);
    counters_history_take_worker(history, &names, dead);
    counters_history_take_signer(history, "edge", &dead_signer);
    fill_listener(&page->listeners[0]);
    fill_keystore(&page->keystores[0]);
    signer_page_count_ckr(&signer, 0x30);
    for (int i = 0; i < 2; i++) {
        totals_add_worker(totals, &names, page);
        totals_add_signer(totals, "edge", &signer);
    }
    totals_add_history(totals, history);
    (void)text();
    says("p11gate_sessions{listener=\"ftps-edge\"} 4");
    says("p11gate_sign_queue{keystore=\"edge\"} 42");
    says("p11gate_handshakes_total{listener=\"ftps-edge\",kind=\"full\"} 12");
    says("p11gate_sessions_total{listener=\"ftps-edge\",reason=\"token-down\"} 39");
    says("p11gate_sign_seconds_count{keystore=\"edge\"} 12");
    says("p11gate_sign_errors_total{keystore=\"edge\",ckr=\"CKR_DEVICE_ERROR\"} 3");
    free(history);
    free(dead);
}

static void a_label_cannot_end_itself(void **state)
{
    const struct counters_names hostile = {1, 1, {"a\"} 1\nb\\"}, {"\x1b[2J\xff"}};

    (void)state;
    totals_expect(totals, &hostile);
    (void)text();
    says("p11gate_sessions{listener=\"a\\\"} 1\\nb\\\\\"} 0");
    says("p11gate_sign_queue{keystore=\"?[2J?\"} 0");
}

static void a_signer_that_waits_with_a_request_is_busy(void **state)
{
    static const struct {
        uint64_t state, busy_since_ms, login_since_ms;
        const char *name;
    } rows[] = {
        {SIGNER_STARTING, 0, 0, "starting"},
        {SIGNER_LOGGING_IN, 5, 0, "logging-in"},
        {SIGNER_READY, 0, 0, "ready"},
        {SIGNER_READY, 5, 0, "busy"},
        {SIGNER_BUSY, 5, 5, "logging-in"},
        {SIGNER_STARTING, 5, 5, "logging-in"},
        {SIGNER_BUSY, 0, 0, "busy"},
        {SIGNER_ABSENT, 0, 0, "absent"},
        {SIGNER_FAULTY, 0, 0, "faulty"},
        {SIGNER_FAULTY + 1, 0, 0, "faulty"},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, "faulty"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char line[128];

        totals_clear(totals);
        buf_free(&out);
        counter_set(&signer.state, rows[i].state);
        counter_set(&signer.busy_since_ms, rows[i].busy_since_ms);
        counter_set(&signer.login_since_ms, rows[i].login_since_ms);
        totals_add_signer(totals, "edge", &signer);
        totals_settle(totals);
        (void)text();
        (void)snprintf(line, sizeof line, "p11gate_signers{keystore=\"edge\",state=\"%s\"} 1", rows[i].name);
        says(line);
        says("p11gate_signers{keystore=\"edge\",state=\"down\"} 0");
    }
}

/* Whatever bytes stand in the pages of broken processes: numbers come out, and nothing else. */
static void a_page_full_of_rubbish_is_numbers(void **state)
{
    (void)state;
    memset((void *)page, 0xff, sizeof *page);
    memset((void *)&signer, 0xff, sizeof signer);
    for (int i = 0; i < 3; i++) {
        totals_add_worker(totals, &names, page);
        totals_add_signer(totals, "edge", &signer);
    }
    (void)text();
    says("p11gate_sessions{listener=\"ftps-edge\"} 18446744073709551615");
    says("p11gate_sign_seconds_bucket{keystore=\"edge\",le=\"+Inf\"} 18446744073709551615");
    says("p11gate_sign_seconds_sum{keystore=\"edge\"} 18446744073709.551615");
    says("p11gate_sign_errors_total{keystore=\"edge\",ckr=\"other\"} 18446744073709551615");
    says("p11gate_signers{keystore=\"edge\",state=\"faulty\"} 3");
}

static void more_aliases_than_rows_are_left_out(void **state)
{
    static char aliases[TOTALS_LISTENERS_MAX + 2][8];
    struct counters_names one = {.listener_count = 1};

    (void)state;
    for (size_t i = 0; i < TOTALS_LISTENERS_MAX + 2; i++) {
        (void)snprintf(aliases[i], sizeof aliases[i], "l%zu", i);
        one.listeners[0] = aliases[i];
        counter_set(&page->listeners[0].transfers_done, i + 1);
        totals_add_worker(totals, &one, page);
    }
    assert_int_equal(totals->listener_count, TOTALS_LISTENERS_MAX);
    (void)text();
    says("p11gate_transfers_total{listener=\"l255\",result=\"done\"} 256");
    assert_null(strstr((const char *)buf_data(&out), "l256"));
}

/* A backend is down while one worker holds it for down; the certificate that ends last is the newest. */
static void workers_disagree(void **state)
{
    (void)state;
    totals->now_seconds = 100;
    counter_set(&counters_backend(page, "a:1")->health, BACKEND_UP);
    counter_set(&counters_backend(page, "b:1")->health, BACKEND_DOWN);
    counters_certificate(page, 0, "k", 300);
    totals_add_worker(totals, &names, page);
    counter_set(&counters_backend(page, "a:1")->health, BACKEND_DOWN);
    counter_set(&counters_backend(page, "b:1")->health, BACKEND_UP);
    counters_certificate(page, 0, "k", 200);
    totals_add_worker(totals, &names, page);
    (void)text();
    says("p11gate_backend_up{backend=\"a:1\"} 0");
    says("p11gate_backend_up{backend=\"b:1\"} 0");
    says("p11gate_certificate_expiry_seconds{listener=\"ftps-edge\",alias=\"k\"} 200");
}

/* A worker that was taken over writes what it wants: texts without an end, dates beyond all, free rows
 * between. */
static void hostile_rows_do_no_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTERS_BACKENDS_MAX; i++) {
        memset(page->backends[i].text, (int)('A' + i % 26), sizeof page->backends[i].text);
        counter_set(&page->backends[i].named, UINT64_MAX);
        counter_set(&page->backends[i].health, UINT64_MAX - i);
    }
    for (size_t i = 0; i < COUNTERS_CERTIFICATES_MAX; i++) {
        memset(page->certificates[i].alias, '\n', sizeof page->certificates[i].alias);
        counter_set(&page->certificates[i].not_after, i ? UINT64_MAX - i : 1);
        atomic_store(&page->certificates[i].listener, (uint32_t)(i % 3 ? i : UINT32_MAX));
    }
    for (size_t i = 0; i < COUNTERS_CODES_MAX; i++) {
        counter_set(&page->listeners[0].requests_by_code[i].code, i % 2 ? UINT64_MAX - i : 200);
        counter_set(&page->listeners[0].requests_by_code[i].count, UINT64_MAX);
    }
    totals_add_worker(totals, &names, page);
    totals_add_worker(totals, &names, page);
    (void)text();
    assert_int_equal(totals->backend_count, 26);
    says("p11gate_http_requests_total{listener=\"ftps-edge\",code=\"200\"} 18446744073709551615");
}

static void more_codes_than_rows_are_others(void **state)
{
    (void)state;
    for (uint32_t code = 100; code < 600; code++)
        listener_counters_request(&page->listeners[0], code);
    totals_add_worker(totals, &names, page);
    (void)text();
    says("p11gate_http_requests_total{listener=\"ftps-edge\",code=\"100\"} 1");
    says("p11gate_http_requests_total{listener=\"ftps-edge\",code=\"122\"} 1");
    says("p11gate_http_requests_total{listener=\"ftps-edge\",code=\"other\"} 477");
}

static void a_text_that_does_not_fit_is_refused(void **state)
{
    static const size_t limits[] = {1, 100, 1000, 4000};

    (void)state;
    totals_expect(totals, &names);
    for (size_t i = 0; i < ROWS(limits); i++) {
        struct buf small;

        buf_init(&small, limits[i]);
        assert_false(metrics_write(totals, &small));
        buf_free(&small);
    }
}

/* The largest text there can be keeps its limit. */
static void everything_at_its_most_fits(void **state)
{
    static char aliases[TOTALS_LISTENERS_MAX][COUNTERS_NAME_MAX];
    struct counters_names one = {.listener_count = 1, .keystore_count = 1};

    (void)state;
    memset((void *)page, 0xff, sizeof *page);
    memset((void *)&signer, 0xff, sizeof signer);
    for (size_t i = 0; i < TOTALS_LISTENERS_MAX; i++) {
        memset(aliases[i], '"', COUNTERS_NAME_MAX - 1);
        (void)snprintf(aliases[i], 8, "%zu", i);
        aliases[i][strlen(aliases[i])] = '-';
        one.listeners[0] = one.keystores[0] = aliases[i];
        totals_add_worker(totals, &one, page);
        totals_add_signer(totals, aliases[i], &signer);
    }
    assert_true(metrics_write(totals, &out));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_number_has_its_line),
        TEST(what_is_configured_has_lines_before_anything_happened),
        TEST(workers_signers_and_the_dead_are_summed),
        TEST(a_label_cannot_end_itself),
        TEST(a_signer_that_waits_with_a_request_is_busy),
        TEST(a_page_full_of_rubbish_is_numbers),
        TEST(more_aliases_than_rows_are_left_out),
        TEST(workers_disagree),
        TEST(hostile_rows_do_no_harm),
        TEST(more_codes_than_rows_are_others),
        TEST(a_text_that_does_not_fit_is_refused),
        TEST(everything_at_its_most_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
