#include "conf.h"

#include "conf_fixture.h"
#include "unit.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

static const struct fixture_file certificates[] = {
    {"ca.pem", "ca\n" FIXTURE_CERTIFICATE, 0},
    {"rsa.pem", "rsa\n" FIXTURE_CERTIFICATE, 0},
    {"ec.pem", "ec\n" FIXTURE_CERTIFICATE, 0},
};

/* The files above beside the text; conf_free and conf_files_free are the caller's. */
static struct conf *read_text(struct conf_files **files, const char *text)
{
    const struct fixture_file list[] = {
        {"p11gate.conf", text, 0}, certificates[0], certificates[1], certificates[2], {NULL, NULL, 0},
    };

    *files = fixture_files(list);
    return fixture_read(*files, "p11gate.conf");
}

#define KEYSTORE "keystores = ( { alias = \"edge\"; token = \"pkcs11:token=edge\"; } );\n"

static void assert_addr(const struct addr *addr, const char *expected)
{
    char text[ADDR_TEXT_LEN];

    addr_text(addr, text);
    assert_string_equal(text, expected);
}

static void assert_host(const struct addr *addr, const char *expected)
{
    char text[ADDR_TEXT_LEN];

    addr_host_text(addr, text);
    assert_string_equal(text, expected);
}

static const char everything_server[] =
    "workers = 3; user = \"a\"; signer-user = \"b\"; stop-timeout = \"7s\"; drain-timeout = \"8s\"; "
    "max-generations = 9;\n"
    "passive-address = \"203.0.113.1\";\n"
    "tls-versions = \"1.3\"; ciphers = \"C\"; ciphersuites = \"S\"; groups = \"G\";\n"
    "log = { level = \"debug\"; target = \"/var/log/p11gate.log\"; format = \"logfmt\"; }; "
    "admin = { bind = \"[::1]:1234\"; control-socket = \"control\"; group = \"g\"; };\n"
    "keystores = (\n"
    "  { alias = \"edge\"; module = \"/lib/m.so\"; init-args = \"x=y\"; token = \"pkcs11:token=e\";\n"
    "    pin-file = \"edge.pin\"; signers = 9; sign-timeout = \"250ms\"; "
    "max-signatures-per-second = 77; },\n"
    "  { alias = \"files\"; directory = \"/etc/keys\"; },"
    "  { alias = \"other\"; token = \"pkcs11:token=o\"; pin-credential = \"edge-pin\"; }\n"
    ");\n"
    "truststores = ( { alias = \"partners\"; ca-file = \"ca.pem\"; verify-depth = 2; announce = true; } );\n"
    "listeners = ( );\n";

static const char everything_listener[] =
    "listeners = (\n"
    "  { alias = \"edge.1\"; description = \"d\"; enabled = true; protocol = \"ftp\";\n"
    "    bind = [ \"127.0.0.1:21\", \"[::1]:21\" ]; backlog = 12; max-sessions = 34; "
    "    handshakes-per-second-per-ip = 56;\n"
    "    keystore = \"edge\"; key-alias = [ \"rsa\", \"pkcs11:object=ec\" ];\n"
    "    certificate-file = [ \"rsa.pem\", \"ec.pem\" ];\n"
    "    tls-versions = \"1.2\"; ciphers = \"c\"; ciphersuites = \"s\"; groups = \"g\";\n"
    "    session-lifetime = \"2h\"; client-certificate = \"request\"; truststore = \"partners\";\n"
    "    bad-certificate = \"fail\"; reject-at = \"handshake\";\n"
    "    secure-clients-only = false; require-data-tls = false; data-resumption = \"off\";\n"
    "    require-close-notify = false; passive-address = \"203.0.113.9\"; passive-ports = \"4000-4001\";\n"
    "    greeting = \"hello\"; backend = \"10.0.0.5:2121\";\n"
    "    handshake-timeout = \"1s\"; login-timeout = \"2s\"; connect-timeout = \"3s\";\n"
    "    data-connect-timeout = \"4s\"; idle-timeout = \"5s\"; stall-timeout = \"0\"; },\n"
    "  { alias = \"web\"; protocol = \"https\"; bind = \"127.0.0.1:443\"; keystore = \"edge\";\n"
    "    key-alias = \"rsa\"; backend = [ \"[2001:db8::7]:80\" ]; head-timeout = \"6s\";\n"
    "    response-timeout = \"7s\"; max-sessions = 0; }\n"
    ");\n";

