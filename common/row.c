/* row.c - see row.h. */
#include "common/row.h"

#include <string.h>

#include "common/error.h"
#include "proto/big_endian.h"
#include "proto/digest.h"

void row_seal(uint8_t seal[ROW_SEAL_BYTES], const void *key, size_t key_size,
              const void *value, size_t value_size)
{
    uint32_t crc = digest_crc(digest_crc(0, key, key_size), value, value_size);
    big_endian_put(seal, crc, ROW_SEAL_BYTES);
}

int row_open(const void *key, size_t key_size, const void *value, size_t *size)
{
    uint8_t seal[ROW_SEAL_BYTES];
    if (*size < sizeof seal)
        return ERR_CORRUPT;
    *size -= sizeof seal;
    row_seal(seal, key, key_size, value, *size);
    return memcmp((const uint8_t *)value + *size, seal, sizeof seal) == 0 ? 0
                                                                          : ERR_CORRUPT;
}
