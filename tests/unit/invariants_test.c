/* invariants_test.c - each invariant holds of a good run, and sees the break of a bad. */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/error.h"
#include "common/invariants.h"
#include "proto/codec.h"

/* The sentence begins with the name of the invariant. */
static void assert_broken(const char *broken, const char *name)
{
    assert_non_null(broken);
    assert_memory_equal(broken, name, strlen(name));
    assert_int_equal(broken[strlen(name)], ':');
}

static void i1_a_command_lost(void **state)
{
    (void)state;
    const struct invariants_command told = {7, (const uint8_t *)"abc", 3};
    const struct invariants_command nowhere = {0, NULL, 0};
    const struct invariants_command elsewhere = {8, (const uint8_t *)"abc", 3};
    const struct invariants_command other = {7, (const uint8_t *)"abd", 3};
    const struct invariants_command somewhere = {0, (const uint8_t *)"abc", 3};
    assert_null(invariants_durable(&told, &told));
    assert_null(invariants_durable(&somewhere, &told)); /* accepted long ago */
    assert_broken(invariants_durable(&told, &nowhere), "I1");
    assert_broken(invariants_durable(&told, &elsewhere), "I1");
    assert_broken(invariants_durable(&told, &other), "I1");
}

static void i2_a_command_executed_twice(void **state)
{
    (void)state;
    assert_null(invariants_once(5, 9, 1));
    assert_broken(invariants_once(5, 9, 2), "I2");
    assert_broken(invariants_once(5, 5, 1), "I2");
    assert_null(invariants_gone(7, 7));
    assert_broken(invariants_gone(7, 8), "I2");
}

static void i3_a_command_out_of_order(void **state)
{
    (void)state;
    uint64_t last = 0;
    assert_null(invariants_order(&last, 1));
    assert_null(invariants_order(&last, 2));
    assert_broken(invariants_order(&last, 2), "I3");
    assert_broken(invariants_order(&last, 4), "I3");
    assert_int_equal(last, 2);
}

static void i4_money_from_nowhere(void **state)
{
    (void)state;
    struct msg_row_balance risk[] = {
        {.account = ACCOUNT_EXTERNAL, .asset = 1, .free = -9},
        {.account = 10, .asset = 1, .free = 4, .held = 5}};
    struct msg_row_balance settlement[] = {
        {.account = ACCOUNT_EXTERNAL, .asset = 1, .free = -9},
        {.account = 10, .asset = 1, .free = 9}};
    assert_null(invariants_money(risk, 2, settlement, 2));
    assert_broken(invariants_money(risk, 2, settlement, 1), "I4"); /* one is unknown */
    settlement[1].free = 10;                                       /* they disagree */
    assert_broken(invariants_money(risk, 2, settlement, 2), "I4");
    risk[1].free = 5; /* they agree on too much */
    assert_broken(invariants_money(risk, 2, settlement, 2), "I4");
    risk[1] = (struct msg_row_balance){.account = 10, .asset = 1, .free = -1, .held = 10};
    settlement[1].free = 9;
    assert_broken(invariants_money(risk, 2, settlement, 2), "I4"); /* below zero */
}

static void i5_a_book_of_its_own_mind(void **state)
{
    (void)state;
    assert_null(invariants_book("report", 6, "report", 6));
    assert_null(invariants_book(NULL, 0, NULL, 0));
    assert_broken(invariants_book("report", 6, "repost", 6), "I5");
    assert_broken(invariants_book("report", 6, "report", 5), "I5");
}

static void i6_a_state_that_is_no_fold(void **state)
{
    (void)state;
    assert_null(invariants_state("state", 5, "state", 5));
    assert_broken(invariants_state("state", 5, "stale", 5), "I6");
}

/* Two blocks of two ticks each. */
static size_t make_block(uint8_t *bytes, const struct invariants_place *place,
                         uint64_t time_ns)
{
    uint8_t records[256], body[64];
    size_t size = 0, records_size = 0;
    for (uint64_t i = 0; i < 2; i++) {
        const struct msg m = {.kind = MSG_tick, .tick.number = place->next + i};
        int error = codec_encode(body, sizeof body, &m, &size);
        assert_int_equal(error, 0);
        records_size +=
            block_put_log_record(records + records_size, 0, 0, body, (uint32_t)size);
    }
    struct block block = {.first_seq = place->next, .count = 2, .time_ns = time_ns};
    memcpy(block.chain, place->chain, sizeof place->chain);
    block_make(&block, bytes, records, records_size);
    return block.size;
}

