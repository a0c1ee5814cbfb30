/*
 * The way out of one listener (`backend-tls`): TLS towards its backends, which are partners, with their
 * certificates checked and, where a key is configured, our certificate shown. Made with the service; keys
 * come and go with the token's inventory, the truststore with the policy.
 *
 * Worker only; one thread; never blocks.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct conf_listener;
struct inventory_key;
struct outbound;
struct policy;
struct sign_client;
struct tls;

struct outbound_setup {
    const struct conf *conf;              /* both borrowed */
    const struct conf_listener *listener; /* backend_tls.set */
    struct sign_client *signer;           /* of backend_tls.keystore; NULL: there is no key of ours */
    struct policy *policy;                /* the one to begin with */
};

struct outbound *outbound_new(const struct outbound_setup *setup, struct err *err);
void outbound_free(struct outbound *outbound); /* conversations may go on */

/* The keys of its keystore: those it wants, instead of the ones before. */
bool outbound_set_keys(struct outbound *outbound, const struct inventory_key *keys, size_t count,
                       struct err *err);

/* Until when the certificate of its key number index, of backend_tls.keys, is valid: seconds since 1970; 0:
 * not known. */
int64_t outbound_expiry(const struct outbound *outbound, size_t index);

/* The truststore as this policy has it counts from now on. False: err, and the one before stays. */
bool outbound_set_policy(struct outbound *outbound, const struct policy *policy, struct err *err);

/* A conversation for a new connection. NULL at once, and err says why, when it needs a signature that nobody
 * can give: the token is away. */
struct tls *outbound_tls(struct outbound *outbound, struct err *err);
