/* dedupe_test.c - sessions and repeats against a naive list, and through snapshots. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/random.h"
#include "common/reader.h"
#include "common/writer.h"
#include "services/sequencer/dedupe.h"

enum { SESSIONS = 16, ACCOUNTS = 8, KEPT = 16, NAIVE = 4096, BODIES = 3 };

/* All that ever happened, in order. */
struct naive {
    struct {
        uint64_t id, nonce, last_n;
        uint32_t account;
        bool closed;
        uint64_t gseqs[64], bodies[64];
    } sessions[NAIVE];
    uint32_t count, open, closed;
    uint32_t open_of[ACCOUNTS];
};

static struct dedupe *create(void)
{
    struct arena arena;
    arena_init(&arena, NULL, SIZE_MAX);
    struct dedupe measured;
    dedupe_init(&measured, &arena, SESSIONS, KEPT, ACCOUNTS);
    const size_t head = (sizeof(struct dedupe) + 63) / 64 * 64;
    const size_t size = head + arena_used(&arena);
    uint8_t *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    assert_non_null(memory);
    memset(memory, 0, size);
    arena_init(&arena, memory + head, size - head);
    dedupe_init((struct dedupe *)memory, &arena, SESSIONS, KEPT, ACCOUNTS);
    return (struct dedupe *)memory;
}

static struct dedupe *reload(struct dedupe *d)
{
    static uint8_t first[1 << 20], second[1 << 20];
    struct writer writer;
    struct reader reader;
    writer_init(&writer, first, sizeof first);
    dedupe_save(d, &writer);
    assert_false(writer_failed(&writer));
    const size_t size = writer.size;
    free(d);
    d = create();
    reader_init(&reader, first, size);
    assert_int_equal(dedupe_load(d, &reader), 0);
    assert_int_equal(reader_left(&reader), 0);
    writer_init(&writer, second, sizeof second);
    dedupe_save(d, &writer);
    assert_int_equal(writer.size, size);
    assert_memory_equal(first, second, size);
    return d;
}

static void open_one(struct dedupe *d, struct naive *n, uint64_t gseq, uint32_t account,
                     uint64_t nonce)
{
    struct dedupe_finding f = dedupe_find_open(d, account, nonce);
    for (uint32_t i = 0; i < n->count; i++) {
        if (n->sessions[i].account != account || n->sessions[i].nonce != nonce)
            continue;
        assert_int_equal(f.verdict, n->sessions[i].closed ? DEDUPE_GONE : DEDUPE_REPEAT);
        assert_int_equal(f.gseq, n->sessions[i].id);
        assert_int_equal(f.last_n, n->sessions[i].last_n);
        return;
    }
    if (n->open == SESSIONS || n->open_of[account] == 8) {
        assert_int_equal(f.verdict, DEDUPE_FULL);
        return;
    }
    assert_int_equal(f.verdict, DEDUPE_NEW);
    dedupe_open(d, gseq, account, nonce);
    n->sessions[n->count].id = gseq;
    n->sessions[n->count].nonce = nonce;
    n->sessions[n->count++].account = account;
    n->open_of[account]++;
    n->open++;
}

static void command(struct dedupe *d, struct naive *n, uint64_t gseq, uint64_t number,
                    uint64_t count, uint64_t body)
{
    const int i = (int)number;
    const uint64_t id = n->sessions[i].id;
    struct dedupe_finding f = dedupe_find(d, id, n->sessions[i].account, count,
                                          (const uint8_t *)&body, sizeof body);
    if (n->sessions[i].closed) {
        assert_int_equal(f.verdict, DEDUPE_GONE);
    } else if (count > n->sessions[i].last_n + 1) {
        assert_int_equal(f.verdict, DEDUPE_GAP);
    } else if (count == n->sessions[i].last_n + 1) {
        assert_int_equal(f.verdict, DEDUPE_NEW);
        dedupe_accept(d, id, count, gseq, (const uint8_t *)&body, sizeof body);
        n->sessions[i].last_n = count;
        n->sessions[i].gseqs[count % 64] = gseq;
        n->sessions[i].bodies[count % 64] = body;
    } else if (n->sessions[i].last_n - count >= KEPT) {
        assert_int_equal(f.verdict, DEDUPE_REPEAT);
        assert_int_equal(f.gseq, 0);
    } else {
        const bool same = n->sessions[i].bodies[count % 64] == body;
        assert_int_equal(f.verdict, same ? DEDUPE_REPEAT : DEDUPE_CONFLICT);
        assert_int_equal(f.gseq, n->sessions[i].gseqs[count % 64]);
    }
}

/* Random opens, commands, repeats, gaps, conflicts and closes; a snapshot now and then.
 * */
static void test_model(void **unused)
{
    (void)unused;
    static struct naive n;
    struct random random;
    struct dedupe *d = create();
    random_init(&random, 11);
    memset(&n, 0, sizeof n);
    for (uint64_t gseq = 1; gseq < 60000; gseq++) {
        const uint64_t dice = random_below(&random, 100);
        if (dice < 5 || n.count == 0) {
            open_one(d, &n, gseq, 1 + (uint32_t)random_below(&random, ACCOUNTS - 1),
                     1 + random_below(&random, 20));
            continue;
        }
        const uint64_t number = random_below(&random, n.count);
        const uint64_t last = n.sessions[number].last_n;
        if (dice == 99 && !n.sessions[number].closed && n.closed < 8 * SESSIONS) {
            dedupe_close(d, n.sessions[number].id);
            n.sessions[number].closed = true;
            n.open_of[n.sessions[number].account]--;
            n.open--;
            n.closed++;
        } else {
            const uint64_t back = random_below(&random, 2 * KEPT);
            command(d, &n, gseq, number,
                    dice < 70 || back > last ? last + 1 : last - back + 2,
                    random_below(&random, BODIES));
        }
        if (gseq % 512 == 0) {
            dedupe_check(d);
            d = reload(d);
        }
    }
    assert_true(n.closed > 50);
    free(d);
}

/* A snapshot that names a session twice, or an account that cannot be, is corrupt. */
static void test_corrupt(void **unused)
{
    (void)unused;
    uint8_t bytes[1024];
    for (uint32_t round = 0; round < 3; round++) {
        struct writer writer;
        struct reader reader;
        struct dedupe *d = create();
        writer_init(&writer, bytes, sizeof bytes);
        writer_u64(&writer, round == 2 ? SESSIONS + 1 : 2);
        for (uint64_t i = 0; i < 2; i++) {
            writer_u64(&writer, round == 0 ? 5 : 5 + i);
            writer_u64(&writer, round == 1 ? ACCOUNTS : 1);
            writer_u64(&writer, 1 + i);
            writer_u64(&writer, 0);
        }
        writer_u64(&writer, 0);
        reader_init(&reader, bytes, writer.size);
        assert_int_equal(dedupe_load(d, &reader), ERR_CORRUPT);
        free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
