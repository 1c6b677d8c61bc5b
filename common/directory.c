/* directory.c - see directory.h. */
#include "common/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"

int directory_sync(const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return error_of_file(errno);
    int rc = fsync(directory);
    close(directory);
    return rc == 0 ? 0 : ERR_IO;
}

/* Makes path[0..size); `parent` is how much of it names the directory above. One that is
 * there already may have been made by a life that ended before it could sync. */
static int make(const char *path, size_t size, size_t parent)
{
    char prefix[PATH_MAX];
    memcpy(prefix, path, size);
    prefix[size] = '\0';
    bool is_new = mkdir(prefix, 0700) == 0;
    if (!is_new && errno != EEXIST)
        return error_of_file(errno);
    prefix[parent] = '\0';
    int error = directory_sync(parent > 0 ? prefix : *path == '/' ? "/" : ".");
    return is_new || path[size] == '\0' ? error : 0; /* "/" may be closed to us */
}

int directory_make(const char *path)
{
    size_t size = strlen(path), parent = 0;
    int error = size < PATH_MAX ? 0 : ERR_IO;
    for (size_t i = 1; error == 0 && i <= size; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        error = make(path, i, parent);
        parent = i;
    }
    return error;
}
