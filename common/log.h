/* log.h - one line, one event: time level service sequence event key=value ...
 *
 * Owns:     nothing; lines go to stderr, each with one write.
 * Units:    time in UTC; the sequence is check_sequence of common/check.h.
 * Errors:   none; a line that cannot be written is lost.
 * Threads:  any; the service's name is per thread.
 * Bounds:   LOG_LINE_MAX bytes, the rest is cut. LOG_REPEATS_MAX lines of one event per
 *           second; the next one then says how many were left out.
 *
 * Event names are constants, so that they can be searched for and asserted. Levels:
 * error: a person must act; warn: degraded; info: a change of state; debug. Nothing is
 * logged per message: that is counted (common/metrics.h). Keys carry their unit, values
 * no spaces.
 */
#ifndef LOG_H
#define LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    LOG_LINE_MAX = 1024,
    LOG_REPEATS_MAX = 10,
    LOG_SERVICE_MAX = 24, /* characters of a service's name */
};

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

/* An event with its fields: log_info("ready", "lag=%" PRIu64, lag); "" for none. */
#define log_error(event, ...) log_line(LOG_LEVEL_ERROR, event, " " __VA_ARGS__)
#define log_warn(event, ...)  log_line(LOG_LEVEL_WARN, event, " " __VA_ARGS__)
#define log_info(event, ...)  log_line(LOG_LEVEL_INFO, event, " " __VA_ARGS__)
#define log_debug(event, ...) log_line(LOG_LEVEL_DEBUG, event, " " __VA_ARGS__)

void log_line(enum log_level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void log_line_list(enum log_level, const char *event, const char *format, va_list)
    __attribute__((format(printf, 3, 0)));

/* Who speaks on this thread: "shard.0". */
void log_set_service(const char *name);

/* Lines above this level are left out; info at first. Before any other thread starts. */
void log_set_level(enum log_level);

/* "warn" to its level. False if there is no such. */
bool log_find_level(const char *name, enum log_level *);

/* Where lines go, a descriptor: stderr at first. For tests. */
void log_set_output(int descriptor);

#endif
