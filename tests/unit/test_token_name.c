/* Which keystores may mean the same token: two names are told apart by what cannot be both. */
#include "token_name.h"
#include "unit.h"

static void two_uris(void **state)
{
    static const struct {
        const char *one, *other;
        bool may_be_same;
    } rows[] = {
        {"pkcs11:token=edge", "pkcs11:token=edge", true},
        {"pkcs11:token=edge", "pkcs11:token=core", false},
        {"pkcs11:token=edge", "pkcs11:serial=123", true},
        {"pkcs11:token=edge;serial=1", "pkcs11:serial=2;token=edge", false},
        {"pkcs11:token=edge;serial=1", "pkcs11:serial=1", true},
        {"pkcs11:", "pkcs11:token=edge", true},
        {"", "pkcs11:token=edge", true},
        {"", "", true},
        {"pkcs11:token=ed%67e", "pkcs11:token=edge", true},
        {"pkcs11:token=%65dge", "pkcs11:token=%65DGE", false},
        {"pkcs11:token=a%2fb", "pkcs11:token=a%2Fb", true},
        {"pkcs11:token=a b", "pkcs11:token=ab", true},
        {"pkcs11:token=a%20b", "pkcs11:token=ab", false},
        {"pkcs11:manufacturer=x", "pkcs11:manufacturer=y", false},
        {"pkcs11:model=x", "pkcs11:model=y", false},
        {"pkcs11:slot-id=1", "pkcs11:slot-id=01", true},
        {"pkcs11:slot-id=1", "pkcs11:slot-id=2", false},
        {"pkcs11:slot-description=x", "pkcs11:slot-description=y", false},
        {"pkcs11:slot-manufacturer=x", "pkcs11:slot-manufacturer=y", false},
        /* objects are in tokens, and a library is the module's */
        {"pkcs11:token=edge;object=x;id=%01", "pkcs11:token=edge;object=y;id=%02", true},
        {"pkcs11:library-version=1", "pkcs11:library-version=2", true},
        /* behind a question mark stands nothing of the token */
        {"pkcs11:token=edge?serial=1", "pkcs11:token=edge?serial=2", true},
        {"pkcs11:serial=1?token=a", "pkcs11:serial=1;token=b", true},
        /* a name inside another is another */
        {"pkcs11:xtoken=a", "pkcs11:token=b", true},
        {"pkcs11:tokens=a", "pkcs11:token=b", true},
        {"pkcs11:token", "pkcs11:token=b", true},
        {"pkcs11:;;token=a", "pkcs11:token=b;", false},
        /* what cannot be read may be anything */
        {"pkcs11:token=%", "pkcs11:token=b", true},
        {"pkcs11:token=%4", "pkcs11:token=b", true},
        {"pkcs11:token=%zz", "pkcs11:token=b", true},
        {"pkcs11:token=%-1", "pkcs11:token=b", true},
        {"pkcs11:token=", "pkcs11:token=b", false},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        if (token_name_may_be_same("/m.so", rows[i].one, "/m.so", rows[i].other) != rows[i].may_be_same ||
            token_name_may_be_same("/m.so", rows[i].other, "/m.so", rows[i].one) != rows[i].may_be_same)
            fail_msg("%s and %s", rows[i].one, rows[i].other);
    }
}

static void another_module_has_other_tokens(void **state)
{
    (void)state;
    assert_false(token_name_may_be_same("/m.so", "pkcs11:token=edge", "/n.so", "pkcs11:token=edge"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_uris),
        cmocka_unit_test(another_module_has_other_tokens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
