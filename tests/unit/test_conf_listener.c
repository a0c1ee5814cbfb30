/* What a listener may say beyond the basics: each option read into its member, each default. */
#include "conf.h"

#include "conf_fixture.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define SECRET_48 "0123456789abcdef0123456789abcdef0123456789abcdef"
#define SECRET_80 SECRET_48 "0123456789abcdef0123456789abcdef"

static const char head[] =
    "allow = \"192.0.2.0/24\"; deny = [ \"192.0.2.7\", \"2001:db8::/32\" ];\n"
    "keystores = ( { alias = \"edge\"; token = \"pkcs11:token=edge\"; }, { alias = \"files\"; directory = "
    "\"k\"; } );\n"
    "truststores = ( { alias = \"cas\"; ca-file = \"ca.pem\"; },\n"
    "  { alias = \"out\"; ca-file = \"ca.pem\"; crl-file = \"ca.crl\"; crl-policy = \"ignore\"; } );\n"
    "partners = ( { alias = \"acme\"; certificate-file = \"a.pem\"; as2-id = \"A\"; ftp-user = \"a\"; "
    "ftp-password-file = \"a.pw\"; } );\n";

/* head, listeners with this text, and the files they name. */
static struct conf *read_listeners(struct conf_files **files, const char *listeners)
{
    char text[8192];
    const struct fixture_file list[] = {
        {"p11gate.conf", text, 0},         {"ca.pem", "ca\n" FIXTURE_CERTIFICATE, 0},
        {"a.pem", FIXTURE_CERTIFICATE, 0}, {"a.pw", "secret\n", 0},
        {"ca.crl", FIXTURE_CRL, 0},        {"short.key", SECRET_48, 0},
        {"long.key", SECRET_80, 0},        {NULL, NULL, 0},
    };

    assert_true(strlen(head) + strlen(listeners) + 32 < sizeof text);
    (void)snprintf(text, sizeof text, "%slisteners = ( %s );\n", head, listeners);
    *files = fixture_files(list);
    return fixture_read(*files, "p11gate.conf");
}

static void done(struct conf *conf, struct conf_files *files)
{
    conf_free(conf);
    conf_files_free(files);
}

static void assert_host(const struct addr *addr, const char *expected)
{
    char text[ADDR_TEXT_LEN];

    addr_host_text(addr, text);
    assert_string_equal(text, expected);
}

static void assert_network(const struct conf_network *network, const char *host, unsigned prefix)
{
    assert_host(&network->addr, host);
    assert_int_equal(network->prefix, prefix);
    assert_int_equal(addr_port(&network->addr), 0);
}

#define MINIMAL                                                                                              \
    "protocol = \"ftps\"; bind = \"127.0.0.1:990\"; keystore = \"edge\"; key-alias = \"k\"; "                \
    "backend = \"127.0.0.1:21\";"

static void has_defaults(void **state)
{
    struct conf_files *files;
    struct conf *conf = read_listeners(&files, "{ alias = \"a\"; " MINIMAL " }");
    const struct conf_listener *listener = &conf->listeners[0];

    (void)state;
    assert_string_equal(listener->group, "");
    assert_int_equal(listener->accept_proxy_from.count, 0);
    assert_int_equal(listener->max_sessions_per_ip, 0);
    assert_int_equal(listener->ticket_secrets.count, 0);
    assert_int_equal(listener->data_peer, CONF_PEER_SAME_ADDRESS);
    assert_false(listener->cert_map);
    assert_true(listener->active_mode);
    assert_false(listener->passive_host.set);
    assert_string_equal(listener->passive_host.host, "");
    assert_int_equal(listener->passive_for_count, 0);
    assert_int_equal(listener->advertised_first, 0);
    assert_int_equal(listener->advertised_last, 0);
    assert_int_equal(listener->allow_commands_count + listener->deny_commands_count, 0);
    assert_int_equal(listener->quirks, 0);
    assert_string_equal(listener->login_directory, "");
    assert_int_equal(listener->max_login_failures, 3);
    assert_int_equal(listener->ban_time_ms, 600000);
    assert_int_equal(listener->ban_exempt.count, 0);
    assert_int_equal(listener->route_count, 0);
    assert_int_equal(listener->client_cert_header, CONF_HEADER_NONE);
    assert_false(listener->require_as2_id);
    assert_int_equal(listener->balance, CONF_BALANCE_FIRST);
    assert_int_equal(listener->health_check_ms, 5000);
    assert_int_equal(listener->send_proxy, CONF_PROXY_NONE);
    assert_int_equal(listener->min_rate_bytes, 0);
    assert_false(listener->backend_tls.set);
    assert_int_equal(listener->backend_tls.keystore, CONF_NONE);
    assert_int_equal(listener->backend_tls.truststore, CONF_NONE);
    assert_string_equal(listener->backend_tls.server_name, "");
    assert_int_equal(listener->backend_tls.key_count, 0);
    done(conf, files);
}

