/* What a TLS 1.2 client signs: its handshake so far, whole and in order, and nothing that only looks like it.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "handshake_form.h"
#include "sign_message.h"
#include "transcript.h"

static struct transcript_parts parts;
static uint8_t bytes[TRANSCRIPT_BYTES_MAX];

/* The bytes end where the heap block ends, so that reading past them is seen by the sanitizer. */
static enum form_verdict check(const uint8_t *from, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);
    enum form_verdict verdict;

    assert_non_null(exact);
    memcpy(exact, from, len);
    verdict = handshake_form_check(SIGN_FORM_TLS12_CLIENT, exact, len);
    free(exact);
    return verdict;
}

static void any_number_of_authorities_is_fine(void **state)
{
    static const size_t counts[] = {0, 1, 2, 600};
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < ROWS(counts); i++) {
        transcript_parts(&parts, counts[i]);
        len = transcript_join(&parts, bytes);
        assert_int_equal(check(bytes, len), FORM_OK);
        assert_int_equal(handshake_form_check(SIGN_FORM_TLS12_SERVER, bytes, len), FORM_MALFORMED);
        assert_int_equal(handshake_form_check(SIGN_FORM_TLS13_SERVER, bytes, len), FORM_MALFORMED);
        assert_int_equal(handshake_form_check(SIGN_FORM_TLS13_CLIENT, bytes, len), FORM_MALFORMED);
    }
    assert_true(len > 30 * 1024);
}

static void cut_anywhere_it_is_refused(void **state)
{
    size_t len;

    (void)state;
    transcript_parts(&parts, 2);
    len = transcript_join(&parts, bytes);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(check(bytes, cut), FORM_MALFORMED);
    bytes[len] = 0;
    assert_int_equal(check(bytes, len + 1), FORM_MALFORMED);
}

/* A byte more or less inside a message, its length made up or not. */
static void a_byte_more_in_any_message_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRANSCRIPT_MESSAGES; i++) {
        transcript_parts(&parts, 2);
        parts.body[i][parts.len[i]++] = 0;
        if (check(bytes, transcript_join(&parts, bytes)) == FORM_OK)
            fail_msg("a byte behind message %zu", i);
        transcript_parts(&parts, 2);
        if (!parts.len[i])
            continue;
        parts.len[i]--;
        if (check(bytes, transcript_join(&parts, bytes)) == FORM_OK)
            fail_msg("a byte less in message %zu", i);
    }
}

static void the_order_counts(void **state)
{
    static const uint8_t others[] = {0, 3, 4, 8, 15, 20, 22, 24, 254, 255};

    (void)state;
    for (size_t i = 0; i < TRANSCRIPT_MESSAGES; i++)
        for (size_t j = 0; j < ROWS(others); j++) {
            transcript_parts(&parts, 1);
            parts.type[i] = others[j];
            assert_int_equal(check(bytes, transcript_join(&parts, bytes)), FORM_MALFORMED);
        }
    for (size_t i = 0; i + 1 < TRANSCRIPT_MESSAGES; i++) {
        uint8_t type;

        transcript_parts(&parts, 1);
        type = parts.type[i];
        parts.type[i] = parts.type[i + 1];
        parts.type[i + 1] = type;
        assert_int_equal(check(bytes, transcript_join(&parts, bytes)), FORM_MALFORMED);
    }
}

/* The first message is missing, or the last, or one comes twice. */
static void every_message_is_there_once(void **state)
{
    static uint8_t changed[2 * TRANSCRIPT_BYTES_MAX];
    size_t len, at = 0;

    (void)state;
    transcript_parts(&parts, 1);
    len = transcript_join(&parts, bytes);
    for (size_t i = 0; i < TRANSCRIPT_MESSAGES; i++) {
        size_t whole = 4 + parts.len[i];

        memcpy(changed, bytes, at);
        memcpy(changed + at, bytes + at + whole, len - at - whole);
        assert_int_equal(check(changed, len - whole), FORM_MALFORMED);
        memcpy(changed, bytes, at + whole);
        memcpy(changed + at + whole, bytes + at, len - at);
        assert_int_equal(check(changed, len + whole), FORM_MALFORMED);
        at += whole;
    }
}

