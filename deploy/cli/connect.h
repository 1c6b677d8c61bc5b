/* connect.h - a client of the running venue, from the files it left in --dir.
 *
 * Owns:     nothing; the caller destroys the client.
 * Units:    none.
 * Errors:   ARGS_*, after saying why on stderr.
 * Threads:  one.
 * Bounds:   ZEX_GATEWAYS_MAX gateways.
 */
#ifndef CONNECT_H
#define CONNECT_H

#include "deploy/cli/args.h"
#include "deploy/cli/outcome.h"
#include "proto/msg.h"
#include "sdk/include/zex.h"

/* DIR/gateways has one address a line; a gateway without CURVE is marked `insecure
 * ADDRESS` and then --account names the account. `as` is used if --as is absent.
 * `options` may be adjusted by the caller before: pass NULL for the defaults. Leaves NULL
 * if it fails, never with ARGS_UNAVAILABLE: no command was sent. */
int connect_open(zex_client **, const struct args *, const char *as,
                 const struct zex_options *options);

/* The same without a feed, for questions, and for what only the log answers. */
int connect_open_unfed(zex_client **, const struct args *, const char *as);

/* Asks page after page; `visit` gets every row decoded. ARGS_FAILED (said on stderr) also
 * if there is no answer in time: a question changes nothing, so no outcome is unknown.
 * `gseq`, if not NULL, is where the first page is true. */
int connect_query(zex_client *, const struct args *, struct zex_query, uint64_t *gseq,
                  void (*visit)(void *argument, const struct msg *row), void *argument);

/* Sends a command and waits for its outcome. ARGS_UNAVAILABLE if none came in time,
 * ARGS_FAILED after an ALARM. */
int connect_command(zex_client *, const struct args *, const struct msg *command,
                    struct outcome *outcome);

#endif