static void reads_networks(void **state)
{
    struct conf_files *files;
    struct conf *conf = read_listeners(
        &files, "{ alias = \"a\"; group = \"edi\"; " MINIMAL
                "accept-proxy-from = [ \"10.0.0.1\", \"2001:db8::1\" ]; max-sessions-per-ip = 12;"
                "allow = [ \"0.0.0.0/0\", \"198.51.100.128/25\" ]; ban-exempt = \"10.0.0.0/8\"; }");
    const struct conf_listener *listener = &conf->listeners[0];

    (void)state;
    assert_string_equal(listener->group, "edi");
    assert_int_equal(listener->accept_proxy_from.count, 2);
    assert_network(&listener->accept_proxy_from.items[0], "10.0.0.1", 32);
    assert_network(&listener->accept_proxy_from.items[1], "2001:db8::1", 128);
    assert_int_equal(listener->max_sessions_per_ip, 12);
    assert_int_equal(listener->access.allow.count, 2);
    assert_network(&listener->access.allow.items[0], "0.0.0.0", 0);
    assert_network(&listener->access.allow.items[1], "198.51.100.128", 25);
    assert_int_equal(listener->access.deny.count, 0); /* not the server's: it sets one of the two */
    assert_int_equal(listener->ban_exempt.count, 1);
    assert_network(&listener->ban_exempt.items[0], "10.0.0.0", 8);
    done(conf, files);
}

/* CONFIGURATION: the default of every listener that sets neither. */
static void access_comes_from_the_server_when_neither_is_set(void **state)
{
    struct conf_files *files;
    struct conf *conf = read_listeners(&files, "{ alias = \"a\"; " MINIMAL " }");
    const struct conf_access *access = &conf->listeners[0].access;

    (void)state;
    assert_int_equal(access->allow.count, 1);
    assert_network(&access->allow.items[0], "192.0.2.0", 24);
    assert_int_equal(access->deny.count, 2);
    assert_network(&access->deny.items[0], "192.0.2.7", 32);
    assert_network(&access->deny.items[1], "2001:db8::", 32);
    done(conf, files);
}

static void an_empty_list_is_no_default(void **state)
{
    struct conf_files *files;
    struct conf *conf = read_listeners(&files, "{ alias = \"a\"; " MINIMAL " deny = [ ]; }");

    (void)state;
    assert_int_equal(conf->listeners[0].access.allow.count, 0);
    assert_int_equal(conf->listeners[0].access.deny.count, 0);
    done(conf, files);
}

