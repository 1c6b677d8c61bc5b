/* shim.c - between a service and its disk, by LD_PRELOAD: writes down what is written,
 * and makes one of the writes fail.
 *
 *   SHIM_DIR   the venue's directory: only files below it matter
 *   SHIM_TAPE  the file to append to (tape.h); none: nothing is recorded
 *   SHIM_FAIL  PATH:OP:NTH:HOW - the nth OP (write, sync or any) on a file whose path
 *              contains PATH does HOW: eio, short, stall (2 s), enospc, which lasts, or
 *              kill: it is not done, for the process ends there; or count: none fails,
 *              and at the end SHIM_HIT has how many writes, syncs and allocations there
 *              were
 *   SHIM_ALLOC the nth allocation finds no memory
 *   SHIM_HIT   a file that is made when that happens; it names the file, or who asked for
 *              the memory
 *
 * Works in programs whose name begins with zex only. What stdio writes it does not see:
 * the indexes of the archive, which are computed again where they are damaged.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/faults/tape.h"

enum { FILES = 1024, STALL_S = 2 };

enum how { NOT, EIO_ONCE, ENOSPC_FROM_NOW, SHORT, STALL, KILL, COUNT };

static struct {
    bool is_open, is_synced;
    struct stat identity; /* stdio closes behind our back, and numbers are used again */
    char path[TAPE_PATH];
} files[FILES];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_long allocations_left; /* 0: all succeed */
static atomic_long allocations;      /* counted */
static int tape = -1;
static char root[PATH_MAX];
static struct {
    char path[64], op[8];
    long left;
    long writes, syncs; /* counted */
    enum how how;
} plan;

/* ---- what is asked for ------------------------------------------------------------- */

static enum how find_how(const char *word)
{
    static const char *const words[] = {"",      "eio",  "enospc", "short",
                                        "stall", "kill", "count"};
    for (int i = EIO_ONCE; i <= COUNT; i++)
        if (strcmp(word, words[i]) == 0)
            return (enum how)i;
    return NOT;
}

__attribute__((constructor)) static void read_plan(void)
{
    char word[8] = "";
    const char *directory = getenv("SHIM_DIR"), *path = getenv("SHIM_TAPE"),
               *fail = getenv("SHIM_FAIL"), *alloc = getenv("SHIM_ALLOC");
    if (directory == NULL || strncmp(program_invocation_short_name, "zex", 3) != 0 ||
        realpath(directory, root) == NULL)
        return;
    atomic_store(&allocations, 0);
    if (alloc != NULL)
        atomic_store(&allocations_left, strtol(alloc, NULL, 10));
    if (path != NULL)
        tape = (int)syscall(SYS_openat, AT_FDCWD, path,
                            O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fail != NULL &&
        sscanf(fail, "%63[^:]:%7[^:]:%ld:%7s", plan.path, plan.op, &plan.left, word) == 4)
        plan.how = find_how(word);
}

/* Where the part of the path behind the venue begins; NULL if it is not in there. */
static const char *find_part(const char *path)
{
    size_t size = strlen(root);
    if (size == 0 || strncmp(path, root, size) != 0)
        return NULL;
    return path[size] == '/' ? path + size + 1 : path[size] == 0 ? path + size : NULL;
}

static void remember(int file, int flags)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (file < 0 || file >= FILES || size < 0)
        return;
    path[size] = 0;
    const char *part = find_part(path);
    files[file].is_open = part != NULL && strlen(part) < TAPE_PATH &&
                          fstat(file, &files[file].identity) == 0;
    files[file].is_synced = (flags & O_DSYNC) != 0;
    if (files[file].is_open)
        strncpy(files[file].path, part, TAPE_PATH - 1);
}

static bool is_ours(int file)
{
    struct stat status;
    if (file < 0 || file >= FILES || !files[file].is_open)
        return false;
    return fstat(file, &status) == 0 && status.st_ino == files[file].identity.st_ino &&
           status.st_dev == files[file].identity.st_dev;
}

/* ---- recording --------------------------------------------------------------------- */

static void put(enum tape_kind kind, const char *path, uint64_t offset, bool is_synced,
                const void *bytes, size_t size)
{
    struct tape_entry entry = {.magic = TAPE_MAGIC,
                               .kind = kind,
                               .offset = offset,
                               .size = size,
                               .is_synced = is_synced};
    const struct iovec parts[] = {{&entry, sizeof entry}, {(void *)bytes, size}};
    if (tape < 0)
        return;
    strncpy(entry.path, path, TAPE_PATH - 1);
    if (syscall(SYS_writev, tape, parts, 2) != (long)(sizeof entry + size))
        abort(); /* a tape with a hole proves nothing */
}

