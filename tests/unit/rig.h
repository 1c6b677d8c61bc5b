/* rig.h - one core on a bench: feeds it records, keeps its rows, asks it queries.
 *
 * Owns:     the core's state, an outbox and the rows, until rig_destroy.
 * Units:    gseqs count from 1; the log's time is gseq x 1000 ns.
 * Errors:   none; what fails fails the test.
 * Threads:  none.
 * Bounds:   RIG_* below.
 */
#ifndef RIG_H
#define RIG_H

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/core.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/codec.h"

enum {
    RIG_OUTBOX_BYTES = 4 << 20,
    RIG_SNAPSHOT_BYTES = 64 << 20,
    RIG_ANSWER_BYTES = 1 << 20,
    RIG_KEY_MAX = 64,
    RIG_STREAMS = 2,
};

struct rig_row {
    uint8_t key[RIG_KEY_MAX]; /* table, then key */
    uint32_t key_size, size;
    uint8_t *value;
};

struct rig {
    const struct core_ops *ops;
    struct msg_genesis genesis;
    uint32_t instance;
    void *state, *outbox_memory;
    struct outbox outbox;
    uint64_t gseq;
    struct rig_row **rows; /* sorted */
    size_t count, capacity;
    struct core_answer answer;
    uint8_t answer_bytes[RIG_ANSWER_BYTES];
};

static inline void *rig_state(const struct rig *rig)
{
    const size_t size = (rig->ops->size(&rig->genesis, rig->instance) + 63) / 64 * 64;
    void *state = aligned_alloc(64, size);
    assert_non_null(state);
    memset(state, 0, size);
    rig->ops->init(state, &rig->genesis, rig->instance);
    return state;
}

static inline struct rig *rig_create_one(const struct core_ops *ops,
                                         const struct msg_genesis *genesis,
                                         uint32_t instance)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    const struct outbox_sizes sizes = {.rows = RIG_OUTBOX_BYTES,
                                       .submits = RIG_OUTBOX_BYTES,
                                       .emits = RIG_OUTBOX_BYTES,
                                       .streams = RIG_STREAMS};
    rig->ops = ops;
    rig->genesis = *genesis;
    rig->instance = instance;
    rig->state = rig_state(rig);
    rig->outbox_memory = aligned_alloc(64, outbox_size(&sizes));
    assert_non_null(rig->outbox_memory);
    outbox_init(&rig->outbox, rig->outbox_memory, &sizes);
    return rig;
}

static inline struct rig *rig_create(const struct core_ops *ops,
                                     const struct msg_genesis *genesis)
{
    return rig_create_one(ops, genesis, 0);
}

static inline void rig_destroy(struct rig *rig)
{
    for (size_t i = 0; i < rig->count; i++) {
        free(rig->rows[i]->value);
        free(rig->rows[i]);
    }
    free(rig->rows);
    free(rig->outbox_memory);
    free(rig->state);
    free(rig);
}

