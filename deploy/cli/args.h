/* args.h - the command line of `zex`: what every command shares, and its own flags.
 *
 * Owns:     nothing; points into argv.
 * Units:    none.
 * Errors:   ARGS_USAGE after printing what is wrong.
 * Threads:  one.
 * Bounds:   ARGS_WORDS_MAX words, ARGS_FLAGS_MAX flags.
 */
#ifndef ARGS_H
#define ARGS_H

#include <stdbool.h>
#include <stdint.h>

#define ARGS_WORDS_MAX 32
#define ARGS_FLAGS_MAX 64

/* Exit codes of the CLI, documented in README.md. */
enum {
    ARGS_OK = 0,
    ARGS_FAILED = 1,      /* refused, not found, a check that does not hold */
    ARGS_USAGE = 2,       /* the words or flags make no sense */
    ARGS_UNAVAILABLE = 3, /* no answer in time: the outcome is unknown */
};

struct args {
    const char *words[ARGS_WORDS_MAX]; /* after the command's name */
    int word_count;
    struct {
        const char *name, *value; /* value NULL: --name alone */
    } flags[ARGS_FLAGS_MAX];
    int flag_count;
    const char *directory; /* --dir: where `up` and cluster.sh put keys and addresses */
    const char *as;        /* --as: whose key */
    bool json;             /* --json */
    int timeout_ms;        /* --timeout, seconds on the command line */
};

/* `flags` lists what the command takes besides the shared ones: "name" or "name=" if it
 * needs a value; NULL-terminated. */
int args_parse(struct args *, int argc, char **argv, const char *const *flags);

/* The flag's value, "" if given alone, or NULL. */
const char *args_flag(const struct args *, const char *name);
/* A whole number from a flag; `fallback` if absent. Prints and returns false if
 * malformed. */
bool args_number(const struct args *, const char *name, uint64_t fallback,
                 uint64_t *value);

/* The same, from `least` to `most`. */
bool args_number_in(const struct args *, const char *name, uint64_t fallback,
                    uint64_t least, uint64_t most, uint64_t *value);

/* Text as a whole number: digits and nothing else, within 64 bits. */
bool args_is_number(const char *text, uint64_t *value);
/* A word that must be an id: a whole number from 1. Prints what `what` it is not and
 * returns false. */
bool args_id(const char *word, const char *what, uint64_t *id);
/* A word that must be an amount, a price, a quantity of something: above 0, at most
 * `max`. Prints what it may be and returns false. */
bool args_decimal(const char *word, const char *what, const char *of, uint32_t scale,
                  int64_t max, int64_t *value);
/* An order named either by its id, the only word, or by --name; the other is 0. Prints
 * `usage` and returns false if it is neither. */
bool args_order(const struct args *, const char *usage, uint64_t *order_id,
                uint64_t *cl_ord_id);
/* Prints `usage` and returns false unless `least` to `most` words are there. */
bool args_words(const struct args *, int least, int most, const char *usage);

/* Prints "zex: ..." to stderr and returns ARGS_USAGE or ARGS_FAILED. */
int args_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
int args_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
