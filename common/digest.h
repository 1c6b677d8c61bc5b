/* digest.h - moved to proto/digest.h; to be removed with its last include.
 *
 * Owns:     nothing.
 * Units:    see there.
 * Errors:   none.
 * Threads:  any.
 * Bounds:   see there.
 */
#include "proto/digest.h"
