/* directory.h - what a gateway knows of accounts, keys and symbols: a fold over the log.
 *
 * Owns:     roles and feeds of accounts, CURVE keys, the shard of each symbol.
 * Units:    account and symbol ids, positions of the log.
 * Errors:   load: ERR_CORRUPT. What is out of range or beyond capacity is left out, so
 *           that it is refused at the door.
 * Threads:  none; belongs to the gateway core.
 * Bounds:   accounts_max accounts, DIRECTORY_KEYS_PER_ACCOUNT times as many keys.
 */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/map.h"
#include "proto/msg.h"

#define DIRECTORY_KEYS_PER_ACCOUNT 2
#define DIRECTORY_KEY              32
#define DIRECTORY_NO_SHARD         UINT32_MAX

struct reader;
struct writer;

struct directory_account {
    uint64_t prev; /* gseq of the last report of its feed */
    uint8_t role;  /* 0: no such account */
};

struct directory_key {
    uint8_t key[DIRECTORY_KEY];
    uint32_t account;
    bool enabled;
};

struct directory {
    uint32_t accounts_max, keys_max, key_count;
    struct directory_account *accounts; /* by id */
    struct directory_key *keys;         /* in the order they came */
    struct map key_index;               /* hash of a key -> place in keys */
    uint8_t shard[SYMBOL_MAX + 1];      /* by symbol: shard + 1, 0 unknown */
};

/* Takes its memory from the arena (or measures it). */
void directory_init(struct directory *, struct arena *, uint32_t accounts_max);

/* The accounts every venue has, and the admin's first key. */
void directory_genesis(struct directory *, const struct msg_genesis *);

/* A confirmed command of the operator; others than account_set, key_set and symbol_set
 * change nothing. */
void directory_done(struct directory *, const struct msg *command);

/* Moves the account's feed to `gseq`, and returns the report before it. */
uint64_t directory_report(struct directory *, uint32_t account, uint64_t gseq);

/* 0: unknown, or revoked. */
uint32_t directory_account_of(const struct directory *, const uint8_t key[DIRECTORY_KEY]);

/* Of enum role; 0: no such account, or one that no client may use. */
uint8_t directory_role(const struct directory *, uint32_t account);

uint64_t directory_prev(const struct directory *, uint32_t account);

/* DIRECTORY_NO_SHARD: unknown symbol. */
uint32_t directory_shard(const struct directory *, uint32_t symbol);

void directory_save(const struct directory *, struct writer *);
int directory_load(struct directory *, struct reader *);
void directory_check(const struct directory *);

#endif