static void put_of(int file, enum tape_kind kind, off_t offset, const void *bytes,
                   size_t size)
{
    if (is_ours(file))
        put(kind, files[file].path, (uint64_t)offset, files[file].is_synced, bytes, size);
}

/* ---- failing ----------------------------------------------------------------------- */

static enum how draw(int file, const char *op)
{
    enum how how = NOT;
    if (plan.how == NOT || !is_ours(file) ||
        strstr(files[file].path, plan.path) == NULL ||
        (strcmp(plan.op, "any") != 0 && strcmp(plan.op, op) != 0))
        return NOT;
    pthread_mutex_lock(&mutex);
    *(strcmp(op, "sync") == 0 ? &plan.syncs : &plan.writes) += 1;
    if (plan.left > 0 && --plan.left == 0)
        how = plan.how;
    if (how == ENOSPC_FROM_NOW)
        plan.left = 1;
    pthread_mutex_unlock(&mutex);
    return how;
}

static void tell(const char *text)
{
    const char *path = getenv("SHIM_HIT");
    if (path == NULL)
        return;
    long file = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT, 0600);
    syscall(SYS_write, file, text, strlen(text));
    syscall(SYS_close, file);
}

__attribute__((destructor)) static void tell_counts(void)
{
    char text[64];
    snprintf(text, sizeof text, "%ld %ld %ld", plan.writes, plan.syncs,
             atomic_load(&allocations));
    if (plan.how == COUNT)
        tell(text);
}

static void stall(void)
{
    struct timespec pause = {.tv_sec = STALL_S};
    syscall(SYS_nanosleep, &pause, NULL);
}

/* True if the call must end now, with errno set; short writes cut `size`. */
static bool fails(int file, const char *op, size_t *size)
{
    enum how how = draw(file, op);
    if (how != NOT)
        tell(files[file].path);
    switch (how) {
    case EIO_ONCE:
        errno = EIO;
        return true;
    case ENOSPC_FROM_NOW:
        errno = ENOSPC;
        return true;
    case SHORT:
        if (size != NULL)
            *size /= 2;
        return false;
    case STALL:
        stall();
        return false;
    case KILL:
        kill(getpid(), SIGKILL);
        return true;
    default:
        return false;
    }
}

/* ---- memory ------------------------------------------------------------------------ */

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
/* The memory of AddressSanitizer, where there is one. */
__attribute__((weak)) void *__interceptor_malloc(size_t);
__attribute__((weak)) void *__interceptor_calloc(size_t, size_t);
__attribute__((weak)) void *__interceptor_realloc(void *, size_t);

/* `caller`: an address in the program or library that asks. */
static bool is_out_of_memory(const void *caller)
{
    Dl_info info;
    atomic_fetch_add(&allocations, 1);
    if (atomic_load(&allocations_left) == 0 ||
        atomic_fetch_sub(&allocations_left, 1) != 1)
        return false;
    tell(dladdr(caller, &info) != 0 ? info.dli_fname : "?");
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    if (is_out_of_memory(__builtin_return_address(0)))
        return NULL;
    return __interceptor_malloc != NULL ? __interceptor_malloc(size)
                                        : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    if (is_out_of_memory(__builtin_return_address(0)))
        return NULL;
    return __interceptor_calloc != NULL ? __interceptor_calloc(count, size)
                                        : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    if (is_out_of_memory(__builtin_return_address(0)))
        return NULL;
    return __interceptor_realloc != NULL ? __interceptor_realloc(memory, size)
                                         : __libc_realloc(memory, size);
}

/* ---- opening ----------------------------------------------------------------------- */

static int open_any(int directory, const char *path, int flags, mode_t mode)
{
    bool is_new = (flags & O_CREAT) != 0 && faccessat(directory, path, F_OK, 0) != 0;
    int file = (int)syscall(SYS_openat, directory, path, flags, mode);
    remember(file, flags);
    if (is_new && file >= 0)
        put_of(file, TAPE_CREATE, 0, NULL, 0);
    return file;
}

