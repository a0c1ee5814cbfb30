/*
 * The return codes of PKCS#11: their names, and what a signer does about them.
 * Signer process; pure; never blocks.
 */
#pragma once

enum ckr_meaning {
    CKR_MEANS_OK,
    CKR_MEANS_ABSENT,    /* no token in the slot */
    CKR_MEANS_PIN,       /* the PIN was refused: never try it again */
    CKR_MEANS_NO_SCHEME, /* this key cannot be used this way */
    CKR_MEANS_REFUSED,   /* the token refuses this one; trying again will not help */
    CKR_MEANS_FAULT,     /* anything else: only a fresh process is known to heal it */
};

/* "CKR_DEVICE_REMOVED", "CKR 0x80000001"; the latter is valid until the next call. */
const char *ckr_name(unsigned long ckr);

enum ckr_meaning ckr_meaning(unsigned long ckr);
