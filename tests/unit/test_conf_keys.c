/* The keys of listeners and of the names that clients ask for. */
#include "conf.h"

#include "conf_fixture.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Another response: SEQUENCE { ENUMERATED 0, [0] { 1 byte } }, its length in the long form. */
#define OCSP_LONG "\x30\x81\x06\x0a\x01\x00\xa0\x01\x00", 9

/* Files beside the text; conf_free and conf_files_free are the caller's. */
static struct conf *read_text(struct conf_files **files, const char *text)
{
    const struct fixture_file list[] = {
        {"p11gate.conf", text, 0},
        {"rsa.pem", "rsa\n" FIXTURE_CERTIFICATE, 0},
        {"ec.pem", "ec\n" FIXTURE_CERTIFICATE, 0},
        {"rsa.ocsp", FIXTURE_OCSP},
        {"ec.ocsp", OCSP_LONG},
        {NULL, NULL, 0},
    };

    *files = fixture_files(list);
    return fixture_read(*files, "p11gate.conf");
}

#define KEYSTORE "keystores = ( { alias = \"edge\"; token = \"pkcs11:\"; } );\n"

/* A listener with what stands in `rest`. */
#define LISTENER(rest)                                                                                       \
    "listeners = ( { alias = \"a\"; protocol = \"tls\"; bind = \"127.0.0.1:1\"; keystore = \"edge\";"        \
    "backend = \"127.0.0.1:9\"; " rest " } );\n"

struct ocsp {
    const char *file, *bytes;
    size_t len;
};

static void assert_ocsp(const struct conf_key *key, const struct ocsp *expected)
{
    assert_string_equal(key->ocsp_file, expected->file);
    assert_int_equal(key->ocsp_der_len, expected->len);
    assert_non_null(key->ocsp_der);
    assert_memory_equal(key->ocsp_der, expected->bytes, expected->len);
}

static const struct ocsp no_ocsp = {"", "", 0}, rsa_ocsp = {"rsa.ocsp", FIXTURE_OCSP},
                         ec_ocsp = {"ec.ocsp", OCSP_LONG};

static void reads_ocsp_files(void **state)
{
    static const struct {
        const char *text;
        const struct ocsp *first, *second;
    } rows[] = {
        {KEYSTORE LISTENER("key-alias = [ \"r\", \"e\" ];"), &no_ocsp, &no_ocsp},
        {KEYSTORE LISTENER("key-alias = [ \"r\", \"e\" ]; ocsp-file = [ ];"), &no_ocsp, &no_ocsp},
        {KEYSTORE LISTENER("key-alias = [ \"r\", \"e\" ]; ocsp-file = [ \"rsa.ocsp\", \"ec.ocsp\" ];"),
         &rsa_ocsp, &ec_ocsp},
        {KEYSTORE LISTENER("key-alias = [ \"r\", \"e\" ]; ocsp-file = [ \"\", \"ec.ocsp\" ];"), &no_ocsp,
         &ec_ocsp},
        {KEYSTORE LISTENER("key-alias = [ \"r\", \"e\" ]; ocsp-file = [ \"rsa.ocsp\", \"\" ];"), &rsa_ocsp,
         &no_ocsp},
        {KEYSTORE LISTENER("key-alias = [ \"r\", \"e\" ]; ocsp-file = [ \"\", \"\" ];"), &no_ocsp, &no_ocsp},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct conf_files *files;
        struct conf *conf = read_text(&files, rows[i].text);

        conf_files_free(files);
        assert_int_equal(conf->listeners[0].key_count, 2);
        assert_ocsp(&conf->listeners[0].keys[0], rows[i].first);
        assert_ocsp(&conf->listeners[0].keys[1], rows[i].second);
        conf_free(conf);
    }
}

static void a_string_is_a_list_of_one(void **state)
{
    struct conf_files *files;
    struct conf *conf = read_text(&files, KEYSTORE LISTENER("key-alias = \"e\"; ocsp-file = \"ec.ocsp\";"));

    (void)state;
    assert_ocsp(&conf->listeners[0].keys[0], &ec_ocsp);
    conf_free(conf);
    conf_files_free(files);
}