/* The two pieces as one file: each is short enough for a C string. */
static void everything(char *out, size_t size)
{
    size_t head = strlen(everything_server) - strlen("listeners = ( );\n");

    assert_true(head + sizeof everything_listener < size);
    memcpy(out, everything_server, head);
    memcpy(out + head, everything_listener, sizeof everything_listener);
}

static void reads_server_options(void **state)
{
    char text[8192];
    struct conf_files *files;
    struct conf *conf;

    (void)state;
    everything(text, sizeof text);
    conf = read_text(&files, text);
    assert_string_equal(conf->path, "p11gate.conf");
    assert_int_equal(conf->workers, 3);
    assert_string_equal(conf->user, "a");
    assert_string_equal(conf->signer_user, "b");
    assert_int_equal(conf->stop_timeout_ms, 7000);
    assert_int_equal(conf->drain_timeout_ms, 8000);
    assert_int_equal(conf->max_generations, 9);
    assert_true(conf->admin_enabled);
    assert_addr(&conf->admin_bind, "[::1]:1234");
    assert_string_equal(conf->control_socket, "control");
    assert_string_equal(conf->admin_group, "g");
    assert_int_equal(conf->log_level, LOG_LEVEL_DEBUG);
    assert_string_equal(conf->log_target, "/var/log/p11gate.log");
    assert_int_equal(conf->keystore_count, 3);
    assert_int_equal(conf->truststore_count, 1);
    assert_int_equal(conf->listener_count, 2);
    conf_free(conf);
    conf_files_free(files);
}

static void reads_stores(void **state)
{
    char text[8192];
    struct conf_files *files;
    struct conf *conf;

    (void)state;
    everything(text, sizeof text);
    conf = read_text(&files, text);
    assert_int_equal(conf->keystores[0].line, 6);
    assert_string_equal(conf->keystores[0].alias, "edge");
    assert_string_equal(conf->keystores[0].module, "/lib/m.so");
    assert_string_equal(conf->keystores[0].init_args, "x=y");
    assert_string_equal(conf->keystores[0].token, "pkcs11:token=e");
    assert_string_equal(conf->keystores[0].pin_file, "edge.pin");
    assert_string_equal(conf->keystores[0].directory, "");
    assert_int_equal(conf->keystores[0].signers, 9);
    assert_int_equal(conf->keystores[0].sign_timeout_ms, 250);
    assert_int_equal(conf->keystores[0].max_signatures_per_second, 77);
    assert_string_equal(conf->keystores[0].pin_credential, "");
    assert_string_equal(conf->keystores[1].alias, "files");
    assert_string_equal(conf->keystores[1].directory, "/etc/keys");
    assert_string_equal(conf->keystores[1].token, "");
    assert_string_equal(conf->keystores[1].pin_file, "");
    assert_string_equal(conf->keystores[1].pin_credential, "");
    assert_string_equal(conf->keystores[2].pin_file, "");
    assert_string_equal(conf->keystores[2].pin_credential, "edge-pin");
    assert_string_equal(conf->truststores[0].alias, "partners");
    assert_string_equal(conf->truststores[0].ca_file, "ca.pem");
    assert_string_equal(conf->truststores[0].ca_pem, certificates[0].text);
    assert_int_equal(conf->truststores[0].ca_pem_len, strlen(certificates[0].text));
    assert_int_equal(conf->truststores[0].verify_depth, 2);
    assert_true(conf->truststores[0].announce);
    conf_free(conf);
    conf_files_free(files);
}

