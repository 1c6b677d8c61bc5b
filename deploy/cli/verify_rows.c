/* verify_rows.c - see verify_rows.h. */
#include "deploy/cli/verify_rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/row.h"
#include "proto/big_endian.h"

enum {
    HEAD = 6, /* of a row in the outbox: table, key size, value size */
    KEY = 16, /* [8 key][8 last], see common/history.h */
};

/* One row as the core has put it. */
struct piece {
    uint32_t table;
    const uint8_t *key;
    const uint8_t *bytes;
    size_t size;
};

void verify_rows_close(struct verify_rows *self)
{
    free(self->places);
    *self = (struct verify_rows){.count = 0};
}

/* ---- places ------------------------------------------------------------------------ */

static struct verify_rows_place *find_slot(struct verify_rows *self, uint32_t table,
                                           uint64_t key)
{
    uint64_t mask = self->capacity - 1;
    uint64_t at = (key + table) * UINT64_C(0x9e3779b97f4a7c15) >> 20;
    while (self->places[at & mask].table != 0 &&
           (self->places[at & mask].table != table + 1 ||
            self->places[at & mask].key != key))
        at++;
    return &self->places[at & mask];
}

static int grow(struct verify_rows *self)
{
    struct verify_rows grown = *self;
    grown.capacity = self->capacity != 0 ? 2 * self->capacity : 1024;
    grown.places = calloc(grown.capacity, sizeof *grown.places);
    if (grown.places == NULL)
        return ERR_MEMORY;
    for (uint64_t i = 0; i < self->capacity; i++) {
        const struct verify_rows_place *place = &self->places[i];
        if (place->table != 0)
            *find_slot(&grown, place->table - 1, place->key) = *place;
    }
    free(self->places);
    *self = grown;
    return 0;
}

static int get_place(struct verify_rows *self, const struct piece *piece,
                     struct verify_rows_place **place)
{
    int error = 2 * self->count >= self->capacity ? grow(self) : 0;
    if (error != 0)
        return error;
    *place = find_slot(self, piece->table, big_endian_get(piece->key, 8));
    if ((*place)->table == 0) {
        **place = (struct verify_rows_place){.key = big_endian_get(piece->key, 8),
                                             .table = piece->table + 1};
        self->count++;
    }
    return 0;
}

/* ---- bytes ------------------------------------------------------------------------- */

/* The row the place is in, or the next one of its key. ERR_NOT_FOUND. */
static int find_row(struct journal *journal, const struct verify_rows_place *place,
                    uint64_t *last, const uint8_t **row, size_t *size)
{
    uint8_t wanted[KEY];
    const void *found, *value;
    size_t found_size;
    big_endian_put(wanted, place->key, 8);
    big_endian_put(wanted + 8, place->last + (place->is_in_row ? 0 : 1), 8);
    int error = journal_seek(journal, JOURNAL_ROWS + place->table - 1, wanted,
                             sizeof wanted, &found, &found_size, &value, size);
    if (error == 0 && (found_size != KEY || memcmp(found, wanted, 8) != 0))
        error = ERR_NOT_FOUND;
    if (error == 0 && row_open(found, found_size, value, size) != 0)
        error = ERR_DIVERGED;
    if (error != 0)
        return error;
    *last = big_endian_get((const uint8_t *)found + 8, 8);
    *row = value;
    return 0;
}

/* After a restart a row may begin with items of the row before: they are passed over. */
static size_t find_start(const uint8_t *row, size_t size, const struct piece *piece)
{
    size_t common = piece->size < size ? piece->size : size;
    if (memcmp(row, piece->bytes, common) == 0)
        return 0;
    const uint8_t *found = memmem(row, size, piece->bytes, piece->size);
    return found != NULL ? (size_t)(found - row) : 0;
}

/* Compares what fits into one row, and moves on. ERR_DIVERGED, without words yet. */
static int compare_some(struct journal *journal, struct verify_rows_place *place,
                        struct piece *piece)
{
    const uint8_t *row;
    size_t size;
    uint64_t last;
    int error = find_row(journal, place, &last, &row, &size);
    if (error == 0 && !place->is_in_row) {
        place->offset = find_start(row, size, piece);
        place->is_in_row = true;
        place->last = last;
    }
    if (error != 0 || last != place->last || place->offset >= size)
        return error != 0 && error != ERR_NOT_FOUND ? error : ERR_DIVERGED;
    size_t some = size - place->offset < piece->size ? size - place->offset : piece->size;
    if (memcmp(row + place->offset, piece->bytes, some) != 0)
        return ERR_DIVERGED;
    piece->bytes += some;
    piece->size -= some;
    place->offset += some;
    place->is_in_row = place->offset < size;
    return 0;
}

static int take_piece(struct verify_rows *self, struct journal *journal,
                      struct piece *piece)
{
    struct verify_rows_place *place;
    int error = get_place(self, piece, &place);
    self->compared += piece->size;
    while (error == 0 && piece->size > 0)
        error = compare_some(journal, place, piece);
    return error;
}

int verify_rows_take(struct verify_rows *self, struct journal *journal,
                     const struct outbox_run *rows, const char *service, uint64_t seq,
                     struct verify_difference *difference)
{
    const uint8_t *item;
    uint32_t size;
    int error = 0;
    for (size_t at = 0; error == 0 && (item = outbox_next(rows, &at, &size)) != NULL;) {
        char name[32];
        struct piece piece = {.table = item[0], .key = item + HEAD};
        piece.bytes = item + HEAD + item[1];
        piece.size = size - HEAD - item[1];
        if (item[1] != KEY)
            continue; /* no history: no such table exists */
        error = take_piece(self, journal, &piece);
        if (error != ERR_DIVERGED)
            continue;
        snprintf(name, sizeof name, "table %u", (unsigned)item[0]);
        error = verify_differs(difference, service, name, seq, "content");
    }
    return error;
}
