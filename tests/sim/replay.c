/* replay.c - fold, compare, weigh. */
#include "tests/sim/replay.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/invariants.h"
#include "common/journal.h"
#include "common/pages.h"
#include "common/writer.h"
#include "proto/big_endian.h"
#include "proto/codec.h"
#include "proto/digest.h"
#include "tests/model/shard_naive.h"
#include "tests/sim/disk.h"
#include "tests/sim/marks.h"
#include "tests/sim/onlooker.h"

enum {
    NODES = VENUE_GATEWAY + 1, /* one gateway stands for all */
    POINTS = 64,
    RUN_BYTES = 8 << 20,
    WEIGH_EVERY = 8, /* records */
    ROWS = 256,
};

/* Reports that are made and not in the log yet. */
struct queue {
    uint8_t *bytes; /* [u32 size][report] */
    size_t head, tail, capacity;
};

struct fold {
    const struct core_ops *core;
    void *state;
    size_t state_size;
    struct outbox outbox;
    void *memory;
    size_t memory_size;
    uint64_t seq; /* of the last input */
    uint64_t due; /* the next at which a point of comparison stands; 0: none */
    struct queue queue;
};

/* Where a service, or a snapshot of it, says what its state is. */
struct point {
    uint32_t node;
    uint64_t seq;
    uint8_t *bytes; /* the state is what these end with; NULL: it has this digest */
    size_t size;
    uint8_t digest[16];
};

struct replay {
    const struct sim *sim;
    struct fold folds[NODES];
    struct naive *naive[PLAN_SHARDS_MAX];
    struct onlooker_books books; /* as the reports tell */
    struct outbox expected;      /* the naive shards' */
    void *expected_memory;
    struct point points[POINTS];
    uint32_t point_count;
    const struct client_answer *told[PLAN_CLIENTS_MAX * CLIENT_ANSWERS]; /* by gseq */
    uint32_t told_count, told_at;
    const char *broken;
};

static void break_off(struct replay *r, const char *broken)
{
    if (r->broken == NULL)
        r->broken = broken;
}

/* ---- memory ------------------------------------------------------------------------ */

static void *map_memory(size_t size)
{
    void *memory = pages_map(size, 0);
    CHECK(memory != NULL);
    return memory;
}

static void *open_outbox(struct outbox *outbox, uint32_t streams, size_t *size)
{
    const struct outbox_sizes sizes = {.submits = RUN_BYTES,
                                       .emits = RUN_BYTES,
                                       .rows = RUN_BYTES,
                                       .sends = RUN_BYTES,
                                       .appends = 64,
                                       .streams = streams};
    *size = outbox_size(&sizes);
    void *memory = map_memory(*size);
    outbox_init(outbox, memory, &sizes);
    return memory;
}

static void open_fold(struct replay *r, uint32_t node)
{
    struct fold *f = &r->folds[node];
    const struct venue_process *p = &r->sim->venue.processes[node];
    const struct msg_genesis *genesis = &r->sim->plan.genesis;
    if (!p->exists)
        return;
    f->core = p->kind->core;
    f->state_size = f->core->size(genesis, p->instance);
    f->state = map_memory(f->state_size);
    f->memory = open_outbox(&f->outbox, r->sim->plan.shards, &f->memory_size);
    f->core->init(f->state, genesis, p->instance);
}

static void close_all(struct replay *r)
{
    for (uint32_t node = 0; node < NODES; node++) {
        struct fold *f = &r->folds[node];
        if (f->core == NULL)
            continue;
        pages_unmap(f->state, f->state_size);
        pages_unmap(f->memory, f->memory_size);
        free(f->queue.bytes);
    }
    for (uint32_t i = 0; i < r->point_count; i++)
        free(r->points[i].bytes);
    for (uint32_t k = 0; k < PLAN_SHARDS_MAX; k++)
        free(r->naive[k]);
}

/* ---- points of comparison: the living, and their snapshots ------------------------- */

static struct point *add_point(struct replay *r, uint32_t node, uint64_t seq)
{
    CHECK(r->point_count < POINTS);
    struct point *point = &r->points[r->point_count++];
    *point =
        (struct point){.node = node < VENUE_GATEWAY ? node : VENUE_GATEWAY, .seq = seq};
    uint64_t *due = &r->folds[point->node].due;
    if (*due == 0 || (seq != 0 && seq < *due))
        *due = seq;
    return point;
}

