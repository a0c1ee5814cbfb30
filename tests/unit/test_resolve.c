/* Names looked up with a DNS server of the test's own, on the same loop. */
#include "hosts_file.h"
#include "net_pair.h"
#include "resolve.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DNS_HEAD = 12, TYPE_A = 1, TYPE_AAAA = 28, RCODE_NXDOMAIN = 3, RCODE_SERVFAIL = 2 };

static struct {
    int fd;
    ev_io watcher;
    uint8_t hosts[4]; /* the last bytes of 192.0.2.x that are answered */
    size_t host_count;
    uint8_t rcode;
    bool is_silent, has_v6;
    unsigned questions, patient_questions; /* patient: a name that begins with "l", whose TTL is long */
} dns;

static struct {
    unsigned changes, failures;
    char host[64], first[ADDR_TEXT_LEN], why[512];
    size_t count;
} told;

static struct loop *loop;
static struct resolver *resolver;

/* --- the server --- */

static size_t add_answer(uint8_t *at, uint8_t type, bool is_patient, const uint8_t *data, uint8_t len)
{
    const uint8_t head[] = {0xc0, DNS_HEAD, 0, type, 0, 1, 0, 0, is_patient ? 60 : 0, 0 /* TTL */, 0, len};

    memcpy(at, head, sizeof head);
    memcpy(at + sizeof head, data, len);
    return sizeof head + len;
}

static void dns_answer(uint8_t *packet, size_t len, const struct sockaddr_in *to)
{
    uint8_t type = packet[len - 3];
    bool is_patient = packet[DNS_HEAD + 1] == 'l';
    uint8_t v4[4] = {192, 0, 2, 0}, v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

    packet[2] = 0x81;
    packet[3] = (uint8_t)(0x80 | dns.rcode);
    if (type == TYPE_A && !dns.rcode) {
        packet[7] = (uint8_t)dns.host_count;
        for (size_t i = 0; i < dns.host_count; i++) {
            v4[3] = dns.hosts[i];
            len += add_answer(packet + len, TYPE_A, is_patient, v4, sizeof v4);
        }
    }
    if (type == TYPE_AAAA && dns.has_v6 && !dns.rcode) {
        packet[7] = 1;
        len += add_answer(packet + len, TYPE_AAAA, is_patient, v6, sizeof v6);
    }
    (void)sendto(dns.fd, packet, len, 0, (const struct sockaddr *)to, sizeof *to);
}

static void dns_asked(struct ev_loop *ev, ev_io *watcher, int events)
{
    uint8_t packet[512];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t got = recvfrom(watcher->fd, packet, 256, 0, (struct sockaddr *)&from, &from_len);

    (void)ev;
    (void)events;
    assert_true(got > DNS_HEAD);
    dns.questions++;
    dns.patient_questions += packet[DNS_HEAD + 1] == 'l';
    if (!dns.is_silent)
        dns_answer(packet, (size_t)got, &from);
}

static void dns_open(char resolv_conf[64])
{
    struct addr at;
    struct err err;

    dns.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(addr_parse("127.0.0.1:0", &at, &err));
    assert_int_equal(bind(dns.fd, &at.sa.any, at.len), 0);
    assert_int_equal(getsockname(dns.fd, &at.sa.any, &at.len), 0);
    (void)snprintf(resolv_conf, 64, "# a comment\nnameserver 127.0.0.1:%u\n", (unsigned)addr_port(&at));
    ev_io_init(&dns.watcher, dns_asked, dns.fd, EV_READ);
    ev_io_start(loop_ev(loop), &dns.watcher);
}

/* --- what is tested --- */

static void was_changed(void *owner, const char *host, const struct addr *addresses, size_t count)
{
    (void)owner;
    told.changes++;
    told.count = count;
    (void)snprintf(told.host, sizeof told.host, "%s", host);
    addr_host_text(&addresses[0], told.first);
}

static void has_failed(void *owner, const char *host, const struct err *why)
{
    (void)owner;
    told.failures++;
    (void)snprintf(told.host, sizeof told.host, "%s", host);
    (void)snprintf(told.why, sizeof told.why, "%s", why->text);
}

static const struct resolver_user user = {.changed = was_changed, .failed = has_failed};

static int setup(void **state)
{
    const struct resolver_setup wanted = {.shortest_ms = 10, .longest_ms = 60000, .user = &user};
    char resolv_conf[64];
    struct err err;

    (void)state;
    memset(&dns, 0, sizeof dns);
    memset(&told, 0, sizeof told);
    loop = loop_new(&err);
    assert_non_null(loop);
    resolver = resolver_new(loop, &wanted, &err);
    assert_non_null(resolver);
    dns_open(resolv_conf);
    resolver_set_servers(resolver, resolv_conf, strlen(resolv_conf));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    resolver_free(resolver);
    ev_io_stop(loop_ev(loop), &dns.watcher);
    (void)close(dns.fd);
    loop_free(loop);
    return 0;
}

