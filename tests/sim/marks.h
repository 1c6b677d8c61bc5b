/* marks.h - rare events that a good run reaches, counted: a simulator that never meets
 * the hard states proves nothing.
 *
 * Owns:     one counter per mark, of the world that runs.
 * Units:    events.
 * Errors:   none.
 * Threads:  one.
 * Bounds:   none.
 */
#ifndef SIM_MARKS_H
#define SIM_MARKS_H

#include <stddef.h>
#include <stdint.h>

#define MARKS_LIST(X)                                                                    \
    X(crash)               /* a process died between two turns */                        \
    X(power_cut)           /* ... at an operation within a turn */                       \
    X(stopped)             /* ... or was asked to, and did it cleanly */                 \
    X(redone)              /* what it had in the redo file alone was done again */       \
    X(torn_tail)           /* ... and the archive lost what was not synced */            \
    X(pruned)              /* the log's beginning is in files only */                    \
    X(approved_pruned)     /* risk dropped what its shard has */                         \
    X(start_cut)           /* the power went while a process started */                  \
    X(rot)                 /* a bit of a journal or a snapshot flipped */                \
    X(rot_found)           /* ... and its service ended with a code that says so */      \
    X(snapshot_damaged)    /* ... or began from another snapshot */                      \
    X(restored)            /* the log came back from an older copy */                    \
    X(restore_noticed)     /* ... and somebody said so */                                \
    X(volume_lost)         /* ... and its disk with it */                                \
    X(snapshot_dropped)    /* ... and its newest snapshot */                             \
    X(map_full)            /* a service ended because a put did not fit */               \
    X(link_reset)          /* */                                                         \
    X(zombie)              /* a sequencer that was replaced went on */                   \
    X(link_dead)           /* ... without a word */                                      \
    X(reconnected)         /* ... and its process noticed */                             \
    X(queue_full)          /* a frame found no room on its way */                        \
    X(cut)                 /* the gateway said goodbye to a client */                    \
    X(partition)           /* */                                                         \
    X(poisoned)            /* a record stopped a core */                                 \
    X(skipped)             /* ... and was passed over, by the operator's word */         \
    X(wall_step)           /* the wall clock jumped */                                   \
    X(wall_stands)         /* ... and stood still from then on */                        \
    X(wall_slow)           /* ... and went half as fast */                               \
    X(wall_fast)           /* ... and went twice as fast */                              \
    X(snapshot)            /* a snapshot was completed */                                \
    X(snapshot_loaded)     /* a service began from one */                                \
    X(replayed)            /* it regenerated what it had stored, and it was the same */  \
    X(gap_found)           /* a consumer saw a later block first */                      \
    X(push_dropped)        /* a consumer saw a block twice */                            \
    X(stale_epoch)         /* ... heard a sequencer that was replaced */                 \
    X(gap_filled)          /* FETCH brought blocks */                                    \
    X(owner_replays)       /* FETCH was told to ask again */                             \
    X(resubmitted)         /* a service sent what was not acknowledged */                \
    X(refused_busy)        /* */                                                         \
    X(refused_rate)        /* */                                                         \
    X(refused_gap)         /* */                                                         \
    X(refused_unavailable) /* */                                                         \
    X(repeat_answered)     /* a repeat got its old answer from the sequencer */          \
    X(resume_replayed)     /* reports came from portfolio */                             \
    X(answer_checked)      /* a query answer was that of the fold at its gseq */         \
    X(book_checked)        /* ... that of a shard */                                     \
    X(symbol_moved)        /* from one shard to another */                               \
    X(session_gone)        /* */                                                         \
    X(session_closed)      /* ... because the operator said so */                        \
    X(guest_crash)         /* a process with the client library died */                  \
    X(guest_live)          /* ... its feed was complete */                               \
    X(guest_moved)         /* ... it went to another gateway */                          \
    X(guest_void)          /* ... a command of its own never was to be */                \
    X(epoch)               /* the sequencer started again */                             \
    X(trade)               /* */                                                         \
    X(trade_prevented)     /* */                                                         \
    X(order_replaced)      /* */                                                         \
    X(order_rejected)      /* */                                                         \
    X(cancel_rejected)     /* */                                                         \
    X(order_cancelled)     /* */                                                         \
    X(withdraw_done)       /* */                                                         \
    X(admin_rejected)      /* */

enum marks_name {
#define MARKS_ENUM(name) MARKS_##name,
    MARKS_LIST(MARKS_ENUM)
#undef MARKS_ENUM
        MARKS_COUNT,
};

extern uint32_t marks[MARKS_COUNT];

#define MARK(name) (marks[MARKS_##name]++)

/* Counts what a frame that arrives says. */
void marks_frame(uint32_t from, uint32_t to, const uint8_t *bytes, size_t size);

/* Counts a record of the log, and an event of a service's log. */
void marks_record(uint32_t kind);
void marks_event(const char *event);

const char *marks_text(uint32_t mark);

#endif
