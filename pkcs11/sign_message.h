/*
 * The contract between a worker that wants a signature and the signers of a keystore. It does not
 * change between versions that may run side by side.
 *
 * A request is one SOCK_SEQPACKET datagram: struct sign_request, the bytes to be signed behind it,
 * and one descriptor (SCM_RIGHTS): the far end of a fresh SOCK_SEQPACKET pair that takes the one
 * answer. A signer that dies closes that end, so the worker sees end-of-file at once.
 * An answer is one datagram: struct sign_answer with the signature behind it.
 *
 * The bytes to be signed travel, never a digest: the signer checks that they are a TLS handshake
 * message of the stated form, hashes them itself, and signs nothing else.
 *
 * Native byte order: both ends are on one machine.
 */
#pragma once

#include <stdint.h>

enum {
    SIGN_MAGIC = 0x70313167, /* "p11g" */
    SIGN_VERSION = 1,
    SIGN_KEY_NAME_LEN = 32,
    SIGN_BYTES_MAX = 49152,    /* to be signed: a TLS 1.2 client's transcript with 600 CA names is 30 KB */
    SIGN_SIGNATURE_MAX = 1024, /* RSA with 8192 bits */
};

/* What the bytes are. A key for servers signs the first two only, a key for clients the other two only. */
enum sign_form {
    SIGN_FORM_TLS13_SERVER =
        1, /* RFC 8446 4.4.3: 64 spaces, "TLS 1.3, server CertificateVerify", 0, transcript hash */
    SIGN_FORM_TLS12_SERVER = 2, /* RFC 8422 5.4: client_random, server_random, named curve, point */
    SIGN_FORM_TLS13_CLIENT = 3, /* the same with "TLS 1.3, client CertificateVerify" */
    SIGN_FORM_TLS12_CLIENT = 4, /* RFC 5246 7.4.8: ClientHello to ClientKeyExchange, as they were sent */
};

struct sign_request {
    uint32_t magic, version;
    uint8_t key[SIGN_KEY_NAME_LEN]; /* SHA-256 of the SubjectPublicKeyInfo */
    uint64_t deadline_ms;           /* CLOCK_MONOTONIC; later, nobody waits for the answer */
    uint32_t form;                  /* enum sign_form */
    uint32_t scheme;                /* SignatureScheme, RFC 8446 4.2.3: 0x0401 rsa_pkcs1_sha256, ... */
    uint32_t attempt;               /* 0, 1, 2: how often it was sent before */
    uint32_t bytes_len;
};

enum sign_status {
    SIGN_DONE = 1,
    SIGN_AGAIN,       /* the token failed: this signer ends, another may do it */
    SIGN_NO_KEY,      /* no key of this name here */
    SIGN_NOT_ALLOWED, /* the bytes are not a handshake message of the key's use, or are malformed */
    SIGN_NO_SCHEME,   /* the token cannot sign this way with this key */
    SIGN_FAILED,      /* the token refuses; trying again will not help */
};

struct sign_answer {
    uint32_t magic, version;
    uint32_t status; /* enum sign_status */
    uint32_t ckr;    /* the token's return code, 0 if none */
    uint32_t token_us, signature_len;
};
