/* args.c - words and flags in any order. */
#include "deploy/cli/args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/cli/decimal.h"
#include "proto/limits.h"

static const char *const shared_flags[] = {"dir=", "as=", "json", "timeout=", NULL};

static int complain(int code, const char *format, va_list list)
{
    fputs("zex: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    return code;
}

int args_usage(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int code = complain(ARGS_USAGE, format, list);
    va_end(list);
    return code;
}

int args_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int code = complain(ARGS_FAILED, format, list);
    va_end(list);
    return code;
}

/* 0: no such flag; 1: without a value; 2: with one. */
static int find_shape(const char *const *flags, const char *name, size_t length)
{
    for (; flags != NULL && *flags != NULL; flags++) {
        size_t flag_length = strcspn(*flags, "=");
        if (flag_length == length && strncmp(*flags, name, length) == 0)
            return (*flags)[flag_length] == '=' ? 2 : 1;
    }
    return 0;
}

static int take_flag(struct args *args, int argc, char **argv, int *at,
                     const char *const *flags)
{
    const char *name = argv[*at] + 2;
    size_t length = strcspn(name, "=");
    int shape = find_shape(flags, name, length);
    if (shape == 0)
        shape = find_shape(shared_flags, name, length);
    if (shape == 0)
        return args_usage("unknown flag --%.*s; see zex help", (int)length, name);
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    if (shape == 1 && value != NULL)
        return args_usage("--%.*s takes no value", (int)length, name);
    if (shape == 2 && value == NULL && ++*at < argc)
        value = argv[*at];
    if (shape == 2 && value == NULL)
        return args_usage("--%.*s needs a value", (int)length, name);
    if (args->flag_count == ARGS_FLAGS_MAX)
        return args_usage("too many flags");
    args->flags[args->flag_count].name = name;
    args->flags[args->flag_count++].value = value;
    return ARGS_OK;
}

int args_parse(struct args *args, int argc, char **argv, const char *const *flags)
{
    *args = (struct args){0};
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            int code = take_flag(args, argc, argv, &i, flags);
            if (code != ARGS_OK)
                return code;
        } else if (args->word_count < ARGS_WORDS_MAX) {
            args->words[args->word_count++] = argv[i];
        } else {
            return args_usage("too many words");
        }
    }
    const char *directory = args_flag(args, "dir"), *as = args_flag(args, "as");
    args->directory = directory != NULL ? directory : getenv("ZEX_DIR");
    if (args->directory == NULL)
        args->directory = "data";
    args->as = as != NULL ? as : getenv("ZEX_AS");
    args->json = args_flag(args, "json") != NULL;
    uint64_t seconds;
    if (!args_number_in(args, "timeout", 10, 0, 86400, &seconds))
        return ARGS_USAGE;
    args->timeout_ms = (int)seconds * 1000;
    return ARGS_OK;
}

const char *args_flag(const struct args *args, const char *name)
{
    size_t length = strlen(name);
    for (int i = args->flag_count; i-- > 0;) {
        const char *flag = args->flags[i].name;
        if (strncmp(flag, name, length) == 0 &&
            (flag[length] == 0 || flag[length] == '='))
            return args->flags[i].value != NULL ? args->flags[i].value : "";
    }
    return NULL;
}

bool args_is_number(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == 0;
}

bool args_id(const char *word, const char *what, uint64_t *id)
{
    if (args_is_number(word, id) && *id >= 1 && *id <= ID_MAX)
        return true;
    args_usage("'%s' is no %s: a whole number from 1", word, what);
    return false;
}

bool args_decimal(const char *word, const char *what, const char *of, uint32_t scale,
                  int64_t max, int64_t *value)
{
    char low[DECIMAL_TEXT], high[DECIMAL_TEXT];
    if (decimal_parse(word, scale, value) && *value >= 1 && *value <= max)
        return true;
    args_usage("'%s' is no %s of %s: from %s to %s", word, what, of,
               decimal_format(low, 1, scale), decimal_format(high, max, scale));
    return false;
}

bool args_words(const struct args *args, int least, int most, const char *usage)
{
    if (args->word_count >= least && args->word_count <= most)
        return true;
    if (args->word_count > most)
        args_usage("'%s' is one word too many; usage: zex %s", args->words[most], usage);
    else
        args_usage("usage: zex %s", usage);
    return false;
}

bool args_order(const struct args *args, const char *usage, uint64_t *order_id,
                uint64_t *cl_ord_id)
{
    const char *name = args_flag(args, "name");
    *order_id = *cl_ord_id = 0;
    if (!args_words(args, name == NULL, name == NULL, usage))
        return false;
    return name == NULL ? args_id(args->words[0], "order id", order_id)
                        : args_id(name, "name of an order", cl_ord_id);
}

bool args_number(const struct args *args, const char *name, uint64_t fallback,
                 uint64_t *value)
{
    const char *text = args_flag(args, name);
    *value = fallback;
    if (text == NULL)
        return true;
    if (args_is_number(text, value))
        return true;
    args_usage("--%s: '%s' is not a whole number", name, text);
    return false;
}

bool args_number_in(const struct args *args, const char *name, uint64_t fallback,
                    uint64_t least, uint64_t most, uint64_t *value)
{
    if (!args_number(args, name, fallback, value))
        return false;
    if (*value >= least && *value <= most)
        return true;
    args_usage("--%s %" PRIu64 "..%" PRIu64 ", not %" PRIu64, name, least, most, *value);
    return false;
}
