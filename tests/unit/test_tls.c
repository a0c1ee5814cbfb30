#include "tls_kit.h"
#include "tls_private.h"

#include <openssl/err.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static const char *version_text(int version)
{
    return version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2";
}

/* A few bytes in both directions. */
static void talk(struct kit_pair *pair)
{
    char answer[16];
    size_t sent;

    assert_true(SSL_write_ex(pair->client, "PASV\r\n", 6, &sent));
    pair->plain_len = 0;
    assert_int_equal(kit_server_read(pair), TLS_OK);
    assert_int_equal(pair->plain_len, 6);
    assert_memory_equal(pair->plain, "PASV\r\n", 6);
    assert_int_equal(kit_server_write(pair, "227 no\r\n", 8), TLS_OK);
    assert_int_equal(kit_client_read(pair, answer, sizeof answer), 8);
    assert_memory_equal(answer, "227 no\r\n", 8);
}

static void full_and_resumed(enum kit_kind kind, int version)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    kit_open(&kit, &policy, 1U << kind, version);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(kit.client.ctx), kit_server_identity(kind)->certificate);
    SSL_CTX_set_verify(kit.client.ctx, SSL_VERIFY_PEER, NULL);
    for (int resumed = 0; resumed < 2; resumed++) {
        kit_establish(&pair, &kit, resumed ? kit_client_newest(&kit.client) : NULL);
        assert_int_equal(kit_facts(&pair).resumed, resumed);
        assert_string_equal(kit_facts(&pair).version, version_text(version));
        assert_int_equal(kit_facts(&pair).verdict, TLS_NO_CERTIFICATE);
        assert_string_equal(kit_facts(&pair).subject, "");
        talk(&pair);
        kit_pair_free(&pair);
    }
    assert_int_equal(kit.signer.admits, 1);
    assert_int_equal(kit.signer.submits, 1);
    assert_int_equal(kit.signer.leaves + kit.signer.cancels, 0);
    kit_close(&kit);
}

static void every_key_signs_and_every_version_resumes(void **state)
{
    (void)state;
    for (int kind = 0; kind < KIT_KINDS; kind++)
        for (size_t i = 0; i < ROWS(versions); i++)
            full_and_resumed((enum kit_kind)kind, versions[i]);
}

static void the_quick_algorithms_come_first(void **state)
{
    static const char *const ciphers[] = {"ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"};
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        kit_establish(&pair, &kit, NULL);
        assert_string_equal(kit_facts(&pair).cipher, ciphers[i]);
        EVP_PKEY *share = NULL;
        assert_true(SSL_get_peer_tmp_key(pair.client, &share));
        assert_true(EVP_PKEY_is_a(share, "X25519"));
        EVP_PKEY_free(share);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

/* ---- what a client may be that does not fit ---- */

struct misfit {
    const char *versions;                   /* the listener's */
    int client_version;                     /* 0: any */
    const char *ciphers, *groups, *sigalgs; /* the client's; NULL: its own list */
    const char *error;                      /* "": it fits */
};

static const struct misfit misfits[] = {
    {"1.3", TLS1_2_VERSION, NULL, NULL, NULL, "client offered no common TLS version"},
    {"1.2", TLS1_3_VERSION, NULL, NULL, NULL, "client offered no common TLS version"},
    {"1.2", 0, NULL, NULL, NULL, ""},
    {"1.2-1.3", TLS1_2_VERSION, "AES128-GCM-SHA256", NULL, NULL, "client offered no common cipher suite"},
    {"1.2-1.3", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA", NULL, NULL, "client offered no common cipher suite"},
    {"1.2-1.3", TLS1_2_VERSION, "DHE-RSA-AES128-GCM-SHA256", NULL, NULL,
     "client offered no common cipher suite"},
    {"1.2-1.3", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL, NULL,
     "client offered no common cipher suite"},
    {"1.2-1.3", TLS1_3_VERSION, NULL, "X448", NULL, "client offered no common key exchange group"},
    {"1.2-1.3", TLS1_2_VERSION, NULL, "X448", NULL, "client offered no common cipher suite"},
    {"1.2-1.3", TLS1_3_VERSION, NULL, NULL, "ECDSA+SHA256", "client offered no common signature algorithm"},
    {"1.2-1.3", TLS1_2_VERSION, NULL, NULL, "RSA+SHA1", "client offered no common signature algorithm"},
};

static void misfit_row(const struct misfit *row)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    bool done;

    policy.versions = row->versions;
    kit_open(&kit, &policy, 1U << KIT_RSA, row->client_version);
    SSL_CTX_set_security_level(kit.client.ctx, 0);
    if (row->ciphers)
        assert_true(SSL_CTX_set_cipher_list(kit.client.ctx, row->ciphers));
    if (row->groups)
        kit_client_groups(&kit.client, row->groups);
    if (row->sigalgs)
        kit_client_sigalgs(&kit.client, row->sigalgs);
    kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, NULL);
    done = kit_handshake(&pair, &kit.signer);
    assert_string_equal(tls_error(pair.server)->text, row->error);
    assert_int_equal(done, !row->error[0]);
    assert_false(tls_certificate_refused(pair.server));
    assert_int_equal(kit.signer.admits, kit.signer.submits + kit.signer.leaves);
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void a_client_that_does_not_fit_is_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(misfits); i++)
        misfit_row(&misfits[i]);
}

