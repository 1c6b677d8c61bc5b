/* verify_tape.c - see verify_tape.h. */
#include "deploy/cli/verify_tape.h"

#include <string.h>

#include "proto/digest.h"

int verify_tape_open(struct verify_tape *t, const char *service, const char *name,
                     struct journal *journal, uint32_t table, uint32_t stream)
{
    *t = (struct verify_tape){.service = service, .next = 1};
    snprintf(t->name, sizeof t->name, "%s", name);
    if (journal == NULL)
        return 0;
    int error = refold_stream_open(&t->stored, journal, table, stream);
    t->is_stored = error == 0;
    return error == ERR_NOT_FOUND ? 0 : error;
}

void verify_tape_close(struct verify_tape *t)
{
    refold_stream_close(&t->stored);
}

/* 1 if this record is stored too: the service may be behind. */
static int read_stored(struct verify_tape *t, struct block_record *record,
                       struct verify_difference *difference)
{
    if (!t->is_stored || t->next < t->stored.next)
        return 0; /* or not any more: its reader has it */
    if (t->compared == 0)
        memcpy(t->stored.chain, t->chain, sizeof t->chain);
    t->stored.takes_chain = false;
    int more = refold_stream_next(&t->stored, record);
    if (more == ERR_CORRUPT)
        return verify_differs(difference, t->service, t->name, t->stored.next,
                              t->stored.fault);
    return more;
}

int verify_tape_take(struct verify_tape *t, const struct core_input *cause,
                     const uint8_t *body, uint32_t size,
                     struct verify_difference *difference)
{
    uint8_t bytes[BLOCK_RECORD_HEAD_MAX + MESSAGE_BYTES_MAX];
    struct block_record stored;
    int more = read_stored(t, &stored, difference);
    if (more < 0)
        return more;
    if (more == 1 && (stored.size != size || memcmp(stored.bytes, body, size) != 0))
        return verify_differs(difference, t->service, t->name, t->next, "content");
    if (more == 1 && (stored.gseq != cause->gseq || stored.time_ns != cause->time_ns))
        return verify_differs(difference, t->service, t->name, t->next, "cause");
    size_t record_size =
        block_put_derived_record(bytes, cause->gseq, cause->time_ns, body, size);
    digest_fold(t->chain, bytes, record_size);
    t->next++;
    t->compared += (uint64_t)more;
    return 0;
}

int verify_tape_finish(const struct verify_tape *t, struct verify_difference *difference)
{
    if (!t->is_stored || t->stored.next == t->stored.end)
        return 0;
    return verify_differs(difference, t->service, t->name, t->stored.next,
                          "beyond the log");
}
