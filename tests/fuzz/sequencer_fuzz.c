/* sequencer_fuzz.c - bytes as frames of gateways and services to the sequencer: what it
 * appends has the next n of its source, and its invariants hold.
 *
 * A frame is a byte that says who sends it, two with its size, then its bytes.
 */
#include "tests/unit/desk.h"

#include "services/sequencer/sequencer_core.h"

#include "tests/unit/sequencer_world.h"

#include "common/check.h"
#include "proto/sample.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/kept.h"

enum { SOURCES = 64 };

static struct desk *desk;
static struct kept kept;
static uint64_t kept_gseq;
static struct {
    int64_t source;
    uint64_t n;
} counts[SOURCES];
static uint32_t count;

static void reset(void)
{
    if (desk == NULL) {
        desk = open_desk();
        (void)open_session(desk, ACCOUNT, 1);
        (void)open_session(desk, OTHER, 1);
        kept_make(&kept, desk->state, desk->ops->size(&desk->genesis, 0));
        kept_gseq = desk->gseq;
    }
    kept_restore(&kept);
    desk->gseq = kept_gseq;
    desk->time = (struct core_time){.mono_ns = 2000000000, .wall_ns = 6000000000};
    desk->frame_size = desk->sent_count = desk->taken = 0;
    count = 0;
}

/* n = 1, 2, 3 ... of each source that counts. */
static void check_records(void)
{
    for (uint32_t i = 0; i < desk->record_count; i++) {
        const struct desk_record *r = &desk->records[i];
        uint32_t at = 0;
        if (r->source == 0)
            continue;
        while (at < count && counts[at].source != r->source)
            at++;
        if (at == SOURCES)
            continue;
        if (at == count)
            counts[count++].source = r->source;
        CHECK(r->n == (counts[at].n == 0 ? 1 : counts[at].n + 1));
        counts[at].n = r->n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz f = {bytes, bytes + size};
    reset();
    memset(counts, 0, sizeof counts);
    while (!fuzz_is_over(&f)) {
        uint8_t who = fuzz_byte(&f);
        size_t wanted = (size_t)fuzz_number(&f, 2), left = (size_t)(f.end - f.at);
        if (who >= 224)
            desk_pass_ms(desk, who - 223u);
        desk_put_bytes(desk, f.at, wanted < left ? wanted : left);
        f.at += desk->frame_size;
        desk_receive(desk, BUS_SERVER, who % 2 ? GATEWAY : SERVICE, NULL);
        desk_turn(desk);
        check_records();
    }
    return 0;
}

/* ---- to begin with ----------------------------------------------------------------- */

static void put_sample(uint32_t number)
{
    struct msg m = order(number);
    uint64_t session = kept_gseq - number % 2;
    uint32_t account = number % 2 ? ACCOUNT : OTHER;
    switch (number % 6) {
    case 0:
        put_open(desk, account, number);
        return;
    case 1:
    case 2:
        put_command(desk, session, 1 + number / 6, account, &m);
        return;
    case 3:
        m = (struct msg){.kind = MSG_checkin};
        m.checkin.source = -SERVICE_RISK;
        m.checkin.next = 2;
        break;
    case 4:
        m = (struct msg){.kind = MSG_submission};
        m.submission.source = number % 12 == 4 ? -SERVICE_RISK : -SERVICE_SETTLEMENT;
        m.submission.first_n = 1;
        m.submission.count = 1 + number % 3;
        desk_put(desk, &m);
        sample_fixed(&m, number % 12 == 4 ? MSG_order_rejected : MSG_digest);
        for (uint32_t i = 0; i <= number % 3; i++)
            desk_put_bin(desk, &m);
        return;
    default:
        m = (struct msg){.kind = MSG_position};
        m.position.source = -SERVICE_SETTLEMENT;
        m.position.next = number;
        break;
    }
    desk_put(desk, &m);
}

size_t fuzz_seed(uint32_t number, uint8_t bytes[FUZZ_SEED_BYTES])
{
    size_t size = 0;
    if (number >= 64)
        return 0;
    for (uint32_t i = 0; i <= number % 8; i++) {
        reset();
        put_sample(number + i + 1);
        bytes[size] = (uint8_t)(number % 2 + (i == 3 ? 224 : 0));
        bytes[size + 1] = (uint8_t)(desk->frame_size >> 8);
        bytes[size + 2] = (uint8_t)desk->frame_size;
        memcpy(bytes + size + 3, desk->frame, desk->frame_size);
        size += 3 + desk->frame_size;
    }
    return size;
}
