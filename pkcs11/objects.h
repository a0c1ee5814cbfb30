/*
 * Finding objects on a token and reading their attributes, with every length checked.
 * Signer process; blocks for as long as the token likes.
 */
#pragma once

#include "err.h"
#include "outcome.h"
#include "token.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OBJECTS_MAX = 256, OBJECT_LABEL_MAX = 128 };

struct objects {
    size_t count; /* at most OBJECTS_MAX, even when the token has more */
    CK_OBJECT_HANDLE handles[OBJECTS_MAX];
};

enum outcome objects_find(struct token *token, CK_ATTRIBUTE *wanted, size_t wanted_count, struct objects *out,
                          struct err *err);

/* Bytes read, 0 when the object has no such attribute, does not show it, or it is longer than max. */
size_t object_bytes(struct token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *out,
                    size_t max);

/* The same for any length: the caller's to free, NULL when there is none. */
uint8_t *object_value(struct token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, size_t *len);

/* otherwise: what is returned when the object does not say. */
bool object_flag(struct token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool otherwise);

/* CKA_LABEL with a NUL; "" when there is none. */
void object_label(struct token *token, CK_OBJECT_HANDLE object, char out[OBJECT_LABEL_MAX + 1]);

/* The pkcs11: URI (RFC 7512) of an object, or with object CK_INVALID_HANDLE of the token: by its serial
 * number and label. False when it does not fit. */
bool object_uri(struct token *token, CK_OBJECT_HANDLE object, char *out, size_t max);

/* "%01%ab": CKA_ID as a pkcs11: URI has it. Cut at max. */
void object_id_text(const uint8_t *id, size_t len, char *out, size_t max);