static void reads_listener_options(void **state)
{
    char text[8192];
    struct conf_files *files;
    const struct conf_listener *listener;
    struct conf *conf;

    (void)state;
    everything(text, sizeof text);
    conf = read_text(&files, text);
    listener = &conf->listeners[0];
    assert_int_equal(listener->line, 12);
    assert_string_equal(listener->alias, "edge.1");
    assert_string_equal(listener->description, "d");
    assert_true(listener->enabled);
    assert_int_equal(listener->protocol, CONF_FTP);
    assert_int_equal(listener->bind_count, 2);
    assert_addr(&listener->binds[0], "127.0.0.1:21");
    assert_addr(&listener->binds[1], "[::1]:21");
    assert_int_equal(listener->backlog, 12);
    assert_int_equal(listener->max_sessions, 34);
    assert_int_equal(listener->handshakes_per_second_per_ip, 56);
    assert_string_equal(listener->tls_versions, "1.2");
    assert_string_equal(listener->ciphers, "c");
    assert_string_equal(listener->ciphersuites, "s");
    assert_string_equal(listener->groups, "g");
    assert_int_equal(listener->session_lifetime_ms, 7200000);
    assert_int_equal(listener->client_certificate, CONF_CLIENT_REQUEST);
    assert_int_equal(listener->truststore, 0);
    assert_int_equal(listener->bad_certificate, CONF_BAD_FAIL);
    assert_int_equal(listener->reject_at, CONF_REJECT_HANDSHAKE);
    assert_addr(&listener->backends.items[0].addr, "10.0.0.5:2121");
    assert_int_equal(listener->handshake_timeout_ms, 1000);
    assert_int_equal(listener->connect_timeout_ms, 3000);
    assert_int_equal(listener->idle_timeout_ms, 5000);
    conf_free(conf);
    conf_files_free(files);
}

static void reads_ftp_and_https_options(void **state)
{
    char text[8192];
    struct conf_files *files;
    const struct conf_listener *listener;
    struct conf *conf;

    (void)state;
    everything(text, sizeof text);
    conf = read_text(&files, text);
    listener = &conf->listeners[0];
    assert_false(listener->secure_clients_only);
    assert_false(listener->require_data_tls);
    assert_false(listener->require_close_notify);
    assert_int_equal(listener->data_resumption, CONF_RESUMPTION_OFF);
    assert_true(listener->passive_host.set);
    assert_host(&listener->passive_host.addr, "203.0.113.1"); /* C6: the server's wins */
    assert_int_equal(addr_port(&listener->passive_host.addr), 0);
    assert_int_equal(listener->passive_first, 4000);
    assert_int_equal(listener->passive_last, 4001);
    assert_string_equal(listener->greeting, "hello");
    assert_int_equal(listener->login_timeout_ms, 2000);
    assert_int_equal(listener->data_connect_timeout_ms, 4000);
    assert_int_equal(listener->stall_timeout_ms, 0);
    listener = &conf->listeners[1];
    assert_int_equal(listener->protocol, CONF_HTTPS);
    assert_addr(&listener->backends.items[0].addr, "[2001:db8::7]:80");
    assert_int_equal(listener->head_timeout_ms, 6000);
    assert_int_equal(listener->response_timeout_ms, 7000);
    assert_int_equal(listener->max_sessions, CONF_SESSIONS_MAX); /* 0: no limit */
    /* What it does not set itself is the server's. */
    assert_string_equal(listener->tls_versions, "1.3");
    assert_string_equal(listener->ciphers, "C");
    assert_string_equal(listener->ciphersuites, "S");
    assert_string_equal(listener->groups, "G");
    conf_free(conf);
    conf_files_free(files);
}

static void reads_keys(void **state)
{
    char text[8192];
    struct conf_files *files;
    const struct conf_listener *listener;
    struct conf *conf;

    (void)state;
    everything(text, sizeof text);
    conf = read_text(&files, text);
    listener = &conf->listeners[0];
    assert_int_equal(listener->keystore, 0);
    assert_int_equal(listener->key_count, 2);
    assert_string_equal(listener->keys[0].alias, "rsa");
    assert_string_equal(listener->keys[0].certificate_file, "rsa.pem");
    assert_string_equal(listener->keys[0].certificate_pem, certificates[1].text);
    assert_int_equal(listener->keys[0].certificate_pem_len, strlen(certificates[1].text));
    assert_string_equal(listener->keys[1].alias, "pkcs11:object=ec");
    assert_string_equal(listener->keys[1].certificate_pem, certificates[2].text);
    listener = &conf->listeners[1];
    assert_int_equal(listener->key_count, 1);
    assert_string_equal(listener->keys[0].alias, "rsa");
    assert_string_equal(listener->keys[0].certificate_file, "");
    assert_string_equal(listener->keys[0].certificate_pem, "");
    assert_int_equal(listener->keys[0].certificate_pem_len, 0);
    conf_free(conf);
    conf_files_free(files);
}

