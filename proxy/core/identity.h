/*
 * Who the client is, as far as its certificate says; a snapshot taken when the handshake ended. Texts are
 * the session's own.
 */
#pragma once

#include "tls.h"

#include <stdbool.h>

struct identity {
    bool secure; /* TLS is established */
    bool resumed;
    enum tls_verdict verdict;
    char version[16], cipher[64], sni[256];
    char subject[512], serial[128], fingerprint[65], reason[160], partner[256];
    unsigned key_ms;
};

void identity_from_tls(struct identity *out, const struct tls *tls);
/* The handshake has failed: what is known of the certificate that was refused, for the log. */
void identity_from_failed_tls(struct identity *out, const struct tls *tls);
