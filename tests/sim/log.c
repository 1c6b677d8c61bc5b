/* log.c - the services' log, behind common/service_log.h: counted, and shown with
 * VERBOSE=1 between the frames. */
#include <stdarg.h>
#include <stdio.h>

#include "common/service_instance.h"
#include "common/service_log.h"
#include "tests/sim/marks.h"
#include "tests/sim/transcript.h"

void service_log(const struct service_instance *s, enum service_log_level level,
                 const char *event, const char *format, ...)
{
    va_list arguments;
    (void)level;
    marks_event(event);
    if (!transcript_is_on())
        return;
    printf("        %s: %s ", s->name, event);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}
