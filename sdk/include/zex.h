/* zex.h - the client library of zex: the whole public API.
 *
 * A client holds one connection to one of several gateways and never loses or repeats a
 * command: what is placed goes into an outbox (on disk if a path is given), is resent
 * with the same number until it is known to be durable, and a time-out means "unknown",
 * never "failed". Reports are taken in a gap-free chain; after a reconnect the missing
 * ones are replayed.
 *
 *     zex_client *client;
 *     int status = zex_client_new_in(&client, "data", "alice", NULL);
 *     if (status == ZEX_OK)
 *         status = zex_order_place(client, &order, &cl_ord_id);
 *     while (status == ZEX_OK && zex_client_wait(client, &event, 1000) == ZEX_OK)
 *         ...
 *     zex_client_destroy(&client);
 *
 * Units:   prices and quantities in the symbol's smallest units, money in the asset's.
 * Errors:  ZEX_OK, or a negative ZEX_ERR_*; zex_client_error() has the text.
 * Threads: a client belongs to one thread at a time. No callbacks run but from your
 *           calls.
 * Blocking: only zex_client_wait, zex_client_open and zex_query block, for the time you
 * say.
 */
#ifndef ZEX_H
#define ZEX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ZEX_GATEWAYS_MAX 8

#define ZEX_OK            0
#define ZEX_ERR_TIMEOUT   (-1001) /* nothing yet: unknown, not failed */
#define ZEX_ERR_USAGE     (-1002) /* a call or an option makes no sense; see the text */
#define ZEX_ERR_OUTBOX    (-1003) /* the outbox file cannot be written or is damaged */
#define ZEX_ERR_FULL      (-1004) /* too many in flight; take events, then retry */
#define ZEX_ERR_SOCKET    (-1005) /* no socket could be made */
#define ZEX_ERR_CLOSED    (-1006) /* the session is gone for good */
#define ZEX_ERR_MEMORY    (-1007)
#define ZEX_ERR_LOCKED    (-1008) /* another process has this outbox open */
#define ZEX_ERR_DIRECTORY (-1009) /* no gateways or no key in this directory */
/* Errors of the venue are -1 .. -999: minus the reason numbers of its error table. */

#define ZEX_SIDE_BUY  1
#define ZEX_SIDE_SELL 2
#define ZEX_MARKET    1
#define ZEX_LIMIT     2
#define ZEX_GTC       1
#define ZEX_IOC       3
#define ZEX_FOK       4

typedef struct zex_client zex_client;

struct zex_options {
    const char *gateways[ZEX_GATEWAYS_MAX]; /* addresses; one of them is used at a time */
    const char *server_key; /* Z85 public key of the gateways; NULL: CURVE off */
    const char *public_key; /* Z85, this client's own */
    const char *secret_key;
    uint32_t account;        /* only with CURVE off: who we are */
    const char *outbox_path; /* file; NULL: in memory, commands die with the process */
    int outbox_sync;         /* 1: fdatasync before a command is sent */
    uint32_t in_flight_max;  /* commands not yet known to be durable, per session */
    uint32_t resend_ms;      /* silence after which a command is sent again */
    uint32_t silence_ms;     /* silence after which the next gateway is tried */
    int follow_feed;         /* 1: take the account's reports (the default) */
};

