/* journal_version.c - see journal_version.h. */
#include "common/journal_version.h"

#include <string.h>

static const char prefix[] = "zex journal ";

uint32_t journal_version_read(const void *text, size_t size)
{
    const char *digit = text, *end = digit + size;
    const size_t length = sizeof prefix - 1;
    uint32_t version = 0;
    if (size <= length || size > length + 6 || memcmp(text, prefix, length) != 0)
        return 0;
    for (digit += length; digit < end && *digit >= '0' && *digit <= '9'; digit++)
        version = 10 * version + (uint32_t)(*digit - '0');
    return digit == end ? version : 0;
}