static void has_defaults(void **state)
{
    static const char text[] = KEYSTORE "listeners = ( { alias = \"a\"; protocol = \"ftps\";"
                                        "bind = \"127.0.0.1:990\"; keystore = \"edge\"; key-alias = \"k\";"
                                        "backend = \"127.0.0.1:21\"; } );";
    struct conf_files *files;
    struct conf *conf = read_text(&files, text);
    const struct conf_listener *listener = &conf->listeners[0];
    cpu_set_t cores;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof cores, &cores), 0);
    assert_int_equal(conf->workers, CPU_COUNT(&cores) > 64 ? 64 : CPU_COUNT(&cores));
    assert_string_equal(conf->user, "p11gate");
    assert_string_equal(conf->signer_user, "p11gate-signer");
    assert_int_equal(conf->stop_timeout_ms, 20000);
    assert_int_equal(conf->drain_timeout_ms, 3600 * 1000);
    assert_int_equal(conf->max_generations, 3);
    assert_true(conf->admin_enabled);
    assert_addr(&conf->admin_bind, "127.0.0.1:9911");
    assert_string_equal(conf->control_socket, "/run/p11gate/control");
    assert_string_equal(conf->admin_group, "p11gate-admin");
    assert_int_equal(conf->log_level, LOG_LEVEL_INFO);
    assert_string_equal(conf->log_target, "stderr");
    assert_int_equal(conf->truststore_count, 0);
    assert_non_null(strstr(conf->keystores[0].module, "p11-kit-proxy.so"));
    assert_string_equal(conf->keystores[0].init_args, "");
    assert_int_equal(conf->keystores[0].signers, 4);
    assert_int_equal(conf->keystores[0].sign_timeout_ms, 2000);
    assert_int_equal(conf->keystores[0].max_signatures_per_second, 0);
    assert_string_equal(conf->keystores[0].pin_file, "");
    assert_string_equal(conf->keystores[0].pin_credential, "");
    assert_string_equal(listener->description, "");
    assert_true(listener->enabled);
    assert_int_equal(listener->backlog, 511);
    assert_int_equal(listener->max_sessions, 10000);
    assert_int_equal(listener->handshakes_per_second_per_ip, 0);
    assert_int_equal(listener->server_name_count, 0);
    assert_false(listener->strict_server_name);
    assert_string_equal(listener->keys[0].ocsp_file, "");
    assert_string_equal(listener->keys[0].ocsp_der, "");
    assert_int_equal(listener->keys[0].ocsp_der_len, 0);
    assert_string_equal(listener->tls_versions, "1.2-1.3");
    assert_string_equal(listener->ciphers, "");
    assert_string_equal(listener->ciphersuites, "");
    assert_string_equal(listener->groups, "");
    assert_int_equal(listener->session_lifetime_ms, 8 * 3600 * 1000);
    assert_int_equal(listener->client_certificate, CONF_CLIENT_NONE);
    assert_int_equal(listener->truststore, CONF_NONE);
    assert_true(listener->secure_clients_only);
    assert_true(listener->require_data_tls);
    assert_true(listener->require_close_notify);
    assert_int_equal(listener->data_resumption, CONF_RESUMPTION_PREFER);
    assert_false(listener->passive_host.set);
    assert_int_equal(listener->passive_first, 30000);
    assert_int_equal(listener->passive_last, 30999);
    assert_string_equal(listener->greeting, "p11gate ready");
    assert_int_equal(listener->max_head_bytes, 65536);
    assert_int_equal(listener->handshake_timeout_ms, 30000);
    assert_int_equal(listener->login_timeout_ms, 30000);
    assert_int_equal(listener->head_timeout_ms, 30000);
    assert_int_equal(listener->connect_timeout_ms, 5000);
    assert_int_equal(listener->data_connect_timeout_ms, 30000);
    assert_int_equal(listener->stall_timeout_ms, 15 * 60 * 1000);
    assert_int_equal(listener->idle_timeout_ms, 300000);
    assert_int_equal(listener->response_timeout_ms, 600000);
    conf_free(conf);
    conf_files_free(files);
}

