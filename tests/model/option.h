/* option.h - what the one who starts a model test may choose.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   none; what is no number is 0.
 * Threads:  any.
 * Bounds:   none.
 */
#ifndef OPTION_H
#define OPTION_H

#include <stdint.h>
#include <stdlib.h>

/* An argument, else the environment, else `value`. */
static inline uint64_t option(int argc, char **argv, int index, const char *name,
                              uint64_t value)
{
    const char *text = argc > index ? argv[index] : getenv(name);
    return text ? strtoull(text, NULL, 0) : value;
}

#endif