static const char with_names[] = KEYSTORE LISTENER(
    "key-alias = \"own\"; strict-server-name = true; server-names = ("
    "{ name = \"FTP.Example.com\"; key-alias = [ \"r\", \"pkcs11:object=e\" ];"
    "  certificate-file = [ \"rsa.pem\", \"ec.pem\" ]; ocsp-file = [ \"\", \"ec.ocsp\" ]; },"
    "{ name = \"*.example.com\"; key-alias = \"w\"; } );");

static void reads_server_names(void **state)
{
    struct conf_files *files;
    struct conf *conf = read_text(&files, with_names);
    const struct conf_listener *listener = &conf->listeners[0];
    const struct conf_server_name *first = &listener->server_names[0], *second = &listener->server_names[1];

    (void)state;
    assert_true(listener->strict_server_name);
    assert_int_equal(listener->key_count, 1);
    assert_string_equal(listener->keys[0].alias, "own");
    assert_int_equal(listener->server_name_count, 2);
    assert_string_equal(first->name, "ftp.example.com");
    assert_int_equal(first->key_count, 2);
    assert_string_equal(first->keys[0].alias, "r");
    assert_string_equal(first->keys[0].certificate_file, "rsa.pem");
    assert_string_equal(first->keys[0].certificate_pem, "rsa\n" FIXTURE_CERTIFICATE);
    assert_ocsp(&first->keys[0], &no_ocsp);
    assert_string_equal(first->keys[1].alias, "pkcs11:object=e");
    assert_string_equal(first->keys[1].certificate_file, "ec.pem");
    assert_int_equal(first->keys[1].certificate_pem_len, strlen("ec\n" FIXTURE_CERTIFICATE));
    assert_ocsp(&first->keys[1], &ec_ocsp);
    assert_string_equal(second->name, "*.example.com");
    assert_int_equal(second->key_count, 1);
    assert_string_equal(second->keys[0].alias, "w");
    assert_string_equal(second->keys[0].certificate_file, "");
    assert_string_equal(second->keys[0].certificate_pem, "");
    assert_ocsp(&second->keys[0], &no_ocsp);
    conf_free(conf);
    conf_files_free(files);
}

/* Two listeners may have the same name, and one both a name and the * that covers it. */
static void names_belong_to_their_listener(void **state)
{
    static const char text[] = KEYSTORE
        "listeners = ("
        "{ alias = \"a\"; protocol = \"tls\"; bind = \"127.0.0.1:1\"; keystore = \"edge\"; key-alias = \"k\";"
        "  server-names = ( { name = \"x.example\"; key-alias = \"k\"; }, { name = \"*.example\"; key-alias "
        "= "
        "\"k\"; } ); backend = \"127.0.0.1:9\"; },"
        "{ alias = \"b\"; protocol = \"tls\"; bind = \"127.0.0.1:2\"; keystore = \"edge\"; key-alias = \"k\";"
        "  server-names = ( { name = \"x.example\"; key-alias = \"l\"; } ); backend = \"127.0.0.1:9\"; },"
        "{ alias = \"c\"; protocol = \"tls\"; bind = \"127.0.0.1:3\"; keystore = \"edge\"; key-alias = \"k\";"
        "  server-names = ( ); backend = \"127.0.0.1:9\"; } );";
    struct conf_files *files;
    struct conf *conf = read_text(&files, text);

    (void)state;
    assert_int_equal(conf->listeners[0].server_name_count, 2);
    assert_int_equal(conf->listeners[1].server_name_count, 1);
    assert_string_equal(conf->listeners[1].server_names[0].keys[0].alias, "l");
    assert_int_equal(conf->listeners[2].server_name_count, 0);
    assert_false(conf->listeners[0].strict_server_name);
    conf_free(conf);
    conf_files_free(files);
}

struct found {
    size_t count;
    char text[512];
};

