/* record.c - trades in a running venue while the shim records what reaches the disks, and
 * puts what the venue says onto the same tape.
 *
 *     record DIRECTORY TAPE SEED ORDERS LISTEN_MS
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/faults/tape.h"
#include "tests/faults/trader.h"

enum { TRADERS = 2, STEP_MS = 1, DRAIN_MS = 5000 };

static int tape;

static void on_told(void *argument, uint64_t gseq, uint64_t cl_ord_id)
{
    const struct tape_entry entry = {
        .magic = TAPE_MAGIC, .kind = TAPE_TOLD, .offset = gseq, .number = cl_ord_id};
    (void)argument;
    if (write(tape, &entry, sizeof entry) != sizeof entry)
        exit(2);
}

static int trade(struct trader *traders, char **words)
{
    static const char *const names[TRADERS] = {"alice", "bob"};
    uint64_t seed = strtoull(words[3], NULL, 10), orders = strtoull(words[4], NULL, 10);
    int status = ZEX_OK;
    for (uint32_t i = 0; i < TRADERS && status == ZEX_OK; i++) {
        traders[i].on_told = on_told;
        status = trader_begin(&traders[i], words[1], names[i], NULL, seed + i);
    }
    while (status == ZEX_OK && traders[0].placed + traders[1].placed < orders)
        for (uint32_t i = 0; i < TRADERS && status == ZEX_OK; i++)
            status = trader_step(&traders[i], STEP_MS);
    for (uint32_t i = 0; i < TRADERS && status == ZEX_OK; i++)
        status = trader_drain(&traders[i], DRAIN_MS);
    return status;
}

int main(int argc, char **argv)
{
    struct trader traders[TRADERS] = {{.placed = 0}};
    if (argc != 6) {
        fprintf(stderr, "usage: record DIRECTORY TAPE SEED ORDERS LISTEN_MS\n");
        return 2;
    }
    tape = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int status = tape < 0 ? ZEX_ERR_USAGE : trade(traders, argv);
    if (status == ZEX_OK) /* the services go on: ticks, the archive */
        status = trader_listen(&traders[0], (int)strtol(argv[5], NULL, 10));
    printf("seed %s: %llu orders, told %llu times\n", argv[3],
           (unsigned long long)(traders[0].placed + traders[1].placed),
           (unsigned long long)(traders[0].told + traders[1].told));
    if (status != ZEX_OK)
        printf("record: %s\n", zex_reason_text(status));
    for (uint32_t i = 0; i < TRADERS; i++)
        trader_end(&traders[i]);
    return status != ZEX_OK;
}
