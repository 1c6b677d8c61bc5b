/* table.c - see table.h. */
#include "tests/sim/table.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"

static int compare(const struct row *row, const void *key, size_t key_size)
{
    size_t least = row->key_size < key_size ? row->key_size : key_size;
    int order = memcmp(row->bytes, key, least);
    if (order != 0)
        return order;
    return row->key_size < key_size ? -1 : row->key_size > key_size;
}

uint32_t table_find(const struct table *t, const void *key, size_t key_size)
{
    uint32_t low = 0, high = t->count;
    if (high > 0 && compare(t->rows[high - 1], key, key_size) < 0)
        return high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(t->rows[middle], key, key_size) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool table_is_at(const struct table *t, uint32_t at, const void *key, size_t key_size)
{
    return at < t->count && compare(t->rows[at], key, key_size) == 0;
}

void table_insert(struct table *t, uint32_t at, struct row *row)
{
    if (t->count == t->capacity) {
        t->capacity = t->capacity * 2 + 64;
        t->rows = realloc(t->rows, t->capacity * sizeof(struct row *));
        CHECK(t->rows != NULL);
    }
    memmove(&t->rows[at + 1], &t->rows[at], (t->count - at) * sizeof(struct row *));
    t->rows[at] = row;
    t->count++;
}

void table_take_out(struct table *t, uint32_t at)
{
    t->count--;
    memmove(&t->rows[at], &t->rows[at + 1], (t->count - at) * sizeof(struct row *));
}

struct row *table_set(struct table *t, const void *key, size_t key_size, struct row *row)
{
    uint32_t at = table_find(t, key, key_size);
    struct row *before = table_is_at(t, at, key, key_size) ? t->rows[at] : NULL;
    if (before != NULL && row != NULL)
        t->rows[at] = row;
    else if (before != NULL)
        table_take_out(t, at);
    else if (row != NULL)
        table_insert(t, at, row);
    return before;
}

uint64_t table_row_bytes(const struct row *row)
{
    return row != NULL ? row->key_size + row->value_size + UINT64_C(16) : 0;
}

struct row *table_copy_row(const struct row *row)
{
    size_t size = sizeof *row + row->key_size + row->value_size;
    struct row *copy = malloc(size);
    CHECK(copy != NULL);
    memcpy(copy, row, size);
    return copy;
}
