/* preallocate.c - see preallocate.h. */
#include "common/preallocate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/error.h"

enum { STEP = 1 << 20 };

static const char zeros[STEP];

static bool is_room(int file, uint64_t bytes)
{
    struct statvfs space;
    return fstatvfs(file, &space) == 0 &&
           bytes <= (uint64_t)space.f_bavail * space.f_frsize / 4;
}

/* Zeros from `size` to `end`; where that fails the file is as long as before. */
static int extend(int file, uint64_t size, uint64_t end)
{
    uint64_t at = size;
    while (at < end) {
        size_t step = end - at < STEP ? (size_t)(end - at) : STEP;
        ssize_t written = pwrite(file, zeros, step, (off_t)at);
        bool is_broken = written < 0 && errno == EIO;
        if (written <= 0)
            return ftruncate(file, (off_t)size) == 0 && !is_broken ? 0 : ERR_IO;
        at += (uint64_t)written;
    }
    return fsync(file) == 0 ? 0 : ERR_IO;
}

int preallocate(const char *path, uint64_t bytes)
{
    struct stat status;
    int file = open(path, O_WRONLY | O_CLOEXEC);
    int error = file < 0 || fstat(file, &status) != 0 ? ERR_IO : 0;
    if (error == 0 && bytes > (uint64_t)status.st_size &&
        is_room(file, bytes - (uint64_t)status.st_size))
        error = extend(file, (uint64_t)status.st_size, bytes);
    if (file >= 0)
        close(file);
    return error;
}