static void reads_ftp_options(void **state)
{
    struct conf_files *files;
    struct conf *conf = read_listeners(
        &files, "{ alias = \"a\"; " MINIMAL "client-certificate = \"request\"; cert-map = true;"
                "data-resumption = \"require\"; data-peer = \"same-session\"; active-mode = false;"
                "allow-commands = [ \"user\", \"PASS\" ]; deny-commands = \"Site\";"
                "quirks = [ \"allow-ccc\", \"no-pbsz\" ]; login-directory = \"/home/%u\";"
                "max-login-failures = 0; ban-time = \"1h\";"
                "ticket-secret-file = [ \"long.key\", \"short.key\" ]; }");
    const struct conf_listener *listener = &conf->listeners[0];

    (void)state;
    assert_true(listener->cert_map);
    assert_int_equal(listener->truststore, CONF_NONE); /* partners are enough */
    assert_int_equal(listener->data_resumption, CONF_RESUMPTION_REQUIRE);
    assert_int_equal(listener->data_peer, CONF_PEER_SAME_SESSION);
    assert_false(listener->active_mode);
    assert_int_equal(listener->allow_commands_count, 2);
    assert_string_equal(listener->allow_commands[0], "USER");
    assert_string_equal(listener->allow_commands[1], "PASS");
    assert_int_equal(listener->deny_commands_count, 1);
    assert_string_equal(listener->deny_commands[0], "SITE");
    assert_int_equal(listener->quirks, CONF_QUIRK_NO_PBSZ | CONF_QUIRK_ALLOW_CCC);
    assert_string_equal(listener->login_directory, "/home/%u");
    assert_int_equal(listener->max_login_failures, 0);
    assert_int_equal(listener->ban_time_ms, 3600000);
    assert_int_equal(listener->ticket_secrets.count, 2);
    assert_int_equal(listener->ticket_secrets.items[0].len, 80);
    assert_memory_equal(listener->ticket_secrets.items[0].data, SECRET_80, 80);
    assert_int_equal(listener->ticket_secrets.items[1].len, 48);
    done(conf, files);
}

static void reads_each_quirk(void **state)
{
    static const struct {
        const char *name;
        unsigned bits;
    } rows[] = {
        {"no-pbsz", CONF_QUIRK_NO_PBSZ},
        {"auth-implies-private", CONF_QUIRK_AUTH_IMPLIES_PRIVATE},
        {"allow-ccc", CONF_QUIRK_ALLOW_CCC},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char text[512];
        struct conf_files *files;
        struct conf *conf;

        (void)snprintf(text, sizeof text, "{ alias = \"a\"; " MINIMAL " quirks = \"%s\"; }", rows[i].name);
        conf = read_listeners(&files, text);
        assert_int_equal(conf->listeners[0].quirks, rows[i].bits);
        done(conf, files);
    }
}

/* F9, NAT: the longest prefix first, whatever the order of the file. */
static void reads_passive_addresses(void **state)
{
    struct conf_files *files;
    struct conf *conf = read_listeners(
        &files, "{ alias = \"a\"; " MINIMAL "passive-address = \"FTP.Example.com\";"
                "passive-ports = \"30000-30099\"; passive-ports-advertised = \"40000-40099\";"
                "passive-address-for = ( { network = \"10.0.0.0/8\"; address = \"10.1.2.3\"; },"
                "  { network = \"0.0.0.0/0\"; address = \"all.example\"; },"
                "  { network = \"10.9.0.0/16\"; address = \"nine.example\"; } ); }");
    const struct conf_listener *listener = &conf->listeners[0];

    (void)state;
    assert_true(listener->passive_host.set);
    assert_string_equal(listener->passive_host.host, "ftp.example.com");
    assert_int_equal(listener->advertised_first, 40000);
    assert_int_equal(listener->advertised_last, 40099);
    assert_int_equal(listener->passive_for_count, 3);
    assert_network(&listener->passive_for[0].network, "10.9.0.0", 16);
    assert_string_equal(listener->passive_for[0].address.host, "nine.example");
    assert_network(&listener->passive_for[1].network, "10.0.0.0", 8);
    assert_string_equal(listener->passive_for[1].address.host, "");
    assert_host(&listener->passive_for[1].address.addr, "10.1.2.3");
    assert_network(&listener->passive_for[2].network, "0.0.0.0", 0);
    done(conf, files);
}

