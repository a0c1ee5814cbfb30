#include "pss.h"

#include "crypto.h"

#include <string.h>

enum { PSS_PREFIX_LEN = 8 };

/* XORs the mask that grows from seed over out (RFC 8017 B.2.1). */
static bool pss_mask(const struct scheme *scheme, const uint8_t *seed, uint8_t *out, size_t len)
{
    uint8_t block[CRYPTO_HASH_MAX + 4], mask[CRYPTO_HASH_MAX];
    size_t hash_len = scheme->hash_len;

    memcpy(block, seed, hash_len);
    for (size_t at = 0, counter = 0; at < len; at += hash_len, counter++) {
        block[hash_len] = block[hash_len + 1] = 0;
        block[hash_len + 2] = (uint8_t)(counter >> 8);
        block[hash_len + 3] = (uint8_t)counter;
        if (!crypto_hash(scheme, block, hash_len + 4, mask))
            return false;
        for (size_t i = 0; i < hash_len && at + i < len; i++)
            out[at + i] ^= mask[i];
    }
    return true;
}

bool pss_encode(const struct scheme *scheme, const uint8_t *hash, const uint8_t *salt, size_t modulus_bits,
                uint8_t *out)
{
    size_t hash_len = scheme->hash_len, bits = modulus_bits - 1, len = (bits + 7) / 8;
    uint8_t block[PSS_PREFIX_LEN + 2 * CRYPTO_HASH_MAX] = {0};
    size_t masked_len;

    /* A modulus of 8n + 1 bits has a leading byte that the encoding does not reach. */
    if ((modulus_bits + 7) / 8 > len)
        *out++ = 0;
    if (len < 2 * hash_len + 2)
        return false;
    masked_len = len - hash_len - 1;
    memcpy(block + PSS_PREFIX_LEN, hash, hash_len);
    memcpy(block + PSS_PREFIX_LEN + hash_len, salt, hash_len);
    if (!crypto_hash(scheme, block, PSS_PREFIX_LEN + 2 * hash_len, out + masked_len))
        return false;
    memset(out, 0, masked_len);
    out[masked_len - hash_len - 1] = 1;
    memcpy(out + masked_len - hash_len, salt, hash_len);
    if (!pss_mask(scheme, out + masked_len, out, masked_len))
        return false;
    out[0] &= (uint8_t)(0xff >> (8 * len - bits));
    out[len - 1] = 0xbc;
    return true;
}
