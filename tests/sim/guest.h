/* guest.h - a trader who uses the client library: its own sessions, outbox, resending,
 * RESUME and choice of gateways, on the simulator's network and clock
 * (guest_socket.c). The model of client.c follows the contract by itself; this one is
 * what the venue's users have.
 *
 * Its process dies when the seed says so. The file of its outbox outlives it, with a torn
 * end now and then.
 *
 * Owns:     the client, its file, what it was told.
 * Units:    none.
 * Errors:   `broken`: what it was told, or what it does, cannot be.
 * Threads:  one, one guest at a time.
 * Bounds:   plan.commands, of which plan.window are under way.
 */
#ifndef SIM_GUEST_H
#define SIM_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/invariants.h"
#include "common/random.h"
#include "sdk/src/zex_state.h"
#include "tests/sim/archive.h"
#include "tests/sim/plan.h"

struct guest_command {
    uint64_t name;
    uint64_t floor; /* highest gseq anybody was told before it was made */
    uint64_t gseq;  /* as it was told; 0: it was not, or long ago */
    bool is_durable, is_void;
    bool is_excused; /* of a session that had ended when the log came back */
};

struct guest {
    const struct plan *plan; /* NULL: there is none in this world */
    struct random random;
    uint32_t account;
    zex_client *client;
    const char *path;
    struct guest_command *commands;
    uint32_t command_count, command_capacity;
    uint32_t untold_count; /* of those, whose end a process that died may have known */
    struct invariants_report *reports; /* one a message of a report */
    uint32_t report_count, report_capacity;
    uint64_t from; /* reports behind this one are its business */
    struct {
        uint64_t nonce, sent; /* n = sent - 1 was sent at least once */
        bool is_renewed;      /* its session is over */
    } lanes[ZEX_OUTBOX_LANES];
    uint32_t left;
    uint64_t next_reference;
    bool is_following, is_saved; /* the file says so */
    bool is_new;                 /* no report since it began */
    bool is_over;                /* a session ended: it begins anew */
    bool quiet;                  /* makes nothing new */
    uint64_t unknown_session;    /* its own, that the venue says nobody has; 0: none */
    const char *broken;
};

void guest_init(struct guest *, const struct plan *);
void guest_close(struct guest *);
void guest_turn(struct guest *);
void guest_crash(struct guest *);

/* The log, as given, is to come back from an older copy. */
void guest_excuse(struct guest *, const struct archive *);

/* Nothing more to do: all is durable and the feed is live. */
bool guest_is_idle(const struct guest *);

/* A frame of its gateway: nothing of another account may be in it. */
void guest_check_frame(const uint8_t *bytes, size_t size);

/* Of the network. */
uint32_t guest_node(void);

/* What getrandom gives it. */
uint64_t guest_draw(void);

/* All it was told, at rest, against the log. NULL, or what is broken. */
const char *guest_judge(const struct guest *, const struct archive *);

#endif
