#include "keyring.h"

#include "crypto.h"
#include "inventory.h"
#include "match.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    const struct signer_wanted *wanted;
    uint32_t number;
    struct signing_key key;
    struct certificates certificates;
    size_t chain_len;
    X509 *chain[INVENTORY_CHAIN_MAX]; /* borrowed from certificates */
};

struct keyring {
    struct key_source *source;
    const struct signer_start *start;
    size_t count;
    struct entry *entries[SIGNER_START_KEYS_MAX];
};

struct keyring *keyring_new(struct key_source *source, const struct signer_start *start)
{
    struct keyring *ring = calloc(1, sizeof *ring);

    if (!ring)
        return NULL;
    ring->source = source;
    ring->start = start;
    return ring;
}

static void entry_free(struct entry *entry)
{
    EVP_PKEY_free(entry->key.private_key);
    EVP_PKEY_free(entry->key.token_public);
    certificates_free(&entry->certificates);
    free(entry);
}

static enum outcome entry_certificates(struct keyring *ring, struct entry *entry, struct err *err)
{
    const struct signer_wanted *wanted = entry->wanted;
    struct key_source *source = ring->source;

    if (!wanted->certificates_len)
        return source->ops->certificates(source, wanted->name, &entry->key, &entry->certificates, err);
    if (certificates_read_pem(&entry->certificates, wanted->certificates, wanted->certificates_len, err))
        return OUTCOME_OK;
    err_context(err, "certificate-file \"%.200s\"", wanted->certificates_path);
    return OUTCOME_CONFIGURATION;
}

/* Key, certificates, the one that belongs to the key, and what follows from it. */
static enum outcome entry_resolve(struct keyring *ring, struct entry *entry, struct err *err)
{
    struct key_source *source = ring->source;
    enum outcome outcome = source->ops->find(source, entry->wanted->name, &entry->key, err);
    X509 *own = NULL;

    entry->key.client = entry->wanted->client;
    if (outcome == OUTCOME_OK)
        outcome = entry_certificates(ring, entry, err);
    if (outcome == OUTCOME_OK)
        outcome = match_certificate(source, &entry->key, &entry->certificates, &own, err);
    if (outcome != OUTCOME_OK)
        return outcome;
    entry->key.public_key = X509_get0_pubkey(own);
    entry->key.bits = (size_t)EVP_PKEY_get_bits(entry->key.public_key);
    if (!crypto_key_kind(entry->key.public_key, &entry->key.kind, err))
        return OUTCOME_CONFIGURATION;
    if (!crypto_key_name(entry->key.public_key, entry->key.name)) {
        err_set(err, "its public key cannot be written");
        return OUTCOME_CONFIGURATION;
    }
    entry->chain_len = certificates_chain(&entry->certificates, own, entry->chain, INVENTORY_CHAIN_MAX);
    return OUTCOME_OK;
}

static enum outcome resolve_one(struct keyring *ring, size_t number, struct err *err)
{
    struct entry *entry = calloc(1, sizeof *entry);
    enum outcome outcome;

    if (!entry) {
        err_set(err, "no memory for the keys");
        return OUTCOME_FAULTY;
    }
    entry->wanted = &ring->start->wanted[number];
    entry->number = (uint32_t)number;
    outcome = entry_resolve(ring, entry, err);
    if (outcome == OUTCOME_OK)
        ring->entries[ring->count++] = entry;
    else
        entry_free(entry);
    return outcome;
}

enum outcome keyring_resolve(struct keyring *ring, struct problems *problems, struct err *err)
{
    for (size_t i = 0; i < ring->start->wanted_count; i++) {
        const struct signer_wanted *wanted = &ring->start->wanted[i];
        enum outcome outcome = resolve_one(ring, i, err);

        if (outcome != OUTCOME_OK && outcome != OUTCOME_CONFIGURATION)
            return outcome;
        if (outcome == OUTCOME_CONFIGURATION)
            problems_add(problems, wanted->where, wanted->name, "%s", err->text);
    }
    /* A token that went away meanwhile shows no key, and nobody's configuration is wrong. */
    return key_source_probe(ring->source, err);
}

