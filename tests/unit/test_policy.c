#include "policy.h"

#include "conf_fixture.h"
#include "tls_kit.h"

#include <stdio.h>
#include <string.h>

#define HEAD "keystores = ( { alias = \"edge\"; token = \"pkcs11:\"; } );\n"
#define LISTENERS                                                                                            \
    "listeners = ( { alias = \"a\"; protocol = \"tls\"; bind = \"127.0.0.1:1\"; keystore = \"edge\";"        \
    " key-alias = \"k\"; backend = \"127.0.0.1:9\"; client-certificate = \"request\"; truststore = "         \
    "\"cas\"; }, "                                                                                           \
    "{ alias = \"b\"; protocol = \"tls\"; bind = \"127.0.0.1:2\"; keystore = \"edge\"; key-alias = \"k\";"   \
    " backend = \"127.0.0.1:9\"; } );\n"

static char *authority_pem, *partner_pem;

static int make_certificates(void **state)
{
    const struct kit_wish ca = {.name = "CA", .authority = true}, self = {.name = "acme"};
    struct kit_identity authority = kit_identity(kit_key(KIT_P256), &ca);
    struct kit_identity partner = kit_identity(kit_key(KIT_P384), &self);
    const struct kit_identity *of_authority = &authority, *of_partner = &partner;

    (void)state;
    authority_pem = kit_pem(&of_authority, 1);
    partner_pem = kit_pem(&of_partner, 1);
    kit_identity_free(&authority);
    kit_identity_free(&partner);
    return authority_pem && partner_pem ? 0 : -1;
}

static int free_certificates(void **state)
{
    (void)state;
    OPENSSL_free(authority_pem);
    OPENSSL_free(partner_pem);
    return 0;
}

static struct policy *read_policy(const char *middle, struct err *err)
{
    const char broken[] = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    char text[4096];
    const struct fixture_file list[] = {
        {"p11gate.conf", text, 0},       {"ca.pem", authority_pem, 0}, {"acme.pem", partner_pem, 0},
        {"other.pem", authority_pem, 0}, {"broken.pem", broken, 0},    {NULL, NULL, 0},
    };
    struct conf_files *files;

    (void)snprintf(text, sizeof text, "%s%s%s", HEAD, middle, LISTENERS);
    files = fixture_files(list);
    return policy_new(fixture_read(files, "p11gate.conf"), files, err);
}

static const char good[] = "truststores = ( { alias = \"cas\"; ca-file = \"ca.pem\"; } );\n"
                           "partners = ( { alias = \"zeta\"; certificate-file = \"other.pem\"; }, "
                           "{ alias = \"acme\"; certificate-file = \"acme.pem\"; max-sessions = 7; } );\n";

static void everything_is_found_by_its_alias(void **state)
{
    struct err err = {.text = ""};
    struct policy *policy = read_policy(good, &err);

    (void)state;
    assert_string_equal(err.text, "");
    assert_non_null(policy);
    assert_string_equal(policy_listener(policy, "b")->alias, "b");
    assert_null(policy_listener(policy, "c"));
    assert_int_equal(policy_partner(policy, "acme")->max_sessions, 7);
    assert_string_equal(policy_partner(policy, "zeta")->alias, "zeta");
    assert_null(policy_partner(policy, "nobody"));
    assert_null(policy_partner(policy, ""));
    assert_ptr_equal(policy_partner(policy, "acme"), &policy_conf(policy)->partners[1]);
    policy_unref(policy);
}

/* A listener that the new configuration has no more asks for a truststore that may be gone, too. */
static void a_truststore_that_is_gone_leaves_the_partners(void **state)
{
    struct err err;
    struct policy *policy = read_policy(good, &err);

    (void)state;
    assert_non_null(policy);
    assert_non_null(policy_trust(policy, "cas"));
    assert_non_null(policy_trust(policy, ""));
    assert_ptr_not_equal(policy_trust(policy, "cas"), policy_trust(policy, ""));
    assert_ptr_equal(policy_trust(policy, "gone"), policy_trust(policy, ""));
    policy_unref(policy);
}

/* The one who leaves last frees it (the sanitizers look). */
static void it_lives_as_long_as_somebody_uses_it(void **state)
{
    struct err err;
    struct policy *policy = read_policy(good, &err);

    (void)state;
    assert_ptr_equal(policy_ref(policy), policy);
    policy_unref(policy);
    assert_string_equal(policy_partner(policy, "acme")->alias, "acme");
    policy_unref(policy);
    policy_unref(NULL);
}

static const struct {
    const char *middle, *said;
} broken[] = {
    {"truststores = ( { alias = \"cas\"; ca-file = \"broken.pem\"; } );\n", "truststore \"cas\""},
    {"truststores = ( { alias = \"cas\"; ca-file = \"ca.pem\"; } );\n"
     "partners = ( { alias = \"acme\"; certificate-file = \"broken.pem\"; } );\n",
     "partner"},
};

static void what_cannot_be_used_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct err err = {.text = ""};

        assert_null(read_policy(broken[i].middle, &err));
        assert_non_null(strstr(err.text, "p11gate.conf"));
        if (!strstr(err.text, broken[i].said))
            fail_msg("row %zu: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_found_by_its_alias),
        cmocka_unit_test(a_truststore_that_is_gone_leaves_the_partners),
        cmocka_unit_test(it_lives_as_long_as_somebody_uses_it),
        cmocka_unit_test(what_cannot_be_used_is_named),
    };

    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
