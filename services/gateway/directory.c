/* directory.c - accounts, keys, symbols. */
#include "services/gateway/directory.h"

#include <string.h>

#include "common/check.h"
#include "common/error.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/digest.h"

void directory_init(struct directory *d, struct arena *arena, uint32_t accounts_max)
{
    const uint32_t keys_max = accounts_max * DIRECTORY_KEYS_PER_ACCOUNT;
    void *accounts = arena_take(arena, sizeof *d->accounts * accounts_max, 64);
    void *keys = arena_take(arena, sizeof *d->keys * keys_max, 64);
    void *index = arena_take(arena, map_size(keys_max), 64);
    if (index == NULL)
        return; /* only measured */
    d->accounts_max = accounts_max;
    d->keys_max = keys_max;
    d->accounts = accounts;
    d->keys = keys;
    map_init(&d->key_index, index, keys_max);
}

static struct directory_key *find_key(const struct directory *d, const uint8_t *key)
{
    const uint64_t place = map_find(&d->key_index, digest_hash(key, DIRECTORY_KEY));
    if (place == MAP_NONE || memcmp(d->keys[place].key, key, DIRECTORY_KEY) != 0)
        return NULL;
    return &d->keys[place];
}

static void set_key(struct directory *d, const uint8_t *key, uint32_t account,
                    bool enabled)
{
    struct directory_key *known = find_key(d, key);
    if (known == NULL) {
        if (map_add(&d->key_index, digest_hash(key, DIRECTORY_KEY), d->key_count) != 0)
            return; /* full: this key stays out */
        known = &d->keys[d->key_count++];
        memcpy(known->key, key, DIRECTORY_KEY);
    }
    known->account = account;
    known->enabled = enabled;
}

void directory_genesis(struct directory *d, const struct msg_genesis *genesis)
{
    CHECK(d->accounts_max > ACCOUNT_ADMIN);
    d->accounts[ACCOUNT_EXTERNAL].role = ROLE_SERVICE;
    d->accounts[ACCOUNT_FEES].role = ROLE_SERVICE;
    d->accounts[ACCOUNT_ADMIN].role = ROLE_ADMIN;
    set_key(d, genesis->admin_key, ACCOUNT_ADMIN, true);
}

void directory_done(struct directory *d, const struct msg *m)
{
    switch (m->kind) {
    case MSG_account_set:
        if (m->account_set.account < d->accounts_max)
            d->accounts[m->account_set.account].role = m->account_set.role;
        break;
    case MSG_key_set:
        set_key(d, m->key_set.key, m->key_set.account, m->key_set.enabled != 0);
        break;
    case MSG_symbol_set:
        d->shard[m->symbol_set.symbol] = (uint8_t)(m->symbol_set.shard + 1);
        break;
    default:
        break;
    }
}

uint64_t directory_report(struct directory *d, uint32_t account, uint64_t gseq)
{
    CHECK(account < d->accounts_max);
    const uint64_t prev = d->accounts[account].prev;
    CHECK(gseq > prev);
    d->accounts[account].prev = gseq;
    return prev;
}

uint32_t directory_account_of(const struct directory *d, const uint8_t key[DIRECTORY_KEY])
{
    const struct directory_key *known = find_key(d, key);
    return known != NULL && known->enabled ? known->account : 0;
}

uint8_t directory_role(const struct directory *d, uint32_t account)
{
    if (account >= d->accounts_max || d->accounts[account].role == ROLE_SERVICE)
        return 0;
    return d->accounts[account].role;
}

uint64_t directory_prev(const struct directory *d, uint32_t account)
{
    CHECK(account < d->accounts_max);
    return d->accounts[account].prev;
}

uint32_t directory_shard(const struct directory *d, uint32_t symbol)
{
    if (symbol > SYMBOL_MAX || d->shard[symbol] == 0)
        return DIRECTORY_NO_SHARD;
    return d->shard[symbol] - 1u;
}

void directory_save(const struct directory *d, struct writer *w)
{
    for (uint32_t i = 1; i < d->accounts_max; i++) {
        writer_u64(w, d->accounts[i].role);
        writer_u64(w, d->accounts[i].prev);
    }
    writer_u64(w, d->key_count);
    for (uint32_t i = 0; i < d->key_count; i++) {
        writer_bytes(w, d->keys[i].key, DIRECTORY_KEY);
        writer_u64(w, d->keys[i].account);
        writer_u64(w, d->keys[i].enabled);
    }
    writer_bytes(w, d->shard, sizeof d->shard);
}

int directory_load(struct directory *d, struct reader *r)
{
    for (uint32_t i = 1; i < d->accounts_max; i++) {
        d->accounts[i].role = (uint8_t)reader_u64(r);
        d->accounts[i].prev = reader_u64(r);
    }
    const uint64_t count = reader_u64(r);
    if (count > d->keys_max)
        return ERR_CORRUPT;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t key[DIRECTORY_KEY];
        reader_bytes(r, key, sizeof key);
        const uint64_t account = reader_u64(r);
        set_key(d, key, (uint32_t)account, reader_u64(r) != 0);
    }
    reader_bytes(r, d->shard, sizeof d->shard);
    return reader_failed(r) || d->key_count != count ? ERR_CORRUPT : 0;
}

void directory_check(const struct directory *d)
{
    CHECK(d->key_count == d->key_index.count);
    for (uint32_t i = 0; i < d->key_count; i++)
        CHECK(find_key(d, d->keys[i].key) == &d->keys[i]);
}
