#include "ecdhe_form.h"

#include <stdbool.h>

enum { CURVE_TYPE_NAMED = 3, POINT_UNCOMPRESSED = 4 };

struct curve {
    uint16_t group;
    uint8_t point_len;
    bool uncompressed; /* begins with 4 */
};

static const struct curve curves[] = {
    {0x0017, 65, true},  /* secp256r1 */
    {0x0018, 97, true},  /* secp384r1 */
    {0x0019, 133, true}, /* secp521r1 */
    {0x001d, 32, false}, /* x25519 */
    {0x001e, 56, false}, /* x448 */
};

static const struct curve *curve_find(uint16_t group)
{
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        if (curves[i].group == group)
            return &curves[i];
    return NULL;
}

size_t ecdhe_params_len(const uint8_t *bytes, size_t len)
{
    const struct curve *curve;

    if (len <= ECDHE_HEAD_LEN || bytes[0] != CURVE_TYPE_NAMED)
        return 0;
    curve = curve_find((uint16_t)(bytes[1] << 8 | bytes[2]));
    if (!curve || bytes[3] != curve->point_len || len < ECDHE_HEAD_LEN + (size_t)curve->point_len)
        return 0;
    if (curve->uncompressed && bytes[ECDHE_HEAD_LEN] != POINT_UNCOMPRESSED)
        return 0;
    return ECDHE_HEAD_LEN + (size_t)curve->point_len;
}
