/* zex_clock.h - the SDK's only reader of time.
 *
 * Owns:     nothing.
 * Units:    as the names say.
 * Errors:   none.
 * Threads:  any.
 * Bounds:   none.
 */
#ifndef ZEX_CLOCK_H
#define ZEX_CLOCK_H

#include <stdint.h>

uint64_t zex_clock_now_ms(void); /* monotonic */

#endif
