/* crowd_client.c - see crowd_client.h. */
#include "tests/chaos/crowd_client.h"

#include "common/clock.h"
#include "proto/codec.h"
#include "tests/faults/draw.h"

enum {
    QUERY_MS = 5000,
    DRAIN_MS = 100,
    USD = 1,
    BODY_BYTES = 256,
};

int crowd_client_load(struct crowd_client *c)
{
    return draw_symbols(c->connection, c->symbols);
}

/* ---- what it asks for -------------------------------------------------------------- */

static int note(struct crowd_client *c, int status, int64_t began_ns, uint32_t kind,
                uint64_t name)
{
    const struct annals_call call = {.client = c->index,
                                     .life = c->life,
                                     .lane = kind == MSG_order_cancel,
                                     .kind = kind,
                                     .account = c->account,
                                     .name = name,
                                     .began_ns = began_ns};
    if (status != ZEX_OK)
        return status;
    return annals_add(&c->annals, &call) == 0 ? ZEX_OK : ZEX_ERR_MEMORY;
}

static int place(struct crowd_client *c, uint64_t *own)
{
    const struct zex_order order = draw_order(&c->random, c->symbols);
    uint64_t name = 0;
    int64_t began_ns = (int64_t)clock_mono_ns();
    int status = zex_order_place(c->connection, &order, &name);
    if (status == ZEX_OK)
        *own = name;
    return note(c, status, began_ns, MSG_order_new, name);
}

int crowd_client_cancel(struct crowd_client *c, uint64_t order_id, uint64_t order_name)
{
    uint64_t name = 0;
    int64_t began_ns = (int64_t)clock_mono_ns();
    int status = zex_order_cancel(c->connection, order_id, order_name, &name);
    return note(c, status, began_ns, MSG_order_cancel, name);
}

static int replace(struct crowd_client *c, uint64_t order)
{
    const struct zex_row *s = &c->symbols[random_below(&c->random, 2)];
    uint64_t name = 0;
    int64_t began_ns = (int64_t)clock_mono_ns();
    int status = zex_order_replace(c->connection, 0, order, s->reference_price,
                                   draw_quantity(&c->random, s), &name);
    return note(c, status, began_ns, MSG_order_replace, name);
}

/* An order takes the place of another, which is cancelled, still there or not: their
 * account would have all that it may have in an hour. */
int crowd_client_trade(struct crowd_client *c)
{
    uint64_t *own = &c->own[random_below(&c->random, CROWD_OWN)];
    uint64_t drawn = random_below(&c->random, 10);
    if (*own == 0)
        return place(c, own);
    if (drawn == 0)
        return replace(c, *own);
    int status = crowd_client_cancel(c, 0, *own);
    return status == ZEX_OK && drawn < 8 ? place(c, own) : status;
}

/* One at a time: an acknowledgement does not name it. */
int crowd_client_move_money(struct crowd_client *c, uint32_t account)
{
    uint8_t body[BODY_BYTES];
    size_t size = 0;
    bool is_out = random_chance(&c->random, 400000);
    uint64_t reference = ((uint64_t)c->index + 1) << 40 | ++c->moved;
    int64_t amount = random_between(&c->random, 1, 1000000);
    struct msg message = {.kind = MSG_deposit,
                          .deposit = {account, USD, amount, reference}};
    if (is_out)
        message = (struct msg){.kind = MSG_withdraw,
                               .withdraw = {account, USD, amount, reference}};
    if (c->money != 0 || account == 0 ||
        codec_encode(body, sizeof body, &message, &size) != 0)
        return ZEX_OK;
    int64_t began_ns = (int64_t)clock_mono_ns();
    int status = zex_command_send(c->connection, body, size);
    status = note(c, status, began_ns, message.kind, reference);
    if (status != ZEX_OK)
        return status;
    struct annals_call *call = &c->annals.calls[c->annals.count - 1];
    call->account = account;
    call->asset = USD;
    call->amount = is_out ? -amount : amount;
    c->money = c->annals.count;
    return ZEX_OK;
}

/* ---- what it is told --------------------------------------------------------------- */

static void tell(struct crowd_client *c, enum crowd_kind kind)
{
    if (c->on_told != NULL)
        c->on_told(c, kind);
}

static void settle(struct crowd_client *c, struct annals_call *call, uint64_t gseq,
                   enum annals_outcome outcome)
{
    if (call->outcome != ANNALS_UNKNOWN)
        return;
    call->outcome = outcome;
    call->gseq = gseq;
    call->ended_ns = (int64_t)clock_mono_ns();
    tell(c, CROWD_ACCEPTED);
}

static void settle_name(struct crowd_client *c, uint64_t name, uint64_t gseq,
                        enum annals_outcome outcome)
{
    for (uint32_t i = c->open_from; i < c->annals.count; i++)
        if (c->annals.calls[i].name == name && c->annals.calls[i].asset == 0)
            settle(c, &c->annals.calls[i], gseq, outcome);
    while (c->open_from < c->annals.count &&
           c->annals.calls[c->open_from].outcome != ANNALS_UNKNOWN)
        c->open_from++;
}

