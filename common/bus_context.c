/* bus_context.c - a zmq context, one or shared. */
#include "common/bus.h"

#include <errno.h>
#include <zmq.h>

void *bus_context_create(uint32_t io_threads)
{
    void *context = zmq_ctx_new();
    if (!context)
        return NULL;
    zmq_ctx_set(context, ZMQ_IO_THREADS, (int)io_threads);
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, 4096);
    return context;
}

void bus_context_destroy(void **self)
{
    if (*self)
        while (zmq_ctx_term(*self) != 0 && errno == EINTR)
            continue;
    *self = NULL;
}
