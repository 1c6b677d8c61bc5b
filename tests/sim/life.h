/* life.h - one session of a client: what it wants, under n = 1, 2, 3 ...
 *
 * Owns:     its commands.
 * Units:    none.
 * Errors:   none.
 * Threads:  one.
 * Bounds:   LIFE_COMMANDS.
 */
#ifndef SIM_LIFE_H
#define SIM_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/msg.h"

enum { LIFE_COMMANDS = 1 << 14 };

/* Other bytes that were sent under its n, and refused; a copy may be taken all the
 * same. */
struct life_former {
    uint8_t body[BODY_BYTES_MAX];
    uint16_t size;
};

struct life_command {
    uint8_t body[BODY_BYTES_MAX];
    uint16_t size, kind;
    struct life_former *former; /* NULL: none */
    bool was_sent;
    uint64_t gseq; /* as it was told; 0: not accepted, or accepted long ago */
    bool accepted;
    uint64_t floor; /* highest gseq anybody was told before this was first sent */
};

struct life {
    uint64_t nonce, session;
    struct life_command *commands;
    uint32_t count, capacity; /* commands n = 1 .. count */
    uint32_t accepted;        /* all up to here are */
    bool is_gone;
};

/* False: it is full. */
bool life_add(struct life *, const struct msg *);

/* The same n, other bytes. */
void life_replace(struct life *, uint64_t n, const struct msg *);

/* Likewise, and it remembers what it was. */
void life_repair(struct life *, uint64_t n, const struct msg *);

/* Accepted is all up to the first that is not. */
void life_advance(struct life *);

/* Its last command is a CLOSE. */
bool life_is_closing(const struct life *);

/* It is over, n = last_n was its last; what came behind it is wanted in the next one.
 * NULL, or what cannot be: nothing has happened then. */
const char *life_end(struct life *, uint64_t last_n, struct life *next);

void life_close(struct life *);

#endif
