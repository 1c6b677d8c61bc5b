/* service_log.c - to the log of the process. */
#include "common/service_log.h"

#include <stdarg.h>

#include "common/log.h"
#include "common/service_instance.h"

void service_log(const struct service_instance *s, enum service_log_level level,
                 const char *event, const char *format, ...)
{
    static const enum log_level levels[] = {LOG_LEVEL_ERROR, LOG_LEVEL_WARN,
                                            LOG_LEVEL_INFO};
    va_list arguments;
    log_set_service(s->name); /* several may share a thread */
    va_start(arguments, format);
    log_line_list(levels[level], event, format, arguments);
    va_end(arguments);
}
