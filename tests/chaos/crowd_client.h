/* crowd_client.h - a client that places, cancels, replaces and moves money at random, and
 * writes down what it asked for and what it was told.
 *
 * Owns:     nothing: who uses it makes the connection and closes the history.
 * Units:    ms; ns of the monotonic clock.
 * Errors:   ZEX_ERR_*, or minus a reason of the venue.
 * Threads:  one at a time.
 * Bounds:   CROWD_WINDOW commands under way, and one more, are what its users keep to.
 */
#ifndef CROWD_CLIENT_H
#define CROWD_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/random.h"
#include "sdk/include/zex.h"
#include "tests/chaos/annals.h"

enum { CROWD_WINDOW = 4, CROWD_OWN = 32 };

/* What clients are told: that a command is accepted, and what a shard did with it. */
enum crowd_kind { CROWD_ACCEPTED, CROWD_SHARD_0, CROWD_SHARD_1, CROWD_KINDS };

struct crowd;

struct crowd_client {
    struct crowd *crowd; /* or NULL */
    uint32_t index, life, lives_left, account;
    zex_client *connection;
    struct random random;
    struct zex_row symbols[2];
    struct annals annals;
    uint32_t open_from;      /* calls before this one have an outcome */
    uint64_t own[CROWD_OWN]; /* names of orders */
    uint64_t moved;          /* movements of money */
    uint32_t money;          /* call + 1 of the movement under way */
    uint64_t alarms, gone;
    uint64_t last_name, last_gseq; /* an order of the end; the report that it is gone */
    bool is_at_rest;
    void (*on_told)(struct crowd_client *, enum crowd_kind); /* or NULL */
    void (*on_refusal)(struct crowd_client *, int reason);   /* or NULL */
};

/* The two symbols of the venue, once connected. */
int crowd_client_load(struct crowd_client *);

/* An order in the place of one of CROWD_OWN, or a cancel or replace of one: it has no
 * more in the market, but for those of another life and those whose new name it was not
 * told. */
int crowd_client_trade(struct crowd_client *);
int crowd_client_cancel(struct crowd_client *, uint64_t order_id, uint64_t order_name);

/* Of this account, in or out; nothing while another movement is under way. */
int crowd_client_move_money(struct crowd_client *, uint32_t account);

/* Sends, and takes what comes; the first of it within this time. */
int crowd_client_take(struct crowd_client *, int timeout_ms);

/* Until everything it has sent is known; false: not by then. */
bool crowd_client_drain(struct crowd_client *, int64_t end_ms);

/* An order that cannot trade, for each symbol and so each shard, behind all others: when
 * it is gone again, at `gseq`, whatever was sent before has had its effect. */
bool crowd_client_rest(struct crowd_client *, int64_t end_ms, uint64_t *gseq);

/* Balances of accounts 1 .. last at `after`, as an operator is told. */
int crowd_client_balances(const struct crowd_client *, uint32_t last, uint64_t after,
                          struct annals_balance *, uint32_t max, uint32_t *count);

#endif
