/*
 * What a keystore's signers offer, as it was first said and granted to workers, and what a later signer says
 * against that. The bytes are read by the bounded reader of inventory.h for their keys' names only. Pure but
 * for the descriptors.
 */
#pragma once

#include "message.h"

enum offer_news {
    OFFER_REFUSED,      /* no message of this kind, or memory that is not sealed */
    OFFER_FIRST,        /* taken: nothing was offered before */
    OFFER_SAME,         /* to the byte */
    OFFER_CERTIFICATES, /* the same keys with other certificates: its signatures fit what workers have */
    OFFER_KEYS,         /* other keys */
};

/* *granted: the sealed memory of the first offer, -1 before; set by OFFER_FIRST, the caller's to close. */
enum offer_news offer_take(int *granted, struct channel_message *message);
