/* config.h - the settings of a process: flags, else environment, else defaults.
 *
 * Owns:     nothing; texts are borrowed from the flags, the environment or settings.def,
 *           so those must outlive the config.
 * Units:    as each setting's name says.
 * Errors:   ERR_USAGE with a message for people: unknown name, bad or missing value.
 * Threads:  read-only after config_load.
 * Bounds:   numbers within the range of settings.def.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"

struct config {
#define NUMBER(name, fallback, min, max, doc) uint32_t name;
#define SWITCH(name, fallback, doc)           bool name;
#define TEXT(name, fallback, doc)             const char *name;
#include "common/settings.def"
#undef NUMBER
#undef SWITCH
#undef TEXT
};

enum {
    CONFIG_HELP = 1,          /* config_load: --help was asked for */
    CONFIG_MESSAGE_MAX = 256, /* a message, cut if longer */
};

void config_init(struct config *); /* the defaults */

/* Defaults, then `environment` (as environ(7)), then the flags: --name value or
 * --name=value, with dashes or underscores; a switch is --name or --name=false. ERR_USAGE
 * and a message of up to CONFIG_MESSAGE_MAX bytes for any name it does not know, ZEX_
 * variables included. CONFIG_HELP for --help. */
ERROR_CHECKED int config_load(struct config *, int argc, char *const *argv,
                              char *const *environment, char *message);

/* One setting by name. ERR_USAGE and a message, of CONFIG_MESSAGE_MAX bytes at most. */
ERROR_CHECKED int config_set(struct config *, const char *name, const char *value,
                             char *message);

/* Every setting with its value in this config, its range and what it is for. */
void config_print(const struct config *, FILE *);

/* `pattern` with its %d replaced by the number, as in endpoint_shard. ERR_LENGTH if
 * it does not fit. */
ERROR_CHECKED int config_expand(const char *pattern, uint32_t number, char *text,
                                size_t size);

#endif
