/* ablate.h - switches a mechanism off, in a test build only, to see that tests notice.
 *
 * In every build but the simulator's ABLATE is the constant 0 and leaves no trace. `make
 * ablate` runs it with each name below and fails if one is not caught.
 *
 * Owns:     one choice, for the whole process.
 * Units:    none.
 * Errors:   none.
 * Threads:  set before any other thread starts.
 * Bounds:   none.
 */
#ifndef ABLATE_H
#define ABLATE_H

#define ABLATE_LIST(X)                                                                   \
    X(PUSH_BEFORE_COMMIT)   /* sequencer: records are published, then committed */       \
    X(ANSWER_BEFORE_COMMIT) /* sequencer: answers and acks leave, then the commit */     \
    X(NO_DEDUPE)            /* sequencer: a repeat is a new command */                   \
    X(NO_DEDUPE_SAVE)       /* sequencer: its snapshot forgets the sessions' answers */  \
    X(NO_GAP_CHECK)         /* sequencer: n need not follow the last one */              \
    X(NO_FETCH)             /* consumers: what is missed stays missed */                 \
    X(NO_SEQUENCE_CHECK)    /* consumers: whatever comes is next */                      \
    X(NO_OUTBOX_SAVE)       /* submitters: the snapshot leaves out what is not acked */  \
    X(ANSWER_EARLY)         /* services: answer a query before they stand at `after` */  \
    X(SNAPSHOT_BELIEVED)    /* services: a snapshot is loaded whatever its digest */     \
    X(INDEX_BELIEVED)       /* archive: an index is right, however it looks */           \
    X(NO_SUBMITTER_RESEND)  /* submitters: what is lost stays lost */                    \
    X(HOLD_UNTIL_CANCEL)    /* risk: a CANCEL releases the hold, not its report */       \
    X(NO_HOLD_RELEASE)      /* risk: an order that ends keeps its hold */                \
    X(CURSOR_APART)    /* services: the cursor is stored before what goes with it */     \
    X(OWNER_REFUSES)   /* publishers: a consumer that is ahead is refused */             \
    X(PRUNE_AT_CURSOR) /* readers: what is applied, if not stored, is not needed */      \
    X(HEAD_IS_PROOF)   /* consumers: a HEAD that is behind means a log that is */        \
    X(WALL_CLOCK)      /* sequencer: the time of the log is the wall clock's */          \
    X(NO_REDO)         /* journal: what is in the redo file alone is not done again */   \
    X(DELETE_UNSYNCED) /* archive: the journal forgets what is not synced yet */         \
    X(NO_RECONNECT)    /* services: a connection is good as long as nobody ends it */    \
    X(NO_EPOCH_CHECK)  /* consumers: a sequencer that was replaced is believed */        \
    X(ONE_LINK)        /* services: who speaks on one connection lives on the other */   \
    X(OPERATOR_WAITS)  /* sequencer: no session for the operator while risk is behind */ \
    X(NO_ACCOUNT_CHECK)  /* gateway, sequencer: anybody speaks for any session */        \
    X(RESUME_UNJOINED)   /* gateway: portfolio answers a RESUME wherever it stands */    \
    X(REPLACE_HOLD_MAX)  /* risk: a replace holds for the old or the new order */        \
    X(MOVE_WITH_ORDERS)  /* risk: a symbol moves while orders of it are open */          \
    X(MOVE_UNCOUNTED)    /* risk: the shard it moves to counts its trades from 1 */      \
    X(CLIENT_FORGETS)    /* client of the simulator: its outbox does not survive it */   \
    X(NO_PREV)           /* client: takes any report */                                  \
    X(BUSY_IS_FINAL)     /* client: after BUSY the n is used for something else */       \
    X(NO_CLIENT_RESEND)  /* client: sends once */                                        \
    X(SDK_BUSY_IS_FINAL) /* client library: ... is forgotten */                          \
    X(NO_SDK_RESEND)     /* client library: what is lost stays lost */

enum ablate_name {
    ABLATE_NOTHING,
#define ABLATE_ENUM(name) ABLATE_##name,
    ABLATE_LIST(ABLATE_ENUM)
#undef ABLATE_ENUM
        ABLATE_END,
};

#ifdef ZEX_ABLATE
extern enum ablate_name ablate_chosen; /* defined by the simulator */
#define ABLATE(name) (ablate_chosen == ABLATE_##name)
#else
#define ABLATE(name) 0
#endif

#endif
