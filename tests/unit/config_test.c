/* config_test.c - flags win over the environment, that over defaults; nothing unknown. */
#include "common/config.h"

#include <string.h>

#include "tests/unit/unit.h"

static char *no_environment[] = {NULL};
static char message[CONFIG_MESSAGE_MAX];
static struct config config;

static int load(char *const *argv, char *const *environment)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    return config_load(&config, argc, argv, environment, message);
}

/* The use. */
static void who_wins(void **state)
{
    (void)state;
    char *argv[] = {"zex-shard", "--data_dir",      "/there",           "--shards=3",
                    "--init",    "--durable=false", "--log-level=warn", NULL};
    char *environment[] = {"HOME=/",
                           "ZEX_DIR=/d",
                           "ZEX_AS=alice",
                           "ZEX_SHARDS=2",
                           "ZEX_INSTANCE=5",
                           "ZEX_KEY_FILE=k=v",
                           NULL};
    assert_int_equal(load(argv, environment), 0);
    assert_string_equal(message, "");
    assert_string_equal(config.data_dir, "/there");
    assert_int_equal(config.shards, 3);
    assert_int_equal(config.instance, 5);
    assert_string_equal(config.key_file, "k=v");
    assert_string_equal(config.log_level, "warn");
    assert_true(config.init);
    assert_false(config.durable);
    assert_true(config.curve);
    assert_int_equal(config.map_refuse_percent, 85);
}

static void assert_refused(char *flag, const char *part)
{
    char *argv[] = {"zex", flag, NULL};
    assert_int_equal(load(argv, no_environment), ERR_USAGE);
    if (!strstr(message, part))
        fail_msg("'%s' does not contain '%s'", message, part);
}

/* A switch alone is on; the word behind it, if it is no flag, is its value. */
static void switches(void **state)
{
    (void)state;
    char *argv[] = {"zex", "--curve", "false", "--init", "--durable", "no", NULL};
    assert_int_equal(load(argv, no_environment), 0);
    assert_false(config.curve);
    assert_true(config.init);
    assert_false(config.durable);
    char *bad[] = {"zex", "--init", "maybe", NULL};
    assert_int_equal(load(bad, no_environment), ERR_USAGE);
    assert_string_equal(message, "init: 'maybe' is neither true nor false");
}

/* Each refusal says what was wrong, by name. */
static void refusals(void **state)
{
    (void)state;
    assert_refused("--colour=red", "unknown flag --colour=red");
    assert_refused("shard", "'shard' is not a flag");
    assert_refused("--shards", "--shards: the value is missing");
    assert_refused("--shards=", "'' is not a number");
    assert_refused("--shards=2x", "'2x' is not a number");
    assert_refused("--shards=-1", "'-1' is not a number");
    assert_refused("--shards= 1", "' 1' is not a number");
    assert_refused("--shards=0", "0 is not in 1..64");
    assert_refused("--shards=65", "65 is not in 1..64");
    assert_refused("--snapshot_records=4294968296", "is not in 1000..4000000000");
    assert_refused("--shards=99999999999999999999999", "is not in 1..64");
    assert_refused("--init=maybe", "'maybe' is neither true nor false");
    char *argv[] = {"zex", NULL};
    char *unknown[] = {"ZEX_COLOUR=red", NULL}, *bad[] = {"ZEX_SHARDS=x", NULL};
    assert_int_equal(load(argv, unknown), ERR_USAGE);
    assert_string_equal(message,
                        "unknown variable ZEX_COLOUR; --help lists all settings");
    assert_int_equal(load(argv, bad), ERR_USAGE);
    assert_string_equal(message, "shards: 'x' is not a number");
}

/* A name too long to be one, and a message too long to fit, do no harm. */
static void long_names(void **state)
{
    (void)state;
    static char flag[1000] = "--";
    memset(flag + 2, 'a', sizeof(flag) - 3);
    char *argv[] = {"zex", flag, NULL};
    assert_int_equal(load(argv, no_environment), ERR_USAGE);
    assert_int_equal(strlen(message), CONFIG_MESSAGE_MAX - 1);
}

static void assert_shown(const char *text, const char *name)
{
    char flag[80];
    snprintf(flag, sizeof(flag), "  --%s ", name);
    assert_non_null(strstr(text, flag));
}

/* Help wins over mistakes, and shows every setting. */
static void help(void **state)
{
    (void)state;
    static char text[32768];
    char *argv[] = {"zex", "--colour=red", "--help", NULL};
    assert_int_equal(load(argv, no_environment), CONFIG_HELP);
    FILE *to = fmemopen(text, sizeof(text), "w");
    assert_non_null(to);
    config_print(&config, to);
    assert_int_equal(fclose(to), 0);
#define NUMBER(name, fallback, min, max, doc) assert_shown(text, #name);
#define SWITCH(name, fallback, doc)           assert_shown(text, #name);
#define TEXT(name, fallback, doc)             assert_shown(text, #name);
#include "common/settings.def"
    assert_non_null(strstr(text, "1 (1..64)"));
}

static void expand(void **state)
{
    (void)state;
    char text[10];
    assert_int_equal(config_expand("a%db%d", 12, text, sizeof(text)), 0);
    assert_string_equal(text, "a12b%d");
    assert_int_equal(config_expand("a%s", 12, text, sizeof(text)), 0);
    assert_string_equal(text, "a%s");
    assert_int_equal(config_expand("123456789%d", 0, text, sizeof(text)), ERR_LENGTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_wins), cmocka_unit_test(switches),
        cmocka_unit_test(refusals), cmocka_unit_test(long_names),
        cmocka_unit_test(help),     cmocka_unit_test(expand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
