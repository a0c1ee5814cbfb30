#include "tls_kit.h"

#include <stdlib.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

enum { BULK_BYTES = 64 * 1024 * 1024, BULK_CHUNK = 200 * 1000 };

/* A pattern in which each place can be told from its neighbours. */
static void fill(uint8_t *data, size_t len, size_t from)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)((from + i) * 2654435761U >> 16);
}

static void bulk_up(struct kit_pair *pair, uint8_t *data)
{
    static uint8_t expected[BULK_CHUNK];
    size_t sent;

    for (size_t done = 0; done < BULK_BYTES; done += BULK_CHUNK) {
        fill(expected, BULK_CHUNK, done);
        memcpy(data, expected, BULK_CHUNK);
        assert_true(SSL_write_ex(pair->client, data, BULK_CHUNK, &sent));
        pair->plain_len = 0;
        assert_int_equal(kit_server_read(pair), TLS_OK);
        assert_int_equal(pair->plain_len, BULK_CHUNK);
        assert_memory_equal(pair->plain, expected, BULK_CHUNK);
    }
}

static void bulk_down(struct kit_pair *pair, uint8_t *data)
{
    static uint8_t expected[BULK_CHUNK];

    for (size_t done = 0; done < BULK_BYTES; done += BULK_CHUNK) {
        fill(expected, BULK_CHUNK, done);
        assert_int_equal(kit_server_write(pair, expected, BULK_CHUNK), TLS_OK);
        assert_int_equal(kit_client_read(pair, data, BULK_CHUNK), BULK_CHUNK);
        assert_memory_equal(data, expected, BULK_CHUNK);
    }
}

static void bulk_arrives_unchanged_in_both_directions(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    uint8_t *data = malloc(BULK_CHUNK);

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        kit_establish(&pair, &kit, NULL);
        bulk_up(&pair, data);
        bulk_down(&pair, data);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
    free(data);
}

struct sealing {
    int version;
    const char *cipher; /* TLS 1.2; "": the built-in */
    uint8_t fragment;   /* max_fragment_length of the client, 0: none */
};

static const struct sealing sealings[] = {
    {TLS1_3_VERSION, "", 0},
    {TLS1_3_VERSION, "", TLSEXT_max_fragment_length_512},
    {TLS1_2_VERSION, "", 0},
    {TLS1_2_VERSION, "", TLSEXT_max_fragment_length_512},
    {TLS1_2_VERSION, "ECDHE-RSA-AES256-SHA384", TLSEXT_max_fragment_length_512},
    {TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA", TLSEXT_max_fragment_length_512},
};

static void sealing_row(const struct sealing *row)
{
    static const size_t lengths[] = {1, 511, 512, 513, 16384, 16385, 320 * 1024};
    static uint8_t data[320 * 1024];
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    policy.ciphers = row->cipher;
    kit_open(&kit, &policy, 1U << KIT_RSA, row->version);
    SSL_CTX_set_tlsext_max_fragment_length(kit.client.ctx, row->fragment);
    kit_establish(&pair, &kit, NULL);
    if (row->cipher[0])
        assert_string_equal(kit_facts(&pair).cipher, row->cipher);
    for (size_t i = 0; i < ROWS(lengths); i++) {
        struct tls_io io = {.out = pair.out, .out_size = tls_sealed_size(lengths[i])};

        assert_true(io.out_size <= KIT_ROOM);
        assert_int_equal(tls_write(pair.server, &io, data, lengths[i]), TLS_OK);
        assert_true(io.out_len > lengths[i]);
    }
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void the_sealed_size_is_enough_for_every_cipher_and_record_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(sealings); i++)
        sealing_row(&sealings[i]);
}

static void too_little_room_is_an_error_and_not_a_loss(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    uint8_t data[1000] = {0};

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, TLS1_3_VERSION);
    kit_establish(&pair, &kit, NULL);
    struct tls_io io = {.out = pair.out, .out_size = 900};
    assert_int_equal(tls_write(pair.server, &io, data, sizeof data), TLS_FAILED);
    assert_string_equal(tls_error(pair.server)->text, "no room for what TLS has to send");
    io.out_size = KIT_ROOM;
    assert_int_equal(tls_write(pair.server, &io, data, sizeof data), TLS_FAILED);
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void a_small_plain_buffer_leaves_the_rest_of_the_input(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    uint8_t data[50000], got[50000];
    size_t sent, lent_len, len, sum = 0;

    (void)state;
    fill(data, sizeof data, 1);
    kit_open(&kit, &policy, 1U << KIT_P256, TLS1_3_VERSION);
    kit_establish(&pair, &kit, NULL);
    assert_true(SSL_write_ex(pair.client, data, sizeof data, &sent));
    struct tls_io io = kit_lend(&pair);
    lent_len = io.in_len;
    while (io.in_len) {
        assert_int_equal(
            tls_read(pair.server, &io, got + sum, sizeof got - sum < 17000 ? sizeof got - sum : 17000, &len),
            TLS_OK);
        assert_true(len > 0);
        sum += len;
    }
    kit_return(&pair, &io, lent_len);
    assert_int_equal(sum, sizeof data);
    assert_memory_equal(got, data, sizeof data);
    kit_pair_free(&pair);
    kit_close(&kit);
}

