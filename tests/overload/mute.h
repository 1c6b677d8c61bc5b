/* mute.h - clients that attach to their accounts' feeds and never read.
 *
 * Owns:     its sockets.
 * Units:    none.
 * Errors:   false.
 * Threads:  one.
 * Bounds:   MUTE_CLIENTS.
 */
#ifndef MUTE_H
#define MUTE_H

#include <stdbool.h>
#include <stdint.h>

enum { MUTE_CLIENTS = 16 };

struct mute {
    void *context, *sockets[MUTE_CLIENTS];
};

/* One for each account from `first_account` on, with a session of its own. */
bool mute_begin(struct mute *, const char *address, uint32_t first_account);
void mute_end(struct mute *);

#endif
