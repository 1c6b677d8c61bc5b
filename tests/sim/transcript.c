/* transcript.c - one line a frame or a fault, one indented line a message. */
#include "tests/sim/transcript.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/clock.h"
#include "proto/codec.h"
#include "proto/json.h"

static const struct sim *watched;

static void print_node(uint32_t node)
{
    if (node < VENUE_NODES)
        printf("%s", watched->venue.processes[node].name);
    else
        printf("client-%" PRIu32, node - VENUE_NODES);
}

static void print_time(void)
{
    uint64_t us = clock_mono_ns() / 1000;
    printf("%6" PRIu32 " %8" PRIu64 ".%03" PRIu64 " ", watched->step, us / 1000,
           us % 1000);
}

void transcript_event(uint32_t node, const char *format, ...)
{
    va_list arguments;
    if (watched == NULL)
        return;
    print_time();
    print_node(node);
    printf(": ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void transcript_frame(uint32_t from, uint32_t to, const uint8_t *bytes, size_t size)
{
    print_time();
    print_node(from);
    printf(" > ");
    print_node(to);
    printf(" %zu bytes\n", size);
    for (size_t at = 0, used; at < size; at += used) {
        static char text[JSON_BYTES_MAX];
        struct msg m;
        size_t length;
        if (codec_decode(bytes + at, size - at, &m, &used) != 0) {
            printf("        ... a block, or bins\n");
            return;
        }
        if (json_print(text, sizeof text, &m, &length) == 0)
            printf("        %s\n", text);
    }
}

void transcript_begin(const struct sim *s)
{
    watched = s;
}

bool transcript_is_on(void)
{
    return watched != NULL;
}
