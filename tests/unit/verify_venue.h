/* verify_venue.h - a venue that crashed and lost frames, as it lies on the disk when it
 * has stopped, and what it was at random times while it ran; commands to look at it with.
 *
 * Owns:     a temporary directory.
 * Units:    none.
 * Errors:   fail the test.
 * Threads:  one.
 * Bounds:   MOMENTS moments; OUTPUT_BYTES of a command's output.
 */
#ifndef VERIFY_VENUE_H
#define VERIFY_VENUE_H

#include "tests/unit/venue_world.h"

#include <fcntl.h>
#include <inttypes.h>

#include "deploy/cli/commands.h"

enum { MOMENTS = 200, OUTPUT_BYTES = 1 << 16 };

static const char *const names[SERVICES] = {
    "sequencer", "risk", "shard-0", "shard-1", "settlement", "portfolio", "gateway-0"};

/* What the live venue was at random times. */
static struct moment {
    uint32_t service;
    uint64_t gseq;
    uint8_t digest[16];
} moments[MOMENTS];
static uint32_t moment_count;

static void remember(uint32_t i)
{
    struct service_instance *s = venue[i];
    if (moment_count == MOMENTS || i == SEQUENCER || i == GATEWAY || s->state == NULL)
        return;
    struct moment *moment = &moments[moment_count++];
    moment->service = i;
    moment->gseq = s->gseq;
    digest_of(s, moment->digest);
}

/* ---- the venue, made once ---------------------------------------------------------- */

static int make_venue(void **state)
{
    (void)state;
    char from[128], to[128];
    prunes = true;
    begin(7);
    net.loss = net.reordering = 20;
    while (!step(2)) {
        if (net_chance(10))
            remember((uint32_t)random_below(&net.random, SERVICES));
    }
    settle();
    assert_int_equal(moment_count, MOMENTS);
    for (uint32_t i = 0; i < SERVICES; i++) {
        service_destroy(&venue[i]);
        snprintf(from, sizeof from, "%s/%u", directory, i);
        snprintf(to, sizeof to, "%s/%s", directory, names[i]);
        assert_int_equal(rename(from, to), 0);
    }
    return 0;
}

static int remove_venue(void **state)
{
    (void)state;
    end();
    return 0;
}

/* ---- running a command ------------------------------------------------------------- */

static char output[OUTPUT_BYTES];

/* Runs it with its output in `output`, or in `path` if that is not NULL. */
static int run(int (*command)(int, char **), const char *path, int argc, char **argv)
{
    char made[128];
    snprintf(made, sizeof made, "%s/output", directory);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    int file = open(path != NULL ? path : made, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(kept >= 0 && file >= 0 && dup2(file, STDOUT_FILENO) >= 0);
    int code = command(argc, argv);
    fflush(stdout);
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    ssize_t size = pread(file, output, sizeof output - 1, 0);
    assert_true(size >= 0);
    output[size] = 0;
    close(file);
    close(kept);
    return code;
}

#endif
