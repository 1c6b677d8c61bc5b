/* catalog.c - three queries, three arrays. */
#include "deploy/cli/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void catalog_add_account(struct catalog *self, const struct msg_account_set *m)
{
    if (m->account >= self->account_capacity) {
        uint32_t capacity = m->account * 2 + 64;
        struct msg_account_set *grown = realloc(self->accounts, capacity * sizeof *grown);
        if (grown == NULL) {
            self->failed = true;
            return;
        }
        memset(grown + self->account_capacity, 0,
               (capacity - self->account_capacity) * sizeof *grown);
        self->accounts = grown;
        self->account_capacity = capacity;
    }
    self->accounts[m->account] = *m;
}

void catalog_add(void *argument, const struct msg *row)
{
    struct catalog *self = argument;
    if (row->kind == MSG_symbol_set)
        self->symbols[row->symbol_set.symbol] = row->symbol_set;
    else if (row->kind == MSG_asset_set)
        self->assets[row->asset_set.asset] = row->asset_set;
    else if (row->kind == MSG_account_set)
        catalog_add_account(self, &row->account_set);
}

int catalog_init(struct catalog *self)
{
    *self = (struct catalog){
        .symbols = calloc(SYMBOL_MAX + 1, sizeof *self->symbols),
        .assets = calloc(ASSET_MAX + 1, sizeof *self->assets),
    };
    return self->symbols == NULL || self->assets == NULL ? args_fail("out of memory")
                                                         : ARGS_OK;
}

int catalog_load(struct catalog *self, zex_client *client, const struct args *args)
{
    static const int kinds[] = {QUERY_KIND_ASSETS, QUERY_KIND_SYMBOLS,
                                QUERY_KIND_ACCOUNTS};
    int code = catalog_init(self);
    if (code != ARGS_OK)
        return code;
    for (int i = 0; i < 3; i++) {
        code = connect_query(client, args, (struct zex_query){.kind = kinds[i]}, NULL,
                             catalog_add, self);
        if (code != ARGS_OK)
            return args_fail("no names of symbols and accounts, which risk knows; "
                             "nothing was sent");
    }
    return self->failed ? args_fail("out of memory") : ARGS_OK;
}

void catalog_close(struct catalog *self)
{
    free(self->symbols);
    free(self->assets);
    free(self->accounts);
    *self = (struct catalog){0};
}

const struct msg_symbol_set *catalog_find_symbol(const struct catalog *self,
                                                 const char *name)
{
    for (uint32_t i = 1; i <= SYMBOL_MAX; i++)
        if (self->symbols[i].symbol != 0 && strcmp(self->symbols[i].name, name) == 0)
            return &self->symbols[i];
    args_fail("unknown symbol '%s'", name);
    return NULL;
}

const struct msg_asset_set *catalog_find_asset(const struct catalog *self,
                                               const char *name)
{
    for (uint32_t i = 1; i <= ASSET_MAX; i++)
        if (self->assets[i].asset != 0 && strcmp(self->assets[i].name, name) == 0)
            return &self->assets[i];
    args_fail("unknown asset '%s'", name);
    return NULL;
}

const struct msg_account_set *catalog_find_account(const struct catalog *self,
                                                   const char *name)
{
    uint64_t number;
    const bool is_number = args_is_number(name, &number);
    for (uint32_t i = 1; i < self->account_capacity; i++)
        if (self->accounts[i].account != 0 &&
            (strcmp(self->accounts[i].name, name) == 0 || (is_number && number == i)))
            return &self->accounts[i];
    args_fail("unknown account '%s'", name);
    return NULL;
}

const char *catalog_symbol_name(const struct catalog *self, uint32_t symbol)
{
    return symbol <= SYMBOL_MAX && self->symbols[symbol].symbol != 0
               ? self->symbols[symbol].name
               : "?";
}

const char *catalog_asset_name(const struct catalog *self, uint32_t asset)
{
    return asset <= ASSET_MAX && self->assets[asset].asset != 0 ? self->assets[asset].name
                                                                : "?";
}

const char *catalog_account_name(const struct catalog *self, uint32_t account)
{
    return account < self->account_capacity && self->accounts[account].account != 0
               ? self->accounts[account].name
               : "-";
}

uint32_t catalog_asset_scale(const struct catalog *self, uint32_t asset)
{
    return asset <= ASSET_MAX ? self->assets[asset].scale : 0;
}

static const struct msg_enum *find_enumeration(const char *name)
{
    uint32_t count;
    const struct msg_enum *all = msg_enums(&count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    return NULL;
}

const char *catalog_value_name(const char *enumeration, uint64_t number)
{
    const struct msg_enum *found = find_enumeration(enumeration);
    const char *name = found != NULL ? msg_value_name(found, number) : NULL;
    return name != NULL ? name : "?";
}
