/* stream.h - the streams, and the times of their protocol (docs: services/README.md).
 *
 * Owns:     nothing.
 * Units:    nanoseconds of the monotonic clock; bytes.
 * Errors:   none.
 * Threads:  any.
 * Bounds:   one frame is at most STREAM_FRAME_BYTES.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdint.h>

#define STREAM_LOG         0u
#define STREAM_APPROVED(k) (1u + (uint32_t)(k))
#define STREAM_OUTPUT      0x100u /* a service's own journal of what it submitted */
#define STREAM_CHAIN       32u /* bytes; a derived stream's digest fills the first 16 */
#define STREAM_DIGEST      16u

#define STREAM_FRAME_BYTES (1u << 20)
#define STREAM_BLOCK_BYTES (1u << 18) /* a block is cut when it reaches this size */

#define STREAM_MS      UINT64_C(1000000)
#define STREAM_HEAD_NS (100 * STREAM_MS) /* a HEAD at least this often */
#define STREAM_RETRY_NS                                                                  \
    (250 * STREAM_MS) /* no news, no answer, no ack: ask or send again */

#endif
