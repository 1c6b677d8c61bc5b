/* log.c - a line is put together on the stack and written at once. */
#include "common/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"

enum {
    EVENTS_MAX = 128, /* known to the limit of repeats; later ones go unlimited */
};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* How often an event was written in the current second. */
struct repeats {
    const char *event;
    uint64_t second;
    uint64_t count;
};

/* A log is the one thing of a process that is global: a library may fail anywhere. */
static struct {
    pthread_mutex_t lock;
    enum log_level level;
    int descriptor;
    uint32_t event_count;
    struct repeats events[EVENTS_MAX];
} state = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .level = LOG_LEVEL_INFO,
    .descriptor = STDERR_FILENO,
};

static _Thread_local char service_name[LOG_SERVICE_MAX + 1] = "-";

void log_set_service(const char *name)
{
    snprintf(service_name, sizeof(service_name), "%s", name);
}

void log_set_level(enum log_level level)
{
    state.level = level;
}

void log_set_output(int descriptor)
{
    state.descriptor = descriptor;
}

bool log_find_level(const char *name, enum log_level *level)
{
    for (uint32_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
        if (strcmp(level_names[i], name) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    return false;
}

static struct repeats *find_event(const char *event)
{
    for (uint32_t i = 0; i < state.event_count; i++)
        if (strcmp(state.events[i].event, event) == 0)
            return &state.events[i];
    if (state.event_count == EVENTS_MAX)
        return NULL;
    struct repeats *repeats = &state.events[state.event_count++];
    *repeats = (struct repeats){.event = event};
    return repeats;
}

/* May this event be written now? If so, how many before it were not? */
static bool may_write(const char *event, uint64_t *left_out)
{
    const uint64_t second = clock_mono_ns() / (uint64_t)CLOCK_S_NS;
    bool may = true;
    *left_out = 0;
    pthread_mutex_lock(&state.lock);
    struct repeats *repeats = find_event(event);
    if (repeats && repeats->second != second) {
        if (repeats->count > LOG_REPEATS_MAX)
            *left_out = repeats->count - LOG_REPEATS_MAX;
        repeats->second = second;
        repeats->count = 0;
    }
    if (repeats)
        may = ++repeats->count <= LOG_REPEATS_MAX;
    pthread_mutex_unlock(&state.lock);
    return may;
}

/* A line under construction; what does not fit is cut. */
struct line {
    char text[LOG_LINE_MAX];
    size_t size;
};

__attribute__((format(printf, 2, 0))) static void
append_list(struct line *line, const char *format, va_list arguments)
{
    const size_t room = sizeof(line->text) - line->size;
    const int length = vsnprintf(line->text + line->size, room, format, arguments);
    if (length > 0)
        line->size += (size_t)length < room ? (size_t)length : room - 1;
}

__attribute__((format(printf, 2, 3))) static void append(struct line *line,
                                                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    append_list(line, format, arguments);
    va_end(arguments);
}

static void append_time(struct line *line)
{
    const uint64_t now_ns = clock_wall_ns();
    const time_t seconds = (time_t)(now_ns / (uint64_t)CLOCK_S_NS);
    struct tm utc;
    CHECK(gmtime_r(&seconds, &utc));
    line->size = strftime(line->text, sizeof(line->text), "%Y-%m-%dT%H:%M:%S", &utc);
    append(line, ".%06" PRIu64 "Z", now_ns % (uint64_t)CLOCK_S_NS / 1000);
}

/* Nobody may add a line of their own by a value with a line feed in it. */
static void end_line(struct line *line)
{
    while (line->size > 0 && line->text[line->size - 1] == ' ')
        line->size--;
    for (size_t i = 0; i < line->size; i++)
        if ((unsigned char)line->text[i] < ' ' || line->text[i] == 0x7f)
            line->text[i] = '?';
    if (line->size == sizeof(line->text))
        line->size--;
    line->text[line->size++] = '\n';
}

void log_line_list(enum log_level level, const char *event, const char *format,
                   va_list arguments)
{
    uint64_t left_out;
    if (level > state.level || !may_write(event, &left_out))
        return;
    struct line line;
    append_time(&line);
    append(&line, " %s %s %" PRIu64 " %s%s", level_names[level], service_name,
           check_sequence, event, format[0] == ' ' ? "" : " ");
    append_list(&line, format, arguments);
    if (left_out > 0)
        append(&line, " left_out=%" PRIu64, left_out);
    end_line(&line);
    const ssize_t written = write(state.descriptor, line.text, line.size);
    (void)written; /* there is nobody left to tell */
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_line_list(level, event, format, arguments);
    va_end(arguments);
}