/* Chunks come before their marker, which completes them. */
static void add_snapshots(struct replay *r, uint32_t node, const struct disk *disk)
{
    uint8_t *bytes = NULL;
    const void *key, *value;
    size_t size = 0, key_size, value_size;
    for (uint32_t i = 0;
         disk_row(disk, JOURNAL_SNAPSHOT, i, &key, &key_size, &value, &value_size); i++) {
        if (big_endian_get((const uint8_t *)key + 8, 4) == UINT32_MAX) {
            struct point *point = add_point(r, node, big_endian_get(key, 8) - 1);
            point->bytes = bytes;
            point->size = size;
            bytes = NULL;
            size = 0;
            continue;
        }
        if (big_endian_get((const uint8_t *)key + 8, 4) == 0)
            size = 0; /* what came before was never completed */
        bytes = realloc(bytes, size + value_size);
        CHECK(bytes != NULL);
        memcpy(bytes + size, value, value_size);
        size += value_size;
    }
    free(bytes);
}

static void add_points(struct replay *r)
{
    for (uint32_t node = 0; node < VENUE_NODES; node++) {
        const struct venue_process *p = &r->sim->venue.processes[node];
        if (!p->exists)
            continue;
        add_snapshots(r, node, disk_find(p->path));
        struct point *point = add_point(r, node, service_next(p->service) - 1);
        struct writer writer;
        writer_init_digest(&writer);
        p->kind->core->save(service_state(p->service), &writer);
        writer_digest(&writer, point->digest);
    }
}

static const char *compare(const struct fold *f, const struct point *point)
{
    struct writer writer;
    uint8_t digest[16];
    if (point->bytes == NULL) {
        writer_init_digest(&writer);
        f->core->save(f->state, &writer);
        writer_digest(&writer, digest);
        return invariants_state(point->digest, sizeof digest, digest, sizeof digest);
    }
    uint8_t *bytes = malloc(point->size);
    CHECK(bytes != NULL);
    writer_init(&writer, bytes, point->size);
    f->core->save(f->state, &writer);
    const char *broken = "I6: a state larger than its snapshot";
    if (!writer_failed(&writer))
        broken = invariants_state(point->bytes + point->size - writer.size, writer.size,
                                  bytes, writer.size);
    free(bytes);
    return broken;
}

static void compare_states(struct replay *r, uint32_t node)
{
    struct fold *f = &r->folds[node];
    if (f->seq != f->due)
        return;
    f->due = 0;
    for (uint32_t i = 0; i < r->point_count; i++) {
        const struct point *point = &r->points[i];
        if (point->node != node)
            continue;
        if (point->seq == f->seq)
            break_off(r, compare(f, point));
        else if (point->seq > f->seq && (f->due == 0 || point->seq < f->due))
            f->due = point->seq;
    }
}

/* ---- reports ----------------------------------------------------------------------- */

static void enqueue(struct queue *q, const uint8_t *bytes, uint32_t size)
{
    if (q->capacity - q->tail < sizeof size + size) {
        q->capacity = q->capacity * 2 + 65536;
        q->bytes = realloc(q->bytes, q->capacity);
        CHECK(q->bytes != NULL);
    }
    memcpy(q->bytes + q->tail, &size, sizeof size);
    memcpy(q->bytes + q->tail + sizeof size, bytes, size);
    q->tail += sizeof size + size;
}

static void take_submits(struct fold *f)
{
    const uint8_t *item;
    uint32_t size;
    for (size_t at = 0; (item = outbox_next(&f->outbox.submits, &at, &size)) != NULL;)
        enqueue(&f->queue, item, size);
}

static uint32_t node_of(int64_t source)
{
    uint64_t number = (uint64_t)-source;
    if (number >= SERVICE_SHARD)
        return VENUE_SHARD + (uint32_t)(number - SERVICE_SHARD);
    return (uint32_t)(number - SERVICE_SEQUENCER);
}

/* The log's next record of a service is the next that its fold has made. */
static void match_report(struct replay *r, const struct archive_record *record)
{
    if (record->source >= 0 || record->kind == MSG_digest)
        return;
    struct queue *q = &r->folds[node_of(record->source)].queue;
    uint32_t size = 0;
    if (q->head < q->tail)
        memcpy(&size, q->bytes + q->head, sizeof size);
    if (size != record->size ||
        memcmp(q->bytes + q->head + sizeof size, record->bytes, size) != 0) {
        break_off(r, "I6: the log has a report that its service would not make");
        return;
    }
    q->head += sizeof size + size;
}

/* ---- I5: shards and their naive twins ---------------------------------------------- */

