/* args_test.c - a word that must be a number is nothing but digits; no word too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/cli/args.h"
#include "proto/limits.h"

static void only_digits_are_a_number(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "x",
                                      "7x",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "0x",
                                      "1.0",
                                      "1e3",
                                      "--",
                                      "\t1",
                                      "18446744073709551616"};
    uint64_t number;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (args_is_number(bad[i], &number))
            fail_msg("'%s' is taken for %lu", bad[i], (unsigned long)number);
    assert_true(args_is_number("18446744073709551615", &number));
    assert_true(number == UINT64_MAX);
    assert_true(args_is_number("007", &number));
    assert_int_equal(number, 7);
}

static void an_id_is_from_1_to_the_greatest(void **state)
{
    (void)state;
    uint64_t id;
    assert_false(args_id("0", "order id", &id));
    assert_false(args_id("9223372036854775808", "order id", &id));
    assert_true(args_id("9223372036854775807", "order id", &id));
    assert_true(id == ID_MAX);
}

static const char *const flags[] = {"name=", "lift", NULL};

static bool names_order(int argc, char **argv, uint64_t *order_id, uint64_t *cl_ord_id)
{
    struct args args;
    assert_int_equal(args_parse(&args, argc, argv, flags), ARGS_OK);
    return args_order(&args, "cancel ORDER_ID | --name CL_ORD_ID", order_id, cl_ord_id);
}

/* By its id or by its name: not by both, not by neither. */
static void an_order_is_named_once(void **state)
{
    (void)state;
    uint64_t order_id, cl_ord_id;
    char *by_id[] = {"12"}, *by_name[] = {"--name", "34"}, *twice[] = {"12", "13"};
    char *both[] = {"12", "--name=34"}, *slip[] = {"12x"}, *name_slip[] = {"--name=34x"};
    assert_true(names_order(1, by_id, &order_id, &cl_ord_id));
    assert_true(order_id == 12 && cl_ord_id == 0);
    assert_true(names_order(2, by_name, &order_id, &cl_ord_id));
    assert_true(order_id == 0 && cl_ord_id == 34);
    assert_false(names_order(0, by_id, &order_id, &cl_ord_id));
    assert_false(names_order(2, twice, &order_id, &cl_ord_id));
    assert_false(names_order(2, both, &order_id, &cl_ord_id));
    assert_false(names_order(1, slip, &order_id, &cl_ord_id));
    assert_false(names_order(1, name_slip, &order_id, &cl_ord_id));
}

static void flags_are_as_declared(void **state)
{
    (void)state;
    struct args args;
    char *good[] = {"a", "--lift", "--name", "b", "c"}, *unknown[] = {"--lif"};
    char *valued[] = {"--lift=1"}, *bare[] = {"--name"}, *slip[] = {"--timeout", "3s"};
    assert_int_equal(args_parse(&args, 5, good, flags), ARGS_OK);
    assert_string_equal(args_flag(&args, "name"), "b");
    assert_string_equal(args_flag(&args, "lift"), "");
    assert_true(args_words(&args, 2, 2, "usage"));
    assert_false(args_words(&args, 0, 1, "usage"));
    assert_false(args_words(&args, 3, 3, "usage"));
    assert_int_equal(args_parse(&args, 1, unknown, flags), ARGS_USAGE);
    assert_int_equal(args_parse(&args, 1, valued, flags), ARGS_USAGE);
    assert_int_equal(args_parse(&args, 1, bare, flags), ARGS_USAGE);
    assert_int_equal(args_parse(&args, 2, slip, flags), ARGS_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_digits_are_a_number),
        cmocka_unit_test(an_id_is_from_1_to_the_greatest),
        cmocka_unit_test(an_order_is_named_once),
        cmocka_unit_test(flags_are_as_declared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
