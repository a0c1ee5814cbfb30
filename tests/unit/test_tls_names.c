#include "server_name.h"
#include "tls_kit.h"

#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* ---- names as they are ---- */

struct extension {
    const char *bytes;
    size_t len;
    const char *name;
};

#define EXTENSION(text) text, sizeof text - 1

static const struct extension extensions[] = {
    {EXTENSION("\x00\x05\x00\x00\x02"
               "ab"),
     "ab"},
    {EXTENSION("\x00\x07\x00\x00\x04"
               "A.bC"),
     "a.bc"},
    {EXTENSION("\x00\x05\x00\x00\x02"
               "a."),
     "a"},
    {EXTENSION("\x00\x05\x00\x00\x02"
               ".."),
     "."},
    {EXTENSION("\x00\x04\x00\x00\x01"
               "."),
     ""},
    {EXTENSION("\x00\x03\x00\x00\x00"), ""},
    {EXTENSION(""), ""},
    {EXTENSION("\x00\x05\x00\x00"), ""},
    {EXTENSION("\x00\x05\x01\x00\x02"
               "ab"),
     ""}, /* no host name */
    {EXTENSION("\x00\x06\x00\x00\x02"
               "ab"),
     ""}, /* lengths that are wrong */
    {EXTENSION("\x00\x05\x00\x00\x03"
               "ab"),
     ""},
    {EXTENSION("\x00\x05\x00\x00\x01"
               "ab"),
     ""},
    {EXTENSION("\xff\xff\x00\xff\xff"
               "ab"),
     ""},
    {EXTENSION("\x00\x05\x00\x00\x02"
               "ab\x00\x00\x02"
               "cd"),
     ""}, /* two lists */
    {EXTENSION("\x00\x0a\x00\x00\x02"
               "ab\x00\x00\x02"
               "cd"),
     ""}, /* two names */
    {EXTENSION("\x00\x06\x00\x00\x03"
               "a\0b"),
     ""},
};

static void a_name_is_read_only_from_a_whole_extension(void **state)
{
    char name[SERVER_NAME_LEN];

    (void)state;
    for (size_t i = 0; i < ROWS(extensions); i++) {
        server_name_read((const uint8_t *)extensions[i].bytes, extensions[i].len, name);
        assert_string_equal(name, extensions[i].name);
    }
}

static void the_longest_name_has_255_bytes(void **state)
{
    uint8_t extension[300] = {0};
    char name[SERVER_NAME_LEN], text[300];

    (void)state;
    memset(extension + 5, 'x', sizeof extension - 5);
    for (size_t len = 254; len <= 257; len++) {
        extension[0] = (uint8_t)((len + 3) >> 8);
        extension[1] = (uint8_t)(len + 3);
        extension[3] = (uint8_t)(len >> 8);
        extension[4] = (uint8_t)len;
        server_name_read(extension, len + 5, name);
        assert_int_equal(strlen(name), len <= 255 ? len : 0);
        memset(text, 'x', len);
        text[len] = 0;
        assert_int_equal(server_name_fold(text, name), len <= 255);
    }
}

static void a_wildcard_stands_for_one_label(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool fits;
    } rows[] = {
        {"a.example.com", "a.example.com", true},
        {"a.example.com", "b.example.com", false},
        {"a.example.com", "a.example.com.x", false},
        {"*.example.com", "a.example.com", true},
        {"*.example.com", "b.a.example.com", false},
        {"*.example.com", "example.com", false},
        {"*.example.com", ".example.com", false},
        {"*.example.com", "", false},
        {"*.example.com", "aexample.com", false},
        {"*.example.com", "*.example.com", true},
        {"a.example.com", "", false},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(server_name_fits(rows[i].pattern, rows[i].name), rows[i].fits);
}

/* ---- a listener with names ---- */

static const char *const names[] = {"*.Example.com", "ftp.example.com.", "as2.example.org"};
static const enum kit_kind kinds[] = {KIT_P256, KIT_P384, KIT_ED25519};

