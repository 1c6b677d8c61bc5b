/* venue.c - the shape of a venue file, for libcyaml. */
#include "deploy/cli/venue.h"

#include <cyaml/cyaml.h>
#include <string.h>

#include "deploy/cli/args.h"
#include "deploy/cli/decimal.h"

#define REQUIRED CYAML_FLAG_POINTER
#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(flags, type, member)                                                        \
    CYAML_FIELD_STRING_PTR(#member, flags, struct type, member, 0, CYAML_UNLIMITED)
#define UINT(flags, type, member) CYAML_FIELD_UINT(#member, flags, struct type, member)

static const cyaml_schema_field_t asset_fields[] = {
    TEXT(REQUIRED, venue_asset, name),
    UINT(CYAML_FLAG_DEFAULT, venue_asset, scale),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t symbol_fields[] = {
    TEXT(REQUIRED, venue_symbol, name),
    TEXT(REQUIRED, venue_symbol, base),
    TEXT(REQUIRED, venue_symbol, quote),
    UINT(CYAML_FLAG_DEFAULT, venue_symbol, price_scale),
    UINT(CYAML_FLAG_OPTIONAL, venue_symbol, shard),
    TEXT(REQUIRED, venue_symbol, tick),
    TEXT(REQUIRED, venue_symbol, lot),
    TEXT(REQUIRED, venue_symbol, quantity_max),
    TEXT(OPTIONAL, venue_symbol, notional_min),
    TEXT(REQUIRED, venue_symbol, notional_max),
    TEXT(OPTIONAL, venue_symbol, band),
    TEXT(OPTIONAL, venue_symbol, collar),
    TEXT(OPTIONAL, venue_symbol, maker),
    TEXT(OPTIONAL, venue_symbol, taker),
    TEXT(OPTIONAL, venue_symbol, reference_price),
    TEXT(OPTIONAL, venue_symbol, stp),
    CYAML_FIELD_BOOL("refuse_crossing", CYAML_FLAG_OPTIONAL, struct venue_symbol,
                     refuse_crossing),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t account_fields[] = {
    TEXT(REQUIRED, venue_account, name),
    TEXT(REQUIRED, venue_account, role),
    UINT(CYAML_FLAG_OPTIONAL, venue_account, open_orders_max),
    UINT(CYAML_FLAG_OPTIONAL, venue_account, orders_max),
    TEXT(OPTIONAL, venue_account, maker),
    TEXT(OPTIONAL, venue_account, taker),
    TEXT(OPTIONAL, venue_account, key),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t deposit_fields[] = {
    TEXT(REQUIRED, venue_deposit, account),
    TEXT(REQUIRED, venue_deposit, asset),
    TEXT(REQUIRED, venue_deposit, amount),
    UINT(CYAML_FLAG_DEFAULT, venue_deposit, reference),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t asset_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct venue_asset, asset_fields)};
static const cyaml_schema_value_t symbol_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct venue_symbol, symbol_fields)};
static const cyaml_schema_value_t account_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct venue_account, account_fields)};
static const cyaml_schema_value_t deposit_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct venue_deposit, deposit_fields)};

static const cyaml_schema_field_t venue_fields[] = {
    CYAML_FIELD_SEQUENCE_COUNT("assets", OPTIONAL, struct venue, assets, asset_count,
                               &asset_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE_COUNT("symbols", OPTIONAL, struct venue, symbols, symbol_count,
                               &symbol_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE_COUNT("accounts", OPTIONAL, struct venue, accounts,
                               account_count, &account_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE_COUNT("deposits", OPTIONAL, struct venue, deposits,
                               deposit_count, &deposit_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t venue_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct venue, venue_fields)};

static const cyaml_config_t config = {
    .log_fn = cyaml_log, .mem_fn = cyaml_mem, .log_level = CYAML_LOG_WARNING};

bool venue_load(struct venue **venue, const char *path)
{
    *venue = NULL;
    cyaml_err_t error =
        cyaml_load_file(path, &config, &venue_value, (cyaml_data_t **)venue, NULL);
    if (error == CYAML_OK && *venue != NULL)
        return true;
    args_fail("%s: %s", path, error == CYAML_OK ? "empty" : cyaml_strerror(error));
    return false;
}

void venue_close(struct venue **venue)
{
    if (*venue != NULL)
        cyaml_free(&config, &venue_value, *venue, 0);
    *venue = NULL;
}

bool venue_parse_ppm(const char *text, int64_t *ppm)
{
    char number[DECIMAL_TEXT];
    size_t length = strlen(text);
    uint32_t scale = 0;
    if (length > 1 && text[length - 1] == '%') {
        scale = 4;
        length--;
    } else if (length > 3 && strcmp(text + length - 3, "ppm") == 0) {
        length -= 3;
    } else {
        return false;
    }
    if (length >= sizeof number)
        return false;
    memcpy(number, text, length);
    number[length] = 0;
    return decimal_parse(number, scale, ppm);
}
