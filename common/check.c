/* check.c - what a failed CHECK does. */
#include "common/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

_Thread_local uint64_t check_sequence;

void check_failed(const char *file, int line, const char *text)
{
    fprintf(stderr, "%s:%d: CHECK failed at sequence %" PRIu64 ": %s\n", file, line,
            check_sequence, text);
    fflush(stderr);
    abort();
}