static void add_keys(struct kit *kit)
{
    for (size_t i = 0; i < ROWS(names); i++) {
        const struct tls_key_use use = {.server_name = names[i]};
        struct inventory_key key = kit_inventory(kinds[i]);
        struct err err = {""};

        if (!tls_ctx_add_key(kit->ctx, &key, &use, &kit->signer.base, &err))
            fail_msg("tls_ctx_add_key: %s", err.text);
    }
}

/* RSA by default. */
static void open_named(struct kit *kit, bool strict, int version)
{
    struct tls_policy policy = kit_policy();

    policy.server_names = names;
    policy.server_name_count = ROWS(names);
    policy.strict_server_name = strict;
    kit_open(kit, &policy, 1U << KIT_RSA, version);
    add_keys(kit);
}

/* Asks for the name; tells whether the handshake succeeded. */
static bool ask(struct kit_pair *pair, struct kit *kit, const char *name, SSL_SESSION *session)
{
    kit_connect(pair, kit->ctx, TLS_MAIN, NULL, &kit->client, session);
    kit_client_asks(pair, name);
    return kit_handshake(pair, &kit->signer);
}

struct asked {
    const char *name; /* NULL: none */
    bool known;
    enum kit_kind kind;
};

static const struct asked asked[] = {
    {"ftp.example.com", true, KIT_P384},
    {"FTP.Example.COM", true, KIT_P384},
    {"ftp.example.com.", true, KIT_P384},
    {"ftps.example.com", true, KIT_P256},
    {"as2.example.org", true, KIT_ED25519},
    {NULL, false, KIT_RSA},
    {"example.com", false, KIT_RSA},
    {"www.ftp.example.com", false, KIT_RSA},
    {"as2.example.org.evil.net", false, KIT_RSA},
    {"127.0.0.1", false, KIT_RSA},
    {"*", false, KIT_RSA},
};

static void asked_row(const struct asked *row, bool strict, int version)
{
    struct kit kit;
    struct kit_pair pair;
    bool served = row->known || !strict;

    open_named(&kit, strict, version);
    assert_int_equal(ask(&pair, &kit, row->name, NULL), served);
    if (served) {
        assert_int_equal(kit_client_sees(&pair), row->kind);
        assert_string_equal(kit_facts(&pair).sni, row->name ? row->name : "");
    } else {
        assert_string_equal(kit_client_reason(), "tlsv1 unrecognized name");
        assert_int_equal(kit.signer.admits, 0);
    }
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void the_name_chooses_the_certificate(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(asked); i++)
        for (size_t j = 0; j < 2 * ROWS(versions); j++)
            asked_row(&asked[i], j % 2, versions[j / 2]);
}

static void a_refusal_says_which_name(void **state)
{
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    open_named(&kit, true, 0);
    assert_false(ask(&pair, &kit, "WWW.example.net", NULL));
    assert_string_equal(tls_error(pair.server)->text,
                        "client asked for the unknown server name \"www.example.net\"");
    assert_false(tls_certificate_refused(pair.server));
    kit_pair_free(&pair);
    assert_false(ask(&pair, &kit, NULL, NULL));
    assert_string_equal(tls_error(pair.server)->text, "client asked for no server name");
    kit_pair_free(&pair);
    kit_close(&kit);
}

/* ---- resumption ---- */

struct again {
    const char *first, *second;
    bool resumed;
    bool strict_refuses;
};

static const struct again agains[] = {
    {"ftp.example.com", "ftp.example.com", true, false},
    {"ftp.example.com", "Ftp.example.com.", true, false},
    {"ftp.example.com", "ftps.example.com", false, false},
    {"a.example.com", "b.example.com", false, false}, /* the same key, but another name (RFC 6066 3) */
    {"ftp.example.com", NULL, false, true},
    {"ftp.example.com", "www.example.net", false, true},
};

static void again_row(const struct again *row, bool strict, int version)
{
    struct kit kit;
    struct kit_pair pair;
    bool served = !strict || !row->strict_refuses;

    open_named(&kit, strict, version);
    assert_true(ask(&pair, &kit, row->first, NULL));
    kit_pair_free(&pair);
    assert_int_equal(ask(&pair, &kit, row->second, kit_client_newest(&kit.client)), served);
    if (served)
        assert_int_equal(kit_facts(&pair).resumed, row->resumed);
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void a_session_is_resumed_under_its_own_name_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(agains); i++)
        for (size_t j = 0; j < 2 * ROWS(versions); j++)
            again_row(&agains[i], j % 2, versions[j / 2]);
}