static void found(void *owner, const struct conf_listener *listener, const struct conf_key *key)
{
    struct found *list = owner;
    size_t len = strlen(list->text);

    assert_int_equal(key->wanted, list->count);
    list->count++;
    (void)snprintf(list->text + len, sizeof list->text - len, "%s %s %s\n", listener->alias, key->alias,
                   key->client ? "client" : key->certificate_file);
}

static void numbers_wanted_keys(void **state)
{
    static const char text[] =
        "keystores = ( { alias = \"one\"; token = \"pkcs11:\"; }, { alias = \"two\"; token = \"pkcs11:\"; } "
        ");\n"
        "listeners = (\n"
        "{ alias = \"off\"; enabled = false; protocol = \"tls\"; bind = \"127.0.0.1:1\"; keystore = \"one\";"
        "  key-alias = \"z\"; backend = \"127.0.0.1:9\"; },\n"
        "{ alias = \"a\"; protocol = \"tls\"; bind = \"127.0.0.1:1\"; keystore = \"one\";"
        "  key-alias = [ \"x\", \"y\" ]; backend = \"127.0.0.1:9\"; },\n"
        "{ alias = \"b\"; protocol = \"tls\"; bind = \"127.0.0.1:2\"; keystore = \"two\";"
        "  key-alias = [ \"y\", \"x\" ]; backend = \"127.0.0.1:9\"; },\n"
        "{ alias = \"c\"; protocol = \"tls\"; bind = \"127.0.0.1:3\"; keystore = \"one\";"
        "  key-alias = [ \"y\", \"w\" ]; backend = \"127.0.0.1:9\"; },\n"
        "{ alias = \"d\"; protocol = \"tls\"; bind = \"127.0.0.1:4\"; keystore = \"one\";"
        "  key-alias = \"y\"; certificate-file = \"rsa.pem\"; backend = \"127.0.0.1:9\"; } );";
    struct conf_files *files;
    struct conf *conf = read_text(&files, text);
    struct found one = {0}, two = {0};

    (void)state;
    conf_wanted_keys(conf, 0, found, &one);
    assert_string_equal(one.text, "a x \na y \nc w \nd y rsa.pem\n");
    conf_wanted_keys(conf, 1, found, &two);
    assert_string_equal(two.text, "b y \nb x \n");
    assert_int_equal(conf->listeners[0].keys[0].wanted, UINT32_MAX);
    assert_int_equal(conf->listeners[3].keys[0].wanted, 1);
    conf_free(conf);
    conf_files_free(files);
}

/* The numbers are per keystore: the listener's own keys, then those of its names, then the next listener's.
 */
static void numbers_keys_of_server_names(void **state)
{
    static const char text[] = KEYSTORE
        "listeners = ("
        "{ alias = \"off\"; enabled = false; protocol = \"tls\"; bind = \"127.0.0.1:1\"; keystore = \"edge\";"
        "  key-alias = \"z\"; server-names = ( { name = \"x.example\"; key-alias = \"z\"; } );"
        "  backend = \"127.0.0.1:9\"; },"
        "{ alias = \"a\"; protocol = \"tls\"; bind = \"127.0.0.1:1\"; keystore = \"edge\"; key-alias = \"k\";"
        "  server-names = ("
        "    { name = \"x.example\"; key-alias = [ \"l\", \"k\" ]; },"
        "    { name = \"y.example\"; key-alias = \"k\"; certificate-file = \"rsa.pem\"; },"
        "    { name = \"z.example\"; key-alias = \"l\"; ocsp-file = \"rsa.ocsp\"; } );"
        "  backend = \"127.0.0.1:9\"; },"
        "{ alias = \"b\"; protocol = \"tls\"; bind = \"127.0.0.1:2\"; keystore = \"edge\";"
        "  key-alias = [ \"m\", \"l\" ]; backend = \"127.0.0.1:9\"; } );";
    struct conf_files *files;
    struct conf *conf = read_text(&files, text);
    const struct conf_listener *off = &conf->listeners[0], *a = &conf->listeners[1];
    struct found keys = {0};

    (void)state;
    conf_wanted_keys(conf, 0, found, &keys);
    assert_string_equal(keys.text, "a k \na l \na k rsa.pem\nb m \n");
    assert_int_equal(off->keys[0].wanted, UINT32_MAX);
    assert_int_equal(off->server_names[0].keys[0].wanted, UINT32_MAX);
    assert_int_equal(a->server_names[0].keys[1].wanted, 0);
    assert_int_equal(a->server_names[1].keys[0].wanted, 2);
    /* Another response changes nothing about the key. */
    assert_int_equal(a->server_names[2].keys[0].wanted, 1);
    assert_int_equal(a->server_names[2].keys[0].ocsp_der_len, 5);
    assert_int_equal(conf->listeners[2].keys[0].wanted, 3);
    assert_int_equal(conf->listeners[2].keys[1].wanted, 1);
    conf_free(conf);
    conf_files_free(files);
}

