/* journal_error.c - one ERR_* for each of LMDB's codes, and the system's. */
#include "common/journal_error.h"

#include <errno.h>
#include <lmdb.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include "common/check.h"
#include "common/error.h"

#define FULL_BYTES   (1u << 20)
#define MEMORY_BYTES (1u << 26) /* more than a transaction takes */

/* LMDB calls a short write EIO; it is how most disks say that they are almost full. */
static bool is_disk_full(const char *path)
{
    struct statvfs space;
    return statvfs(path, &space) == 0 && space.f_bavail * space.f_frsize < FULL_BYTES;
}

int journal_error(int rc, const char *path)
{
    switch (rc) {
    case MDB_SUCCESS:
        return 0;
    case MDB_NOTFOUND:
        return ERR_NOT_FOUND;
    case MDB_MAP_FULL:
        return ERR_MAP_FULL;
    case MDB_VERSION_MISMATCH:
        return ERR_VERSION;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
        return ERR_CORRUPT;
    case EIO:
        return is_disk_full(path) ? ERR_DISK_FULL : ERR_IO;
    default:
        return error_of_file(rc);
    }
}

static bool is_memory_left(void)
{
    void *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED && munmap(memory, MEMORY_BYTES) == 0;
}

int journal_error_in_use(int rc, const char *path)
{
    return rc == ENOMEM && is_memory_left() ? ERR_CORRUPT : journal_error(rc, path);
}

bool journal_error_lasts(int error)
{
    return error == ERR_IO || error == ERR_DISK_FULL || error == ERR_DATA_DIR ||
           error == ERR_CORRUPT;
}

void journal_error_assert(MDB_env *env, const char *text)
{
    (void)env;
    check_failed("lmdb", 0, text);
}