static uint32_t entry_schemes(const struct entry *entry)
{
    static const uint32_t schemes[] = {
        [SCHEME_PKCS1] = INVENTORY_RSA_PKCS1,
        [SCHEME_PSS] = INVENTORY_RSA_PSS,
        [SCHEME_ECDSA] = INVENTORY_ECDSA,
        [SCHEME_EDDSA] = INVENTORY_ED25519,
    };
    uint32_t all = 0;

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (entry->key.paddings & 1u << i)
            all |= schemes[i];
    return all;
}

/* The DER is made for the moment and freed by inventory_free. */
static bool inventory_fill(const struct entry *entry, struct inventory_key *out)
{
    *out = (struct inventory_key){
        .wanted = entry->number, .client = entry->key.client, .schemes = entry_schemes(entry)};
    memcpy(out->name, entry->key.name, sizeof out->name);
    for (size_t i = 0; i < entry->chain_len; i++) {
        unsigned char *der = NULL;
        int len = i2d_X509(entry->chain[i], &der);

        if (len <= 0)
            return false;
        out->chain[i].der = der;
        out->chain[i].len = (size_t)len;
        out->chain_len = i + 1;
    }
    return true;
}

static void inventory_free(struct inventory_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < keys[i].chain_len; j++) {
            void *der;

            memcpy(&der, &keys[i].chain[j].der, sizeof der);
            OPENSSL_free(der);
        }
    free(keys);
}

bool keyring_inventory(const struct keyring *ring, struct buf *out)
{
    struct inventory_key *keys = calloc(ring->count + 1, sizeof *keys);
    bool done = keys != NULL;
    size_t filled = 0;

    for (; done && filled < ring->count; filled++)
        done = inventory_fill(ring->entries[filled], &keys[filled]);
    done = done && inventory_write(out, keys, ring->count);
    if (keys)
        inventory_free(keys, filled);
    return done;
}

const char *keyring_label(const struct keyring *ring)
{
    return ring->source->label;
}

size_t keyring_count(const struct keyring *ring)
{
    return ring->count;
}

const struct signing_key *keyring_at(const struct keyring *ring, size_t index)
{
    return &ring->entries[index]->key;
}

const char *keyring_alias(const struct keyring *ring, size_t index)
{
    return ring->entries[index]->wanted->name;
}

X509 *keyring_certificate(const struct keyring *ring, size_t index)
{
    return ring->entries[index]->chain[0];
}

const char *keyring_where(const struct keyring *ring, size_t index)
{
    return ring->entries[index]->wanted->where;
}

const struct signing_key *keyring_find(const struct keyring *ring, const uint8_t name[SIGN_KEY_NAME_LEN],
                                       bool client)
{
    for (size_t i = 0; i < ring->count; i++) {
        const struct signing_key *key = &ring->entries[i]->key;

        if (key->client == client && memcmp(key->name, name, SIGN_KEY_NAME_LEN) == 0)
            return key;
    }
    return NULL;
}

enum sign_status keyring_sign(struct keyring *ring, const struct signing_key *key,
                              const struct scheme *scheme, const uint8_t *bytes, size_t len, bool verify,
                              struct signature *out)
{
    struct crypto_input in;
    enum sign_status status;

    *out = (struct signature){0};
    if (!(key->paddings & 1u << scheme->padding))
        return SIGN_NO_SCHEME;
    if (!crypto_input(scheme, bytes, len, &in)) {
        out->function = "hashing";
        return SIGN_AGAIN;
    }
    status = key_source_sign(ring->source, key, scheme, &in, out);
    if (status != SIGN_DONE || (scheme->padding == SCHEME_ECDSA && !verify))
        return status;
    if (crypto_verify(key->public_key, scheme, &in, out->bytes, out->len))
        return SIGN_DONE;
    out->function = "the signature does not verify with the certificate";
    return SIGN_AGAIN;
}

enum outcome keyring_probe(struct keyring *ring, struct err *err)
{
    return key_source_probe(ring->source, err);
}