static void dns_has(uint8_t first, uint8_t second)
{
    dns.hosts[0] = first;
    dns.hosts[1] = second;
    dns.host_count = (first ? 1u : 0u) + (second ? 1u : 0u);
}

static void add(const char *host)
{
    struct err err;

    assert_true(resolver_add(resolver, host, &err));
}

static bool changes_are(void *arg)
{
    return told.changes == *(unsigned *)arg;
}

static void wait_for_changes(unsigned count)
{
    assert_true(net_run_until(loop, changes_are, &count));
}

static bool questions_are(void *arg)
{
    return dns.questions >= *(unsigned *)arg;
}

static void wait_for_questions(unsigned more)
{
    unsigned count = dns.questions + more;

    assert_true(net_run_until(loop, questions_are, &count));
}

static void assert_has(const char *host, const char *expected)
{
    struct addr addresses[RESOLVER_ADDRESSES_MAX];
    size_t count = resolver_get(resolver, host, addresses, RESOLVER_ADDRESSES_MAX);
    char all[256] = "";

    for (size_t i = 0; i < count; i++) {
        char one[ADDR_TEXT_LEN];

        addr_host_text(&addresses[i], one);
        assert_int_equal(addr_port(&addresses[i]), 0);
        assert_true(strlen(all) + strlen(one) + 2 < sizeof all);
        memcpy(all + strlen(all), one, strlen(one) + 1);
        memcpy(all + strlen(all), " ", 2);
    }
    assert_string_equal(all, expected);
}

static void a_name_is_unknown_until_its_first_answer(void **state)
{
    (void)state;
    dns_has(8, 7);
    dns.has_v6 = true;
    add("as2.example.com");
    assert_has("as2.example.com", "");
    assert_has("other.example.com", "");
    wait_for_changes(1);
    assert_string_equal(told.host, "as2.example.com");
    assert_has("as2.example.com", "192.0.2.7 192.0.2.8 2001:db8::1 ");
    assert_has("AS2.example.com", "192.0.2.7 192.0.2.8 2001:db8::1 ");
}

static void a_name_is_looked_up_again_and_told_only_when_it_differs(void **state)
{
    (void)state;
    dns_has(7, 8);
    add("as2.example.com");
    wait_for_changes(1);
    dns_has(8, 7);
    wait_for_questions(6);
    assert_int_equal(told.changes, 1);
    dns_has(9, 0);
    wait_for_changes(2);
    assert_has("as2.example.com", "192.0.2.9 ");
}

static void a_name_is_not_looked_up_before_its_ttl_is_over(void **state)
{
    (void)state;
    dns_has(7, 0);
    add("long.example.com");
    add("short.example.com");
    wait_for_changes(2);
    wait_for_questions(8);
    assert_int_equal(dns.patient_questions, 2); /* A and AAAA, once */
}

static const struct {
    uint8_t rcode;
    const char *why;
} refusals[] = {{RCODE_NXDOMAIN, "not found"}, {RCODE_SERVFAIL, "server"}, {0, "no data"}};

