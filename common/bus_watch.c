/* bus_watch.c - see bus_watch.h. */
#include "common/bus_watch.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LOOKS_MAX  1024 /* at once: half a millisecond */
#define BYTES_MIN  (UINT64_C(1) << 20)
#define FRAMES_MAX 4 /* of the largest, beyond that */

static struct bus_watched *find(struct bus_watch *watch, int descriptor)
{
    return descriptor >= 0 && descriptor < (int)BUS_WATCH_MAX
               ? &watch->connections[descriptor]
               : NULL;
}

void bus_watch_begin(struct bus_watch *watch, const char *address,
                     uint32_t frame_bytes_max)
{
    const char *port = strrchr(address, ':');
    watch->port = port ? (uint16_t)strtoul(port + 1, NULL, 10) : 0;
    watch->bytes_max = BYTES_MIN + FRAMES_MAX * (uint64_t)frame_bytes_max;
}

void bus_watch_add(struct bus_watch *watch, int descriptor)
{
    struct bus_watched *w = find(watch, descriptor);
    if (!w)
        return;
    *w = (struct bus_watched){.is_accepted = true};
    if (watch->end <= (uint32_t)descriptor)
        watch->end = (uint32_t)descriptor + 1;
}

void bus_watch_spoken(struct bus_watch *watch, int descriptor)
{
    struct bus_watched *w = find(watch, descriptor);
    if (w)
        w->has_spoken = true;
}

/* Is it a connection to our port? How much has it brought so far? */
static bool ask(const struct bus_watch *watch, int descriptor, uint64_t *bytes)
{
    struct sockaddr_in6 local = {0}; /* the port stands where it does in IPv4 */
    struct tcp_info info = {0};
    socklen_t local_size = sizeof local, info_size = sizeof info;
    if (getsockname(descriptor, (struct sockaddr *)&local, &local_size) != 0 ||
        ntohs(local.sin6_port) != watch->port ||
        getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &info_size) != 0)
        return false;
    *bytes = info.tcpi_bytes_received;
    return true;
}

static void look_at(struct bus_watch *watch, int descriptor)
{
    struct bus_watched *w = &watch->connections[descriptor];
    uint64_t bytes;
    if (!ask(watch, descriptor, &bytes)) {
        *w = (struct bus_watched){0}; /* closed */
        return;
    }
    if (w->has_spoken || bytes < w->bytes)
        w->bytes = bytes;
    bool is_over = bytes - w->bytes > watch->bytes_max;
    if (is_over && w->is_suspect)
        shutdown(descriptor, SHUT_RDWR);
    w->has_spoken = false;
    w->is_suspect = is_over;
}

void bus_watch_look(struct bus_watch *watch, uint64_t now_ns)
{
    if (watch->next >= watch->end) {
        if (now_ns - watch->begun_ns < BUS_WATCH_NS)
            return;
        watch->begun_ns = now_ns;
        watch->next = 0;
    }
    for (uint32_t i = 0; i < LOOKS_MAX && watch->next < watch->end; watch->next++)
        if (watch->connections[watch->next].is_accepted) {
            look_at(watch, (int)watch->next);
            i++;
        }
}
