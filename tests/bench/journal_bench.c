/* journal_bench.c - synced appends by blocks per transaction, beside a bare write +
 * fdatasync.
 *
 *     journal_bench [DIRECTORY]      default: a fresh one below /tmp
 *
 * A block is what a drain makes: `per_block` records of 100 bytes under one key.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/journal.h"
#include "proto/big_endian.h"

enum { RECORD = 100, COMMITS = 300, SYNCS = 300, MAP_MB = 4096 };

static uint8_t bytes[1024 * RECORD];

static uint64_t measure_floor_ns(const char *directory)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/floor", directory);
    int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0)
        return 0;
    uint64_t begin = clock_mono_ns();
    for (int i = 0; i < SYNCS; i++)
        if (pwrite(file, bytes, 4096, i % 64 * 4096) != 4096 || fdatasync(file) != 0)
            return 0;
    uint64_t each = (clock_mono_ns() - begin) / SYNCS;
    close(file);
    unlink(path);
    return each;
}

static int run(const char *directory, uint32_t per_block, uint64_t floor_ns)
{
    char path[4096];
    struct journal *journal = NULL;
    uint64_t seq = 1;
    uint8_t key[8];
    snprintf(path, sizeof path, "%s/%" PRIu32, directory, per_block);
    int error = journal_open(
        &journal, &(struct journal_options){.path = path,
                                            .map_bytes = (uint64_t)MAP_MB << 20,
                                            .durable = true});
    uint64_t begin = clock_mono_ns();
    for (int i = 0; i < COMMITS && error == 0; i++) {
        big_endian_put(key, seq, sizeof key);
        error = journal_put(journal, JOURNAL_LOG, key, sizeof key, bytes,
                            (size_t)per_block * RECORD);
        if (error == 0)
            error = journal_commit(journal);
        seq += per_block;
    }
    uint64_t each = (clock_mono_ns() - begin) / COMMITS;
    journal_close(&journal);
    if (error != 0) {
        fprintf(stderr, "journal_bench: %s\n", error_text(error));
        return 1;
    }
    printf("  %5" PRIu32 " records a commit  %8.1f us  %4.1f x floor  %10.0f records/s\n",
           per_block, (double)each / 1e3, (double)each / (double)floor_ns,
           (double)per_block * 1e9 / (double)each);
    return 0;
}

int main(int argc, char **argv)
{
    static const uint32_t shapes[] = {1, 8, 64, 256, 1024};
    char fresh[] = "/tmp/zex-journal-bench-XXXXXX";
    const char *directory = argc > 1 ? argv[1] : mkdtemp(fresh);
    char command[4200];
    int failed = directory == NULL;
    if (failed)
        return 1;
    uint64_t floor_ns = measure_floor_ns(directory);
    printf("journal, synced (floor: write + fdatasync %.1f us)\n",
           (double)floor_ns / 1e3);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && !failed && floor_ns > 0; i++)
        failed = run(directory, shapes[i], floor_ns);
    if (argc == 1) {
        snprintf(command, sizeof command, "rm -rf '%s'", directory);
        failed |= system(command) != 0;
    }
    return failed || floor_ns == 0;
}
