/* account.c - who there is, and who speaks. */
#include "services/risk/account.h"

#include <string.h>

#include "common/check.h"

void account_init(struct accounts *accounts, struct arena *arena,
                  const struct msg_genesis *genesis)
{
    accounts->accounts_max = genesis->accounts_max;
    accounts->keys_max = ACCOUNT_KEYS * genesis->accounts_max;
    accounts->sessions_max = genesis->sessions_max;
    accounts->accounts =
        arena_take(arena, accounts->accounts_max * sizeof *accounts->accounts, 64);
    accounts->keys = arena_take(arena, accounts->keys_max * sizeof *accounts->keys, 64);
    accounts->sessions =
        arena_take(arena, accounts->sessions_max * sizeof *accounts->sessions, 64);
    void *names = arena_take(arena, map_size(accounts->accounts_max), 64);
    void *keys = arena_take(arena, map_size(accounts->keys_max), 64);
    void *sessions = arena_take(arena, map_size(accounts->sessions_max), 64);
    if (names == NULL)
        return;
    map_init(&accounts->names, names, accounts->accounts_max);
    map_init(&accounts->keys_index, keys, accounts->keys_max);
    map_init(&accounts->sessions_index, sessions, accounts->sessions_max);
}

/* Of a name or a key. Two that share all 64 bits count as the same one: the second is
 * refused as a duplicate, which costs the operator another name. */
static uint64_t hash(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t result = size;
    for (size_t i = 0; i < size; i++)
        result = map_key(result, at[i]);
    return result;
}

static uint64_t hash_name(const struct msg_account_set *set)
{
    return hash(set->name, strlen(set->name));
}

void account_declare(struct accounts *accounts, const struct msg_account_set *set)
{
    struct account *account = &accounts->accounts[set->account];
    if (account->set.account != 0)
        (void)map_remove(&accounts->names, hash_name(&account->set));
    account->set = *set;
    const int error = map_add(&accounts->names, hash_name(set), set->account);
    CHECK(error == 0);
}

void account_genesis(struct accounts *accounts, const struct msg_genesis *genesis)
{
    static const struct msg_account_set first[] = {
        {.account = ACCOUNT_EXTERNAL, .name = "external", .role = ROLE_SERVICE},
        {.account = ACCOUNT_FEES, .name = "fees", .role = ROLE_SERVICE},
        {.account = ACCOUNT_ADMIN, .name = "admin", .role = ROLE_ADMIN},
    };
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
        account_declare(accounts, &first[i]);
    struct msg_key_set key = {.account = ACCOUNT_ADMIN, .enabled = 1};
    memcpy(key.key, genesis->admin_key, sizeof key.key);
    const struct limit_verdict verdict = account_key(accounts, &key);
    CHECK(verdict.error == 0);
}

void account_open(struct accounts *accounts, uint64_t session, uint32_t account)
{
    CHECK(accounts->session_count < accounts->sessions_max);
    const uint32_t place = accounts->session_count++;
    accounts->sessions[place] =
        (struct account_session){.session = session, .account = account};
    const int error =
        map_add(&accounts->sessions_index, session, (uint64_t)place << 32 | account);
    CHECK(error == 0);
}

void account_close(struct accounts *accounts, uint64_t session)
{
    const uint64_t found = map_find(&accounts->sessions_index, session);
    CHECK(found != MAP_NONE && accounts->session_count > 0);
    const struct account_session last = accounts->sessions[--accounts->session_count];
    const uint64_t place = found >> 32;
    accounts->sessions[place] = last;
    int error =
        map_set(&accounts->sessions_index, last.session, place << 32 | last.account);
    CHECK(error == 0);
    error = map_remove(&accounts->sessions_index, session);
    CHECK(error == 0);
}

uint32_t account_of(const struct accounts *accounts, uint64_t session)
{
    const uint64_t found = map_find(&accounts->sessions_index, session);
    return found == MAP_NONE ? 0 : (uint32_t)found;
}

struct account *account_find(const struct accounts *accounts, uint32_t account)
{
    if (account >= accounts->accounts_max || accounts->accounts[account].set.account == 0)
        return NULL;
    return &accounts->accounts[account];
}

struct limit_verdict account_set(struct accounts *accounts,
                                 const struct msg_account_set *set)
{
    if (set->account >= accounts->accounts_max)
        return limit_refuse(ERR_CAPACITY, set->account, accounts->accounts_max - 1);
    if (set->account <= ACCOUNT_ADMIN)
        return limit_refuse(ERR_IMMUTABLE, set->account, ACCOUNT_ADMIN);
    const uint64_t owner = map_find(&accounts->names, hash_name(set));
    if (owner != MAP_NONE && owner != set->account)
        return limit_refuse(ERR_DUPLICATE, set->account, (int64_t)owner);
    if (set->maker_ppm + set->taker_ppm < 0)
        return limit_refuse(ERR_RANGE, set->maker_ppm + set->taker_ppm, 0);
    account_declare(accounts, set);
    return limit_pass();
}

void account_learn_key(struct accounts *accounts, const struct msg_key_set *key)
{
    const int error = map_add(&accounts->keys_index, hash(key->key, sizeof key->key),
                              accounts->key_count);
    CHECK(error == 0);
    accounts->keys[accounts->key_count++] = *key;
}

/* A key names one account for ever, so that an old signature cannot change hands. */
struct limit_verdict account_key(struct accounts *accounts, const struct msg_key_set *key)
{
    const struct account *account = account_find(accounts, key->account);
    if (account == NULL)
        return limit_refuse(ERR_UNKNOWN_ACCOUNT, key->account, 0);
    if (account->set.role == ROLE_SERVICE)
        return limit_refuse(ERR_WRONG_ROLE, account->set.role, ROLE_TRADER);
    const uint64_t found =
        map_find(&accounts->keys_index, hash(key->key, sizeof key->key));
    if (found != MAP_NONE) {
        struct msg_key_set *known = &accounts->keys[found];
        if (known->account != key->account ||
            memcmp(known->key, key->key, sizeof key->key) != 0)
            return limit_refuse(ERR_DUPLICATE, key->account, known->account);
        known->enabled = key->enabled;
        return limit_pass();
    }
    if (accounts->key_count == accounts->keys_max)
        return limit_refuse(ERR_CAPACITY, accounts->key_count, accounts->keys_max);
    account_learn_key(accounts, key);
    return limit_pass();
}

void account_check(const struct accounts *accounts)
{
    for (uint32_t i = 0; i < accounts->session_count; i++)
        CHECK(account_of(accounts, accounts->sessions[i].session) ==
              accounts->sessions[i].account);
    for (uint32_t i = 0; i < accounts->key_count; i++)
        CHECK(account_find(accounts, accounts->keys[i].account) != NULL);
    CHECK(accounts->sessions_index.count == accounts->session_count);
    CHECK(accounts->keys_index.count == accounts->key_count);
}
