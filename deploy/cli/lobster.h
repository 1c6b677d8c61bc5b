/* lobster.h - a recorded day as commands for a venue, and its order book after each row.
 *
 * Two accounts trade it: one owns every order that rests, the other sends an IOC for each
 * recorded fill, which must meet exactly one known order. The same file gives the same
 * commands, byte by byte, so that a replay that was cut off goes on where it was.
 *
 * Owns:     its arrays, freed by lobster_close.
 * Units:    prices and sizes as in the files: the symbol's smallest units.
 * Errors:   false after saying what is wrong on stderr.
 * Threads:  one.
 * Bounds:   2^32 - 1 commands.
 */
#ifndef LOBSTER_H
#define LOBSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/msg.h"

#define LOBSTER_LEVELS 10

enum lobster_account { LOBSTER_RESTING, LOBSTER_TAKING, LOBSTER_ACCOUNTS };

enum lobster_act { LOBSTER_ADD, LOBSTER_TAKE, LOBSTER_REDUCE, LOBSTER_CANCEL };

struct lobster_command {
    uint32_t row; /* 0: before the first row of the book file */
    uint8_t act;
    uint8_t side;
    int64_t price, quantity;
    uint32_t target; /* REDUCE, CANCEL: command that names the order; TAKE: its maker */
};

struct lobster {
    uint32_t symbol;
    struct lobster_command *commands;
    uint32_t count, rows; /* rows: the number of the last one */
};

/* Prices from the best on; quantity 0: no level there. */
struct lobster_side {
    int64_t price[LOBSTER_LEVELS], quantity[LOBSTER_LEVELS];
};

struct lobster_book {
    struct lobster_side ask, bid;
};

bool lobster_open(struct lobster *, const char *path, uint32_t symbol);
void lobster_close(struct lobster *);

/* The command's ClOrdID: its index and the symbol, so the same at each replay. */
uint64_t lobster_name(const struct lobster *, uint32_t index);
/* Back: false if it is no name of this replay. */
bool lobster_find(const struct lobster *, uint64_t name, uint32_t *index);

enum lobster_account lobster_account(const struct lobster_command *);
/* True if the command is the last of its row. */
bool lobster_ends_row(const struct lobster *, uint32_t index);
void lobster_message(const struct lobster *, uint32_t index, struct msg *);

/* One line of the order book file. */
bool lobster_parse_book(const char *line, struct lobster_book *);
/* Adds a row of a BOOK answer; rows come best first. */
void lobster_add_level(struct lobster_book *, const struct msg *row);
bool lobster_is_equal(const struct lobster_book *, const struct lobster_book *);
/* Says at which level two books first differ. */
void lobster_print_difference(uint64_t row, const struct lobster_book *wanted,
                              const struct lobster_book *got);

#endif
