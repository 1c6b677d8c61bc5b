/* zex_state.h - what a client is made of; private to the SDK.
 *
 * Owns:     socket, outbox, queue of events, buffers: all freed by zex_client_destroy.
 * Units:    milliseconds of the monotonic clock.
 * Errors:   none.
 * Threads:  the client's.
 * Bounds:   the event queue grows while the caller does not take events.
 */
#ifndef ZEX_STATE_H
#define ZEX_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/msg.h"
#include "sdk/include/zex.h"
#include "sdk/src/zex_outbox.h"
#include "sdk/src/zex_socket.h"

enum { ZEX_STATE_ORDERS = 0, ZEX_STATE_CANCELS = 1 }; /* lanes: cancels never queue */

struct zex_state_event {
    struct zex_event event;
    bool ends_report; /* the report is taken once this event is */
    uint8_t body[BODY_BYTES_MAX];
};

/* How far a lane has been sent on the present connection. */
struct zex_state_lane {
    uint64_t sent;        /* next n to send */
    uint64_t progress_ms; /* last answer that moved it, or last resend */
    uint64_t hold_ms;     /* not before: BUSY, RATE ... */
    uint64_t asked_ms;    /* last client_open */
    uint64_t
        forgot_ms;    /* since then the venue lacks what it had accepted; 0: it has it */
    uint64_t close_n; /* our `close` has this number; 0: none */
    bool confirmed;   /* this venue knows the session: commands may flow */
};

struct zex_client {
    struct zex_options options;
    char *strings[ZEX_GATEWAYS_MAX + 3]; /* copies the options point to */
    uint32_t gateway_count, gateway;
    struct zex_socket *socket;
    struct zex_outbox outbox;
    struct zex_state_lane lanes[ZEX_OUTBOX_LANES];
    uint32_t account;
    uint64_t next_cl_ord_id;
    uint64_t now_ms, heard_ms, pinged_ms, resumed_ms;
    uint64_t said_ms;    /* last frame of ours */
    uint64_t fed_ms;     /* last word of the feed */
    uint64_t called_ms;  /* last time anyone looked */
    uint64_t greeted_ms; /* last hello */
    uint64_t leave_ms;   /* the gateway said goodbye: the next one from then on; 0: no */
    bool greeted;        /* this connection has been asked for sessions and feed */
    bool reader;         /* the key's role has no sessions: queries and the feed only */
    bool feed_known;     /* outbox.feed_gseq is where the chain of reports stands */
    bool attached;       /* `opened` on this connection, before feed_known */
    bool live;           /* the replay of missed reports is over */
    bool opened_told;
    struct zex_state_event *events; /* ring */
    uint32_t event_first, event_count, event_capacity;
    struct zex_state_event taken; /* the one lent to the caller */
    uint64_t query_id;            /* waiting for; 0: none */
    bool answered;
    struct msg_answer answer;
    uint8_t *rows;
    size_t rows_size, rows_capacity;
    uint8_t frame[ZEX_SOCKET_FRAME_MAX];
    size_t frame_size;
    uint32_t frame_count;
    int open_refused; /* why there is no session, and will not be by asking again */
    int status;       /* a failure that ends the client, else ZEX_OK */
    char error[160];
};

/* Room for one more event; its body buffer goes with it. NULL: out of memory. */
struct zex_state_event *zex_state_event_add(struct zex_client *, enum zex_event_type);
int zex_state_fail(struct zex_client *, int status, const char *text);

#endif
