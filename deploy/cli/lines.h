/* lines.h - the lines of a text file, compressed with xz or not.
 *
 * Owns:     the open file and the decoder, until lines_close.
 * Units:    bytes.
 * Errors:   false after saying what is wrong on stderr.
 * Threads:  one.
 * Bounds:   LINES_MAX bytes a line.
 */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>

#define LINES_MAX 4096

struct lines;

/* A name that ends in .xz is decompressed on the way. */
bool lines_open(struct lines **, const char *path);
void lines_close(struct lines **);

/* The next line without its end, borrowed until the next call; NULL at the end of the
 * file or at an error: lines_failed tells. */
const char *lines_next(struct lines *);
bool lines_failed(const struct lines *);

#endif