static void apply_approved(struct replay *r, uint32_t k, const struct core_input *cause,
                           const uint8_t *bytes, uint32_t size)
{
    struct fold *f = &r->folds[VENUE_SHARD + k];
    struct msg m;
    int error = codec_decode_whole(bytes, size, &m);
    CHECK(error == 0);
    const struct core_input input = {.seq = ++f->seq,
                                     .gseq = cause->gseq,
                                     .time_ns = cause->time_ns,
                                     .msg = &m,
                                     .bytes = bytes,
                                     .bytes_size = size};
    if (m.kind == MSG_symbol_set && m.symbol_set.shard != k)
        MARK(symbol_moved);
    outbox_clear(&f->outbox);
    outbox_clear(&r->expected);
    if (!archive_skips(&r->sim->archive, SERVICE_SHARD + k, input.seq)) {
        f->core->apply(f->state, &input, &f->outbox);
        naive_apply(r->naive[k], cause->gseq, &m);
    }
    break_off(r, invariants_book(f->outbox.submits.bytes, f->outbox.submits.size,
                                 r->expected.submits.bytes, r->expected.submits.size));
    take_submits(f);
    compare_states(r, VENUE_SHARD + k);
}

/* ---- I4: money --------------------------------------------------------------------- */

struct money {
    struct msg_row_balance rows[ROWS];
    uint32_t count;
};

/* Its rows are there until the next question. */
static struct core_answer ask(const struct fold *f, const struct msg_query *query)
{
    static uint8_t rows[ROWS * MESSAGE_BYTES_MAX];
    struct core_answer answer = {.rows = rows, .rows_capacity = sizeof rows};
    f->core->query(f->state, query, NULL, &answer);
    return answer;
}

static void read_balances(const struct fold *f, uint8_t kind, struct money *money)
{
    struct msg_query query = {.id = 1, .kind = kind, .limit = ROWS};
    const struct core_answer answer = ask(f, &query);
    CHECK(answer.head.cursor == 0);
    money->count = 0;
    for (size_t at = 0, used; at < answer.rows_size; at += used) {
        struct msg m;
        int error = codec_decode(answer.rows + at, answer.rows_size - at, &m, &used);
        CHECK(error == 0 && m.kind == MSG_row_balance && money->count < ROWS);
        money->rows[money->count++] = m.row_balance;
    }
}

static void weigh(struct replay *r)
{
    static struct money risk, settlement;
    read_balances(&r->folds[VENUE_RISK], QUERY_KIND_BALANCES, &risk);
    read_balances(&r->folds[VENUE_SETTLEMENT], QUERY_KIND_LEDGER, &settlement);
    break_off(r,
              invariants_money(risk.rows, risk.count, settlement.rows, settlement.count));
    r->folds[VENUE_RISK].core->check(r->folds[VENUE_RISK].state);
    r->folds[VENUE_SETTLEMENT].core->check(r->folds[VENUE_SETTLEMENT].state);
}

/* ---- queries ----------------------------------------------------------------------- */

static int order_told(const void *a, const void *b)
{
    const struct client_answer *const *left = a, *const *right = b;
    return (*left)->gseq < (*right)->gseq ? -1 : (*left)->gseq > (*right)->gseq;
}

static void add_answers(struct replay *r)
{
    for (uint32_t i = 0; i < r->sim->plan.clients; i++) {
        const struct client *c = &r->sim->clients[i];
        for (uint32_t k = 0; k < c->answer_count; k++)
            r->told[r->told_count++] = &c->answers[k];
    }
    qsort(r->told, r->told_count, sizeof(const struct client_answer *), order_told);
    while (r->told_at < r->told_count && r->told[r->told_at]->gseq == 0)
        r->told_at++; /* before there was a log */
}

static bool is_answer(const struct replay *r, uint32_t fold,
                      const struct client_answer *told)
{
    const struct core_answer answer = ask(&r->folds[fold], &told->query);
    return answer.head.reason == told->reason && answer.head.cursor == told->cursor &&
           digest_hash(answer.rows, answer.rows_size) == told->hash;
}

/* A symbol that moves is asked for at the shard that has it, had it, or is to get it. */
static bool is_true(const struct replay *r, const struct client_answer *told)
{
    const uint8_t kind = told->query.kind;
    const bool is_book = kind == QUERY_KIND_BOOK;
    uint32_t k = is_book                        ? VENUE_SHARD
                 : kind == QUERY_KIND_POSITIONS ? VENUE_PORTFOLIO
                 : kind == QUERY_KIND_LEDGER    ? VENUE_SETTLEMENT
                                                : VENUE_RISK;
    const uint32_t end = is_book ? VENUE_SHARD + r->sim->plan.shards : k + 1;
    while (k < end && !is_answer(r, k, told))
        k++;
    return k < end;
}

/* What clients were told is true at its gseq. */
static void compare_answers(struct replay *r, uint64_t gseq)
{
    for (; r->told_at < r->told_count && r->told[r->told_at]->gseq == gseq;
         r->told_at++) {
        const struct client_answer *told = r->told[r->told_at];
        if (!is_true(r, told))
            break_off(r, "I6: an answer was not true at its gseq");
        MARK(answer_checked);
        if (told->query.kind == QUERY_KIND_BOOK)
            MARK(book_checked);
    }
}

