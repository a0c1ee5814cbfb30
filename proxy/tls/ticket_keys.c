#include "ticket_keys.h"

#include "remote_provider.h"
#include "tls_private.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>

/* Where a secret has what, as SSL_CTX_set_tlsext_ticket_keys lays it out. */
enum { NAME_LEN = 16, MAC_LEN = 32, MAC_AT = NAME_LEN, CIPHER_AT = NAME_LEN + MAC_LEN, IV_LEN = 16 };
enum { SECRET_FILE_MIN = 32 };

/* What OpenSSL wants to hear: the ticket is not ours, it is, it is but under an old secret. */
enum { TICKET_FAILED = -1, TICKET_UNKNOWN = 0, TICKET_KNOWN = 1, TICKET_OLD = 2 };

static bool set_mac(EVP_MAC_CTX *mac, const uint8_t *secret)
{
    char digest[] = "SHA256";
    uint8_t key[MAC_LEN];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, sizeof key),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    bool done;

    memcpy(key, secret + MAC_AT, sizeof key);
    done = EVP_MAC_CTX_set_params(mac, params);
    OPENSSL_cleanse(key, sizeof key);
    return done;
}

static bool set_cipher(EVP_CIPHER_CTX *cipher, const uint8_t *secret, const uint8_t *iv, int encrypt)
{
    EVP_CIPHER *aes = EVP_CIPHER_fetch(remote_key_library(), "AES-256-CBC", NULL);
    bool done = aes && EVP_CipherInit_ex2(cipher, aes, secret + CIPHER_AT, iv, encrypt, NULL);

    EVP_CIPHER_free(aes);
    return done;
}

static int seal(const uint8_t *secret, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    memcpy(name, secret, NAME_LEN);
    if (RAND_bytes_ex(remote_key_library(), iv, IV_LEN, 0) != 1 || !set_cipher(cipher, secret, iv, 1) ||
        !set_mac(mac, secret))
        return TICKET_FAILED;
    return TICKET_KNOWN;
}

static int open_or_seal(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                        EVP_MAC_CTX *mac, int encrypt)
{
    const struct tls *tls = SSL_get_app_data(ssl);
    const struct ticket_keys *keys = &tls->ctx->ticket_keys;

    if (encrypt)
        return seal(keys->secrets[0], name, iv, cipher, mac);
    for (size_t i = 0; i < keys->count; i++) {
        if (memcmp(name, keys->secrets[i], NAME_LEN) != 0)
            continue;
        if (!set_cipher(cipher, keys->secrets[i], iv, 0) || !set_mac(mac, keys->secrets[i]))
            return TICKET_FAILED;
        return i ? TICKET_OLD : TICKET_KNOWN;
    }
    return TICKET_UNKNOWN;
}

bool ticket_keys_set(struct ticket_keys *keys, SSL_CTX *ssl_ctx,
                     const uint8_t (*secrets)[TLS_TICKET_SECRET_LEN], size_t count)
{
    uint8_t first[TLS_TICKET_SECRET_LEN];
    bool done;

    if (!count || count > TLS_TICKET_SECRETS_MAX)
        return false;
    memcpy(first, secrets[0], sizeof first);
    done = SSL_CTX_set_tlsext_ticket_keys(ssl_ctx, first, sizeof first) &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl_ctx, count > 1 ? open_or_seal : NULL);
    OPENSSL_cleanse(first, sizeof first);
    if (!done)
        return false;
    ticket_keys_wipe(keys);
    keys->count = count;
    memcpy(keys->secrets, secrets, count * sizeof *secrets);
    return true;
}

void ticket_keys_wipe(struct ticket_keys *keys)
{
    OPENSSL_cleanse(keys, sizeof *keys);
}

bool tls_ctx_set_ticket_secrets(struct tls_ctx *ctx, const uint8_t (*secrets)[TLS_TICKET_SECRET_LEN],
                                size_t count)
{
    return ticket_keys_set(&ctx->ticket_keys, ctx->ssl_ctx, secrets, count);
}

/* Half of the secret each: SHA-512 of a number and the file. */
static bool stretch(uint8_t number, const void *data, size_t len, uint8_t out[TLS_TICKET_SECRET_LEN / 2])
{
    EVP_MD *sha512 = EVP_MD_fetch(remote_key_library(), "SHA512", NULL);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    uint8_t full[EVP_MAX_MD_SIZE];
    bool done = sha512 && hash && EVP_DigestInit_ex2(hash, sha512, NULL) &&
                EVP_DigestUpdate(hash, &number, sizeof number) && EVP_DigestUpdate(hash, data, len) &&
                EVP_DigestFinal_ex(hash, full, NULL);

    if (done)
        memcpy(out, full, TLS_TICKET_SECRET_LEN / 2);
    OPENSSL_cleanse(full, sizeof full);
    EVP_MD_CTX_free(hash);
    EVP_MD_free(sha512);
    return done;
}

bool tls_ticket_secret(const void *data, size_t len, uint8_t out[TLS_TICKET_SECRET_LEN])
{
    if (len < SECRET_FILE_MIN)
        return false;
    if (len != TLS_TICKET_SECRET_LEN)
        return stretch(0, data, len, out) && stretch(1, data, len, out + TLS_TICKET_SECRET_LEN / 2);
    memcpy(out, data, len);
    return true;
}
