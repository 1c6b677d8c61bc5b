/* diary.c - see diary.h. */
#include "tests/soak/diary.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static const size_t size = DIARY_CALLS * sizeof(struct annals_call);

int diary_open(struct annals *diary, const char *path)
{
    *diary = (struct annals){.count = 0};
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return -1;
    void *calls = MAP_FAILED;
    if (ftruncate(file, (off_t)size) == 0)
        calls = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (calls == MAP_FAILED)
        return -1;
    *diary = (struct annals){.calls = calls, .capacity = DIARY_CALLS};
    while (diary->count < DIARY_CALLS && diary->calls[diary->count].kind != 0)
        diary->count++;
    return 0;
}

void diary_close(struct annals *diary)
{
    if (diary->calls != NULL)
        munmap(diary->calls, size);
    *diary = (struct annals){.count = 0};
}