/* ---- I14: what readers know of the books ------------------------------------------- */

static void compare_depth(struct replay *r, uint32_t symbol)
{
    static struct msg_row_level read[ONLOOKER_LEVELS], book[ONLOOKER_LEVELS];
    const struct msg_query query = {
        .kind = QUERY_KIND_BOOK, .symbol = symbol, .limit = ONLOOKER_LEVELS / 2};
    struct core_answer answer = {.rows_size = 0};
    uint32_t count = 0;
    for (uint32_t k = 0; k < r->sim->plan.shards && answer.rows_size == 0; k++)
        answer = ask(&r->folds[VENUE_SHARD + k], &query); /* one has it, or none */
    for (size_t at = 0, used; at < answer.rows_size; at += used) {
        struct msg m;
        int error = codec_decode(answer.rows + at, answer.rows_size - at, &m, &used);
        CHECK(error == 0 && m.kind == MSG_row_level && count < ONLOOKER_LEVELS);
        book[count++] = m.row_level;
    }
    uint32_t read_count = onlooker_levels(&r->books, symbol, read);
    break_off(r, invariants_depth(read, read_count, book, count));
}

/* ---- the log ----------------------------------------------------------------------- */

static void take_emits(struct replay *r, const struct core_input *cause)
{
    struct fold *risk = &r->folds[VENUE_RISK];
    for (uint32_t k = 0; k < r->sim->plan.shards; k++) {
        const uint8_t *item;
        uint32_t size;
        for (size_t at = 0;
             (item = outbox_next(&risk->outbox.emits[k], &at, &size)) != NULL;)
            apply_approved(r, k, cause, item, size);
    }
}

static void apply_record(struct replay *r, const struct archive_record *record)
{
    struct msg m;
    int error = codec_decode_whole(record->bytes, record->size, &m);
    CHECK(error == 0);
    const struct core_input input = {.seq = record->gseq,
                                     .gseq = record->gseq,
                                     .time_ns = record->time_ns,
                                     .source = record->source,
                                     .n = record->n,
                                     .msg = &m,
                                     .bytes = record->bytes,
                                     .bytes_size = record->size};
    check_sequence = record->gseq;
    match_report(r, record);
    if (r->broken == NULL)
        onlooker_take(&r->books, &m);
    for (uint32_t node = 0; node < NODES && r->broken == NULL; node++) {
        struct fold *f = &r->folds[node];
        if (f->core == NULL || (node >= VENUE_SHARD && node < VENUE_GATEWAY))
            continue;
        f->seq = record->gseq;
        outbox_clear(&f->outbox);
        if (!archive_skips(&r->sim->archive, venue_service(node), input.seq))
            f->core->apply(f->state, &input, &f->outbox);
        take_submits(f);
        if (node == VENUE_RISK)
            take_emits(r, &input);
        compare_states(r, node);
    }
    if (r->broken == NULL)
        compare_answers(r, record->gseq);
}

const char *replay_check(const struct sim *sim)
{
    static struct replay r;
    size_t size;
    r = (struct replay){.sim = sim};
    for (uint32_t node = 0; node < NODES; node++)
        open_fold(&r, node);
    r.expected_memory = open_outbox(&r.expected, 0, &size);
    for (uint32_t k = 0; k < sim->plan.shards; k++) {
        r.naive[k] = calloc(1, sizeof *r.naive[k]);
        CHECK(r.naive[k] != NULL);
        *r.naive[k] = (struct naive){
            .reports = &r.expected, .version = sim->plan.genesis.version, .instance = k};
    }
    add_points(&r);
    add_answers(&r);
    for (uint64_t i = 0; i < sim->archive.count && r.broken == NULL; i++) {
        apply_record(&r, &sim->archive.records[i]);
        if (r.broken == NULL && (i % WEIGH_EVERY == 0 || i + 1 == sim->archive.count))
            weigh(&r);
    }
    for (uint32_t id = 1; id <= sim->plan.symbols && r.broken == NULL; id++)
        compare_depth(&r, id);
    for (uint32_t node = 0; node < NODES && r.broken == NULL; node++) {
        if (r.folds[node].queue.head != r.folds[node].queue.tail)
            break_off(&r, "I10: a report never reached the log");
        if (r.folds[node].due != 0)
            break_off(&r, "I6: a state of more than the log has");
    }
    if (r.told_at < r.told_count)
        break_off(&r, "I6: an answer of more than the log has");
    close_all(&r);
    pages_unmap(r.expected_memory, size);
    return r.broken;
}