/* A key that signs as a client and one that signs as a server are two, though they are one on the token. */
static void numbers_keys_of_the_way_out(void **state)
{
    static const char text[] =
        "keystores = ( { alias = \"one\"; token = \"pkcs11:\"; }, { alias = \"two\"; token = \"pkcs11:\"; } "
        ");\n"
        "truststores = ( { alias = \"cas\"; ca-file = \"rsa.pem\"; } );\n"
        "listeners = ("
        "{ alias = \"a\"; protocol = \"https\"; bind = \"127.0.0.1:1\"; keystore = \"one\"; key-alias = "
        "\"k\";"
        "  backend = \"127.0.0.1:9\"; backend-tls = { truststore = \"cas\"; server-name = \"x.example\";"
        "    keystore = \"two\"; key-alias = \"c\"; }; },"
        "{ alias = \"off\"; enabled = false; protocol = \"http\"; bind = \"127.0.0.1:2\";"
        "  backend = \"127.0.0.1:9\"; backend-tls = { truststore = \"cas\"; server-name = \"x.example\";"
        "    keystore = \"two\"; key-alias = \"d\"; }; },"
        "{ alias = \"b\"; protocol = \"http\"; bind = \"127.0.0.1:3\"; backend = \"127.0.0.1:9\";"
        "  backend-tls = { truststore = \"cas\"; server-name = \"x.example\";"
        "    keystore = \"one\"; key-alias = [ \"k\", \"l\" ]; }; } );";
    struct conf_files *files;
    struct conf *conf = read_text(&files, text);
    struct found one = {0}, two = {0};

    (void)state;
    conf_wanted_keys(conf, 0, found, &one);
    assert_string_equal(one.text, "a k \nb k client\nb l client\n");
    conf_wanted_keys(conf, 1, found, &two);
    assert_string_equal(two.text, "a c client\n");
    assert_false(conf->listeners[0].keys[0].client);
    assert_int_equal(conf->listeners[1].backend_tls.keys[0].wanted, UINT32_MAX);
    assert_int_equal(conf->listeners[2].backend_tls.keys[0].wanted, 1);
    conf_free(conf);
    conf_files_free(files);
}

/* A file on its way: disk, packed, read by a worker. */
static void ocsp_bytes_reach_workers(void **state)
{
    char directory[] = "/tmp/p11gate-conf-keys-XXXXXX", path[64], ocsp[64];
    static const char text[] = KEYSTORE LISTENER("key-alias = \"e\"; ocsp-file = \"ec.ocsp\";");
    struct conf_files *files = conf_files_from_disk(), *copy;
    struct buf packed;
    struct conf *conf;

    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/p11gate.conf", directory);
    (void)snprintf(ocsp, sizeof ocsp, "%s/ec.ocsp", directory);
    fixture_write(path, text, strlen(text));
    fixture_write(ocsp, ec_ocsp.bytes, ec_ocsp.len);
    conf_free(fixture_read(files, path));
    assert_int_equal(unlink(ocsp), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);

    buf_init(&packed, 4096);
    assert_true(conf_files_pack(files, &packed));
    conf_files_free(files);
    copy = conf_files_from_memory(buf_data(&packed), buf_len(&packed));
    buf_free(&packed);
    assert_non_null(copy);
    conf = fixture_read(copy, path);
    assert_string_equal(conf->listeners[0].keys[0].ocsp_file, ocsp);
    assert_int_equal(conf->listeners[0].keys[0].ocsp_der_len, ec_ocsp.len);
    assert_memory_equal(conf->listeners[0].keys[0].ocsp_der, ec_ocsp.bytes, ec_ocsp.len);
    conf_free(conf);
    conf_files_free(copy);
}

