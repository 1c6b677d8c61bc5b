/* account.h - accounts, their keys, and which session speaks for which account.
 *
 * Owns:     accounts by id, keys in the order they came, open sessions.
 * Units:    ids.
 * Errors:   a verdict (limit.h) that says what a refused change looked at.
 * Threads:  none.
 * Bounds:   GENESIS.accounts_max ids, ACCOUNT_KEYS keys for each of them on average,
 *           GENESIS.sessions_max sessions; everything is O(1).
 */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/map.h"
#include "proto/msg.h"
#include "services/risk/limit.h"

#define ACCOUNT_KEYS 4

struct account {
    struct msg_account_set set; /* set.account is 0 until it is declared */
    uint64_t orders;            /* accepted in its life */
    uint32_t open_orders;
    uint8_t killed;
};

/* Both are kept dense by moving the last one into a hole. */
struct account_session {
    uint64_t session;
    uint32_t account;
};

struct accounts {
    struct account *accounts;
    struct msg_key_set *keys;
    struct account_session *sessions;
    struct map names;          /* hash of the name to account */
    struct map keys_index;     /* hash of the key to its place in keys */
    struct map sessions_index; /* session to (place << 32 | account) */
    uint32_t accounts_max, keys_max, sessions_max;
    uint32_t key_count, session_count;
};

void account_init(struct accounts *, struct arena *, const struct msg_genesis *);

/* The accounts and the key every venue begins with. */
void account_genesis(struct accounts *, const struct msg_genesis *);

/* The sequencer opens no more sessions than there is room for, and an account is
 * authenticated before. */
void account_open(struct accounts *, uint64_t session, uint32_t account);
void account_close(struct accounts *, uint64_t session);

/* The id of a session's account, 0 if the session is unknown. */
uint32_t account_of(const struct accounts *, uint64_t session);

/* A declared account, or NULL. */
struct account *account_find(const struct accounts *, uint32_t account);

/* Takes an account or a key as it is; a snapshot's, or one that was checked. */
void account_declare(struct accounts *, const struct msg_account_set *);
void account_learn_key(struct accounts *, const struct msg_key_set *);

struct limit_verdict account_set(struct accounts *, const struct msg_account_set *);
struct limit_verdict account_key(struct accounts *, const struct msg_key_set *);

void account_check(const struct accounts *);

#endif