static void reads_backends(void **state)
{
    struct conf_files *files;
    struct conf *conf = read_listeners(
        &files,
        "{ alias = \"a\"; protocol = \"tls\"; bind = \"127.0.0.1:990\"; keystore = \"edge\";"
        "key-alias = \"k\"; backend = [ \"10.0.0.5:21\", \"[2001:db8::5]:2121\", \"FTP.internal:8021\" ];"
        "balance = \"source\"; health-check = \"0\"; send-proxy = \"v2-tls\"; min-rate = \"4K\"; }");
    const struct conf_listener *listener = &conf->listeners[0];
    const struct conf_backend *backends = listener->backends.items;

    (void)state;
    assert_int_equal(listener->backends.count, 3);
    assert_string_equal(backends[0].text, "10.0.0.5:21");
    assert_string_equal(backends[0].host, "");
    assert_host(&backends[0].addr, "10.0.0.5");
    assert_int_equal(addr_port(&backends[0].addr), 21);
    assert_string_equal(backends[1].text, "[2001:db8::5]:2121");
    assert_host(&backends[1].addr, "2001:db8::5");
    assert_string_equal(backends[2].text, "FTP.internal:8021");
    assert_string_equal(backends[2].host, "ftp.internal");
    assert_int_equal(addr_port(&backends[2].addr), 8021);
    assert_int_equal(listener->balance, CONF_BALANCE_SOURCE);
    assert_int_equal(listener->health_check_ms, 0);
    assert_int_equal(listener->send_proxy, CONF_PROXY_V2_TLS);
    assert_int_equal(listener->min_rate_bytes, 4096);
    done(conf, files);
}

/* H10: the longest path first; a route without a backend has the listener's. */
static void reads_routes(void **state)
{
    struct conf_files *files;
    struct conf *conf = read_listeners(
        &files,
        "{ alias = \"a\"; protocol = \"https\"; bind = \"127.0.0.1:443\"; keystore = \"edge\";"
        "key-alias = \"k\"; backend = \"10.0.0.1:80\"; client-certificate = \"require\";"
        "client-cert-header = \"xfcc\"; require-as2-id = true;"
        "routes = ( { path = \"/\"; }, { path = \"/as2/in\"; backend = [ \"10.0.0.7:8080\", \"b:1\" ];"
        "  methods = [ \"POST\", \"HEAD\" ]; max-body = \"4G\"; }, { path = \"/as2\"; } ); }");
    const struct conf_listener *listener = &conf->listeners[0];

    (void)state;
    assert_int_equal(listener->client_cert_header, CONF_HEADER_XFCC);
    assert_true(listener->require_as2_id);
    assert_int_equal(listener->route_count, 3);
    assert_string_equal(listener->routes[0].path, "/as2/in");
    assert_int_equal(listener->routes[0].backends.count, 2);
    assert_string_equal(listener->routes[0].backends.items[1].host, "b");
    assert_int_equal(listener->routes[0].method_count, 2);
    assert_string_equal(listener->routes[0].methods[1], "HEAD");
    assert_true(listener->routes[0].max_body_bytes == 4ull << 30);
    assert_string_equal(listener->routes[1].path, "/as2");
    assert_string_equal(listener->routes[2].path, "/");
    assert_int_equal(listener->routes[2].method_count, 0);
    assert_int_equal(listener->routes[2].max_body_bytes, 0);
    assert_int_equal(listener->routes[2].backends.count, 1);
    assert_string_equal(listener->routes[2].backends.items[0].text, "10.0.0.1:80");
    done(conf, files);
}

static void each_route_may_have_the_only_backends(void **state)
{
    struct conf_files *files;
    struct conf *conf = read_listeners(
        &files, "{ alias = \"a\"; protocol = \"https\"; bind = \"127.0.0.1:443\"; keystore = \"edge\";"
                "key-alias = \"k\"; routes = ( { path = \"/as2\"; backend = \"10.0.0.7:8080\"; } ); }");

    (void)state;
    assert_int_equal(conf->listeners[0].backends.count, 0);
    assert_int_equal(conf->listeners[0].routes[0].backends.count, 1);
    done(conf, files);
}

/* F12 */
static void a_server_name_has_backends(void **state)
{
    struct conf_files *files;
    struct conf *conf = read_listeners(
        &files, "{ alias = \"a\"; " MINIMAL "server-names = ( { name = \"a.example\"; key-alias = \"a\";"
                "backend = \"10.0.0.9:21\"; }, { name = \"b.example\"; key-alias = \"b\"; } ); }");
    const struct conf_server_name *names = conf->listeners[0].server_names;

    (void)state;
    assert_int_equal(names[0].backends.count, 1);
    assert_string_equal(names[0].backends.items[0].text, "10.0.0.9:21");
    assert_int_equal(names[1].backends.count, 0);
    done(conf, files);
}

