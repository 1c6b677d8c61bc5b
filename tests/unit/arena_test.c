/* arena_test.c - measuring and carving agree. */
#include "common/arena.h"

#include <stdalign.h>
#include <string.h>

#include "tests/unit/unit.h"

struct pieces {
    char *bytes;
    uint64_t *words;
    void *line;
};

static void carve(struct arena *arena, struct pieces *pieces)
{
    pieces->bytes = arena_take(arena, 3, 1);
    pieces->words = arena_take(arena, 2 * sizeof(uint64_t), alignof(uint64_t));
    pieces->line = arena_take(arena, 1, ARENA_ALIGN_MAX);
}

/* The use: one function measures on an empty arena, then carves the block. */
static void measure_then_carve(void **state)
{
    (void)state;
    struct arena arena;
    struct pieces pieces;
    arena_init(&arena, NULL, 0);
    carve(&arena, &pieces);
    assert_null(pieces.line);
    assert_int_equal(arena_used(&arena), 128);

    alignas(ARENA_ALIGN_MAX) static unsigned char block[128];
    arena_init(&arena, block, sizeof(block));
    carve(&arena, &pieces);
    assert_ptr_equal(pieces.bytes, block);
    assert_ptr_equal(pieces.words, block + 8);
    assert_ptr_equal(pieces.line, block + 64);
    assert_int_equal(arena_used(&arena), sizeof(block));
}

static void refuses_the_impossible(void **state)
{
    (void)state;
    alignas(ARENA_ALIGN_MAX) static unsigned char block[64];
    struct arena arena;
    arena_init(&arena, block, sizeof(block));
    assert_non_null(arena_take(&arena, 63, 1));
    assert_aborts(arena_take(&arena, 2, 1));
    assert_aborts(arena_take(&arena, 1, 3));
    assert_aborts(arena_take(&arena, 1, 128));
    assert_aborts(arena_take(&arena, SIZE_MAX, 1));
    assert_aborts(arena_init(&arena, block + 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measure_then_carve),
        cmocka_unit_test(refuses_the_impossible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
