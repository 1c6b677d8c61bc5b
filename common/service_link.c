/* service_link.c - see service_link.h. */
#include "common/service_link.h"

void service_link_ask(struct service_link *self, uint64_t now_ns)
{
    if (self->asked_ns == 0)
        self->asked_ns = now_ns;
}

void service_link_hear(struct service_link *self)
{
    *self = (struct service_link){.asked_ns = 0};
}

bool service_link_is_silent(struct service_link *self, uint64_t now_ns)
{
    if (self->asked_ns == 0 || now_ns - self->asked_ns < SERVICE_LINK_SILENT_NS)
        return false;
    self->asked_ns = 0; /* it is given as long again */
    return true;
}

uint64_t service_link_wait_ns(struct service_link *self)
{
    self->wait_ns = self->wait_ns == 0 ? SERVICE_LINK_SOON_NS : 2 * self->wait_ns;
    if (self->wait_ns > SERVICE_LINK_LATE_NS)
        self->wait_ns = SERVICE_LINK_LATE_NS;
    return self->wait_ns;
}
