/* poison.c - the power goes where a core would abort. */
#include "tests/sim/poison.h"

#include <string.h>

#include "common/check.h"
#include "tests/sim/marks.h"
#include "tests/sim/power.h"
#include "tests/sim/venue.h"

static struct patient {
    struct core_ops core;
    struct service_kind kind;
    const struct core_ops *healthy;
    uint64_t applied; /* the furthest position, in any of its lives */
    bool is_armed;
} patients[VENUE_NODES];

static struct {
    uint32_t node;
    uint64_t seq, gseq;
    bool is_told;
} poisons[POISON_MAX];

static uint32_t count;

void poison_reset(void)
{
    memset(patients, 0, sizeof patients);
    count = 0;
}

static bool is_trifle(const struct core_input *in)
{
    return in->msg->kind == MSG_tick || in->msg->kind == MSG_epoch ||
           in->msg->kind == MSG_digest;
}

static bool is_order(uint32_t kind)
{
    return kind == MSG_order_new || kind == MSG_order_cancel || kind == MSG_order_replace;
}

/* Where a command does something, and nothing else counts on its having done it. */
static bool is_harmless(uint32_t node, const struct core_input *in)
{
    const uint32_t kind = in->msg->kind;
    if (is_trifle(in))
        return true;
    if (node >= VENUE_SHARD)
        return kind >= MSG_approved_new && kind <= MSG_approved_kill;
    if (in->source <= 0 || kind == MSG_close)
        return false;
    return node != VENUE_RISK || is_order(kind) || kind == MSG_withdraw ||
           kind == MSG_deposit;
}

static bool is_poison(uint32_t node, uint64_t seq)
{
    for (uint32_t i = 0; i < count; i++) {
        if (poisons[i].node == node && poisons[i].seq == seq)
            return true;
    }
    return false;
}

static void apply(void *state, const struct core_input *in, struct outbox *outbox)
{
    const uint32_t node = power_node();
    struct patient *p = &patients[node];
    if (p->is_armed && in->seq > p->applied && is_harmless(node, in)) {
        p->is_armed = false;
        poisons[count].node = node;
        poisons[count].seq = in->seq;
        poisons[count].gseq = in->gseq;
        poisons[count++].is_told = false;
        MARK(poisoned);
    }
    if (is_poison(node, in->seq)) {
        power_cut();
        return;
    }
    if (in->seq > p->applied && !power_is_cut())
        p->applied = in->seq;
    p->healthy->apply(state, in, outbox);
}

const struct service_kind *poison_kind(uint32_t node, const struct service_kind *kind)
{
    struct patient *p = &patients[node];
    p->healthy = kind->core;
    p->core = *kind->core;
    p->core.apply = apply;
    p->kind = *kind;
    p->kind.core = &p->core;
    return &p->kind;
}

void poison_arm(uint32_t node)
{
    uint32_t armed = 0;
    for (uint32_t i = 0; i < VENUE_NODES; i++)
        armed += patients[i].is_armed;
    if (node != VENUE_SEQUENCER && node < VENUE_GATEWAY && count + armed < POISON_MAX)
        patients[node].is_armed = true;
}

void poison_disarm(void)
{
    for (uint32_t node = 0; node < VENUE_NODES; node++)
        patients[node].is_armed = false;
}

bool poison_due(struct msg_skip *skip)
{
    for (uint32_t i = 0; i < count; i++) {
        if (poisons[i].is_told)
            continue;
        poisons[i].is_told = true;
        skip->service = venue_service(poisons[i].node);
        skip->sequence = poisons[i].seq;
        return true;
    }
    return false;
}

bool poison_is_in(uint32_t node, uint64_t next)
{
    for (uint32_t i = 0; i < count; i++) {
        if (poisons[i].node == node && patients[node].applied <= poisons[i].seq &&
            next <= poisons[i].seq)
            return true;
    }
    return false;
}

bool poison_is_cause(uint64_t gseq)
{
    for (uint32_t i = 0; i < count; i++) {
        if (poisons[i].gseq == gseq)
            return true;
    }
    return false;
}
