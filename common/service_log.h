/* service_log.h - one line per event, with the service's name and position.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   none.
 * Threads:  any; an instance's own.
 * Bounds:   one line.
 */
#ifndef SERVICE_LOG_H
#define SERVICE_LOG_H

#include <inttypes.h>

enum service_log_level {
    SERVICE_LOG_ERROR,
    SERVICE_LOG_WARN,
    SERVICE_LOG_INFO,
};

struct service_instance;

/* `event` is a constant word, the rest key=value pairs. */
void service_log(const struct service_instance *, enum service_log_level,
                 const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
