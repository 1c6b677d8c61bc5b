/* mute.c - see mute.h. */
#include "tests/overload/mute.h"

#include <zmq.h>

#include "proto/codec.h"

enum { NONCE = 1000000, LITTLE = 4096 };

/* It holds next to nothing itself, so that all the rest waits at the gateway. */
static void *open_socket(void *context, const char *address)
{
    static const struct {
        int name, value;
    } options[] = {
        {ZMQ_LINGER, 0}, {ZMQ_RCVHWM, 1}, {ZMQ_RCVBUF, LITTLE}, {ZMQ_IMMEDIATE, 1}};
    void *socket = zmq_socket(context, ZMQ_DEALER);
    int rc = socket != NULL ? 0 : -1;
    for (uint32_t i = 0; rc == 0 && i < sizeof options / sizeof *options; i++)
        rc = zmq_setsockopt(socket, options[i].name, &options[i].value, sizeof(int));
    return rc == 0 && zmq_connect(socket, address) == 0 ? socket : NULL;
}

static bool attach(void *socket, uint32_t account)
{
    struct msg hello = {.kind = MSG_hello, .hello = {.account = account}};
    struct msg open = {.kind = MSG_client_open, .client_open = {.nonce = NONCE}};
    uint8_t frame[LITTLE];
    size_t first = 0, second = 0;
    return codec_encode(frame, sizeof frame, &hello, &first) == 0 &&
           codec_encode(frame + first, sizeof frame - first, &open, &second) == 0 &&
           zmq_send(socket, frame, first + second, 0) > 0;
}

bool mute_begin(struct mute *m, const char *address, uint32_t first_account)
{
    *m = (struct mute){.context = zmq_ctx_new()};
    for (uint32_t i = 0; i < MUTE_CLIENTS; i++) {
        m->sockets[i] = open_socket(m->context, address);
        if (m->sockets[i] == NULL || !attach(m->sockets[i], first_account + i))
            return false;
    }
    return true;
}

void mute_end(struct mute *m)
{
    for (uint32_t i = 0; i < MUTE_CLIENTS; i++)
        if (m->sockets[i] != NULL)
            zmq_close(m->sockets[i]);
    if (m->context != NULL)
        zmq_ctx_term(m->context);
    *m = (struct mute){.context = NULL};
}
