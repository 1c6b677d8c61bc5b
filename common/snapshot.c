/* snapshot.c - chunks first, marker last. */
#include "common/snapshot.h"

#include <string.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "common/pages.h"
#include "proto/big_endian.h"
#include "proto/digest.h"

enum {
    KEY_BYTES = 12,
    MARKER_BYTES = 8 + 16, /* size, digest */
    TRIMS_PER_STEP = 4 * SNAPSHOT_STEP_BYTES / SNAPSHOT_CHUNK_BYTES,
    ALIGN = 16,
};

#define MARKER_CHUNK UINT32_MAX
#define SIZE_LIMIT   (UINT64_C(1) << 36)

static void make_key(uint8_t key[KEY_BYTES], uint64_t id, uint32_t chunk)
{
    big_endian_put(key, id, 8);
    big_endian_put(key + 8, chunk, 4);
}

int snapshot_reserve(struct snapshot *s, size_t capacity, bool is_shared)
{
    snapshot_release(s);
    capacity = (capacity + ALIGN - 1) / ALIGN * ALIGN;
    uint8_t *memory = pages_map(capacity + sizeof *s->made,
                                PAGES_LARGE | (is_shared ? PAGES_SHARED : 0));
    if (memory == NULL)
        return ERR_MEMORY;
    s->bytes = memory;
    s->made = (struct snapshot_made *)(void *)(memory + capacity);
    s->capacity = capacity;
    return 0;
}

void snapshot_release(struct snapshot *s)
{
    child_kill(&s->child);
    pages_unmap(s->bytes, s->capacity + sizeof *s->made);
    *s = (struct snapshot){.phase = SNAPSHOT_IDLE};
}

void snapshot_made(struct snapshot *s, size_t size)
{
    s->made->size = size;
    if (size <= s->capacity)
        digest_bytes(s->made->digest, s->bytes, size);
}

void snapshot_begin(struct snapshot *s, uint64_t id)
{
    CHECK(s->phase == SNAPSHOT_IDLE && s->bytes != NULL);
    CHECK(s->child.pid != 0 || s->made->size <= s->capacity);
    s->id = id;
    s->written = 0;
    s->size = s->made->size;
    s->phase = s->child.pid != 0 ? SNAPSHOT_MAKING : SNAPSHOT_WRITING;
}

/* Has the child made them by now? */
static int await_bytes(struct snapshot *s)
{
    enum child_state state = child_poll(&s->child);
    if (state == CHILD_WORKS)
        return 0;
    if (state == CHILD_LOST || s->made->size > s->capacity) {
        snapshot_release(s);
        return ERR_NOT_FOUND;
    }
    s->size = s->made->size;
    s->phase = SNAPSHOT_WRITING;
    return 0;
}

static int write_marker(struct snapshot *s, struct journal *journal)
{
    uint8_t key[KEY_BYTES], value[MARKER_BYTES];
    make_key(key, s->id, MARKER_CHUNK);
    big_endian_put(value, s->size, 8);
    memcpy(value + 8, s->made->digest, sizeof s->made->digest);
    return journal_put(journal, JOURNAL_SNAPSHOT, key, sizeof key, value, sizeof value);
}

static int write_chunks(struct snapshot *s, struct journal *journal)
{
    for (size_t n = 0; n < SNAPSHOT_STEP_BYTES && s->written < s->size;) {
        uint8_t key[KEY_BYTES];
        size_t left = s->size - s->written;
        size_t size = left < SNAPSHOT_CHUNK_BYTES ? left : SNAPSHOT_CHUNK_BYTES;
        make_key(key, s->id, (uint32_t)(s->written / SNAPSHOT_CHUNK_BYTES));
        int error = journal_put(journal, JOURNAL_SNAPSHOT, key, sizeof key,
                                s->bytes + s->written, size);
        if (error != 0)
            return error;
        s->written += size;
        n += size;
        if (FAULT(SNAPSHOT_CHUNK))
            break;
    }
    return 0;
}

