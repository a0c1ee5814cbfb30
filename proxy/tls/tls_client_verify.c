/* A partner's server certificate: trusted, or refused with a reason that names what is wrong with it. */
#include "tls_client_private.h"
#include "tls_trust_private.h"

#include <arpa/inet.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAMES_LEN = 240, DATE_LEN = 32 };

/* A text that grows as far as there is room; what does not fit is dots. */
struct list {
    char text[NAMES_LEN];
    size_t len;
    bool full;
};

static void list_add(struct list *list, const char *name, size_t len)
{
    static const char dots[] = ", ...";
    size_t comma = list->len ? 2 : 0;

    if (list->full)
        return;
    list->full = list->len + comma + len + sizeof dots > sizeof list->text;
    if (list->full) {
        memcpy(list->text + list->len, dots + (list->len ? 0 : 2), sizeof dots - (list->len ? 0 : 2));
        return;
    }
    memcpy(list->text + list->len, ", ", comma);
    memcpy(list->text + list->len + comma, name, len);
    list->len += comma + len;
    list->text[list->len] = 0;
}

static void list_add_name(struct list *list, const GENERAL_NAME *name)
{
    const ASN1_STRING *value = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    char text[INET6_ADDRSTRLEN];

    if (name->type == GEN_DNS) {
        list_add(list, (const char *)ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
        return;
    }
    if (name->type != GEN_IPADD || (ASN1_STRING_length(value) != 4 && ASN1_STRING_length(value) != 16))
        return;
    if (inet_ntop(ASN1_STRING_length(value) == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), text,
                  sizeof text))
        list_add(list, text, strlen(text));
}

/* The names that a certificate is for, RFC 9525 2; "nobody" without any. */
static void names_of(X509 *certificate, struct list *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    *out = (struct list){.len = 0};
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        list_add_name(out, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    if (!out->len && !out->full)
        list_add(out, "nobody", strlen("nobody"));
}

static void date_text(const ASN1_TIME *time, char out[DATE_LEN])
{
    struct tm parts;

    if (!ASN1_TIME_to_tm(time, &parts) || !strftime(out, DATE_LEN, "%Y-%m-%dT%H:%M:%SZ", &parts))
        memcpy(out, "an unreadable date", sizeof "an unreadable date");
}

static void subject_text(X509 *certificate, bool issuer, char *out, size_t size)
{
    BIO *memory = BIO_new(BIO_s_mem());
    X509_NAME *name = issuer ? X509_get_issuer_name(certificate) : X509_get_subject_name(certificate);
    char *data;
    long len = 0;

    if (memory && X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253) >= 0)
        len = BIO_get_mem_data(memory, &data);
    if (len < 0 || (size_t)len >= size)
        len = len < 0 ? 0 : (long)size - 1;
    if (len)
        memcpy(out, data, (size_t)len);
    out[len] = 0;
    BIO_free(memory);
}

/* Which certificate of the chain it is, and the part of it that does not fit. */
static void refusal_text(X509_STORE_CTX *store, struct tls *tls)
{
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    int code = X509_STORE_CTX_get_error(store);
    const char *words = X509_verify_cert_error_string(code);
    char subject[160], other[160], date[DATE_LEN];
    struct list names;

    if (!certificate)
        certificate = X509_STORE_CTX_get0_cert(store);
    subject_text(certificate, false, subject, sizeof subject);
    switch (code) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        names_of(certificate, &names);
        err_set(&tls->err, "partner certificate refused: it is for %s, not for %s (%s)", names.text,
                tls->server_name, subject);
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        date_text(X509_get0_notAfter(certificate), date);
        err_set(&tls->err, "partner certificate refused: %s on %s (%s)", words, date, subject);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        date_text(X509_get0_notBefore(certificate), date);
        err_set(&tls->err, "partner certificate refused: %s before %s (%s)", words, date, subject);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        subject_text(certificate, true, other, sizeof other);
        err_set(&tls->err, "partner certificate refused: its issuer %s is not in the truststore (%s)", other,
                subject);
        break;
    default:
        err_set(&tls->err, "partner certificate refused: %s (%s)", words, subject);
    }
}

/* A CRL's own chain belongs to no conversation. */
static int verify_one(int fine, X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct tls *tls = ssl ? SSL_get_app_data(ssl) : NULL;

    return fine || !tls ? fine : tls_trust_concede(store, tls->client->crl_fail);
}

static bool ends_revoked(X509_STORE_CTX *store, const struct tls_authorities *authorities)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);

    if (!authorities || !tls_authorities_revoke_end(authorities, chain))
        return false;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REVOKED);
    X509_STORE_CTX_set_current_cert(store, sk_X509_value(chain, sk_X509_num(chain) - 1));
    return true;
}

int tls_client_verify(X509_STORE_CTX *store, void *unused)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *tls = SSL_get_app_data(ssl);

    (void)unused;
    X509_STORE_CTX_set_depth(store, (int)tls->client->verify_depth);
    X509_STORE_CTX_set_verify_cb(store, verify_one);
    if (X509_verify_cert(store) > 0 && !ends_revoked(store, tls->client->authorities))
        return 1;
    if (X509_STORE_CTX_get_error(store) == X509_V_OK)
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
    refusal_text(store, tls);
    tls->cause = SSL_R_CERTIFICATE_VERIFY_FAILED;
    tls->cause_known = true;
    return 0;
}
