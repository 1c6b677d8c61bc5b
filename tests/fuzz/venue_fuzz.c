/* venue_fuzz.c - bytes to a venue file: refused with a word, or loaded. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "deploy/cli/decimal.h"
#include "deploy/cli/venue.h"
#include "tests/fuzz/fuzz.h"

enum { FILE_BYTES = 1 << 14 };

static void use(const struct venue *venue)
{
    int64_t number;
    for (unsigned i = 0; i < venue->symbol_count; i++) {
        const struct venue_symbol *s = &venue->symbols[i];
        if (s->maker != NULL)
            (void)!venue_parse_ppm(s->maker, &number);
        if (s->tick != NULL)
            (void)!decimal_parse(s->tick, s->price_scale, &number);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static int file = -1;
    char path[64];
    struct venue *venue = NULL;
    if (file < 0)
        file = memfd_create("venue", 0);
    if (size > FILE_BYTES || ftruncate(file, 0) != 0 ||
        pwrite(file, bytes, size, 0) != (ssize_t)size)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (venue_load(&venue, path))
        use(venue);
    venue_close(&venue);
    return 0;
}

size_t fuzz_seed(uint32_t number, uint8_t bytes[FUZZ_SEED_BYTES])
{
    static const char *const files[] = {"deploy/venues/demo.yaml",
                                        "deploy/venues/lobster.yaml"};
    FILE *file = number < 2 ? fopen(files[number], "re") : NULL;
    if (file == NULL)
        return 0;
    size_t size = fread(bytes, 1, FILE_BYTES, file);
    fclose(file);
    return size;
}