/* The newest id below `before` that has a marker. */
static int find_complete(struct journal *journal, uint64_t before, uint64_t *id,
                         const uint8_t **marker)
{
    while (before > 0) {
        uint8_t key[KEY_BYTES];
        const void *found, *value;
        size_t found_size, value_size;
        make_key(key, before - 1, MARKER_CHUNK);
        int error = journal_seek_back(journal, JOURNAL_SNAPSHOT, key, sizeof key, &found,
                                      &found_size, &value, &value_size);
        if (error != 0)
            return error;
        if (found_size != KEY_BYTES)
            return ERR_CORRUPT;
        *id = big_endian_get(found, 8);
        *marker = value;
        if (big_endian_get((const uint8_t *)found + 8, 4) == MARKER_CHUNK)
            return value_size == MARKER_BYTES ? 0 : ERR_CORRUPT;
        before = *id; /* a crash left it unfinished */
    }
    return ERR_NOT_FOUND;
}

/* Removes some of what is older than the last two. Sets `done` when nothing is left. */
static int trim(struct snapshot *s, struct journal *journal, bool *done)
{
    uint64_t oldest_kept = 0;
    const uint8_t *marker;
    int error = find_complete(journal, s->id, &oldest_kept, &marker);
    *done = error == ERR_NOT_FOUND;
    for (uint32_t i = 0; i < TRIMS_PER_STEP && !*done && error == 0; i++) {
        uint8_t key[KEY_BYTES] = {0};
        const void *found, *value;
        size_t found_size, value_size;
        error = journal_seek(journal, JOURNAL_SNAPSHOT, key, sizeof key, &found,
                             &found_size, &value, &value_size);
        if (error != 0)
            break;
        CHECK(found_size == KEY_BYTES);
        memcpy(key, found, KEY_BYTES);
        *done = big_endian_get(key, 8) >= oldest_kept;
        if (!*done)
            error = journal_del(journal, JOURNAL_SNAPSHOT, key, sizeof key);
    }
    return error == ERR_NOT_FOUND ? 0 : error;
}

int snapshot_step(struct snapshot *s, struct journal *journal)
{
    int error = 0;
    bool done = false;
    switch (s->phase) {
    case SNAPSHOT_IDLE:
        return 0;
    case SNAPSHOT_MAKING:
        return await_bytes(s);
    case SNAPSHOT_WRITING:
        if (s->written < s->size)
            return write_chunks(s, journal);
        error = write_marker(s, journal);
        s->phase = SNAPSHOT_TRIMMING;
        return error == 0 ? 1 : error;
    case SNAPSHOT_TRIMMING:
        error = FAULT(TRIM_SHORT) ? 0 : trim(s, journal, &done);
        if (done)
            snapshot_release(s);
        return error;
    }
    return 0;
}

/* Of whatever size they were written in. */
static int read_chunks(struct snapshot *s, struct journal *journal)
{
    uint32_t chunk = 0;
    for (size_t at = 0; at < s->size;) {
        uint8_t key[KEY_BYTES];
        const void *value;
        size_t size;
        make_key(key, s->id, chunk++);
        int error =
            journal_get(journal, JOURNAL_SNAPSHOT, key, sizeof key, &value, &size);
        if (error != 0)
            return error == ERR_NOT_FOUND ? ERR_CORRUPT : error;
        if (size == 0 || size > s->size - at)
            return ERR_CORRUPT;
        memcpy(s->bytes + at, value, size);
        at += size;
    }
    return 0;
}

int snapshot_load(struct snapshot *s, struct journal *journal, uint64_t before)
{
    uint64_t id = 0;
    const uint8_t *marker = NULL;
    uint8_t stated[16], digest[16];
    int error = find_complete(journal, before, &id, &marker);
    s->id = id;
    if (error != 0)
        return error;
    size_t size = big_endian_get(marker, 8);
    memcpy(stated, marker + 8, sizeof stated);
    if (size == 0 || size > SIZE_LIMIT)
        return ERR_CORRUPT;
    error = snapshot_reserve(s, size, false);
    s->id = id;
    s->size = size;
    if (error == 0)
        error = read_chunks(s, journal);
    if (error != 0)
        return error;
    digest_bytes(digest, s->bytes, s->size);
    bool is_good =
        memcmp(digest, stated, sizeof digest) == 0 || ABLATE(SNAPSHOT_BELIEVED);
    return is_good ? 0 : ERR_CORRUPT;
}