static void the_last_good_answer_survives_failures_which_are_told_once(void **state)
{
    unsigned changes = 1;

    (void)state;
    for (size_t i = 0; i < ROWS(refusals); i++) {
        uint8_t host = (uint8_t)(i + 1);
        unsigned failures = told.failures;

        dns.rcode = 0;
        dns_has(host, 0);
        add("as2.example.com");
        wait_for_changes(changes++);
        dns.rcode = refusals[i].rcode;
        dns_has(0, 0);
        wait_for_questions(12);
        assert_int_equal(told.failures, failures + 1);
        assert_int_equal(told.changes, changes - 1);
        assert_has("as2.example.com", i == 0 ? "192.0.2.1 " : i == 1 ? "192.0.2.2 " : "192.0.2.3 ");
        for (char *c = told.why; *c; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
        assert_non_null(strstr(told.why, refusals[i].why));
    }
}

static void a_name_that_is_unknown_at_first_is_known_later(void **state)
{
    (void)state;
    dns.rcode = RCODE_NXDOMAIN;
    add("as2.example.com");
    wait_for_questions(8);
    assert_has("as2.example.com", "");
    assert_int_equal(told.failures, 1);
    dns.rcode = 0;
    dns_has(7, 0);
    wait_for_changes(1);
    assert_has("as2.example.com", "192.0.2.7 ");
}

static void hosts_come_before_dns_and_may_come_again(void **state)
{
    static const char hosts[] = "127.0.0.1 localhost\n10.0.0.7\tas2.example.com as2 # 10.0.0.9 other\n";
    struct err err;
    unsigned questions;

    (void)state;
    dns_has(7, 0);
    assert_true(resolver_set_hosts(resolver, hosts, sizeof hosts - 1, &err));
    add("as2.example.com");
    assert_has("as2.example.com", "10.0.0.7 ");
    net_turns(loop, 20);
    assert_int_equal(dns.questions, 0);
    assert_true(resolver_set_hosts(resolver, "", 0, &err));
    wait_for_changes(2);
    assert_has("as2.example.com", "192.0.2.7 ");
    assert_true(resolver_set_hosts(resolver, hosts, sizeof hosts - 1, &err));
    assert_has("as2.example.com", "10.0.0.7 ");
    questions = dns.questions;
    net_turns(loop, 20);
    assert_true(dns.questions <= questions + 2);
}

static void other_name_servers_are_asked_at_once(void **state)
{
    char resolv_conf[64];
    int old = dns.fd;

    (void)state;
    dns.is_silent = true;
    add("as2.example.com");
    wait_for_questions(1);
    ev_io_stop(loop_ev(loop), &dns.watcher);
    dns_open(resolv_conf);
    dns.is_silent = false;
    dns_has(7, 0);
    resolver_set_servers(resolver, resolv_conf, strlen(resolv_conf));
    wait_for_changes(1);
    assert_has("as2.example.com", "192.0.2.7 ");
    (void)close(old);
}

static void ending_with_questions_under_way_tells_nobody(void **state)
{
    (void)state;
    dns.is_silent = true;
    add("as2.example.com");
    add("ftp.example.com");
    wait_for_questions(2);
    assert_int_equal(resolver_names(resolver), 2);
    resolver_free(resolver);
    resolver = NULL;
    assert_int_equal(told.changes + told.failures, 0);
}

static void there_is_a_limit(void **state)
{
    struct err err;
    char host[32];

    (void)state;
    dns.is_silent = true;
    for (int i = 0; i < RESOLVER_NAMES_MAX; i++) {
        (void)snprintf(host, sizeof host, "h%d.example.com", i);
        add(host);
    }
    assert_false(resolver_add(resolver, "more.example.com", &err));
    add("h7.example.com");
}

/* --- the files --- */

static const struct {
    const char *text, *host;
    size_t count;
} hosts_rows[] = {
    {"10.0.0.7 as2\n", "as2", 1},
    {"10.0.0.7 as2", "as2", 1},
    {"10.0.0.7 AS2\r\n", "as2", 1},
    {"  10.0.0.7   x   as2\n2001:db8::7 as2\n", "as2", 2},
    {"10.0.0.7 as2#x\n", "as2", 1},
    {"10.0.0.7 #as2\n", "as2", 0},
    {"#10.0.0.7 as2\n", "as2", 0},
    {"as2 10.0.0.7\n", "as2", 0},
    {"10.0.0.7\nas2\n", "as2", 0},
    {"10.0.0.777 as2\n", "as2", 0},
    {"10.0.0.7 as2.example\n", "as2", 0},
    {"fe80::1%eth0 as2\n", "as2", 0},
    {"", "as2", 0},
    {"\n\n\n", "as2", 0},
    {"10.0.0.1 a\n10.0.0.2 a\n10.0.0.3 a\n10.0.0.4 a\n10.0.0.5 a\n", "a", 4},
};

static void hosts_are_found_by_their_whole_names(void **state)
{
    struct addr out[4];

    (void)state;
    for (size_t i = 0; i < ROWS(hosts_rows); i++)
        assert_int_equal(
            hosts_file_find(hosts_rows[i].text, strlen(hosts_rows[i].text), hosts_rows[i].host, out, 4),
            hosts_rows[i].count);
}

static const struct {
    const char *text, *server;
} server_rows[] = {
    {"nameserver 10.0.0.53\n", "10.0.0.53:53"},
    {"search example.com\nnameserver\t10.0.0.53", "10.0.0.53:53"},
    {"nameserver 2001:db8::53\n", "[2001:db8::53]:53"},
    {"nameserver 127.0.0.1:5353\n", "127.0.0.1:5353"},
    {"nameserver fe80::1%eth0\n", NULL},
    {"#nameserver 10.0.0.53\n", NULL},
    {"nameservers 10.0.0.53\n", NULL},
    {"nameserver\n", NULL},
    {"", NULL},
};

static void name_servers_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(server_rows); i++) {
        struct addr out[2];
        char text[ADDR_TEXT_LEN];
        size_t count = hosts_file_servers(server_rows[i].text, strlen(server_rows[i].text), out, 2);

        assert_int_equal(count, server_rows[i].server != NULL);
        if (!count)
            continue;
        addr_text(&out[0], text);
        assert_string_equal(text, server_rows[i].server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_name_is_unknown_until_its_first_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_is_looked_up_again_and_told_only_when_it_differs, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_name_is_not_looked_up_before_its_ttl_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_good_answer_survives_failures_which_are_told_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_name_that_is_unknown_at_first_is_known_later, setup, teardown),
        cmocka_unit_test_setup_teardown(hosts_come_before_dns_and_may_come_again, setup, teardown),
        cmocka_unit_test_setup_teardown(other_name_servers_are_asked_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(ending_with_questions_under_way_tells_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_a_limit, setup, teardown),
        cmocka_unit_test(hosts_are_found_by_their_whole_names),
        cmocka_unit_test(name_servers_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