/* ---- ALPN and SNI ---- */

struct protocol_row {
    const char *ours, *offered; /* offered: wire form */
    const char *chosen;         /* NULL: alert 120 */
};

static const struct protocol_row protocols[] = {
    {NULL, NULL, ""},
    {NULL, "\3ftp", ""},
    {"ftp", NULL, ""},
    {"ftp", "\3ftp", "ftp"},
    {"ftp", "\17x-filezilla-ftp\3ftp", "ftp"},
    {"ftp", "\17x-filezilla-ftp", NULL},
    {"ftp", "\10http/1.1", NULL},
    {"ftp", "\4ftps", NULL},
    {"ftp", "\2ft", NULL},
    {"http/1.1", "\2h2\10http/1.1", "http/1.1"},
    {"http/1.1", "\2h2", NULL},
};

static void protocol_row(const struct protocol_row *row, int version)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    const unsigned char *chosen;
    unsigned chosen_len;
    bool done;

    policy.alpn = row->ours;
    kit_open(&kit, &policy, 1U << KIT_P256, version);
    if (row->offered)
        SSL_CTX_set_alpn_protos(kit.client.ctx, (const uint8_t *)row->offered,
                                (unsigned)strlen(row->offered));
    kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, NULL);
    done = kit_handshake(&pair, &kit.signer);
    if (row->chosen) {
        assert_true(done);
        SSL_get0_alpn_selected(pair.client, &chosen, &chosen_len);
        assert_int_equal(chosen_len, strlen(row->chosen));
        assert_memory_equal(chosen ? (const void *)chosen : "", row->chosen, chosen_len);
    } else {
        assert_false(done);
        assert_string_equal(tls_error(pair.server)->text,
                            "client offered no application protocol (ALPN) of this listener");
        assert_string_equal(kit_client_reason(), "tlsv1 alert no application protocol");
    }
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void only_our_own_protocol_is_chosen(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(protocols); i++)
        for (size_t j = 0; j < ROWS(versions); j++)
            protocol_row(&protocols[i], versions[j]);
}

static void the_server_name_is_known_also_after_resumption(void **state)
{
    char name[] = "ftp.example.com";
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        for (int resumed = 0; resumed < 2; resumed++) {
            kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client,
                        resumed ? kit_client_newest(&kit.client) : NULL);
            SSL_set_tlsext_host_name(pair.client, name);
            assert_true(kit_handshake(&pair, &kit.signer));
            assert_int_equal(kit_facts(&pair).resumed, resumed);
            assert_string_equal(kit_facts(&pair).sni, "ftp.example.com");
            kit_pair_free(&pair);
        }
        kit_establish(&pair, &kit, NULL);
        assert_string_equal(kit_facts(&pair).sni, "");
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

static void a_handshake_may_come_byte_by_byte(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, NULL);
        pair.status = TLS_WANT_INPUT;
        for (int turn = 0; turn < 5000 && pair.status != TLS_OK; turn++) {
            struct tls_io io = kit_lend(&pair);
            size_t lent_len = io.in_len;

            io.in_len = lent_len ? 1 : 0;
            pair.status = tls_handshake(pair.server, &io);
            assert_int_not_equal(pair.status, TLS_FAILED);
            io.in_len += lent_len ? lent_len - 1 : 0;
            kit_return(&pair, &io, lent_len);
            kit_signer_answer(&kit.signer);
            if (pair.client_error == SSL_ERROR_WANT_READ)
                kit_client_step(&pair);
        }
        assert_int_equal(pair.status, TLS_OK);
        kit_client_read(&pair, pair.plain, KIT_ROOM);
        talk(&pair);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