/* ---- ends ---- */

static void the_end_is_clean_only_with_close_notify(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    size_t sent;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        kit_establish(&pair, &kit, NULL);
        assert_true(SSL_write_ex(pair.client, "the tail", 8, &sent));
        SSL_shutdown(pair.client);
        assert_int_equal(kit_server_read(&pair), TLS_ENDED);
        assert_int_equal(pair.plain_len, 8);
        BIO_write(pair.from_client, "more", 4); /* nothing counts any more */
        assert_int_equal(kit_server_read(&pair), TLS_ENDED);
        assert_int_equal(pair.plain_len, 8);
        assert_int_equal(BIO_ctrl_pending(pair.from_client), 0);
        assert_int_equal(kit_server_write(&pair, "226 done\r\n", 10), TLS_OK);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

static void close_notify_goes_out_once_and_reading_goes_on(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    uint8_t data[8];
    size_t sent;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        kit_establish(&pair, &kit, NULL);
        kit_server_close(&pair);
        assert_int_equal(kit_client_read(&pair, data, sizeof data), 0);
        assert_int_equal(pair.client_error, SSL_ERROR_ZERO_RETURN);
        struct tls_io io = {
            .in = (const uint8_t *)"unread", .in_len = 6, .out = pair.out, .out_size = KIT_ROOM};
        tls_close(pair.server, &io);
        assert_int_equal(io.out_len, 0);
        assert_int_equal(io.in_len, 6);
        assert_true(SSL_write_ex(pair.client, "late", 4, &sent));
        assert_int_equal(kit_server_read(&pair), TLS_OK);
        assert_int_equal(pair.plain_len, 4);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

/* All that the client sends for `text`, cut to some of its bytes: no plain byte of it may be seen. */
static void a_cut_record_gives_neither_bytes_nor_an_end(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    size_t sent, len, sealed_len;
    uint8_t plain[64 * 1024];

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, TLS1_3_VERSION);
    kit_establish(&pair, &kit, NULL);
    assert_true(SSL_write_ex(pair.client, "0123456789", 10, &sent));
    sealed_len = kit_lend(&pair).in_len;
    for (size_t cut = 0; cut + 1 < sealed_len; cut++) {
        struct tls_io io = kit_lend(&pair);
        size_t lent_len = io.in_len;
        const uint8_t *begin = io.in;

        io.in_len = 1;
        assert_int_equal(tls_read(pair.server, &io, plain, sizeof plain, &len), TLS_OK);
        assert_int_equal(len, 0);
        io.in_len = lent_len - (size_t)(io.in - begin);
        kit_return(&pair, &io, lent_len);
    }
    assert_int_equal(kit_server_read(&pair), TLS_OK);
    assert_int_equal(pair.plain_len, 10);
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void a_changed_record_ends_the_conversation_for_good(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    size_t sent, len;
    uint8_t plain[64 * 1024];
    uint8_t record[256];

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        kit_establish(&pair, &kit, NULL);
        assert_true(SSL_write_ex(pair.client, "0123456789", 10, &sent));
        struct tls_io io = kit_lend(&pair);
        len = io.in_len;
        assert_true(len < sizeof record);
        memcpy(record, io.in, len);
        record[len - 1] ^= 1;
        io.in = record;
        assert_int_equal(tls_read(pair.server, &io, plain, sizeof plain, &len), TLS_FAILED);
        assert_int_equal(len, 0);
        assert_string_equal(tls_error(pair.server)->text, "decryption failed or bad record mac");
        assert_true(io.out_len > 0); /* the alert */
        assert_int_equal(tls_read(pair.server, &io, plain, sizeof plain, &len), TLS_FAILED);
        assert_int_equal(kit_server_write(&pair, "x", 1), TLS_FAILED);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bulk_arrives_unchanged_in_both_directions),
        cmocka_unit_test(the_sealed_size_is_enough_for_every_cipher_and_record_size),
        cmocka_unit_test(too_little_room_is_an_error_and_not_a_loss),
        cmocka_unit_test(a_small_plain_buffer_leaves_the_rest_of_the_input),
        cmocka_unit_test(the_end_is_clean_only_with_close_notify),
        cmocka_unit_test(close_notify_goes_out_once_and_reading_goes_on),
        cmocka_unit_test(a_cut_record_gives_neither_bytes_nor_an_end),
        cmocka_unit_test(a_changed_record_ends_the_conversation_for_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