struct spoiled {
    const char *name;
    enum transcript_message message;
    size_t at; /* in its body */
    uint8_t byte;
};

static const struct spoiled spoiled[] = {
    {"a ClientHello of TLS 1.1", TRANSCRIPT_CLIENT_HELLO, 1, 2},
    {"a ClientHello of TLS 1.3", TRANSCRIPT_CLIENT_HELLO, 1, 4},
    {"a session id of 33", TRANSCRIPT_CLIENT_HELLO, 34, 33},
    {"suites of an odd length", TRANSCRIPT_CLIENT_HELLO, 68, 3},
    {"no suites", TRANSCRIPT_CLIENT_HELLO, 68, 0},
    {"compression", TRANSCRIPT_CLIENT_HELLO, 74, 1},
    {"an extension that is too long", TRANSCRIPT_CLIENT_HELLO, 80, 9},
    {"a ServerHello of TLS 1.1", TRANSCRIPT_SERVER_HELLO, 1, 2},
    {"compression chosen", TRANSCRIPT_SERVER_HELLO, 69, 1},
    {"a certificate that is too long", TRANSCRIPT_CERTIFICATE, 5, 0x59},
    {"a list that is too long", TRANSCRIPT_CERTIFICATE, 2, 0xb7},
    {"an explicit curve", TRANSCRIPT_SERVER_KEY_EXCHANGE, 0, 1},
    {"a curve that nobody offers", TRANSCRIPT_SERVER_KEY_EXCHANGE, 2, 0x13},
    {"a point of another length", TRANSCRIPT_SERVER_KEY_EXCHANGE, 3, 33},
    {"a signature that is too short", TRANSCRIPT_SERVER_KEY_EXCHANGE, 39, 1},
    {"no certificate types", TRANSCRIPT_CERTIFICATE_REQUEST, 0, 0},
    {"an odd number of scheme bytes", TRANSCRIPT_CERTIFICATE_REQUEST, 4, 3},
    {"a name that is too long", TRANSCRIPT_CERTIFICATE_REQUEST, 12, 49},
    {"an empty own certificate", TRANSCRIPT_OWN_CERTIFICATE, 5, 0},
    {"an own point of another length", TRANSCRIPT_CLIENT_KEY_EXCHANGE, 0, 31},
};

static void every_length_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(spoiled); i++) {
        const struct spoiled *row = &spoiled[i];

        transcript_parts(&parts, 1);
        assert_true(row->at < parts.len[row->message]);
        assert_int_not_equal(parts.body[row->message][row->at], row->byte);
        parts.body[row->message][row->at] = row->byte;
        if (check(bytes, transcript_join(&parts, bytes)) != FORM_MALFORMED)
            fail_msg("%s", row->name);
    }
}

/* The client's point has to be of the server's curve. */
static void both_points_are_of_one_length(void **state)
{
    (void)state;
    transcript_parts(&parts, 1);
    memset(parts.body[TRANSCRIPT_CLIENT_KEY_EXCHANGE], 65, 66);
    parts.len[TRANSCRIPT_CLIENT_KEY_EXCHANGE] = 66;
    assert_int_equal(check(bytes, transcript_join(&parts, bytes)), FORM_MALFORMED);
}

/* A client without a certificate signs nothing. */
static void no_certificate_no_signature(void **state)
{
    (void)state;
    transcript_parts(&parts, 1);
    memset(parts.body[TRANSCRIPT_OWN_CERTIFICATE], 0, 3);
    parts.len[TRANSCRIPT_OWN_CERTIFICATE] = 3;
    assert_int_equal(check(bytes, transcript_join(&parts, bytes)), FORM_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_authorities_is_fine),
        cmocka_unit_test(cut_anywhere_it_is_refused),
        cmocka_unit_test(a_byte_more_in_any_message_is_refused),
        cmocka_unit_test(the_order_counts),
        cmocka_unit_test(every_message_is_there_once),
        cmocka_unit_test(every_length_counts),
        cmocka_unit_test(both_points_are_of_one_length),
        cmocka_unit_test(no_certificate_no_signature),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
