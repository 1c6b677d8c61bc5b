/* config.c - one table, expanded from settings.def, drives all of it. */
#include "common/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"

#define PREFIX "ZEX_"

enum {
    NAME_MAX_SIZE = 64,
};

enum kind {
    KIND_NUMBER,
    KIND_SWITCH,
    KIND_TEXT,
};

struct setting {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *fallback;
    uint32_t min, max;
    const char *doc;
};

static const struct setting settings[] = {
#define NUMBER(name, fallback, min, max, doc)                                            \
    {#name, KIND_NUMBER, offsetof(struct config, name), #fallback, min, max, doc},
#define SWITCH(name, fallback, doc)                                                      \
    {#name, KIND_SWITCH, offsetof(struct config, name), #fallback, 0, 0, doc},
#define TEXT(name, fallback, doc)                                                        \
    {#name, KIND_TEXT, offsetof(struct config, name), fallback, 0, 0, doc},
#include "common/settings.def"
#undef NUMBER
#undef SWITCH
#undef TEXT
};

#define COUNT (sizeof(settings) / sizeof(settings[0]))

#define NUMBER(name, fallback, min, max, doc)                                            \
    static_assert((fallback) >= (min) && (fallback) <= (max), #name);                    \
    static_assert(sizeof(#name) <= NAME_MAX_SIZE, #name);
#define SWITCH(name, fallback, doc) static_assert(sizeof(#name) <= NAME_MAX_SIZE, #name);
#define TEXT(name, fallback, doc)   static_assert(sizeof(#name) <= NAME_MAX_SIZE, #name);
#include "common/settings.def"
#undef NUMBER
#undef SWITCH
#undef TEXT

static void *field(struct config *config, const struct setting *setting)
{
    return (char *)config + setting->offset;
}

__attribute__((format(printf, 2, 3))) static int complain(char *message,
                                                          const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, CONFIG_MESSAGE_MAX, format, arguments);
    va_end(arguments);
    return ERR_USAGE;
}

/* The first `size` characters of a name as a flag or a variable spells it. */
static const struct setting *find_setting(const char *spelled, size_t size)
{
    char name[NAME_MAX_SIZE] = "";
    if (size >= sizeof(name))
        return NULL;
    for (size_t i = 0; i < size; i++)
        name[i] = spelled[i] == '-' ? '_' : (char)tolower((unsigned char)spelled[i]);
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

static int set_number(uint32_t *number, const struct setting *setting, const char *value,
                      char *message)
{
    char *end;
    errno = 0;
    const unsigned long long parsed = strtoull(value, &end, 10);
    if (!isdigit((unsigned char)value[0]) || *end != '\0')
        return complain(message, "%s: '%s' is not a number", setting->name, value);
    if (errno == ERANGE || parsed < setting->min || parsed > setting->max)
        return complain(message, "%s: %s is not in %" PRIu32 "..%" PRIu32, setting->name,
                        value, setting->min, setting->max);
    *number = (uint32_t)parsed;
    return 0;
}

static int set_switch(bool *on, const struct setting *setting, const char *value,
                      char *message)
{
    static const char *const words[] = {"false", "true", "0",  "1",
                                        "off",   "on",   "no", "yes"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(value, words[i]) == 0) {
            *on = i % 2 == 1;
            return 0;
        }
    return complain(message, "%s: '%s' is neither true nor false", setting->name, value);
}

static int set_field(struct config *config, const struct setting *setting,
                     const char *value, char *message)
{
    switch (setting->kind) {
    case KIND_NUMBER:
        return set_number(field(config, setting), setting, value, message);
    case KIND_SWITCH:
        return set_switch(field(config, setting), setting, value, message);
    default:
        *(const char **)field(config, setting) = value;
        return 0;
    }
}

int config_set(struct config *config, const char *name, const char *value, char *message)
{
    const struct setting *setting = find_setting(name, strlen(name));
    if (!setting)
        return complain(message, "unknown setting '%s'", name);
    return set_field(config, setting, value, message);
}

void config_init(struct config *config)
{
    char message[CONFIG_MESSAGE_MAX];
    for (size_t i = 0; i < COUNT; i++)
        CHECK(set_field(config, &settings[i], settings[i].fallback, message) == 0);
}

/* The command `zex` has two of its own, which services pass over. */
static bool is_foreign(const char *name, size_t size)
{
    return (size == 3 && strncmp(name, "DIR", size) == 0) ||
           (size == 2 && strncmp(name, "AS", size) == 0);
}

static int load_environment(struct config *config, char *const *environment,
                            char *message)
{
    for (; *environment; environment++) {
        const char *variable = *environment;
        if (strncmp(variable, PREFIX, strlen(PREFIX)) != 0)
            continue;
        const char *name = variable + strlen(PREFIX);
        const size_t size = strcspn(name, "=");
        if (is_foreign(name, size))
            continue;
        const struct setting *setting = find_setting(name, size);
        if (!setting || name[size] == '\0')
            return complain(message, "unknown variable %.*s; --help lists all settings",
                            (int)(size + strlen(PREFIX)), variable);
        const int error = set_field(config, setting, name + size + 1, message);
        if (error)
            return error;
    }
    return 0;
}

/* The flag at argv[0]. Moves `argv` to the last word it used. */
static int load_flag(struct config *config, char *const **argv, char *message)
{
    const char *flag = **argv;
    if (strncmp(flag, "--", 2) != 0)
        return complain(message, "'%s' is not a flag; --help lists them", flag);
    const char *name = flag + 2;
    const size_t size = strcspn(name, "=");
    const struct setting *setting = find_setting(name, size);
    if (!setting)
        return complain(message, "unknown flag %s; --help lists them", flag);
    if (name[size] == '=')
        return set_field(config, setting, name + size + 1, message);
    const char *next = (*argv)[1];
    if (setting->kind == KIND_SWITCH && (!next || strncmp(next, "--", 2) == 0))
        return set_field(config, setting, "true", message);
    if (!next)
        return complain(message, "%s: the value is missing", flag);
    ++*argv;
    return set_field(config, setting, next, message);
}

int config_load(struct config *config, int argc, char *const *argv,
                char *const *environment, char *message)
{
    message[0] = '\0';
    config_init(config);
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0)
            return CONFIG_HELP;
    int error = load_environment(config, environment, message);
    char *const *const end = argv + argc;
    for (argv++; !error && argv < end; argv++)
        error = load_flag(config, &argv, message);
    return error;
}

static void print_value(const struct config *config, const struct setting *setting,
                        FILE *to)
{
    const char *at = (const char *)config + setting->offset;
    switch (setting->kind) {
    case KIND_NUMBER:
        fprintf(to, "%" PRIu32 " (%" PRIu32 "..%" PRIu32 ")",
                *(const uint32_t *)(const void *)at, setting->min, setting->max);
        break;
    case KIND_SWITCH:
        fputs(*(const bool *)(const void *)at ? "true" : "false", to);
        break;
    default:
        fprintf(to, "\"%s\"", *(const char *const *)(const void *)at);
        break;
    }
}

void config_print(const struct config *config, FILE *to)
{
    for (size_t i = 0; i < COUNT; i++) {
        fprintf(to, "  --%-26s ", settings[i].name);
        print_value(config, &settings[i], to);
        fprintf(to, "\n      %s\n", settings[i].doc);
    }
    fputs("A flag --name wins over the variable " PREFIX "NAME, and that over the value"
          " shown.\n",
          to);
}

int config_expand(const char *pattern, uint32_t number, char *text, size_t size)
{
    const char *place = strstr(pattern, "%d");
    const size_t before = place ? (size_t)(place - pattern) : strlen(pattern);
    const int length = place ? snprintf(text, size, "%.*s%" PRIu32 "%s", (int)before,
                                        pattern, number, place + 2)
                             : snprintf(text, size, "%s", pattern);
    return length >= 0 && (size_t)length < size ? 0 : ERR_LENGTH;
}