/* The index of the first row at or after this key. */
static inline size_t rig_find(const struct rig *rig, const uint8_t *key, uint32_t size)
{
    size_t low = 0;
    for (size_t high = rig->count; low < high;) {
        const size_t middle = (low + high) / 2;
        const struct rig_row *row = rig->rows[middle];
        const uint32_t common = row->key_size < size ? row->key_size : size;
        const int order = memcmp(row->key, key, common);
        if (order < 0 || (order == 0 && row->key_size < size))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static inline void rig_put(struct rig *rig, const uint8_t *key, uint32_t key_size,
                           const uint8_t *value, uint32_t size)
{
    const size_t at = rig_find(rig, key, key_size);
    if (at == rig->count || rig->rows[at]->key_size != key_size ||
        memcmp(rig->rows[at]->key, key, key_size) != 0) {
        if (rig->count == rig->capacity) {
            rig->capacity = rig->capacity * 2 + 64;
            rig->rows = realloc(rig->rows, rig->capacity * sizeof *rig->rows);
            assert_non_null(rig->rows);
        }
        memmove(&rig->rows[at + 1], &rig->rows[at],
                (rig->count++ - at) * sizeof *rig->rows);
        rig->rows[at] = calloc(1, sizeof(struct rig_row));
        assert_non_null(rig->rows[at]);
        rig->rows[at]->key_size = key_size;
        memcpy(rig->rows[at]->key, key, key_size);
    }
    struct rig_row *row = rig->rows[at];
    row->value = realloc(row->value, size + 1);
    assert_non_null(row->value);
    memcpy(row->value, value, size);
    row->size = size;
}

/* Takes the rows a core has put, as the harness does at a commit. */
static inline void rig_take_rows(struct rig *rig)
{
    size_t at = 0;
    uint32_t size;
    const uint8_t *item;
    while ((item = outbox_next(&rig->outbox.rows, &at, &size)) != NULL) {
        uint8_t key[RIG_KEY_MAX];
        const uint32_t key_size = item[1];
        assert_true(key_size < RIG_KEY_MAX);
        key[0] = item[0];
        memcpy(key + 1, item + 6, key_size);
        rig_put(rig, key, key_size + 1, item + 6 + key_size, size - 6 - key_size);
    }
    outbox_clear(&rig->outbox);
}

static inline void rig_flush(struct rig *rig)
{
    if (rig->ops->flush != NULL)
        rig->ops->flush(rig->state, &rig->outbox);
    rig_take_rows(rig);
}

/* Applies a message as the log's next record and returns its gseq. */
static inline uint64_t rig_apply(struct rig *rig, int64_t source, const struct msg *msg)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    assert_int_equal(codec_encode(bytes, sizeof bytes, msg, &size), 0);
    const uint64_t gseq = ++rig->gseq;
    const struct core_input input = {
        .seq = gseq,
        .gseq = gseq,
        .time_ns = gseq * 1000,
        .source = source,
        .msg = msg,
        .bytes = bytes,
        .bytes_size = (uint32_t)size,
    };
    rig->ops->apply(rig->state, &input, &rig->outbox);
    return gseq;
}

static inline int rig_seek(void *context, uint32_t table, const void *key,
                           size_t key_size, const void **found_key,
                           size_t *found_key_size, const void **value, size_t *value_size)
{
    const struct rig *rig = context;
    uint8_t wanted[RIG_KEY_MAX];
    wanted[0] = (uint8_t)table;
    memcpy(wanted + 1, key, key_size);
    const size_t at = rig_find(rig, wanted, (uint32_t)key_size + 1);
    if (at == rig->count || rig->rows[at]->key[0] != table)
        return ERR_NOT_FOUND;
    *found_key = rig->rows[at]->key + 1;
    *found_key_size = rig->rows[at]->key_size - 1;
    *value = rig->rows[at]->value;
    *value_size = rig->rows[at]->size;
    return 0;
}

/* Asks; the answer is in rig->answer. */
static inline const struct core_answer *rig_query(struct rig *rig,
                                                  const struct msg_query *query)
{
    rig_flush(rig);
    const struct core_rows rows = {.context = rig, .seek = rig_seek};
    rig->answer = (struct core_answer){.rows = rig->answer_bytes,
                                       .rows_capacity = sizeof rig->answer_bytes};
    rig->ops->query(rig->state, query, &rows, &rig->answer);
    return &rig->answer;
}

/* Row `index` of the last answer. */
static inline struct msg rig_answer_row(const struct rig *rig, uint32_t index)
{
    struct msg msg;
    size_t at = 0;
    assert_true(index < rig->answer.count);
    for (uint32_t i = 0; i <= index; i++) {
        size_t used = 0;
        assert_int_equal(
            codec_decode(rig->answer.rows + at, rig->answer.rows_size - at, &msg, &used),
            0);
        at += used;
    }
    return msg;
}

static inline size_t rig_save(const struct rig *rig, const void *state, uint8_t *bytes)
{
    struct writer writer;
    writer_init(&writer, bytes, RIG_SNAPSHOT_BYTES);
    rig->ops->save(state, &writer);
    assert_false(writer_failed(&writer));
    return writer.size;
}

/* Goes on from a snapshot, which must say the same when saved again. */
static inline void rig_reload(struct rig *rig)
{
    uint8_t *before = malloc(2 * (size_t)RIG_SNAPSHOT_BYTES);
    assert_non_null(before);
    uint8_t *after = before + RIG_SNAPSHOT_BYTES;
    rig_flush(rig);
    const size_t size = rig_save(rig, rig->state, before);
    free(rig->state);
    rig->state = rig_state(rig);
    struct reader reader;
    reader_init(&reader, before, size);
    assert_int_equal(rig->ops->load(rig->state, &reader), 0);
    assert_int_equal(reader_left(&reader), 0);
    assert_int_equal(rig_save(rig, rig->state, after), size);
    assert_memory_equal(before, after, size);
    rig->ops->check(rig->state);
    free(before);
}

#endif