static void i7_a_log_with_a_hole(void **state)
{
    (void)state;
    struct invariants_place place = {.next = 1}, before;
    uint8_t bytes[512];
    size_t size = make_block(bytes, &place, 1000);
    assert_null(invariants_follows(&place, bytes, size));
    assert_int_equal(place.next, 3);
    assert_broken(invariants_follows(&place, bytes, size), "I7"); /* again */
    before = place;
    size =
        make_block(bytes, &before, 1001); /* its first record is at the last one's time */
    assert_broken(invariants_follows(&place, bytes, size), "I7");
    before.next++;
    size = make_block(bytes, &before, 2000); /* a gap */
    assert_broken(invariants_follows(&place, bytes, size), "I7");
    before.next--;
    before.chain[0] ^= 1;
    size = make_block(bytes, &before, 2000); /* another log */
    assert_broken(invariants_follows(&place, bytes, size), "I7");
    before.chain[0] ^= 1;
    size = make_block(bytes, &before, 2000);
    for (size_t at = 0; at < size; at++) { /* any bit of it */
        struct invariants_place here = place;
        bytes[at] ^= 4;
        assert_broken(invariants_follows(&here, bytes, size), "I7");
        bytes[at] ^= 4;
    }
    assert_null(invariants_follows(&place, bytes, size));
}

static void i8_an_effect_before_its_cause(void **state)
{
    (void)state;
    assert_null(invariants_real_time(4, 5));
    assert_broken(invariants_real_time(5, 5), "I8");
}

static void i9_a_report_too_few_or_too_many(void **state)
{
    (void)state;
    const struct invariants_report none = {0, 0}, a = {3, 33}, b = {4, 33}, c = {3, 34};
    assert_null(invariants_feed(&a, &a));
    assert_broken(invariants_feed(&none, &a), "I9");
    assert_broken(invariants_feed(&a, &none), "I9");
    assert_broken(invariants_feed(&b, &a), "I9");
    assert_broken(invariants_feed(&c, &a), "I9");
}

static void i10_something_left_undone(void **state)
{
    (void)state;
    assert_null(invariants_done(true, 1));
    assert_null(invariants_done(false, 0));
    assert_broken(invariants_done(true, 0), "I10");
    assert_null(invariants_rest(10, 10));
    assert_broken(invariants_rest(11, 10), "I10");
}

static void i11_more_than_was_stated(void **state)
{
    (void)state;
    assert_null(invariants_bound(10, 10, "I11: more"));
    assert_broken(invariants_bound(11, 10, "I11: more"), "I11");
}

static void i12_silence(void **state)
{
    (void)state;
    assert_null(invariants_answer(true, 5, 5));
    assert_null(invariants_answer(false, 6, 5));
    assert_broken(invariants_answer(true, 6, 5), "I12");
}

static void i13_damage_by_another_name(void **state)
{
    (void)state;
    assert_null(invariants_stop(ERR_CORRUPT));
    assert_null(invariants_stop(ERR_DIVERGED));
    assert_broken(invariants_stop(0), "I13");
    assert_broken(invariants_stop(ERR_BUSY), "I13");
}

static void i14_a_reader_with_another_book(void **state)
{
    (void)state;
    const struct msg_row_level book[] = {
        {.side = SIDE_BUY, .price = 9, .quantity = 5, .orders = 2},
        {.side = SIDE_SELL, .price = 10, .quantity = 1, .orders = 1}};
    struct msg_row_level read[2];
    memcpy(read, book, sizeof read);
    assert_null(invariants_depth(read, 2, book, 2));
    assert_broken(invariants_depth(read, 1, book, 2), "I14");
    read[1].quantity = 2;
    assert_broken(invariants_depth(read, 2, book, 2), "I14");
    read[1] = book[1];
    read[0].price = 8;
    assert_broken(invariants_depth(read, 2, book, 2), "I14");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(i1_a_command_lost),
        cmocka_unit_test(i2_a_command_executed_twice),
        cmocka_unit_test(i3_a_command_out_of_order),
        cmocka_unit_test(i4_money_from_nowhere),
        cmocka_unit_test(i5_a_book_of_its_own_mind),
        cmocka_unit_test(i6_a_state_that_is_no_fold),
        cmocka_unit_test(i7_a_log_with_a_hole),
        cmocka_unit_test(i8_an_effect_before_its_cause),
        cmocka_unit_test(i9_a_report_too_few_or_too_many),
        cmocka_unit_test(i10_something_left_undone),
        cmocka_unit_test(i11_more_than_was_stated),
        cmocka_unit_test(i12_silence),
        cmocka_unit_test(i13_damage_by_another_name),
        cmocka_unit_test(i14_a_reader_with_another_book),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