#define OUTWARD "protocol = \"http\"; bind = \"127.0.0.1:8080\"; "

static void reads_the_way_out(void **state)
{
    struct conf_files *files;
    struct conf *conf = read_listeners(
        &files,
        "{ alias = \"a\"; " OUTWARD "backend = \"10.0.0.1:443\"; backend-tls = { truststore = \"out\";"
        "server-name = \"AS2.acme.example\"; keystore = \"edge\"; key-alias = [ \"x\", \"y\" ];"
        "certificate-file = [ \"ca.pem\", \"a.pem\" ]; }; }");
    const struct conf_listener *listener = &conf->listeners[0];
    const struct conf_backend_tls *tls = &listener->backend_tls;

    (void)state;
    assert_int_equal(listener->protocol, CONF_HTTP);
    assert_int_equal(listener->keystore, CONF_NONE);
    assert_int_equal(listener->key_count, 0);
    assert_true(tls->set);
    assert_int_equal(tls->truststore, 1);
    assert_int_equal(conf->truststores[1].crl_policy, CONF_CRL_IGNORE);
    assert_string_equal(conf->truststores[1].crl_pem, FIXTURE_CRL);
    assert_int_equal(conf->truststores[1].crl_pem_len, strlen(FIXTURE_CRL));
    assert_string_equal(conf->truststores[0].crl_pem, "");
    assert_int_equal(conf->truststores[0].crl_policy, CONF_CRL_FAIL);
    assert_string_equal(tls->server_name, "as2.acme.example");
    assert_int_equal(tls->keystore, 0);
    assert_int_equal(tls->key_count, 2);
    assert_string_equal(tls->keys[1].alias, "y");
    assert_true(tls->keys[1].client);
    assert_string_equal(tls->keys[1].certificate_pem, FIXTURE_CERTIFICATE);
    done(conf, files);
}

static void the_name_of_the_way_out_may_be_that_of_the_backends(void **state)
{
    struct conf_files *files;
    struct conf *conf =
        read_listeners(&files, "{ alias = \"a\"; " OUTWARD
                               "backend = [ \"as2.Acme.example:443\", \"as2.acme.example:444\" ];"
                               "backend-tls = { truststore = \"out\"; }; }");

    (void)state;
    assert_string_equal(conf->listeners[0].backend_tls.server_name, "as2.acme.example");
    assert_int_equal(conf->listeners[0].backend_tls.keystore, CONF_NONE);
    done(conf, files);
}

static void logs_as_json(void **state)
{
    static const char text[] = "log = { format = \"json\"; };\n"
                               "keystores = ( { alias = \"edge\"; token = \"pkcs11:token=edge\"; } );\n"
                               "listeners = ( { alias = \"a\"; " MINIMAL " } );";
    const struct fixture_file list[] = {{"p11gate.conf", text, 0}, {NULL, NULL, 0}};
    struct conf_files *files = fixture_files(list);
    struct conf *conf = fixture_read(files, "p11gate.conf");

    (void)state;
    assert_true(conf->log_json);
    done(conf, files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(reads_networks),
        cmocka_unit_test(access_comes_from_the_server_when_neither_is_set),
        cmocka_unit_test(an_empty_list_is_no_default),
        cmocka_unit_test(reads_ftp_options),
        cmocka_unit_test(reads_each_quirk),
        cmocka_unit_test(reads_passive_addresses),
        cmocka_unit_test(reads_backends),
        cmocka_unit_test(reads_routes),
        cmocka_unit_test(each_route_may_have_the_only_backends),
        cmocka_unit_test(a_server_name_has_backends),
        cmocka_unit_test(reads_the_way_out),
        cmocka_unit_test(the_name_of_the_way_out_may_be_that_of_the_backends),
        cmocka_unit_test(logs_as_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
