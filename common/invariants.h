/* invariants.h - what must be true of every run of the venue, one function each.
 *
 * They know no service and no test: whoever watches a run hands in what it saw. The
 * simulator asks all of them; the test of damaged disks asks I13; and the sequencer, in
 * a CHECK of the running service, I3 of each command.
 *
 * Owns:     nothing.
 * Units:    as the messages; ns; bytes.
 * Errors:   NULL, or what is broken, as a sentence that begins with its name.
 * Threads:  any.
 * Bounds:   none; each is O(what it is given).
 */
#ifndef INVARIANTS_H
#define INVARIANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/block.h"
#include "proto/msg.h"

/* I1: what was acknowledged is in the log, where it was said to be, with its bytes. */
struct invariants_command {
    uint64_t gseq; /* 0: told that it is accepted, not where; or not in the log */
    const uint8_t *bytes;
    size_t size;
};
const char *invariants_durable(const struct invariants_command *told,
                               const struct invariants_command *logged);

/* I2: one outcome of each command, behind it. `outcomes` are those of the command so
 * far, this one included. */
const char *invariants_once(uint64_t command_gseq, uint64_t outcome_gseq,
                            uint32_t outcomes);

/* I2: a session that is gone has the commands that were said to be its last, no more. */
const char *invariants_gone(uint64_t told_last_n, uint64_t last_n);

/* I3: the commands of a session are 1, 2, 3 ... in the order of the log. Sets last_n. */
const char *invariants_order(uint64_t *last_n, uint64_t n);

/* I4: risk and settlement know the same money; per asset it sums to nothing; a client's
 * is never below zero. */
const char *invariants_money(const struct msg_row_balance *risk, size_t risk_count,
                             const struct msg_row_balance *settlement,
                             size_t settlement_count);

/* I5: the book does what an obvious one does, report for report. */
const char *invariants_book(const void *made, size_t made_size, const void *expected,
                            size_t expected_size);

/* I6: a state is the fold of its log, however it came to be. */
const char *invariants_state(const void *state, size_t state_size, const void *fold,
                             size_t fold_size);

/* I7: block follows block, without a gap, by chain, in time. Moves on if it holds. */
struct invariants_place {
    uint64_t next, time_ns;
    uint8_t chain[32];
};
const char *invariants_follows(struct invariants_place *, const void *block, size_t size);

/* I8: what anybody had been told before a command was sent comes before it. */
const char *invariants_real_time(uint64_t told_gseq, uint64_t gseq);

/* I9: the n-th report a client took is the n-th record of its account, as the account may
 * see it; 0 stands for none. */
struct invariants_report {
    uint64_t gseq, hash;
};
const char *invariants_feed(const struct invariants_report *taken,
                            const struct invariants_report *due);

/* I10: when faults have ended, all that was accepted is done, in time. */
const char *invariants_done(bool is_accepted, uint32_t outcomes);
const char *invariants_rest(uint64_t waited_ns, uint64_t limit_ns);

/* I11: memory, descriptors, files stay within what was stated; `broken` says what is more
 * than that. */
const char *invariants_bound(uint64_t used, uint64_t limit, const char *broken);

/* I12: on a connection that lives a command is answered. */
const char *invariants_answer(bool is_connected, uint64_t silent_ns, uint64_t limit_ns);

/* I13: what is damaged stops a service with a code that says so. */
const char *invariants_stop(int error);

/* I14: the book that readers put together is the shard's: levels, best first. */
const char *invariants_depth(const struct msg_row_level *read, size_t read_count,
                             const struct msg_row_level *book, size_t book_count);

#endif
