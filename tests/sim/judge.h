/* judge.h - what the simulator saw of a run, held against common/invariants.h.
 *
 * I1   every command a client was told is accepted is in the log, there, with its bytes;
 *      where the log came back from an older copy, those of sessions then open
 * I2   one outcome of each command, after it; none of one that was skipped; no session
 *      answers what was never sent; what SESSION_GONE says is what the log has
 * I3   n = 1, 2, 3 ... of each session in the order of the log
 * I4   after every eighth record: risk = settlement for every balance, sums of 0, none
 *      below 0; holds = open orders (replay.h)
 * I5   each shard = a naive book (model/shard_naive.h), report for report (replay.h)
 * I6   every live state and every snapshot = the fold from record 1; so is every report
 *      and every answer to a query, at its gseq (replay.h)
 * I7   crc, chain, contiguity and rising time of the committed log, which never changes,
 *      files included; its time keeps to the clock
 * I8   what anybody was told before a command was sent has a lower gseq; no answer is
 *      older than its query asked for
 * I9   each client's reports = its account's records, all, in order; where nothing is
 *      lost none is missing, not even for a moment
 * I10  it comes to rest; no command without outcome, no report that misses the log
 * I11  journals within their maps, snapshots, unacknowledged reports and descriptors
 *      within bounds
 * I12  when faults have ended every command sent has word within 5 s: its own, or that of
 *      the first behind one that was refused
 * I13  no service ends but by our power cuts, full maps and rot, and by rot with a code
 *      that says so
 * I14  the books that an onlooker puts together from the reports = the shards'
 *
 * Owns:     nothing that outlives a call.
 * Units:    none.
 * Errors:   NULL, or what is broken.
 * Threads:  one.
 * Bounds:   none.
 */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include "tests/sim/sim.h"

/* All of them, on a world that has come to rest. */
const char *judge_check(const struct sim *);

#endif
