/*
 * Objects that no command-line tool makes, written into the fixture's token "edge" by C_CreateObject in a
 * process of their own.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct token_object_key {
    EVP_PKEY *key;     /* EC P-256 */
    const char *label; /* NULL: it has none */
    uint8_t id;        /* CKA_ID is this one byte */
    bool always_authenticate;
};

void token_objects_add_key(const struct token_object_key *key);

/* All with this CKA_ID, without a label. */
void token_objects_add_certificates(X509 *const *certificates, size_t count, uint8_t id);

/* One public data object with this label. */
void token_objects_add_data(const char *label);

/* So many copies of the one public object that has this text in it. SoftHSM2 takes 25 ms to create an object
 * on a disk, and no time to find one. */
void token_objects_copy(const char *text, size_t count);
