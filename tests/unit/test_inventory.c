/* The inventory: what a signer writes a worker reads; anything else is malformed. */
#include "unit.h"

#include <string.h>

#include "inventory.h"

static struct inventory_key key_of(uint32_t wanted, size_t chain_len)
{
    struct inventory_key key = {.wanted = wanted, .schemes = INVENTORY_ECDSA, .chain_len = chain_len};

    memset(key.name, (int)wanted, sizeof key.name);
    for (size_t i = 0; i < chain_len && i < INVENTORY_CHAIN_MAX; i++) {
        key.chain[i].der = (const uint8_t *)"certificate";
        key.chain[i].len = 11 - i;
    }
    return key;
}

static void keys_come_back(void **state)
{
    struct inventory_key in[2] = {key_of(0, 1), key_of(9, INVENTORY_CHAIN_MAX)}, out[2];
    struct buf bytes;
    size_t count;

    (void)state;
    buf_init(&bytes, INVENTORY_BYTES_MAX);
    in[1].schemes = INVENTORY_RSA_PKCS1 | INVENTORY_RSA_PSS;
    in[1].client = true;
    assert_true(inventory_write(&bytes, in, 2));
    assert_true(inventory_read(buf_data(&bytes), buf_len(&bytes), out, 2, &count));
    assert_int_equal(count, 2);
    assert_int_equal(out[1].wanted, 9);
    assert_false(out[0].client);
    assert_true(out[1].client);
    assert_int_equal(out[1].schemes, INVENTORY_RSA_PKCS1 | INVENTORY_RSA_PSS);
    assert_memory_equal(out[1].name, in[1].name, sizeof in[1].name);
    assert_int_equal(out[1].chain_len, INVENTORY_CHAIN_MAX);
    assert_int_equal(out[1].chain[3].len, 8);
    assert_memory_equal(out[1].chain[3].der, "certific", 8);
    assert_false(inventory_read(buf_data(&bytes), buf_len(&bytes), out, 1, &count));
    buf_free(&bytes);
}

static void an_empty_inventory_is_fine(void **state)
{
    struct inventory_key out[1];
    struct buf bytes;
    size_t count = 5;

    (void)state;
    buf_init(&bytes, INVENTORY_BYTES_MAX);
    assert_true(inventory_write(&bytes, NULL, 0));
    assert_true(inventory_read(buf_data(&bytes), buf_len(&bytes), out, 1, &count));
    assert_int_equal(count, 0);
    buf_free(&bytes);
}

static void every_cut_and_every_tail_is_malformed(void **state)
{
    struct inventory_key in[2] = {key_of(1, 2), key_of(2, 1)}, out[2];
    struct buf bytes;
    size_t count, whole;

    (void)state;
    buf_init(&bytes, INVENTORY_BYTES_MAX);
    assert_true(inventory_write(&bytes, in, 2));
    whole = buf_len(&bytes);
    for (size_t len = 0; len < whole; len++)
        assert_false(inventory_read(buf_data(&bytes), len, out, 2, &count));
    assert_true(buf_add(&bytes, "x", 1));
    assert_false(inventory_read(buf_data(&bytes), whole + 1, out, 2, &count));
    assert_int_equal(count, 0);
    buf_free(&bytes);
}

/* A key's fixed part: u32 wanted, u8 client, 32 bytes of name, u32 schemes, u32 chain_len, behind u32 count.
 */
static void hostile_numbers_are_malformed(void **state)
{
    static const struct {
        size_t at;
        uint32_t value;
        const char *what;
    } rows[] = {
        {0, 0, "fewer keys than there are"},
        {0, 2, "more keys than there are"},
        {0, UINT32_MAX, "a count that overflows"},
        {0, INVENTORY_KEYS_MAX + 1, "more keys than allowed"},
        {8, 2, "a use that is neither"},
        {45, 0, "a key without a certificate"},
        {45, INVENTORY_CHAIN_MAX + 1, "a chain longer than allowed"},
        {45, UINT32_MAX, "a chain length that overflows"},
        {49, 0, "a certificate of no bytes"},
        {49, 12, "a certificate longer than the bytes"},
        {49, UINT32_MAX, "a certificate length that overflows"},
    };
    struct inventory_key in = key_of(1, 1), out[INVENTORY_KEYS_MAX];
    size_t count;

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct buf bytes;

        buf_init(&bytes, INVENTORY_BYTES_MAX);
        assert_true(inventory_write(&bytes, &in, 1));
        memcpy(buf_data(&bytes) + rows[i].at, &rows[i].value, sizeof rows[i].value);
        if (inventory_read(buf_data(&bytes), buf_len(&bytes), out, INVENTORY_KEYS_MAX, &count) || count)
            fail_msg("accepted: %s", rows[i].what);
        buf_free(&bytes);
    }
}

static void what_could_not_be_read_is_not_written(void **state)
{
    struct inventory_key none = key_of(1, 0), many = key_of(1, INVENTORY_CHAIN_MAX), empty = key_of(1, 1);
    struct buf bytes;

    (void)state;
    many.chain_len++;
    empty.chain[0].len = 0;
    buf_init(&bytes, INVENTORY_BYTES_MAX);
    assert_false(inventory_write(&bytes, &none, 1));
    assert_false(inventory_write(&bytes, &many, 1));
    assert_false(inventory_write(&bytes, &empty, 1));
    buf_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_back),
        cmocka_unit_test(an_empty_inventory_is_fine),
        cmocka_unit_test(every_cut_and_every_tail_is_malformed),
        cmocka_unit_test(hostile_numbers_are_malformed),
        cmocka_unit_test(what_could_not_be_read_is_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