/* A replaced order goes by the name of what replaced it. */
static void rename_order(struct crowd_client *c, const struct zex_event *event)
{
    for (uint32_t i = 0; i < CROWD_OWN; i++)
        if (c->own[i] == event->orig_cl_ord_id)
            c->own[i] = event->cl_ord_id;
}

static void on_event(struct crowd_client *c, const struct zex_event *event)
{
    bool is_refusal =
        event->type == ZEX_EVENT_REJECTED || event->type == ZEX_EVENT_CANCEL_REJECTED;
    if (event->type == ZEX_EVENT_CANCELLED && c->last_name != 0 &&
        (event->cl_ord_id == c->last_name || event->orig_cl_ord_id == c->last_name))
        c->last_gseq = event->gseq;
    if (event->type == ZEX_EVENT_ORDER || event->type == ZEX_EVENT_CANCELLED)
        tell(c, event->symbol == c->symbols[0].symbol ? CROWD_SHARD_0 : CROWD_SHARD_1);
    if (event->type == ZEX_EVENT_BUSY && c->on_refusal != NULL)
        c->on_refusal(c, event->reason);
    if (event->type == ZEX_EVENT_REPLACED)
        rename_order(c, event);
    if (event->type == ZEX_EVENT_ALARM)
        c->alarms++;
    if (event->type == ZEX_EVENT_CLOSED)
        c->gone++;
    if (event->type == ZEX_EVENT_DURABLE && event->cl_ord_id != 0)
        settle_name(c, event->cl_ord_id, event->gseq, ANNALS_OK);
    else if (event->type == ZEX_EVENT_DURABLE && c->money != 0) {
        settle(c, &c->annals.calls[c->money - 1], event->gseq, ANNALS_OK);
        c->money = 0;
    } else if (is_refusal && event->gseq == 0)
        settle_name(c, event->cl_ord_id, 0, ANNALS_FAIL);
}

int crowd_client_take(struct crowd_client *c, int timeout_ms)
{
    struct zex_event event;
    int status = zex_client_wait(c->connection, &event, timeout_ms);
    while (status == ZEX_OK) {
        on_event(c, &event);
        status = zex_client_wait(c->connection, &event, 0);
    }
    return status == ZEX_ERR_TIMEOUT ? ZEX_OK : status;
}

/* ---- its end ---------------------------------------------------------------------- */

bool crowd_client_drain(struct crowd_client *c, int64_t end_ms)
{
    int status = ZEX_OK;
    while (c->is_at_rest && status == ZEX_OK && zex_client_in_flight(c->connection) > 0 &&
           clock_mono_ms() < end_ms)
        status = crowd_client_take(c, DRAIN_MS);
    return c->is_at_rest && zex_client_in_flight(c->connection) == 0;
}

bool crowd_client_rest(struct crowd_client *c, int64_t end_ms, uint64_t *gseq)
{
    for (uint32_t i = 0; i < 2; i++) {
        const struct zex_row *s = &c->symbols[i];
        const struct zex_order order = {
            .symbol = s->symbol,
            .side = ZEX_SIDE_BUY,
            .type = ZEX_LIMIT,
            .time_in_force = ZEX_IOC,
            .price = s->reference_price - 2 * DRAW_PRICES * s->tick,
            .quantity = DRAW_LOTS * s->lot,
        };
        int64_t began_ns = (int64_t)clock_mono_ns();
        int status = zex_order_place(c->connection, &order, &c->last_name);
        status = note(c, status, began_ns, MSG_order_new, c->last_name);
        c->last_gseq = 0;
        while (status == ZEX_OK && c->last_gseq == 0 && clock_mono_ms() < end_ms)
            status = crowd_client_take(c, DRAIN_MS);
        if (c->last_gseq == 0)
            return false;
        *gseq = c->last_gseq;
    }
    return crowd_client_drain(c, end_ms);
}

int crowd_client_balances(const struct crowd_client *c, uint32_t last, uint64_t after,
                          struct annals_balance *balances, uint32_t max, uint32_t *count)
{
    int status = ZEX_OK;
    *count = 0;
    for (uint32_t account = 1; account <= last && status == ZEX_OK; account++) {
        struct zex_query query = {
            .kind = ZEX_QUERY_BALANCES, .account = account, .after = after};
        struct zex_answer answer;
        struct zex_row row;
        status = zex_query(c->connection, &query, &answer, QUERY_MS);
        while (status == ZEX_OK && *count < max && zex_answer_next(&answer, &row))
            balances[(*count)++] =
                (struct annals_balance){row.account, row.asset, row.free + row.held};
    }
    return status;
}
