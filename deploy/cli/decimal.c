/* decimal.c - see decimal.h. */
#include "deploy/cli/decimal.h"

#include <inttypes.h>
#include <stdio.h>

bool decimal_parse(const char *text, uint32_t scale, int64_t *value)
{
    bool negative = *text == '-', point = false, digits = false;
    uint32_t decimals = 0;
    int64_t result = 0;
    for (text += negative ? 1 : 0; *text != 0; text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        if (*text == '_')
            continue;
        if (*text < '0' || *text > '9' || (point && decimals == scale && *text != '0'))
            return false;
        digits = true;
        if (point && decimals == scale)
            continue; /* zeros beyond the scale */
        if (__builtin_mul_overflow(result, 10, &result) ||
            __builtin_add_overflow(result, *text - '0', &result))
            return false;
        decimals += point;
    }
    for (; decimals < scale; decimals++)
        if (__builtin_mul_overflow(result, 10, &result))
            return false;
    *value = negative ? -result : result;
    return digits;
}

const char *decimal_format(char text[DECIMAL_TEXT], int64_t value, uint32_t scale)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint64_t unit = 1;
    for (uint32_t i = 0; i < scale; i++)
        unit *= 10;
    const char *sign = value < 0 ? "-" : "";
    if (scale == 0)
        snprintf(text, DECIMAL_TEXT, "%s%" PRIu64, sign, magnitude);
    else
        snprintf(text, DECIMAL_TEXT, "%s%" PRIu64 ".%0*" PRIu64, sign, magnitude / unit,
                 (int)scale, magnitude % unit);
    return text;
}
