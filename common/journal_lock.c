/* journal_lock.c - see journal_lock.h. */
#include "common/journal_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "common/directory.h"
#include "common/error.h"

#define PAUSE_MS 10

static int take(const char *directory, const char *name, int *file)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return ERR_LENGTH;
    if (*file < 0)
        *file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*file < 0)
        return error_of_file(errno);
    if (flock(*file, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? ERR_LOCKED : ERR_IO;
    return 0;
}

int journal_lock_own(struct journal_lock *lock, const char *directory)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    *lock = JOURNAL_LOCK_NONE;
    int error = directory_make(directory);
    if (error == 0)
        error = take(directory, "OWNER", &lock->owner);
    if (error != 0)
        return error;
    error = take(directory, "LOCK", &lock->writer);
    for (int i = 0; error == ERR_LOCKED && i < JOURNAL_LOCK_MS / PAUSE_MS; i++) {
        nanosleep(&pause, NULL);
        error = take(directory, "LOCK", &lock->writer);
    }
    return error;
}

int journal_lock_visit(struct journal_lock *lock, const char *directory)
{
    *lock = JOURNAL_LOCK_NONE;
    return take(directory, "LOCK", &lock->writer);
}

static void release(int *file)
{
    if (*file < 0)
        return;
    flock(*file, LOCK_UN);
    close(*file);
    *file = -1;
}

void journal_lock_release(struct journal_lock *lock)
{
    release(&lock->writer);
    release(&lock->owner);
}
