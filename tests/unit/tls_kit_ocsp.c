#include "tls_kit_ocsp.h"

#include <openssl/x509v3.h>

const struct answer kit_good_answer = {V_OCSP_CERTSTATUS_GOOD, -KIT_HOUR_S, KIT_HOUR_S, NULL};

struct response kit_response_pack(OCSP_RESPONSE *made)
{
    struct response response = {0};
    int len = i2d_OCSP_RESPONSE(made, &response.der);

    assert_true(len > 0);
    response.len = (size_t)len;
    OCSP_RESPONSE_free(made);
    return response;
}

/* Ed25519 hashes by itself. */
static const EVP_MD *signing_hash(EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
}

struct response kit_respond(const struct kit_identity *const *leaves, size_t count,
                            const struct kit_identity *issuer, const struct answer *answer)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, answer->from_s), *until = X509_gmtime_adj(NULL, answer->until_s);
    ASN1_TIME *revoked = answer->status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL;
    struct response response;

    for (size_t i = 0; i < count; i++) {
        OCSP_CERTID *id = OCSP_cert_to_id(answer->hash ? answer->hash() : EVP_sha1(), leaves[i]->certificate,
                                          issuer->certificate);

        assert_non_null(OCSP_basic_add1_status(basic, id, answer->status, OCSP_REVOKED_STATUS_NOSTATUS,
                                               revoked, from, answer->until_s ? until : NULL));
        OCSP_CERTID_free(id);
    }
    assert_true(OCSP_basic_sign(basic, issuer->certificate, issuer->key, signing_hash(issuer->key), NULL, 0));
    response = kit_response_pack(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic));
    OCSP_BASICRESP_free(basic);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return response;
}

struct response kit_respond_for(enum kit_kind kind, const struct answer *answer)
{
    const struct kit_identity *leaf = kit_server_identity(kind);

    return kit_respond(&leaf, 1, leaf, answer);
}
