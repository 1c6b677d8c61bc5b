/* network.h - virtual links between processes, behind common/bus.h.
 *
 * A connecting port of one bus and the bound port of another make a link: FIFO in each
 * direction, and frames may be lost, doubled and late. Different links know nothing of
 * each other, so their frames overtake. A link that was reset loses what was under way
 * and comes back with a new handle; what a process had sent before it died may arrive.
 *
 * Owns:     buses, links, frames under way, the hash of all that was delivered.
 * Units:    ns; rates in millionths.
 * Errors:   as common/bus.h.
 * Threads:  one.
 * Bounds:   NETWORK_NODES processes; those of the weather.
 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/random.h"

enum { NETWORK_NODES = 24 };

struct network_weather {
    uint32_t loss_ppm, duplication_ppm;
    uint64_t delay_ns_min, delay_ns_max;
    uint32_t frames_max; /* on the way to one bus; more are refused */
};

void network_init(uint64_t seed, const struct network_weather *);
void network_set_weather(const struct network_weather *);

/* Buses opened from now on belong to this process. */
void network_set_node(uint32_t node);

/* Frames from one process to another are lost until then. */
void network_cut(uint32_t from, uint32_t to, uint64_t until_ns);

/* Some link of the process breaks and reconnects. */
void network_reset_link(uint32_t node);

/* Some link of the process goes silent, one way or both, and nobody is told. It stays so,
 * even when all heals, until its process connects anew. */
void network_kill_link(uint32_t node);

/* Nobody finds this process any more, nor does it hear anybody; who read its stream does
 * so until it connects anew. It is called `as` from now on. */
void network_orphan(uint32_t node, uint32_t as);

/* All partitions end. */
void network_heal(void);

/* Of everything delivered so far, with its time and its place. */
uint64_t network_trace(void);

/* Folds something else that happened into the trace. */
void network_note(uint64_t what);

#endif