static void what_comes_along_with_finished_is_not_lost(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    size_t sent, lent_len, len;

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, TLS1_3_VERSION);
    assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
    kit_signer_answer(&kit.signer);
    assert_int_equal(kit_server_step(&pair), TLS_WANT_INPUT);
    kit_client_step(&pair);
    assert_true(SSL_write_ex(pair.client, "USER acme\r\n", 11, &sent));
    struct tls_io io = kit_lend(&pair);
    lent_len = io.in_len;
    assert_int_equal(tls_handshake(pair.server, &io), TLS_OK);
    assert_true(io.in_len > 0);
    assert_int_equal(tls_read(pair.server, &io, pair.plain, KIT_ROOM, &len), TLS_OK);
    assert_int_equal(io.in_len, 0);
    assert_int_equal(len, 11);
    assert_memory_equal(pair.plain, "USER acme\r\n", 11);
    kit_return(&pair, &io, lent_len);
    kit_pair_free(&pair);
    kit_close(&kit);
}

/* ---- after the handshake ---- */

static void renegotiation_is_refused_and_the_conversation_goes_on(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    char answer[8];

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, TLS1_2_VERSION);
    kit_establish(&pair, &kit, NULL);
    assert_true(SSL_renegotiate(pair.client));
    kit_client_step(&pair);
    assert_int_equal(kit_server_read(&pair), TLS_OK);
    assert_int_equal(pair.plain_len, 0);
    assert_int_equal(kit_server_write(&pair, "200 ok", 6), TLS_OK);
    kit_client_read(&pair, answer, sizeof answer);
    assert_int_equal(kit.signer.admits, 1);
    assert_int_equal(kit.signer.submits, 1);
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void many_key_updates_are_answered_within_the_room_of_their_input(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    size_t sent;

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, TLS1_3_VERSION);
    kit_establish(&pair, &kit, NULL);
    for (int i = 0; i < 200; i++) {
        assert_true(SSL_key_update(pair.client, SSL_KEY_UPDATE_REQUESTED));
        assert_int_equal(SSL_do_handshake(pair.client), 1);
    }
    assert_true(SSL_write_ex(pair.client, "x", 1, &sent));
    struct tls_io io = kit_lend(&pair);
    size_t lent_len = io.in_len, len;
    io.out_size = lent_len;
    assert_int_equal(tls_read(pair.server, &io, pair.plain, KIT_ROOM, &len), TLS_OK);
    assert_int_equal(len, 1);
    assert_true(io.out_len > 0);
    kit_return(&pair, &io, lent_len);
    talk(&pair);
    kit_pair_free(&pair);
    kit_close(&kit);
}

/* A fibre is there for the handshake only, and the keys may go when it is done. */
static void an_established_conversation_holds_neither_fibre_nor_key(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
    assert_true(SSL_get_mode(pair.server->ssl) & SSL_MODE_ASYNC);
    assert_non_null(SSL_get_certificate(pair.server->ssl));
    assert_true(kit_handshake(&pair, &kit.signer));
    assert_false(SSL_get_mode(pair.server->ssl) & SSL_MODE_ASYNC);
    assert_null(SSL_get_certificate(pair.server->ssl));
    kit_pair_free(&pair);
    kit_close(&kit);
}

/* The queue is the thread's: what somebody else left there is not ours. */
static void an_old_error_in_the_queue_means_nothing(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, NULL);
    ERR_raise(ERR_LIB_USER, 1);
    assert_int_equal(kit_server_step(&pair), TLS_WANT_INPUT);
    assert_true(kit_handshake(&pair, &kit.signer));
    ERR_raise(ERR_LIB_USER, 1);
    assert_int_equal(kit_server_read(&pair), TLS_OK);
    kit_pair_free(&pair);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_signs_and_every_version_resumes),
        cmocka_unit_test(the_quick_algorithms_come_first),
        cmocka_unit_test(a_client_that_does_not_fit_is_told_apart),
        cmocka_unit_test(only_our_own_protocol_is_chosen),
        cmocka_unit_test(the_server_name_is_known_also_after_resumption),
        cmocka_unit_test(a_handshake_may_come_byte_by_byte),
        cmocka_unit_test(what_comes_along_with_finished_is_not_lost),
        cmocka_unit_test(renegotiation_is_refused_and_the_conversation_goes_on),
        cmocka_unit_test(many_key_updates_are_answered_within_the_room_of_their_input),
        cmocka_unit_test(an_established_conversation_holds_neither_fibre_nor_key),
        cmocka_unit_test(an_old_error_in_the_queue_means_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
