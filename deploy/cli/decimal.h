/* decimal.h - decimal text to integers of a scale and back; never through a float.
 *
 * Owns:     nothing.
 * Units:    `scale` decimals.
 * Errors:   false for text that is no number, has more decimals than the scale, or
 *           overflows.
 * Threads:  any.
 * Bounds:   DECIMAL_TEXT bytes.
 */
#ifndef DECIMAL_H
#define DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#define DECIMAL_TEXT 48

bool decimal_parse(const char *text, uint32_t scale, int64_t *value);
/* Returns `text`. */
const char *decimal_format(char text[DECIMAL_TEXT], int64_t value, uint32_t scale);

#endif
