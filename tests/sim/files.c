/* files.c - fdatasync, as the archive calls it, says what is safe. */
#include "tests/sim/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "tests/sim/marks.h"
#include "tests/sim/power.h"

enum { SECTOR = 512 };

/* The linker sends the archive's calls here (sim.mk: --wrap). */
int __wrap_fdatasync(int file);
ssize_t __wrap_pwrite(int file, const void *bytes, size_t size, off_t offset);
int __wrap_ftruncate(int file, off_t size);
ssize_t __real_pwrite(int file, const void *bytes, size_t size, off_t offset);
int __real_ftruncate(int file, off_t size);

struct synced {
    ino_t file;
    off_t size;
};

static char directory[64];
static struct synced known[FILES_MAX];
static uint32_t known_count;

static struct synced *find(ino_t file)
{
    for (uint32_t i = 0; i < known_count; i++) {
        if (known[i].file == file)
            return &known[i];
    }
    return NULL;
}

int __wrap_fdatasync(int file)
{
    struct stat status;
    if (!power_write()) {
        errno = EIO;
        return -1;
    }
    int error = fstat(file, &status);
    CHECK(error == 0);
    struct synced *synced = find(status.st_ino);
    if (synced == NULL) {
        CHECK(known_count < FILES_MAX);
        synced = &known[known_count++];
    }
    *synced = (struct synced){status.st_ino, status.st_size};
    return 0;
}

ssize_t __wrap_pwrite(int file, const void *bytes, size_t size, off_t offset)
{
    if (power_write())
        return __real_pwrite(file, bytes, size, offset);
    errno = EIO;
    return -1;
}

int __wrap_ftruncate(int file, off_t size)
{
    struct stat status;
    if (!power_write()) {
        errno = EIO;
        return -1;
    }
    int error = fstat(file, &status);
    CHECK(error == 0);
    struct synced *synced = find(status.st_ino);
    if (synced != NULL && synced->size > size)
        synced->size = size;
    return __real_ftruncate(file, size);
}

/* Calls `visit` for each file. */
static void each(void (*visit)(const char *path, struct random *), struct random *random)
{
    char path[512];
    DIR *listing = opendir(directory);
    CHECK(listing != NULL);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        int size = snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        CHECK(size > 0 && (size_t)size < sizeof path);
        visit(path, random);
    }
    closedir(listing);
}

static void remove_file(const char *path, struct random *random)
{
    (void)random;
    unlink(path);
}

/* In memory, where there is such a place. */
static void name_directory(int process)
{
    bool has_memory = access("/dev/shm", W_OK) == 0;
    snprintf(directory, sizeof directory, "%s/zex-sim-%d",
             has_memory ? "/dev/shm" : "/tmp", process);
}

/* Empty, also if a process of this number was killed and left its own. */
static void make_directory(void)
{
    name_directory((int)getpid());
    int error = mkdir(directory, 0700);
    CHECK(error == 0 || errno == EEXIST);
    each(remove_file, NULL);
}

const char *files_beside(void)
{
    static char path[sizeof directory + 8];
    char own[sizeof directory];
    memcpy(own, directory, sizeof own);
    name_directory((int)getpid());
    snprintf(path, sizeof path, "%s.outbox", directory);
    memcpy(directory, own, sizeof own);
    return path;
}

const char *files_open(void)
{
    if (directory[0] == 0)
        make_directory();
    else
        each(remove_file, NULL);
    known_count = 0;
    return directory;
}

void files_close(void)
{
    if (directory[0] == 0)
        return;
    each(remove_file, NULL);
    rmdir(directory);
    directory[0] = 0;
}

void files_sweep(int process)
{
    char own[sizeof directory], beside[sizeof directory + 8];
    memcpy(own, directory, sizeof own);
    name_directory(process);
    snprintf(beside, sizeof beside, "%s.outbox", directory);
    (void)unlink(beside);
    if (access(directory, F_OK) == 0)
        files_close();
    memcpy(directory, own, sizeof own);
}

/* ---- copies ------------------------------------------------------------------------ */

static char source[sizeof directory];
static const char *target;

static void copy_file(const char *path, struct random *random)
{
    static uint8_t bytes[1 << 16];
    char to[512];
    struct stat before, after;
    ssize_t size;
    (void)random;
    snprintf(to, sizeof to, "%s%s", target, strrchr(path, '/'));
    int in = open(path, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(in >= 0 && out >= 0);
    while ((size = read(in, bytes, sizeof bytes)) > 0) {
        ssize_t written = write(out, bytes, (size_t)size);
        CHECK(written == size);
    }
    int error = fstat(in, &before) + fstat(out, &after);
    CHECK(error == 0);
    struct synced *synced = find(before.st_ino);
    if (synced != NULL)
        synced->file = after.st_ino;
    close(in);
    close(out);
}

/* What is open there is open here. */
static void reopen(int file)
{
    char link[64], path[512], to[600];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    size_t head = strlen(source);
    if (size < (ssize_t)head || memcmp(path, source, head) != 0)
        return;
    path[size] = 0;
    snprintf(to, sizeof to, "%s%s", directory, path + head);
    int again = open(to, fcntl(file, F_GETFL) & (O_ACCMODE | O_DIRECTORY));
    CHECK(again >= 0);
    int moved = dup2(again, file);
    CHECK(moved == file);
    close(again);
}

void files_fork(void)
{
    char copies[sizeof directory];
    if (directory[0] == 0)
        return;
    memcpy(source, directory, sizeof source);
    make_directory();
    memcpy(copies, directory, sizeof copies);
    memcpy(directory, source, sizeof directory);
    DIR *listing = opendir("/proc/self/fd");
    CHECK(listing != NULL);
    int files[256], count = 0;
    for (struct dirent *entry; (entry = readdir(listing)) != NULL && count < 256;)
        files[count++] = (int)strtol(entry->d_name, NULL, 10);
    closedir(listing);
    target = copies;
    each(copy_file, NULL);
    memcpy(directory, copies, sizeof directory);
    for (int i = 0; i < count; i++)
        reopen(files[i]);
}

/* ---- power ------------------------------------------------------------------------- */

static void cut(const char *path, struct random *random)
{
    static const uint8_t nothing[SECTOR];
    struct stat status;
    if (stat(path, &status) != 0)
        return;
    const struct synced *synced = find(status.st_ino);
    off_t safe = synced != NULL ? synced->size : 0;
    if (safe >= status.st_size)
        return;
    MARK(torn_tail);
    if (synced == NULL && random_below(random, 2) == 0) {
        unlink(path);
        return;
    }
    off_t size =
        safe + (off_t)random_below(random, (uint64_t)(status.st_size - safe) + 1);
    int error = truncate(path, size);
    CHECK(error == 0);
    if (size - safe <= SECTOR || random_below(random, 2) == 0)
        return;
    int file = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(file >= 0);
    off_t at = safe + (off_t)random_below(random, (uint64_t)(size - safe - SECTOR));
    ssize_t written = __real_pwrite(file, nothing, SECTOR, at);
    CHECK(written == SECTOR);
    close(file);
}

void files_cut(struct random *random)
{
    if (directory[0] != 0)
        each(cut, random);
}