static mode_t take_mode(int flags, va_list list)
{
    return (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
}

#define OPEN(name)                                                                       \
    int name(const char *path, int flags, ...)                                           \
    {                                                                                    \
        va_list list;                                                                    \
        va_start(list, flags);                                                           \
        mode_t mode = take_mode(flags, list);                                            \
        va_end(list);                                                                    \
        return open_any(AT_FDCWD, path, flags, mode);                                    \
    }
#define OPENAT(name)                                                                     \
    int name(int directory, const char *path, int flags, ...)                            \
    {                                                                                    \
        va_list list;                                                                    \
        va_start(list, flags);                                                           \
        mode_t mode = take_mode(flags, list);                                            \
        va_end(list);                                                                    \
        return open_any(directory, path, flags, mode);                                   \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int file)
{
    if (file >= 0 && file < FILES)
        files[file].is_open = false;
    return (int)syscall(SYS_close, file);
}

/* ---- names ------------------------------------------------------------------------- */

/* The part of a path that exists, in `full`; NULL if it is not the venue's. */
static const char *resolve(const char *path, char full[PATH_MAX])
{
    return realpath(path, full) != NULL ? find_part(full) : NULL;
}

int mkdir(const char *path, mode_t mode)
{
    int rc = (int)syscall(SYS_mkdir, path, mode);
    char full[PATH_MAX];
    const char *part = rc == 0 ? resolve(path, full) : NULL;
    if (part != NULL)
        put(TAPE_MKDIR, part, 0, false, NULL, 0);
    return rc;
}

int rename(const char *from, const char *to)
{
    char full_from[PATH_MAX], full_to[PATH_MAX];
    const char *part = resolve(from, full_from), *name;
    int rc = (int)syscall(SYS_rename, from, to);
    if (rc == 0 && part != NULL && (name = resolve(to, full_to)) != NULL)
        put(TAPE_RENAME, part, 0, false, name, strlen(name) + 1);
    return rc;
}

int unlink(const char *path)
{
    char full[PATH_MAX];
    const char *part = resolve(path, full);
    int rc = (int)syscall(SYS_unlink, path);
    if (rc == 0 && part != NULL)
        put(TAPE_REMOVE, part, 0, false, NULL, 0);
    return rc;
}

/* ---- writing ----------------------------------------------------------------------- */

static ssize_t store(int file, const void *bytes, size_t size, off_t offset)
{
    ssize_t done = (ssize_t)syscall(SYS_pwrite64, file, bytes, size, offset);
    if (done > 0)
        put_of(file, TAPE_WRITE, offset, bytes, (size_t)done);
    return done;
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset)
{
    return fails(file, "write", &size) ? -1 : store(file, bytes, size, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off_t offset)
{
    return pwrite(file, bytes, size, offset);
}

ssize_t write(int file, const void *bytes, size_t size)
{
    if (!is_ours(file))
        return (ssize_t)syscall(SYS_write, file, bytes, size);
    off_t offset = lseek(file, 0, SEEK_CUR);
    ssize_t done = pwrite(file, bytes, size, offset);
    if (done > 0)
        lseek(file, offset + done, SEEK_SET);
    return done;
}

/* Page by page: to the disk it is the same. */
ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset)
{
    size_t left = 0, all = 0;
    if (!is_ours(file))
        return (ssize_t)syscall(SYS_pwritev, file, parts, count, offset, 0);
    for (int i = 0; i < count; i++)
        left += parts[i].iov_len;
    if (fails(file, "write", &left))
        return -1;
    for (int i = 0; i < count && left > 0; i++) {
        size_t size = parts[i].iov_len < left ? parts[i].iov_len : left;
        ssize_t done = store(file, parts[i].iov_base, size, offset + (off_t)all);
        if (done < 0)
            return done;
        all += (size_t)done;
        left -= (size_t)done;
    }
    return (ssize_t)all;
}

ssize_t pwritev64(int file, const struct iovec *parts, int count, off_t offset)
{
    return pwritev(file, parts, count, offset);
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    if (!is_ours(file))
        return (ssize_t)syscall(SYS_writev, file, parts, count);
    off_t offset = lseek(file, 0, SEEK_CUR);
    ssize_t done = pwritev(file, parts, count, offset);
    if (done > 0)
        lseek(file, offset + done, SEEK_SET);
    return done;
}

int ftruncate(int file, off_t size)
{
    if (fails(file, "write", NULL))
        return -1;
    int rc = (int)syscall(SYS_ftruncate, file, size);
    if (rc == 0)
        put_of(file, TAPE_TRUNCATE, size, NULL, 0);
    return rc;
}

int ftruncate64(int file, off_t size)
{
    return ftruncate(file, size);
}

/* ---- syncing ----------------------------------------------------------------------- */

static int sync_any(int file, long call)
{
    if (fails(file, "sync", NULL))
        return -1;
    int rc = (int)syscall(call, file);
    if (rc == 0)
        put_of(file, TAPE_SYNC, 0, NULL, 0);
    return rc;
}

int fdatasync(int file)
{
    return sync_any(file, SYS_fdatasync);
}

int fsync(int file)
{
    return sync_any(file, SYS_fsync);
}