static void defaults_depend_on_the_protocol(void **state)
{
    static const struct {
        const char *name;
        enum conf_protocol protocol;
        enum conf_bad_certificate bad_certificate;
        enum conf_reject_at reject_at;
    } rows[] = {
        {"tls", CONF_TLS, CONF_BAD_FAIL, CONF_REJECT_HANDSHAKE},
        {"ftps", CONF_FTPS, CONF_BAD_IGNORE, CONF_REJECT_LOGIN},
        {"ftp", CONF_FTP, CONF_BAD_IGNORE, CONF_REJECT_LOGIN},
        {"https", CONF_HTTPS, CONF_BAD_FAIL, CONF_REJECT_HANDSHAKE},
    };
    char text[1024];

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct conf_files *files;
        struct conf *conf;

        (void)snprintf(text, sizeof text,
                       KEYSTORE "listeners = ( { alias = \"a\"; protocol = \"%s\"; bind = \"127.0.0.1:990\";"
                                "keystore = \"edge\"; key-alias = \"k\"; backend = \"127.0.0.1:21\"; } );",
                       rows[i].name);
        conf = read_text(&files, text);
        assert_int_equal(conf->listeners[0].protocol, rows[i].protocol);
        assert_string_equal(conf_protocol_names[rows[i].protocol], rows[i].name);
        assert_int_equal(conf->listeners[0].bad_certificate, rows[i].bad_certificate);
        assert_int_equal(conf->listeners[0].reject_at, rows[i].reject_at);
        conf_free(conf);
        conf_files_free(files);
    }
}

static void passive_address_follows_c6(void **state)
{
    static const struct {
        const char *server, *listener, *bind, *expected;
    } rows[] = {
        {"", "", "\"127.0.0.1:990\"", NULL},
        {"", "passive-address = \"192.0.2.2\";", "\"127.0.0.1:990\"", "192.0.2.2"},
        {"passive-address = \"192.0.2.1\";", "", "\"127.0.0.1:990\"", "192.0.2.1"},
        {"passive-address = \"192.0.2.1\";", "passive-address = \"192.0.2.2\";", "\"127.0.0.1:990\"",
         "192.0.2.1"},
        {"passive-address = \"192.0.2.1\";", "", "\"[::1]:990\"", NULL},
        {"", "passive-address = \"192.0.2.2\";", "[ \"[::1]:990\", \"127.0.0.1:990\" ]", "192.0.2.2"},
    };
    char text[1024];

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct conf_files *files;
        struct conf *conf;

        (void)snprintf(text, sizeof text,
                       KEYSTORE "%s listeners = ( { alias = \"a\"; protocol = \"ftps\"; bind = %s; %s"
                                "keystore = \"edge\"; key-alias = \"k\"; backend = \"127.0.0.1:21\"; } );",
                       rows[i].server, rows[i].bind, rows[i].listener);
        conf = read_text(&files, text);
        assert_int_equal(conf->listeners[0].passive_host.set, rows[i].expected != NULL);
        if (rows[i].expected)
            assert_host(&conf->listeners[0].passive_host.addr, rows[i].expected);
        conf_free(conf);
        conf_files_free(files);
    }
}

/* "" means none; what is relative begins at the file. */
static void admin_may_be_without(void **state)
{
    static const struct {
        const char *path, *admin, *bind, *control_socket;
    } rows[] = {
        {"p11gate.conf", "bind = \"\";", "", "/run/p11gate/control"},
        {"p11gate.conf", "control-socket = \"\";", "127.0.0.1:9911", ""},
        {"/etc/p11gate/p11gate.conf", "bind = \"\"; control-socket = \"\";", "", ""},
        {"/etc/p11gate/p11gate.conf", "control-socket = \"c\";", "127.0.0.1:9911", "/etc/p11gate/c"},
        {"/etc/p11gate/p11gate.conf", "bind = \"0.0.0.0:1\"; control-socket = \"/c\";", "0.0.0.0:1", "/c"},
        {"p11gate.conf", "", "127.0.0.1:9911", "/run/p11gate/control"},
    };
    char text[1024];

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct fixture_file list[] = {{rows[i].path, text, 0}, {NULL, NULL, 0}};
        struct conf_files *files;
        struct conf *conf;

        (void)snprintf(text, sizeof text,
                       KEYSTORE "admin = { %s }; listeners = ( { alias = \"a\"; protocol = \"tls\";"
                                "bind = \"127.0.0.1:990\"; keystore = \"edge\"; key-alias = \"k\";"
                                "backend = \"127.0.0.1:21\"; } );",
                       rows[i].admin);
        files = fixture_files(list);
        conf = fixture_read(files, rows[i].path);
        assert_int_equal(conf->admin_enabled, rows[i].bind[0] != 0);
        if (conf->admin_enabled)
            assert_addr(&conf->admin_bind, rows[i].bind);
        assert_string_equal(conf->control_socket, rows[i].control_socket);
        conf_free(conf);
        conf_files_free(files);
    }
}

