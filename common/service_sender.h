/* service_sender.h - joins what an outbox sends into one frame per destination.
 *
 * Owns:     its index and its frame, mapped once.
 * Units:    bytes.
 * Errors:   ERR_MEMORY at init. A peer that is gone or full loses the frame: the
 *           protocols resend; the caller counts.
 * Threads:  none.
 * Bounds:   SERVICE_SENDER_ITEMS are grouped at a time; frames up to STREAM_FRAME_BYTES.
 */
#ifndef SERVICE_SENDER_H
#define SERVICE_SENDER_H

#include <stdint.h>

#include "common/bus.h"
#include "common/core.h"
#include "common/outbox.h"
#include "proto/limits.h"
#include "proto/msg.h"

#define SERVICE_SENDER_ITEMS 16384
#define SERVICE_SENDER_PEERS (SERVICE_SHARD + SHARD_MAX + 1)

struct service_sender {
    struct sender_index *index;
    uint8_t *frame;
    uint64_t frames, bytes, dropped;  /* since init: given to the bus, refused by it */
    bool asked[SERVICE_SENDER_PEERS]; /* BUS_SERVICE; cleared by who hears the answer */
};

int service_sender_init(struct service_sender *);
void service_sender_close(struct service_sender *);

/* One frame, of the harness's own. */
int service_sender_send(struct service_sender *, struct bus *, enum bus_port,
                        uint32_t index_or_peer, const uint8_t *bytes, size_t size);
void service_sender_publish(struct service_sender *, struct bus *, uint32_t stream,
                            const uint8_t *bytes, size_t size);

/* Sends everything in the run, in order for each destination. The core hears of what
 * could not be sent. */
void service_sender_flush(struct service_sender *, struct bus *,
                          const struct outbox_run *, const struct core_ops *,
                          void *state);

#endif
