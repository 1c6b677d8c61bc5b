/* core.h - the contract between a service's core and the harness that runs it.
 *
 * A core is (state, one input) -> state + outputs. It does no I/O, reads no clock,
 * allocates nothing, logs nothing; lint proves it. All it may produce goes through the
 * outbox.
 *
 * Owns:     the state is one block of `size()` bytes, zeroed, 64-byte aligned, owned by
 *           the harness. Everything a core keeps is carved from it; no pointer leads
 *           outside.
 * Units:    time in ns, from the record; positions count from 1.
 * Errors:   apply has none: input is decoded and in range. A refusal is an output.
 * Threads:  one; a core has no global state.
 * Bounds:   capacities come from GENESIS; full is an answer the core gives.
 */
#ifndef CORE_H
#define CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/outbox.h"
#include "proto/msg.h"

struct reader; /* common/reader.h */
struct writer; /* common/writer.h */

/* One record of the input stream: the log, or approved.k for a shard. */
struct core_input {
    uint64_t seq;     /* position in the input stream */
    uint64_t gseq;    /* position in the log: seq itself, or the record's cause */
    uint64_t time_ns; /* the log's time at gseq */
    /* log only: session > 0, service < 0, 0 the sequencer and OPEN */
    int64_t source;
    uint64_t n;            /* log only: the source's own count */
    const struct msg *msg; /* decoded; borrowed for the call */
    const uint8_t *bytes;  /* its encoding; borrowed for the call */
    uint32_t bytes_size;
};

/* One frame from a peer on a socket that is not a stream (gateway, sequencer). A frame is
 * one or more messages back to back. */
struct core_frame {
    uint32_t port;        /* enum bus_port of common/bus.h */
    uint32_t peer;        /* handle of the connection, to answer on; never reused soon */
    uint8_t key[32];      /* CURVE key the peer proved, zeros without CURVE */
    int64_t source;       /* the service whose key that is; 0: no CURVE, or a client */
    const uint8_t *bytes; /* borrowed for the call */
    uint32_t bytes_size;
};

/* What the world is like, for cores that face the outside (sequencer, gateway). */
struct core_time {
    uint64_t mono_ns;  /* monotonic, never 0 */
    uint64_t wall_ns;  /* UTC */
    bool storage_full; /* 85 % of the map: commands are refused, reports never */
};

/* What the operator sets for the two cores that face the outside. No fold depends on it:
 * it decides only which copies are refused before they are in the log, and how soon. */
struct core_settings {
    /* gateway: false: peers name their account with `hello` */
    bool curve;
    /* sequencer: take commands before all have checked in */
    bool force_open;
    /* sequencer: the first record may jump to the wall clock */
    bool clock_jump;
    uint32_t window_records;       /* risk this far behind the log: BUSY */
    uint32_t shard_window_records; /* a shard this far behind approved.k: BUSY for it */
    uint32_t order_rate, order_burst; /* gateway, per account and second */
    /* cancels, so that they never queue behind orders */
    uint32_t cancel_rate, cancel_burst;
    uint32_t query_rate, query_burst;
    uint32_t in_flight_max; /* commands of one account on their way to the log */
    /* BUSY while commands take longer to the log, and than 3 of its commits; 0: off */
    uint32_t busy_ms;
    uint32_t heartbeat_ms; /* feed_heartbeat to attached clients */
    uint32_t idle_ms;      /* a client silent for so long is cut */
    uint32_t query_timeout_ms;
};

/* Rows of the service's tables, as last put through an outbox, for queries. */
struct core_rows {
    void *context;
    /* Finds the first row of `table` whose key is >= `key`. 0, or ERR_NOT_FOUND. The
     * found key and value are borrowed until the next call. */
    int (*seek)(void *context, uint32_t table, const void *key, size_t key_size,
                const void **found_key, size_t *found_key_size, const void **value,
                size_t *value_size);
};

/* The answer a query fills: rows are messages of schema.def (row_*, or configuration). */
struct core_answer {
    /* the core sets reason and cursor; the harness id, gseq, count */
    struct msg_answer head;
    uint8_t *rows; /* encoded rows, back to back */
    uint32_t rows_size, rows_capacity, count;
};

/* Appends a row. False if it does not fit: stop, and set head.cursor to continue here. */
bool core_answer_add(struct core_answer *, const struct msg *row);

struct core_ops {
    const char *name;

    size_t (*size)(const struct msg_genesis *, uint32_t instance);
    void (*init)(void *state, const struct msg_genesis *, uint32_t instance);

    /* Folds one record. The GENESIS record itself is applied too (sequence 1). */
    void (*apply)(void *state, const struct core_input *, struct outbox *);

    /* Optional. apply() does not look into records of this kind: `msg` has their kind
     * alone. Never those the harness reads: GENESIS, EPOCH, TICK. */
    bool (*ignores)(uint32_t kind);

    /* Optional. Each is called for some records before the first of them is applied:
     * fetches into the cache what apply() will touch, and, called `again` for all of
     * them, what that leads to. The state is that before the first of them; nothing but
     * ranges may be relied on. */
    void (*prefetch)(const void *state, const struct core_input *, bool again);

    /* Optional. Before each commit and each query: puts rows that were held back to make
     * fewer, larger ones. Must not change what save() writes. */
    void (*flush)(void *state, struct outbox *);

    /* Optional. A read-only answer; `rows` reads what flush() and apply() have put. */
    void (*query)(const void *state, const struct msg_query *, const struct core_rows *,
                  struct core_answer *);

    /* The whole state in a canonical form (no padding, no addresses, no hash order): the
     * bytes are the snapshot and their xxh3-128 is the digest. load() gets a fresh
     * init()ed state and returns 0 or ERR_CORRUPT. */
    void (*save)(const void *state, struct writer *);
    int (*load)(void *state, struct reader *);

    /* Optional, of the log's owner: every registered consumer has read what is below. */
    uint64_t (*read_by_all)(const void *state);

    /* Invariants; CHECKs. Called by tests after each step and by the harness now and
     * then. */
    void (*check)(const void *state);

    /* Optional. How far from 0 what must sum to 0 is: shown as a metric, each second. */
    uint64_t (*imbalance)(const void *state);

    /* The rest is for the two cores that face the outside, gateway and sequencer. What
     * they put with outbox_append, outbox_send and outbox_drop_peer is done after the
     * drain, the appends first and committed before anything is sent. */

    /* Once, after init, before anything is loaded or applied. */
    void (*configure)(void *state, const struct core_settings *);

    /* One frame from a peer, an answer from another service (to queries that went to
     * BUS_SERVICE), or (port BUS_STREAM, gateway) the log's `head` with the `position`s
     * behind it. The first call tells the sequencer that replay is over. Records
     * a core appends itself it has folded already: they are not applied again. A core
     * drops what does not fit into the outbox; the sender repeats it. */
    void (*receive)(void *state, const struct core_frame *, const struct core_time *,
                    struct outbox *);
    /* Once at the end of each drain, and at least every 10 ms. */
    void (*turn)(void *state, const struct core_time *, struct outbox *);
    /* A frame for this peer could not be sent: it is gone, or does not read. The core
     * forgets a client, which comes back with resume, and asks a service again. */
    void (*undeliverable)(void *state, uint32_t port, uint32_t peer);
    /* Appended to the head of the stream this service owns. Returns the bytes written. */
    size_t (*head)(const void *state, uint8_t *bytes, size_t capacity);
    /* May a client with this CURVE key connect? */
    bool (*admit)(const void *state, const uint8_t key[32]);
};

#endif