/* The kernel lets them be side by side. */
static void admin_stands_beside_listeners(void **state)
{
    static const char *const rows[][2] = {
        {"127.0.0.1:990", "127.0.0.2:990"},
        {"127.0.0.1:990", "127.0.0.1:991"},
        {"[::]:990", "127.0.0.1:990"},
    };
    char text[1024];

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct conf_files *files;
        struct conf *conf;

        (void)snprintf(text, sizeof text,
                       KEYSTORE
                       "admin = { bind = \"%s\"; }; listeners = ( { alias = \"a\"; protocol = \"tls\";"
                       "bind = \"%s\"; keystore = \"edge\"; key-alias = \"k\";"
                       "backend = \"127.0.0.1:21\"; } );",
                       rows[i][0], rows[i][1]);
        conf = read_text(&files, text);
        assert_addr(&conf->admin_bind, rows[i][0]);
        conf_free(conf);
        conf_files_free(files);
    }
}

static void says_where(void **state)
{
    static const char text[] = KEYSTORE "\nlisteners = (\n { alias = \"a\"; protocol = \"ftps\";"
                                        "bind = \"127.0.0.1:990\"; keystore = \"edge\"; key-alias = \"k\";"
                                        "backend = \"127.0.0.1:21\"; } );";
    struct conf_files *files;
    struct conf *conf = read_text(&files, text);
    struct err where;

    (void)state;
    conf_where_listener(conf, &conf->listeners[0], &where);
    assert_string_equal(where.text, "p11gate.conf:4: listener \"a\"");
    conf_where_keystore(conf, &conf->keystores[0], &where);
    assert_string_equal(where.text, "p11gate.conf:1: keystore \"edge\"");
    conf_free(conf);
    conf_files_free(files);
}

static void relative_paths_begin_at_the_file(void **state)
{
    static const struct fixture_file list[] = {
        {"/etc/p11gate/p11gate.conf",
         "keystores = ( { alias = \"edge\"; token = \"pkcs11:\"; pin-file = \"pins/edge\"; } );"
         "listeners = ( { alias = \"a\"; protocol = \"tls\"; bind = \"127.0.0.1:990\"; keystore = \"edge\";"
         "key-alias = [ \"k\", \"l\" ]; certificate-file = [ \"k.pem\", \"/l.pem\" ];"
         "backend = \"127.0.0.1:21\"; } );",
         0},
        {"/etc/p11gate/k.pem", FIXTURE_CERTIFICATE, 0},
        {"/l.pem", FIXTURE_CERTIFICATE, 0},
        {NULL, NULL, 0},
    };
    struct conf_files *files = fixture_files(list);
    struct conf *conf = fixture_read(files, conf_files_first(files));

    (void)state;
    assert_string_equal(conf->keystores[0].pin_file, "/etc/p11gate/pins/edge");
    assert_string_equal(conf->listeners[0].keys[0].certificate_file, "/etc/p11gate/k.pem");
    assert_string_equal(conf->listeners[0].keys[1].certificate_file, "/l.pem");
    conf_free(conf);
    conf_files_free(files);
}

static void outlives_its_files(void **state)
{
    char text[8192];
    struct conf_files *files;
    struct conf *conf;

    (void)state;
    everything(text, sizeof text);
    conf = read_text(&files, text);
    conf_files_free(files);
    assert_string_equal(conf->listeners[0].keys[1].certificate_pem, certificates[2].text);
    assert_string_equal(conf->truststores[0].ca_pem, certificates[0].text);
    conf_free(conf);
    conf_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_server_options),
        cmocka_unit_test(reads_stores),
        cmocka_unit_test(reads_listener_options),
        cmocka_unit_test(reads_ftp_and_https_options),
        cmocka_unit_test(reads_keys),
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(defaults_depend_on_the_protocol),
        cmocka_unit_test(passive_address_follows_c6),
        cmocka_unit_test(admin_may_be_without),
        cmocka_unit_test(admin_stands_beside_listeners),
        cmocka_unit_test(says_where),
        cmocka_unit_test(relative_paths_begin_at_the_file),
        cmocka_unit_test(outlives_its_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
