/* zex_order.c - commands: encode, name, put into the outbox. */
#include <stdio.h>

#include "proto/codec.h"
#include "sdk/src/zex_state.h"

#define ERROR(NAME, number, text) REASON_##NAME = (number),
enum reason {
#include "common/error.def"
};
#undef ERROR

static int put(struct zex_client *self, uint32_t lane, const uint8_t *body, size_t size,
               uint64_t cl_ord_id)
{
    if (self->status != ZEX_OK)
        return self->status;
    if (self->reader) {
        snprintf(self->error, sizeof self->error, "this key may only ask");
        return -REASON_WRONG_ROLE;
    }
    if (self->outbox.lanes[lane].gone || self->lanes[lane].close_n != 0)
        return ZEX_ERR_CLOSED;
    return zex_outbox_add(&self->outbox, lane, body, size, cl_ord_id);
}

/* Encodes and checks the command as the venue will: what it would call malformed never
 * leaves. */
static int place(struct zex_client *self, uint32_t lane, struct msg *message,
                 uint64_t cl_ord_id)
{
    uint8_t body[BODY_BYTES_MAX];
    struct msg check;
    size_t size = 0, used = 0;
    int status = codec_encode(body, sizeof body, message, &size);
    if (status == 0)
        status = codec_decode(body, size, &check, &used);
    if (status != 0) {
        snprintf(self->error, sizeof self->error, "a field is out of its range: %s",
                 zex_reason_text(status));
        return ZEX_ERR_USAGE;
    }
    return put(self, lane, body, size, cl_ord_id);
}

/* Takes a name for a command that was accepted into the outbox. */
static int finish(struct zex_client *self, int status, uint64_t *cl_ord_id)
{
    if (status != ZEX_OK)
        return status;
    if (cl_ord_id != NULL)
        *cl_ord_id = self->next_cl_ord_id;
    self->next_cl_ord_id++;
    return ZEX_OK;
}

int zex_order_place(zex_client *self, const struct zex_order *order, uint64_t *cl_ord_id)
{
    struct msg message = {.kind = MSG_order_new,
                          .order_new = {.cl_ord_id = self->next_cl_ord_id,
                                        .symbol = order->symbol,
                                        .side = (uint8_t)order->side,
                                        .ord_type = (uint8_t)order->type,
                                        .tif = (uint8_t)order->time_in_force,
                                        .price = order->price,
                                        .quantity = order->quantity,
                                        .post_only = order->post_only != 0,
                                        .stp = (uint8_t)order->stp}};
    int status = place(self, ZEX_STATE_ORDERS, &message, self->next_cl_ord_id);
    return finish(self, status, cl_ord_id);
}

int zex_order_cancel(zex_client *self, uint64_t order_id, uint64_t orig_cl_ord_id,
                     uint64_t *cl_ord_id)
{
    struct msg message = {.kind = MSG_order_cancel,
                          .order_cancel = {.cl_ord_id = self->next_cl_ord_id,
                                           .order_id = order_id,
                                           .orig_cl_ord_id = orig_cl_ord_id}};
    int status = place(self, ZEX_STATE_CANCELS, &message, self->next_cl_ord_id);
    return finish(self, status, cl_ord_id);
}

int zex_order_replace(zex_client *self, uint64_t order_id, uint64_t orig_cl_ord_id,
                      int64_t price, int64_t quantity, uint64_t *cl_ord_id)
{
    struct msg message = {.kind = MSG_order_replace,
                          .order_replace = {.cl_ord_id = self->next_cl_ord_id,
                                            .order_id = order_id,
                                            .orig_cl_ord_id = orig_cl_ord_id,
                                            .price = price,
                                            .quantity = quantity}};
    int status = place(self, ZEX_STATE_ORDERS, &message, self->next_cl_ord_id);
    return finish(self, status, cl_ord_id);
}

int zex_withdraw(zex_client *self, uint32_t asset, int64_t amount, uint64_t reference)
{
    struct msg message = {.kind = MSG_withdraw,
                          .withdraw = {.account = self->account,
                                       .asset = asset,
                                       .amount = amount,
                                       .reference = reference}};
    return place(self, ZEX_STATE_ORDERS, &message, 0);
}

int zex_command_send(zex_client *self, const uint8_t *body, size_t size)
{
    if (size > BODY_BYTES_MAX)
        return ZEX_ERR_USAGE;
    return put(self, ZEX_STATE_ORDERS, body, size, 0);
}

int zex_client_close(zex_client *self)
{
    struct msg message = {.kind = MSG_close};
    int status = ZEX_OK;
    for (uint32_t lane = 0; lane < ZEX_OUTBOX_LANES && status == ZEX_OK; lane++) {
        if (self->outbox.lanes[lane].gone || self->lanes[lane].close_n != 0)
            continue;
        status = place(self, lane, &message, 0);
        if (status == ZEX_OK)
            self->lanes[lane].close_n = self->outbox.lanes[lane].next - 1;
    }
    return status;
}
