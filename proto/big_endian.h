/* big_endian.h - numbers in the order in which keys sort.
 *
 * Owns:     nothing.
 * Units:    bytes.
 * Errors:   none.
 * Threads:  any.
 * Bounds:   1 to 8 bytes; what does not fit into them is cut off at the top.
 */
#ifndef BIG_ENDIAN_H
#define BIG_ENDIAN_H

#include <stdint.h>

static inline void big_endian_put(void *at, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = bytes; i-- > 0; value >>= 8)
        ((uint8_t *)at)[i] = (uint8_t)value;
}

static inline uint64_t big_endian_get(const void *at, uint32_t bytes)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < bytes; i++)
        value = value << 8 | ((const uint8_t *)at)[i];
    return value;
}

#endif
