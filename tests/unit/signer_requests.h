/*
 * What a worker does at a signer's queue, and a look at the answer: requests, replies, signatures.
 */
#pragma once

#include "signer_fixture.h"

/* Is this text anywhere in the process's memory? Only root may look. */
bool memory_has(pid_t pid, const char *secret);

/* Makes a request for the inventory's key number `key`. */
void request_fill(struct sign_request *out, const struct running *running, size_t key, enum sign_form form,
                  uint32_t scheme, size_t len);

/* Sends it; the reply end, the caller's. */
int request_send(const struct running *running, const struct sign_request *head, const uint8_t *bytes,
                 size_t len);

struct reply {
    bool came; /* false: end-of-file instead */
    struct sign_answer answer;
    uint8_t signature[SIGN_SIGNATURE_MAX];
};

void reply_take(int fd, struct reply *out);

/* All of it: request, reply, status. */
uint32_t request_status(const struct running *running, size_t key, enum sign_form form, uint32_t scheme,
                        const uint8_t *bytes, size_t len, struct reply *reply);

/* A well-formed message. */
enum { MESSAGE_BYTES = 160 };
size_t message_bytes(enum sign_form form, uint8_t out[MESSAGE_BYTES]);

/* With OpenSSL alone: is it a signature of the bytes as the scheme says? */
bool signature_good(EVP_PKEY *key, uint32_t scheme, const uint8_t *bytes, size_t len,
                    const struct reply *reply);
