/* zex_socket.c - a DEALER with the options the protocol needs. */
#include "sdk/src/zex_socket.h"

#include <stdlib.h>
#include <zmq.h>

enum { HWM = 100000, CONNECT_MS = 2000, RECONNECT_MS = 50, RECONNECT_MAX_MS = 2000 };

struct zex_socket {
    void *context;
    void *socket;
    zmq_msg_t frame;
};

int zex_socket_create(struct zex_socket **out)
{
    struct zex_socket *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ZEX_ERR_MEMORY;
    self->context = zmq_ctx_new();
    if (self->context == NULL) {
        free(self);
        return ZEX_ERR_SOCKET;
    }
    zmq_msg_init(&self->frame);
    *out = self;
    return ZEX_OK;
}

void zex_socket_destroy(struct zex_socket **socket)
{
    struct zex_socket *self = *socket;
    if (self == NULL)
        return;
    zmq_msg_close(&self->frame);
    if (self->socket != NULL)
        zmq_close(self->socket);
    zmq_ctx_term(self->context);
    free(self);
    *socket = NULL;
}

static bool set_number(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool set_key(void *socket, int option, const char *z85)
{
    return zmq_setsockopt(socket, option, z85, 41) == 0;
}

static bool set_options(void *socket, const struct zex_options *options)
{
    bool ok = set_number(socket, ZMQ_LINGER, 100) &&
              set_number(socket, ZMQ_SNDHWM, HWM) &&
              set_number(socket, ZMQ_RCVHWM, HWM) &&
              set_number(socket, ZMQ_CONNECT_TIMEOUT, CONNECT_MS) &&
              set_number(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
              set_number(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS) &&
              set_number(socket, ZMQ_TCP_KEEPALIVE, 1);
    if (ok && options->server_key != NULL)
        ok = set_key(socket, ZMQ_CURVE_SERVERKEY, options->server_key) &&
             set_key(socket, ZMQ_CURVE_PUBLICKEY, options->public_key) &&
             set_key(socket, ZMQ_CURVE_SECRETKEY, options->secret_key);
    return ok;
}

int zex_socket_connect(struct zex_socket *self, const struct zex_options *options,
                       const char *address)
{
    if (self->socket != NULL)
        zmq_close(self->socket);
    self->socket = zmq_socket(self->context, ZMQ_DEALER);
    if (self->socket == NULL || !set_options(self->socket, options) ||
        zmq_connect(self->socket, address) != 0)
        return ZEX_ERR_SOCKET;
    return ZEX_OK;
}

bool zex_socket_send(struct zex_socket *self, const void *bytes, size_t size)
{
    return zmq_send(self->socket, bytes, size, ZMQ_DONTWAIT) >= 0;
}

bool zex_socket_receive(struct zex_socket *self, const uint8_t **bytes, size_t *size)
{
    if (zmq_msg_recv(&self->frame, self->socket, ZMQ_DONTWAIT) < 0)
        return false;
    *bytes = zmq_msg_data(&self->frame);
    *size = zmq_msg_size(&self->frame);
    return true;
}

bool zex_socket_is_readable(const struct zex_socket *self)
{
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt(self->socket, ZMQ_EVENTS, &events, &size) == 0 &&
           (events & ZMQ_POLLIN) != 0;
}

void zex_socket_wait(struct zex_socket *self, int timeout_ms)
{
    zmq_pollitem_t item = {.socket = self->socket, .events = ZMQ_POLLIN};
    zmq_poll(&item, 1, timeout_ms);
}

int zex_socket_descriptor(const struct zex_socket *self)
{
    int descriptor = -1;
    size_t size = sizeof descriptor;
    if (zmq_getsockopt(self->socket, ZMQ_FD, &descriptor, &size) != 0)
        return -1;
    return descriptor;
}