enum zex_event_type {
    ZEX_EVENT_OPENED = 1, /* sessions are open; commands flow */
    /* a command is durable: cl_ord_id, gseq (= its order_id); may come after what the
     * command caused */
    ZEX_EVENT_DURABLE,
    ZEX_EVENT_ORDER, /* the order is in the market */
    /* a fill of ours: price, quantity, fee in `asset`, leaves, is_maker; if both orders
     * were ours there are two, of one gseq and trade_id, the maker's first */
    ZEX_EVENT_TRADE,
    ZEX_EVENT_CANCELLED, /* the order left the market: reason 0 = asked */
    ZEX_EVENT_REPLACED,
    ZEX_EVENT_REJECTED,        /* the order was refused: reason, value, limit */
    ZEX_EVENT_CANCEL_REJECTED, /* the cancel or replace changed nothing */
    ZEX_EVENT_PREVENTED,       /* a trade with ourselves did not happen */
    ZEX_EVENT_MONEY,           /* deposit (amount > 0) or withdrawal (amount < 0) done */
    ZEX_EVENT_DONE,            /* a configuration command took effect: request */
    ZEX_EVENT_REFUSED,         /* another command was refused: request, reason */
    ZEX_EVENT_BUSY,            /* the venue is slow: reason; it will be resent */
    ZEX_EVENT_LIVE,            /* the feed is complete up to here */
    ZEX_EVENT_LOST,            /* silence: trying the next gateway */
    ZEX_EVENT_CLOSED,          /* a session is gone; what it never took was told before
                                  as REJECTED or CANCEL_REJECTED with SESSION_GONE */
    ZEX_EVENT_ALARM            /* must not happen: conflict, wrong chain, malformed */
};

struct zex_event {
    enum zex_event_type type;
    uint64_t gseq; /* position in the venue's log, 0 if not from the log */
    uint64_t time_ns;
    uint64_t order_id, cl_ord_id, orig_cl_ord_id, trade_id, request, reference;
    uint32_t account, symbol, asset;
    int side, is_maker, reason;
    int64_t price, quantity, leaves, cum_quantity, cum_quote, fee, amount, value, limit;
    const uint8_t *bytes; /* the record as encoded; borrowed until the next call */
    size_t bytes_size;
};

struct zex_order {
    uint32_t symbol;
    int side, type, time_in_force; /* ZEX_SIDE_*, ZEX_MARKET/LIMIT, ZEX_GTC/IOC/FOK */
    int64_t price, quantity;       /* price 0 for market */
    int post_only;
    int stp; /* 0: the symbol's mode */
};

#define ZEX_QUERY_SYMBOLS      1  /* rows: symbols */
#define ZEX_QUERY_ASSETS       2  /* assets */
#define ZEX_QUERY_BALANCES     5  /* balances, free and held */
#define ZEX_QUERY_ORDERS       6  /* open orders */
#define ZEX_QUERY_ORDER        7  /* the order of order_id or cl_ord_id */
#define ZEX_QUERY_TRADES       8  /* reports: own fills */
#define ZEX_QUERY_POSITIONS    9  /* positions */
#define ZEX_QUERY_TRANSACTIONS 10 /* reports that moved money */
#define ZEX_QUERY_BOOK         12 /* levels of `symbol`, best first, bids then asks */

struct zex_query {
    int kind;                 /* ZEX_QUERY_*, or any query_kind of proto/messages.md */
    uint64_t after;           /* answered once the venue stands at this gseq */
    uint32_t account, symbol; /* 0: own, all */
    uint64_t order_id, cl_ord_id, cursor;
    uint32_t limit; /* rows a page; 0: 1000 */
};

struct zex_answer {
    int reason;      /* 0, or why there is nothing */
    uint64_t gseq;   /* true at this position */
    uint64_t cursor; /* next page, 0: no more */
    uint32_t count;
    uint32_t account;    /* asked for, or our own */
    const uint8_t *rows; /* encoded messages back to back; borrowed until the next call */
    size_t rows_size;    /* what zex_answer_next has not taken yet */
    size_t within;       /* the bytes it has taken of the report there */
};

#define ZEX_ROW_ASSET    20
#define ZEX_ROW_SYMBOL   21
#define ZEX_ROW_BALANCE  110
#define ZEX_ROW_ORDER    111
#define ZEX_ROW_POSITION 112
#define ZEX_ROW_LEVEL    113
#define ZEX_ROW_REPORT   116

