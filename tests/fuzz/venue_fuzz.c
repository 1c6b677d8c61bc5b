/* venue_fuzz.c - bytes to a venue file: refused with a word, or commands. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/check.h"
#include "deploy/cli/plan.h"
#include "proto/codec.h"
#include "tests/fuzz/fuzz.h"

enum { FILE_BYTES = 1 << 14 };

/* A plan is a bad one, and says why, or all of it can be sent. */
static void use(const struct venue *venue)
{
    static FILE *nowhere;
    struct catalog catalog;
    struct plan plan;
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "we");
    CHECK(nowhere != NULL && catalog_init(&catalog) == 0);
    const struct plan_input input = {.venue = venue,
                                     .catalog = &catalog,
                                     .directory = "/dev/null", /* no key is made */
                                     .complaints = nowhere};
    const bool is_good = plan_make(&plan, &input);
    CHECK(is_good == (plan.bad == 0));
    for (uint32_t i = 0; i < plan.count; i++)
        CHECK(codec_encode(bytes, sizeof bytes, &plan.commands[i].msg, &size) == 0);
    plan_close(&plan);
    catalog_close(&catalog);
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
