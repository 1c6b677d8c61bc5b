/* bus_cut.c - see bus_cut.h. */
#include "common/bus_cut.h"

#include <string.h>

static void cut(const struct bus_connection *connection)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (connection->descriptor >= 0 &&
        getpeername(connection->descriptor, (struct sockaddr *)&address, &size) == 0 &&
        memcmp(&address, &connection->address, sizeof address) == 0)
        shutdown(connection->descriptor, SHUT_RDWR);
}

void bus_cut_add(struct bus_cuts *self, const struct bus_connection *connection,
                 uint64_t now_ns)
{
    if (self->count == BUS_CUT_MAX) {
        cut(connection);
        return;
    }
    self->waiting[(self->first + self->count++) % BUS_CUT_MAX] =
        (struct bus_cut){.connection = *connection, .due_ns = now_ns + BUS_CUT_NS};
}

void bus_cut_look(struct bus_cuts *self, uint64_t now_ns)
{
    for (; self->count > 0 && self->waiting[self->first].due_ns <= now_ns;
         self->count--) {
        cut(&self->waiting[self->first].connection);
        self->first = (self->first + 1) % BUS_CUT_MAX;
    }
}
