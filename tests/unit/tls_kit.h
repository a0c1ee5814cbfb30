/*
 * What the TLS tests share: keys and certificates made on the spot, a signer that answers when the test
 * says so, and an OpenSSL client that talks to our conversation through memory.
 */
#pragma once

#include "remote_key.h"
#include "tls.h"
#include "tls_ctx.h"
#include "tls_trust.h"
#include "unit.h"

#include <openssl/ssl.h>
#include <stdbool.h>

enum kit_kind { KIT_RSA, KIT_P256, KIT_P384, KIT_ED25519, KIT_KINDS };

struct kit_identity {
    EVP_PKEY *key;
    X509 *certificate;
    uint8_t *der;
    size_t der_len;
};

struct kit_wish {
    const char *name;                  /* common name */
    const struct kit_identity *issuer; /* NULL: self-signed */
    bool authority;
    bool server_only;      /* extended key usage serverAuth alone */
    const char *usage;     /* another extended key usage; NULL: none is named */
    const char *names;     /* subjectAltName, as OpenSSL writes it; NULL: none */
    long valid_s;          /* from now; 0: 100 days; negative: it has run out */
    size_t comment_len;    /* makes the certificate so much longer */
    long from_s;           /* begins so much later than now; 0: ten days ago */
    const char *key_usage; /* "keyAgreement"; NULL: the extension is not there */
};

/* Made once for each kind and kept to the end: RSA keys take their time. */
EVP_PKEY *kit_key(enum kit_kind kind);
struct kit_identity kit_identity(EVP_PKEY *key, const struct kit_wish *wish);
/* The SHA-256 of its SubjectPublicKeyInfo. */
void kit_name(EVP_PKEY *key, uint8_t name[SIGN_KEY_NAME_LEN]);
void kit_identity_free(struct kit_identity *identity);
/* The certificates as PEM in one text; to be freed with OPENSSL_free. */
char *kit_pem(const struct kit_identity *const *identities, size_t count);

/* A signer with the private keys in memory. */
enum { KIT_PENDING_MAX = 4 };

struct kit_signer {
    struct remote_signer base;
    enum remote_admission admission;
    unsigned admits, leaves, submits, cancels;
    size_t pending_count;
    struct remote_signature *pending[KIT_PENDING_MAX];
    struct tls *asked; /* who was admitted or told to wait last */
    /* the last request, kept for the test to look at */
    enum sign_form form;
    uint32_t scheme;
    uint8_t bytes[SIGN_BYTES_MAX];
    size_t bytes_len;
    uint8_t key[SIGN_KEY_NAME_LEN];
};

void kit_signer_init(struct kit_signer *signer);
/* Answers everything that is pending, with a real signature or with a failure. */
void kit_signer_answer(struct kit_signer *signer);
void kit_signer_fail(struct kit_signer *signer, const char *why);

/* The listener's side: a context with the keys of the kinds. */
struct tls_policy kit_policy(void);
/* A trust that must be good: the authorities of pem (NULL: none), five intermediates. */
struct tls_trust *kit_trust(const char *pem);
struct tls_ctx *kit_ctx(const struct tls_policy *policy, struct kit_signer *signer, unsigned kinds);
const struct kit_identity *kit_server_identity(enum kit_kind kind);
struct inventory_key kit_inventory(enum kit_kind kind);

/* Both ends of a connection. */
enum { KIT_ROOM = 512 * 1024, KIT_SESSIONS_MAX = 8 };

struct kit_client {
    SSL_CTX *ctx; /* version, certificates and so on may be set before kit_connect */
    SSL_SESSION *sessions[KIT_SESSIONS_MAX]; /* tickets that came, oldest first */
    size_t session_count;
};

void kit_client_init(struct kit_client *client, int version);
/* OpenSSL's macros for these cast const away. */
void kit_client_groups(struct kit_client *client, const char *groups);
void kit_client_sigalgs(struct kit_client *client, const char *sigalgs);
/* From now on the certificate is shown, by a client or a server. */
void kit_show(SSL_CTX *ctx, const struct kit_identity *identity);
void kit_client_free(struct kit_client *client);
SSL_SESSION *kit_client_newest(const struct kit_client *client); /* borrowed; NULL: none */

/* The three things that most tests begin with. */
struct kit {
    struct kit_signer signer;
    struct tls_ctx *ctx;
    struct kit_client client;
};

void kit_open(struct kit *kit, const struct tls_policy *policy, unsigned kinds, int version);
void kit_close(struct kit *kit);

struct kit_pair {
    struct tls *server;
    SSL *client;
    BIO *to_client, *from_client;
    unsigned wakes;
    enum tls_status status; /* of the last server call */
    int client_error;       /* SSL_get_error of the client's handshake; SSL_ERROR_NONE: done */
    uint8_t *out, *plain;   /* KIT_ROOM each */
    size_t plain_len;
};

/* session: to resume, or NULL. */
void kit_connect(struct kit_pair *pair, struct tls_ctx *ctx, enum tls_role role, const struct tls *control,
                 struct kit_client *client, SSL_SESSION *session);
void kit_pair_free(struct kit_pair *pair);
/* The server name that the client will ask for; NULL: none. */
void kit_client_asks(struct kit_pair *pair, const char *name);
/* The kind of the key whose certificate the client has got. */
enum kit_kind kit_client_sees(const struct kit_pair *pair);

/* One step of the server's handshake with what the client has sent; the answer goes to the client. */
enum tls_status kit_server_step(struct kit_pair *pair);
/* Runs both ends until neither moves; the signer (may be NULL) answers at once. Tells whether both are done.
 */
bool kit_handshake(struct kit_pair *pair, struct kit_signer *signer);
/* One step of the client's. */
void kit_client_step(struct kit_pair *pair);
/* kit_connect of a main conversation, and both steps up to the server's first answer. */
enum tls_status kit_begin(struct kit_pair *pair, struct kit *kit, SSL_SESSION *session);
/* kit_connect and kit_handshake, which must succeed. */
void kit_establish(struct kit_pair *pair, struct kit *kit, SSL_SESSION *session);
/* tls_read of what the client has sent: appends to plain. */
enum tls_status kit_server_read(struct kit_pair *pair);
enum tls_status kit_server_write(struct kit_pair *pair, const void *data, size_t len);
void kit_server_close(struct kit_pair *pair);
/* SSL_read of the client until it wants more; the count. */
size_t kit_client_read(struct kit_pair *pair, void *data, size_t size);
/* Everything the client has sent and the server has not taken, lent as a stream would. */
struct tls_io kit_lend(struct kit_pair *pair);
/* io was lent; what the server took is taken from the client's side, what it wrote is delivered. */
void kit_return(struct kit_pair *pair, const struct tls_io *io, size_t lent_len);
struct tls_facts kit_facts(const struct kit_pair *pair);
/* The reason of the client's last failure, an alert's name among them; "" when there is none. */
const char *kit_client_reason(void);