struct zex_row {
    int kind;      /* ZEX_ROW_*, or the number of another message */
    char name[16]; /* of an asset or a symbol */
    uint64_t gseq, order_id, cl_ord_id;
    uint32_t account, asset, symbol;
    uint32_t base, quote; /* symbol: assets */
    uint32_t price_scale,
        quantity_scale;       /* symbol: decimals; asset: its scale is price_scale */
    uint32_t orders;          /* level */
    int side, status, reason; /* status: FIX 39, ord_status of proto/messages.md */
    int64_t price, quantity, leaves, cum_quantity, cum_quote;
    int64_t free, held;                             /* balance */
    int64_t cost, realised, unrealised, fees;       /* position */
    int64_t tick, lot, multiplier, reference_price; /* symbol */
    struct zex_event event;                         /* report */
    const uint8_t *bytes;                           /* the row as encoded */
    size_t bytes_size;
};

void zex_options_init(struct zex_options *);

/* Makes the client and starts connecting; does not wait. On failure *client is NULL, and
 * zex_reason_text(status) says why. */
int zex_client_new(zex_client **, const struct zex_options *);
/* The same for a venue started by `zex up` or cluster.sh: addresses from its `gateways`,
 * keys from `keys/NAME.key` and `keys/gateway.pub`. Options NULL: the defaults. */
int zex_client_new_in(zex_client **, const char *directory, const char *name,
                      const struct zex_options *);
/* Sends what is pending once and frees everything; the outbox keeps what is not durable.
 * Sessions of an outbox in memory are closed: an account has only so many. */
void zex_client_destroy(zex_client **);
const char *zex_client_error(const zex_client *);

/* Waits until the sessions are open (and the feed is live, if followed). Minus CAPACITY
 * at once if the account has as many sessions as it may; it can be tried again. An
 * auditor's key has no sessions: it may only ask, and placing says minus WRONG_ROLE. */
int zex_client_open(zex_client *, int timeout_ms);
/* Next event, waiting for it at most this long; ZEX_ERR_TIMEOUT. A report counts as taken
 * once the next event is asked for: after a crash the one being handled comes again. */
int zex_client_wait(zex_client *, struct zex_event *, int timeout_ms);
/* For event loops: when the descriptor is readable, and after zex_client_timeout_ms, call
 * zex_client_wait(..., 0) until it says ZEX_ERR_TIMEOUT. The descriptor signals changes
 * only and another gateway has another, so ask for both right before each poll(2). */
int zex_client_descriptor(const zex_client *);
int zex_client_timeout_ms(const zex_client *);
/* Sends what has been placed since the last call now; wait does so too. */
void zex_client_flush(zex_client *);

uint32_t zex_client_account(const zex_client *);
uint64_t zex_client_in_flight(const zex_client *);
uint64_t zex_client_last_gseq(const zex_client *); /* of the last report taken */
/* Commands put into the session of orders since the outbox file was made: after a
 * restart, where a program that sends a known list goes on. */
uint64_t zex_client_placed(const zex_client *);

/* Each returns at once; the outcome comes as events. The cl_ord_id is made by the
 * library, counted up from a random one of 2^62: no other client of the account has it.
 */
int zex_order_place(zex_client *, const struct zex_order *, uint64_t *cl_ord_id);
int zex_order_cancel(zex_client *, uint64_t order_id, uint64_t orig_cl_ord_id,
                     uint64_t *cl_ord_id);
int zex_order_replace(zex_client *, uint64_t order_id, uint64_t orig_cl_ord_id,
                      int64_t price, int64_t quantity, uint64_t *cl_ord_id);
int zex_withdraw(zex_client *, uint32_t asset, int64_t amount, uint64_t reference);
/* Any command of proto/messages.md, encoded. */
int zex_command_send(zex_client *, const uint8_t *body, size_t size);
/* Ends the sessions; ZEX_EVENT_CLOSED follows. */
int zex_client_close(zex_client *);

/* One page, waiting at most timeout_ms. Events that come meanwhile are kept. */
int zex_query(zex_client *, const struct zex_query *, struct zex_answer *,
              int timeout_ms);

/* The next row of an answer; 0 when there is none left. */
int zex_answer_next(struct zex_answer *, struct zex_row *);

/* Name and text of a reason or an error: "FUNDS", "not enough funds". */
const char *zex_reason_name(int reason);
const char *zex_reason_text(int reason);

#ifdef __cplusplus
}
#endif
#endif
