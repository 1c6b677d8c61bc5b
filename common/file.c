/* file.c - see file.h. */
#include "common/file.h"

#include <errno.h>
#include <unistd.h>

#include "common/error.h"

int file_write(int file, const void *bytes, size_t size, uint64_t at)
{
    for (const uint8_t *next = bytes; size > 0;) {
        const ssize_t written = pwrite(file, next, size, (off_t)at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written == 0 ? ERR_DISK_FULL : error_of_file(errno);
        next += written;
        size -= (size_t)written;
        at += (uint64_t)written;
    }
    return 0;
}
