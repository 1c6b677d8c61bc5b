/* progress.h - a bar on stderr for what takes longer than a second, on a terminal only.
 *
 * Owns:     nothing.
 * Units:    whatever is counted.
 * Errors:   none.
 * Threads:  one.
 * Bounds:   redrawn five times a second.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *unit; /* "gseq" */
    uint64_t began_ns, shown_ns;
    bool is_terminal, is_shown;
};

void progress_begin(struct progress *, const char *unit);
void progress_show(struct progress *, uint64_t done, uint64_t all);
/* Takes the bar away. */
void progress_end(struct progress *);

uint64_t progress_ms(const struct progress *); /* since the beginning */

#endif
