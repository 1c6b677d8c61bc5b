/* lane.h - one session of an eager client: it sends without waiting, and when a number is
 * refused all that it sent behind it is too, so it waits for those answers and begins
 * again behind the last one that was accepted.
 *
 * Owns:     the commands under way, by number.
 * Units:    ns of the monotonic clock.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   LANE_WINDOW commands under way.
 */
#ifndef LANE_H
#define LANE_H

#include <stdbool.h>
#include <stdint.h>

enum { LANE_WINDOW = 512, LANE_BODY = 72 };

struct lane_order {
    uint64_t sent_ns;
    uint32_t frame; /* the serial of the one it is in */
    uint32_t name;
    uint16_t size;
    uint8_t body[LANE_BODY];
};

struct lane {
    uint64_t id;       /* session; 0: not open yet */
    uint64_t accepted; /* the last number known to be in the log */
    uint64_t first;    /* all below have their answers */
    uint64_t next;     /* to be sent */
    uint64_t heard_ns; /* the last answer, or when it began to wait for one */
    uint32_t waiting;  /* for so many answers */
    bool refused;      /* one of them: nothing is sent until all are there */
    bool repeats;      /* no answer for long: sends again until all is accepted */
    bool answered[LANE_WINDOW];
    struct lane_order orders[LANE_WINDOW];
};

void lane_open(struct lane *, uint64_t session);

bool lane_may_send(const struct lane *);

/* Gives the order its number. */
uint64_t lane_send(struct lane *, const struct lane_order *, uint64_t now_ns);

/* The order, if this is news; else NULL. */
const struct lane_order *lane_accept(struct lane *, uint64_t n, uint64_t now_ns);

/* Likewise; it may be offered again, under another number, unless the lane repeats: then
 * it is still under way. */
const struct lane_order *lane_refuse(struct lane *, uint64_t n, uint64_t now_ns);

/* One behind the last that is in a frame with n. */
uint64_t lane_frame_end(const struct lane *, uint64_t n);

/* Is n, which is in [first, next), still without an answer? */
bool lane_waits(const struct lane *, uint64_t n);

#endif
