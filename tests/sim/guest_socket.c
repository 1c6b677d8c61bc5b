/* guest_socket.c - stands for zex_socket.c and zex_clock.c, and for what the library
 * draws. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/bus.h"
#include "common/check.h"
#include "common/clock.h"
#include "sdk/src/zex_clock.h"
#include "sdk/src/zex_socket.h"
#include "tests/sim/guest.h"
#include "tests/sim/network.h"

struct zex_socket {
    struct bus *bus;
};

uint64_t zex_clock_now_ms(void)
{
    return clock_mono_ns() / CLOCK_MS_NS;
}

/* The linker sends the library's calls here (sim.mk: --wrap). */
ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags);

ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags)
{
    const uint64_t drawn = guest_draw();
    CHECK(size == sizeof drawn && flags == 0);
    memcpy(bytes, &drawn, sizeof drawn);
    return (ssize_t)size;
}

int zex_socket_create(struct zex_socket **out)
{
    *out = calloc(1, sizeof **out);
    CHECK(*out != NULL);
    return ZEX_OK;
}

void zex_socket_destroy(struct zex_socket **socket)
{
    if (*socket == NULL)
        return;
    bus_close(&(*socket)->bus);
    free(*socket);
    *socket = NULL;
}

int zex_socket_connect(struct zex_socket *self, const struct zex_options *options,
                       const char *address)
{
    const struct bus_endpoint endpoint = {.port = BUS_OWNER, .address = address};
    const struct bus_options bus = {.endpoints = &endpoint, .endpoint_count = 1};
    (void)options;
    bus_close(&self->bus);
    network_set_node(guest_node());
    int error = bus_open(&self->bus, &bus);
    CHECK(error == 0);
    return ZEX_OK;
}

bool zex_socket_send(struct zex_socket *self, const void *bytes, size_t size)
{
    return bus_send(self->bus, BUS_OWNER, 0, bytes, size) == 0;
}

bool zex_socket_receive(struct zex_socket *self, const uint8_t **bytes, size_t *size)
{
    struct bus_frame frame;
    if (bus_receive(self->bus, &frame) != 1)
        return false;
    guest_check_frame(frame.bytes, frame.size);
    *bytes = frame.bytes;
    *size = frame.size;
    return true;
}

/* Time passes elsewhere: nobody is waited for. */
bool zex_socket_is_readable(const struct zex_socket *self)
{
    (void)self;
    return false;
}

void zex_socket_wait(struct zex_socket *self, int timeout_ms)
{
    (void)self;
    (void)timeout_ms;
}

int zex_socket_descriptor(const struct zex_socket *self)
{
    (void)self;
    return -1;
}