/* head: the head of a SEQUENCE and the beginning of it; the rest of len are zeros. */
static bool takes_ocsp(const char *head, size_t head_len, size_t len)
{
    static struct conf_errors errors;
    char *der = calloc(1, len + 1);
    struct fixture_file list[] = {
        {"p11gate.conf", KEYSTORE LISTENER("key-alias = \"e\"; ocsp-file = \"e.ocsp\";"), 0},
        {"e.ocsp", "", 0},
        {NULL, NULL, 0},
    };
    struct conf_files *files;
    struct conf *conf;
    bool taken;

    assert_non_null(der);
    memcpy(der, head, head_len < len ? head_len : len);
    list[1].text = der;
    list[1].len = len;
    files = fixture_files(list);
    conf = conf_read(files, "p11gate.conf", &errors);
    taken = conf != NULL;
    conf_free(conf);
    conf_files_free(files);
    free(der);
    return taken;
}

static void looks_at_the_form_of_ocsp(void **state)
{
    static const struct {
        const char *head;
        size_t head_len, len;
        bool good;
    } rows[] = {
        {"\x30\x03\x0a\x01\x00", 5, 5, true},
        {"\x30\x03\x0a\x01\x00", 5, 6, false}, /* more behind it */
        {"\x30\x03\x0a\x01\x00", 5, 4, false}, /* cut */
        {"\x30", 1, 1, false},
        {"\x30\x00", 2, 2, false},
        {"\x30\x02\x0a\x01", 4, 4, false}, /* no status */
        {"\x30\x03\x0a\x02\x00", 5, 5, false},
        {"\x30\x03\x0a\x01\x01", 5, 5, false}, /* malformedRequest */
        {"\x30\x03\x0a\x01\x06", 5, 5, false}, /* unauthorized */
        {"\x30\x03\x02\x01\x00", 5, 5, false}, /* INTEGER: a private key */
        {"\x31\x03\x0a\x01\x00", 5, 5, false},
        {"\x30\x80\x0a\x01\x00\x00\x00", 7, 7, false}, /* BER without length */
        {"\x30\x81\x03\x0a\x01\x00", 6, 6, true},
        {"\x30\x82\x01\x00\x0a\x01\x00", 7, 260, true},
        {"\x30\x82\x01\x00\x0a\x01\x00", 7, 259, false},
        {"\x30\x84\x00\x00\x00\x03\x0a\x01\x00", 9, 9, true},
        {"\x30\x85\x00\x00\x00\x00\x03\x0a\x01\x00", 10, 10, false},
        {"\x30\xff\xff\xff\xff\xff", 6, 6, false},
        {"\x30\x84\xff\xff\xff\xff", 6, 6, false},
        {"\x30\x82", 2, 2, false},
        {"\x30\x82\xff\xfc\x0a\x01\x00", 7, 65536, true}, /* 64 KB, and one more */
        {"\x30\x82\xff\xfd\x0a\x01\x00", 7, 65537, false},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        if (takes_ocsp(rows[i].head, rows[i].head_len, rows[i].len) == rows[i].good)
            continue;
        print_error("row %zu\n", i);
        assert_int_equal(i, SIZE_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_ocsp_files),
        cmocka_unit_test(a_string_is_a_list_of_one),
        cmocka_unit_test(reads_server_names),
        cmocka_unit_test(names_belong_to_their_listener),
        cmocka_unit_test(numbers_wanted_keys),
        cmocka_unit_test(numbers_keys_of_server_names),
        cmocka_unit_test(numbers_keys_of_the_way_out),
        cmocka_unit_test(ocsp_bytes_reach_workers),
        cmocka_unit_test(looks_at_the_form_of_ocsp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