/* A session that began without a name, where names do not matter, does not get through where they do. */
static void a_session_without_a_name_does_not_get_past_a_strict_listener(void **state)
{
    struct tls_policy strict = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    strict.server_names = names;
    strict.server_name_count = ROWS(names);
    strict.strict_server_name = true;
    for (size_t i = 0; i < ROWS(versions); i++) {
        open_named(&kit, false, versions[i]);
        assert_true(ask(&pair, &kit, NULL, NULL));
        kit_pair_free(&pair);
        tls_ctx_unref(kit.ctx);
        kit.ctx = kit_ctx(&strict, &kit.signer, 1U << KIT_RSA);
        add_keys(&kit);
        assert_false(ask(&pair, &kit, NULL, kit_client_newest(&kit.client)));
        kit_pair_free(&pair);
        assert_true(ask(&pair, &kit, "ftp.example.com", kit_client_newest(&kit.client)));
        assert_false(kit_facts(&pair).resumed);
        assert_int_equal(kit_client_sees(&pair), KIT_P384);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

/* F22: without the token nobody gets a new session, but the names are known all the same. */
static void names_are_known_while_the_token_is_away(void **state)
{
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        open_named(&kit, true, versions[i]);
        assert_true(ask(&pair, &kit, "ftp.example.com", NULL));
        kit_pair_free(&pair);
        tls_ctx_clear_keys(kit.ctx);
        assert_true(ask(&pair, &kit, "ftp.example.com", kit_client_newest(&kit.client)));
        assert_true(kit_facts(&pair).resumed);
        kit_pair_free(&pair);
        assert_false(ask(&pair, &kit, "ftp.example.com", NULL));
        assert_string_equal(tls_error(pair.server)->text,
                            "no key can sign: the listener's keystore has offered none");
        kit_pair_free(&pair);
        assert_false(ask(&pair, &kit, "www.example.net", kit_client_newest(&kit.client)));
        assert_string_equal(tls_error(pair.server)->text,
                            "client asked for the unknown server name \"www.example.net\"");
        kit_pair_free(&pair);
        add_keys(&kit);
        assert_true(ask(&pair, &kit, "ftp.example.com", NULL));
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

/* ---- data channels ---- */

static void data_row(struct kit *kit, const struct kit_pair *control, const char *name, SSL_SESSION *session)
{
    struct kit_pair data;

    kit_connect(&data, kit->ctx, TLS_DATA, control->server, &kit->client, session);
    kit_client_asks(&data, name);
    assert_true(kit_handshake(&data, &kit->signer));
    assert_int_equal(kit_facts(&data).resumed, session != NULL);
    if (!session)
        assert_int_equal(kit_client_sees(&data), KIT_P384);
    kit_pair_free(&data);
}

/* Clients say what they like on data channels: nothing, the address of the 227, another name (F6). */
static void a_data_channel_has_its_control_channels_certificate(void **state)
{
    static const char *const said[] = {"ftp.example.com", NULL, "127.0.0.1", "as2.example.org",
                                       "www.example.net"};
    struct kit kit;
    struct kit_pair control;

    (void)state;
    for (size_t i = 0; i < 2 * ROWS(versions); i++) {
        SSL_SESSION *session = NULL;

        open_named(&kit, i % 2, versions[i / 2]);
        for (int resumed = 0; resumed < 2; resumed++) { /* the control channel itself */
            assert_true(ask(&control, &kit, "FTP.example.com", session));
            session = kit_client_newest(&kit.client);
            for (size_t j = 0; j < ROWS(said); j++) {
                data_row(&kit, &control, said[j], NULL);
                data_row(&kit, &control, said[j], session);
            }
            kit_pair_free(&control);
        }
        kit_close(&kit);
    }
}

/* ---- named before the hello (HOST, RFC 7151) ---- */

static bool ask_named(struct kit_pair *pair, struct kit *kit, const char *wanted, const char *name,
                      SSL_SESSION *session)
{
    kit_connect(pair, kit->ctx, TLS_MAIN, NULL, &kit->client, session);
    kit_client_asks(pair, name);
    assert_true(tls_set_name_wanted(pair->server, wanted));
    return kit_handshake(pair, &kit->signer);
}

struct wanted {
    const char *wanted, *name;
    enum kit_kind kind;
    const char *sni; /* NULL: a strict listener refuses it */
};

static const struct wanted wanteds[] = {
    {"ftp.example.com", NULL, KIT_P384, "ftp.example.com"},
    {"FTPS.Example.Com.", NULL, KIT_P256, "ftps.example.com"},
    {"ftp.example.com", "as2.example.org", KIT_ED25519, "as2.example.org"}, /* the hello counts */
    {"ftp.example.com", "www.example.net", KIT_RSA, NULL},
    {"www.example.net", NULL, KIT_RSA, NULL},
    {"", NULL, KIT_RSA, NULL},
    {NULL, "ftp.example.com", KIT_P384, "ftp.example.com"},
};

static void wanted_row(const struct wanted *row, bool strict, int version)
{
    struct kit kit;
    struct kit_pair pair;
    bool served = row->sni || !strict;

    open_named(&kit, strict, version);
    assert_int_equal(ask_named(&pair, &kit, row->wanted, row->name, NULL), served);
    if (served)
        assert_int_equal(kit_client_sees(&pair), row->kind);
    if (row->sni)
        assert_string_equal(kit_facts(&pair).sni, row->sni);
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void a_name_said_before_the_hello_counts_when_it_names_nobody(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(wanteds); i++)
        for (size_t j = 0; j < 2 * ROWS(versions); j++)
            wanted_row(&wanteds[i], j % 2, versions[j / 2]);
}

static const struct {
    struct {
        const char *wanted, *name;
    } first, second;
    bool resumed;
} wanted_agains[] = {
    {{"ftp.example.com", NULL}, {"FTP.example.com", NULL}, true},
    {{"ftp.example.com", NULL}, {"ftp.example.com", "ftp.example.com"}, true},
    {{"ftp.example.com", NULL}, {"as2.example.org", NULL}, false},
    {{"ftp.example.com", NULL}, {NULL, NULL}, false},
    {{NULL, NULL}, {"ftp.example.com", NULL}, false},
    {{NULL, "ftp.example.com"}, {"as2.example.org", NULL}, false},
    {{"ftp.example.com", NULL}, {"ftp.example.com", "as2.example.org"}, false},
};

static void a_session_is_resumed_under_the_name_said_before_only(void **state)
{
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    for (size_t i = 0; i < ROWS(wanted_agains) * ROWS(versions); i++) {
        size_t row = i / ROWS(versions);

        open_named(&kit, false, versions[i % ROWS(versions)]);
        assert_true(
            ask_named(&pair, &kit, wanted_agains[row].first.wanted, wanted_agains[row].first.name, NULL));
        kit_pair_free(&pair);
        assert_true(ask_named(&pair, &kit, wanted_agains[row].second.wanted, wanted_agains[row].second.name,
                              kit_client_newest(&kit.client)));
        assert_int_equal(kit_facts(&pair).resumed, wanted_agains[row].resumed);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

/* F6: data channels have it too, the resumed ones and the others. */
static void data_channels_have_the_name_said_before(void **state)
{
    struct kit kit;
    struct kit_pair control;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        SSL_SESSION *session = NULL;

        open_named(&kit, true, versions[i]);
        for (int resumed = 0; resumed < 2; resumed++) {
            assert_true(ask_named(&control, &kit, "ftp.example.com", NULL, session));
            assert_int_equal(kit_facts(&control).resumed, resumed);
            assert_string_equal(kit_facts(&control).sni, "ftp.example.com");
            session = kit_client_newest(&kit.client);
            data_row(&kit, &control, NULL, NULL);
            data_row(&kit, &control, NULL, session);
            data_row(&kit, &control, "as2.example.org", NULL);
            kit_pair_free(&control);
        }
        kit_close(&kit);
    }
}

/* ---- hostile and wrong ---- */

static void a_client_may_not_change_the_name_after_a_retry(void **state)
{
    static const char *const second[] = {"ftp.example.com", "as2.example.org", NULL};
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    policy.server_names = names;
    policy.server_name_count = ROWS(names);
    policy.groups = "P-384";
    for (size_t i = 0; i < ROWS(second); i++) {
        kit_open(&kit, &policy, 1U << KIT_RSA, TLS1_3_VERSION);
        add_keys(&kit);
        kit_client_groups(&kit.client, "X25519:P-384");
        kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, NULL);
        kit_client_asks(&pair, "ftp.example.com");
        kit_client_step(&pair);
        assert_int_equal(kit_server_step(&pair), TLS_WANT_INPUT);
        kit_client_asks(&pair, second[i]);
        assert_int_equal(kit_handshake(&pair, &kit.signer), i == 0);
        assert_string_equal(tls_error(pair.server)->text,
                            i ? "client changed the server name that it asks for" : "");
        kit_pair_free(&pair);
        assert_int_equal(kit.signer.admits, i ? 0 : 1);
        kit_close(&kit);
    }
}

static void wrong_names_are_refused_when_the_listener_is_made(void **state)
{
    static char too_long[300];
    static const struct {
        const char *names[2];
        const char *error;
    } rows[] = {
        {{"a.example.com", "*.example.com"}, ""},
        {{"*.example.com", "a.example.com"}, ""},
        {{"a.example.com", ""}, "server name \"\": empty or too long"},
        {{"a.example.com", "."}, "server name \".\": empty or too long"},
        {{"a.example.com", "A.example.com."}, "server name \"A.example.com.\": a second time"},
        {{"*.example.com", "*.example.com"}, "server name \"*.example.com\": a second time"},
        {{"a.example.com", too_long}, NULL},
    };

    (void)state;
    memset(too_long, 'x', sizeof too_long - 1);
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct tls_policy policy = kit_policy();
        struct err err = {""};
        struct tls_ctx *ctx;

        policy.server_names = rows[i].names;
        policy.server_name_count = 2;
        ctx = tls_ctx_new(&policy, &err);
        if (rows[i].error)
            assert_string_equal(err.text, rows[i].error);
        assert_int_equal(ctx == NULL, err.text[0] != 0);
        tls_ctx_unref(ctx);
    }
}

static void a_key_for_another_name_is_refused(void **state)
{
    const struct tls_key_use use = {.server_name = "www.example.com"}; /* which the wildcard would fit */
    struct inventory_key key = kit_inventory(KIT_P256);
    struct err err;
    struct kit kit;

    (void)state;
    open_named(&kit, false, 0);
    assert_false(tls_ctx_add_key(kit.ctx, &key, &use, &kit.signer.base, &err));
    assert_string_equal(err.text, "\"www.example.com\" is not a server name of the listener");
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_read_only_from_a_whole_extension),
        cmocka_unit_test(the_longest_name_has_255_bytes),
        cmocka_unit_test(a_wildcard_stands_for_one_label),
        cmocka_unit_test(the_name_chooses_the_certificate),
        cmocka_unit_test(a_refusal_says_which_name),
        cmocka_unit_test(a_session_is_resumed_under_its_own_name_only),
        cmocka_unit_test(a_session_without_a_name_does_not_get_past_a_strict_listener),
        cmocka_unit_test(names_are_known_while_the_token_is_away),
        cmocka_unit_test(a_data_channel_has_its_control_channels_certificate),
        cmocka_unit_test(a_name_said_before_the_hello_counts_when_it_names_nobody),
        cmocka_unit_test(a_session_is_resumed_under_the_name_said_before_only),
        cmocka_unit_test(data_channels_have_the_name_said_before),
        cmocka_unit_test(a_client_may_not_change_the_name_after_a_retry),
        cmocka_unit_test(wrong_names_are_refused_when_the_listener_is_made),
        cmocka_unit_test(a_key_for_another_name_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
