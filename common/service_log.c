/* service_log.c - to the log of the process. */
#include "common/service_log.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/service_instance.h"

void service_log(const struct service_instance *s, enum service_log_level level,
                 const char *event, const char *format, ...)
{
    static const char *const names[] = {"error", "warn", "info"};
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s %s next=%" PRIu64 " %s %s\n", names[level], s->name,
            s->input.next, event, line);
}
