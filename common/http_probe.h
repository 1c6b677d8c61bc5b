/* http_probe.h - asks a running process for one of its pages: what a container's health
 * check runs, since there is no other program in its image.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   ERR_USAGE: not address:port; ERR_IO: no answer in time, or not 200.
 * Threads:  any; it waits.
 * Bounds:   HTTP_PROBE_WAIT_S for each step; the head and some of an answer's body.
 */
#ifndef HTTP_PROBE_H
#define HTTP_PROBE_H

#include <stdio.h>

#include "common/error.h"

enum { HTTP_PROBE_WAIT_S = 2 };

/* The page at `path` of who listens on `bind` (*:8080: on this machine), to `to`. */
ERROR_CHECKED int http_probe(const char *bind, const char *path, FILE *to);

#endif
