/* submission.h - what services put into the log.
 *
 * Owns:     nothing; works on the sequencer.
 * Units:    none.
 * Errors:   submission_receive: a decoding error if the frame is not whole.
 * Threads:  none.
 * Bounds:   as many records as fit into the outbox; the service sends the rest again.
 */
#ifndef SUBMISSION_H
#define SUBMISSION_H

#include "services/sequencer/sequencer_core.h"

/* Appends what is new of a `submission` whose `count` bins are at *at, answers with an
 * ack, and moves *at behind the bins. */
int submission_receive(struct sequencer *, const struct core_frame *,
                       const struct msg_submission *, const uint8_t **at,
                       struct outbox *);

#endif
