#include "limit_table.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static const struct keyed_hash_key hash_key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

/* The reference implementation's first vectors: input 00 01 02 ..., key 00 01 ... 0f. */
static void the_hash_is_siphash(void **state)
{
    static const uint64_t vectors[] = {0x726fdb47dd0e0e31u, 0x74f839c593dc67fdu, 0x0d6c8009d9a94f5au,
                                       0x85676696d7fb7e2du, 0xcf2794e0277187b7u, 0x18765564cd99a68du,
                                       0xcbc9466e58fee3ceu, 0xab0200f58b01d137u, 0x93f5f5799a932462u};
    uint8_t input[16];

    (void)state;
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        assert_true(keyed_hash(&hash_key, input, i) == vectors[i]);
}

static void things_have_numbers_of_their_own(void **state)
{
    const uint8_t host[16] = {1}, other[16] = {2};
    const uint64_t keys[] = {
        limit_key(&hash_key, LIMIT_LISTENER, "a", NULL), limit_key(&hash_key, LIMIT_LISTENER, "b", NULL),
        limit_key(&hash_key, LIMIT_PARTNER, "a", NULL),  limit_key(&hash_key, LIMIT_ADDRESS, "a", host),
        limit_key(&hash_key, LIMIT_ADDRESS, "a", other), limit_key(&hash_key, LIMIT_ADDRESS, "b", host),
    };

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        assert_true(keys[i] != 0);
        for (size_t k = 0; k < i; k++)
            assert_true(keys[i] != keys[k]);
    }
    assert_true(limit_key(&hash_key, LIMIT_ADDRESS, "a", host) == keys[3]);
}

static void what_is_taken_is_counted_until_it_is_given_back(void **state)
{
    struct limit_table *table = calloc(1, sizeof *table);

    (void)state;
    assert_non_null(table);
    assert_true(limit_table_count(table, 7) == 0);
    assert_true(limit_table_add(table, 7) && limit_table_add(table, 7));
    assert_true(limit_table_add(table, 7 + COUNTERS_LIMITS_MAX)); /* the same place */
    assert_true(limit_table_count(table, 7) == 2);
    limit_table_subtract(table, 7);
    limit_table_subtract(table, 7);
    assert_true(limit_table_count(table, 7) == 0);
    assert_true(limit_table_count(table, 7 + COUNTERS_LIMITS_MAX) == 1);
    limit_table_subtract(table, 7); /* never below nothing */
    assert_true(limit_table_count(table, 7) == 0);
    limit_table_subtract(table, 99);
    free(table);
}

/* Many come and go, more than there are rows: every count stays true. */
static void rows_are_used_again(void **state)
{
    struct limit_table *table = calloc(1, sizeof *table);

    (void)state;
    assert_non_null(table);
    for (uint32_t i = 1; i <= 200000; i++) {
        uint32_t key = i;
        uint64_t hashed = keyed_hash(&hash_key, &key, sizeof key), gone;

        assert_true(limit_table_add(table, hashed));
        if (i <= 16000)
            continue;
        key = i - 16000;
        gone = keyed_hash(&hash_key, &key, sizeof key);
        assert_true(limit_table_count(table, gone) == 1);
        limit_table_subtract(table, gone);
        assert_true(limit_table_count(table, gone) == 0);
    }
    free(table);
}

static void a_full_table_says_so(void **state)
{
    struct limit_table *table = calloc(1, sizeof *table);
    bool refused = false;

    (void)state;
    assert_non_null(table);
    for (uint64_t key = 1; key <= COUNTERS_LIMITS_MAX + 100 && !refused; key++)
        refused = !limit_table_add(table, key);
    assert_true(refused);
    free(table);
}

/* The page of a worker that somebody has taken over. */
static void a_table_full_of_lies_is_survived(void **state)
{
    struct limit_table *table = malloc(sizeof *table);

    (void)state;
    assert_non_null(table);
    memset((void *)table, 0xff, sizeof *table);
    assert_true(limit_table_count(table, 7) == 0);
    assert_true(limit_table_count(table, UINT64_MAX) == UINT64_MAX);
    assert_false(limit_table_add(table, 7));
    limit_table_subtract(table, 7);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_siphash),
        cmocka_unit_test(things_have_numbers_of_their_own),
        cmocka_unit_test(what_is_taken_is_counted_until_it_is_given_back),
        cmocka_unit_test(rows_are_used_again),
        cmocka_unit_test(a_full_table_says_so),
        cmocka_unit_test(a_table_full_of_lies_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
