/* sdk_line.h - the SDK's socket and clock, in memory: a test decides what arrives and how
 * late it is, so that no busy machine can. Stands for zex_socket.c and zex_clock.c.
 *
 * Owns:     frames on their way to the client.
 * Units:    ms; time passes only where somebody waits.
 * Errors:   cmocka assertions.
 * Threads:  one, one client at a time.
 * Bounds:   LINE_FRAMES on their way.
 */
#ifndef SDK_LINE_H
#define SDK_LINE_H

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "sdk/src/zex_clock.h"
#include "sdk/src/zex_socket.h"

enum { LINE_FRAMES = 256 };

struct zex_socket {
    const char *address; /* of the gateway it is connected to */
    uint8_t *frame;      /* lent to the client */
};

static struct {
    uint64_t now_ms;
    struct zex_socket *socket; /* the client's, while there is one */
    struct {
        uint8_t *bytes;
        size_t size;
    } frames[LINE_FRAMES];
    size_t first, count;
    void (*sent)(const char *address, const uint8_t *bytes, size_t size);
} line;

uint64_t zex_clock_now_ms(void)
{
    return line.now_ms;
}

static inline uint8_t *line_take(size_t *size)
{
    uint8_t *bytes = line.frames[line.first].bytes;
    *size = line.frames[line.first].size;
    line.first = (line.first + 1) % LINE_FRAMES;
    line.count--;
    return bytes;
}

/* What was on its way dies with the connection. */
static inline void line_cut(void)
{
    size_t size;
    while (line.count > 0)
        free(line_take(&size));
}

/* To the client; lost if it is not connected there. */
static inline void line_say(const char *address, const uint8_t *bytes, size_t size)
{
    if (line.socket == NULL || strcmp(line.socket->address, address) != 0)
        return;
    assert_true(line.count < LINE_FRAMES);
    const size_t at = (line.first + line.count++) % LINE_FRAMES;
    line.frames[at].bytes = malloc(size);
    line.frames[at].size = size;
    assert_non_null(line.frames[at].bytes);
    memcpy(line.frames[at].bytes, bytes, size);
}

int zex_socket_create(struct zex_socket **out)
{
    assert_null(line.socket);
    line.socket = *out = calloc(1, sizeof **out);
    return line.socket == NULL ? ZEX_ERR_MEMORY : ZEX_OK;
}

void zex_socket_destroy(struct zex_socket **socket)
{
    if (*socket == NULL)
        return;
    line_cut();
    free((*socket)->frame);
    free(*socket);
    line.socket = *socket = NULL;
}

int zex_socket_connect(struct zex_socket *socket, const struct zex_options *options,
                       const char *address)
{
    (void)options;
    line_cut();
    socket->address = address;
    return ZEX_OK;
}

bool zex_socket_send(struct zex_socket *socket, const void *bytes, size_t size)
{
    line.sent(socket->address, bytes, size);
    return true;
}

bool zex_socket_receive(struct zex_socket *socket, const uint8_t **bytes, size_t *size)
{
    if (line.count == 0)
        return false;
    free(socket->frame);
    *bytes = socket->frame = line_take(size);
    return true;
}

bool zex_socket_is_readable(const struct zex_socket *socket)
{
    (void)socket;
    return line.count > 0;
}

void zex_socket_wait(struct zex_socket *socket, int timeout_ms)
{
    (void)socket;
    if (line.count == 0)
        line.now_ms += (uint64_t)timeout_ms;
}

int zex_socket_descriptor(const struct zex_socket *socket)
{
    (void)socket;
    return -1;
}

#endif
