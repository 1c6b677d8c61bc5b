/* fault.h - rare outcomes, made frequent: where a FAULT happens the code takes the branch
 * that a slow disk, a full queue or a lost frame would have made it take.
 *
 * Every branch is one that a run without faults can take too: nothing here may break a
 * promise. The simulator decides, from its seed; with MODE=kill none happens, but each is
 * a place to die at (tests/chaos). In every other build FAULT is the constant false and
 * leaves no trace.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   none.
 * Threads:  that of the service; the simulator has one.
 * Bounds:   none.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>

#define FAULT_LIST(X)                                                                    \
    X(DRAIN_SHORT)      /* service: a turn takes one frame */                            \
    X(COMMIT_EARLY)     /* service: commits what is gathered at once */                  \
    X(COMMIT_LATE)      /* service: a derived commit waits for another turn */           \
    X(SNAPSHOT_NOW)     /* service: takes a snapshot out of turn */                      \
    X(SNAPSHOT_LATE)    /* service: a snapshot that is due waits */                      \
    X(SNAPSHOT_CHUNK)   /* snapshot: a commit writes one chunk */                        \
    X(CHILD_REFUSED)    /* child: there can be none now */                               \
    X(CHILD_SLOW)       /* child: its work takes another turn */                         \
    X(CHILD_LOST)       /* child: ends before its work does */                           \
    X(TRIM_SHORT)       /* snapshot: a commit removes nothing old */                     \
    X(SEND_FAILS)       /* sender: the peer is gone, or its queue is full */             \
    X(PUSH_LOST)        /* sender: nobody gets this push */                              \
    X(HEAD_LOST)        /* publisher: no HEAD this time */                               \
    X(FETCH_SHORT)      /* publisher: an answer holds as little as it may */             \
    X(FETCH_LOST)       /* publisher: a FETCH is not answered */                         \
    X(FETCH_PENDING)    /* publisher: ask again, I replay */                             \
    X(FETCH_MORE)       /* consumer: asks though nothing is missing */                   \
    X(PUSH_DROPPED)     /* consumer: a push is not for it */                             \
    X(PAUSED)           /* consumer: its outbox is full */                               \
    X(POSITION_LOST)    /* service: does not say where it stands */                      \
    X(CHECKIN_AGAIN)    /* service: says hello out of turn */                            \
    X(WELCOME_LOST)     /* service: does not hear the sequencer's hello */               \
    X(SUBMIT_SHORT)     /* submitter: one record a frame */                              \
    X(RESEND_EARLY)     /* submitter: does not wait for the ACK */                       \
    X(ACK_LOST)         /* submitter: does not hear an ACK */                            \
    X(REPLAY_SHORT)     /* restart: one block a turn */                                  \
    X(ROWS_EARLY)       /* service: rows are written before they gather */               \
    X(QUERY_LATE)       /* query: PENDING, its time is over */                           \
    X(QUERY_FULL)       /* query: no place to wait */                                    \
    X(STORAGE_FULL)     /* service: the map is 85 % full for a turn */                   \
    X(ARCHIVE_SHORT)    /* archive: copies one block a turn */                           \
    X(ARCHIVE_NOW)      /* archive: a round begins at once */                            \
    X(BLOCK_SHORT)      /* sequencer: a block of the log holds one record */             \
    X(OUTBOX_FULL)      /* sequencer: no room for one more record this turn */           \
    X(QUEUE_FULL)       /* sequencer: a command finds the queue full */                  \
    X(SEQUENCER_BUSY)   /* sequencer: BUSY at the last moment */                         \
    X(SUBMISSION_LOST)  /* sequencer: a service's frame is not taken */                  \
    X(ANSWER_FORGOTTEN) /* sequencer: a repeat is older than the answers kept */         \
    X(GATEWAY_BUSY)     /* gateway: BUSY */                                              \
    X(GATEWAY_RATE)     /* gateway: too fast */                                          \
    X(FORWARD_LOST)     /* gateway: a command it has let in does not go out */           \
    X(PEER_CUT)         /* gateway: a client is sent away */                             \
    X(REPORT_FLOOD)     /* gateway: no room for a report: its client is cut */           \
    X(RESUME_FULL)      /* gateway: no place for one more replay */                      \
    X(RESUME_PAGE)      /* gateway: a page of one report */                              \
    X(LOOKUP_FULL)      /* gateway: no place for one more question */                    \
    X(LOOKUP_LATE)      /* gateway: a question's time is over */                         \
    X(HEARTBEAT_LOST)   /* gateway: no heartbeat this time */                            \
    X(ROUTE_FORGOTTEN)  /* gateway: who asked for a session is forgotten */

enum fault_name {
#define FAULT_ENUM(name) FAULT_##name,
    FAULT_LIST(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_COUNT,
};

#ifdef ZEX_FAULT
bool fault_happens(enum fault_name); /* defined by the simulator */
#define FAULT(name) fault_happens(FAULT_##name)
#else
#define FAULT(name) false
#endif

#endif
