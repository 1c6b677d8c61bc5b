/* meter.c - see meter.h. */
#include "tests/soak/meter.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/overload/gauge.h"

enum { PATH = 512, PAGE = 1 << 16, BLOCK = 512, WAIT_S = 2 };

static uint64_t count_fds(pid_t pid)
{
    char path[PATH];
    uint64_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *list = opendir(path);
    while (list != NULL && readdir(list) != NULL)
        count++;
    if (list != NULL)
        closedir(list);
    return count > 2 ? count - 2 : 0; /* . and .. */
}

static uint64_t sum_disk(const char *directory, const char *folder)
{
    char path[PATH];
    uint64_t bytes = 0;
    struct dirent *entry;
    struct stat about;
    snprintf(path, sizeof path, "%s/%s", directory, folder);
    DIR *list = opendir(path);
    while (list != NULL && (entry = readdir(list)) != NULL)
        if (fstatat(dirfd(list), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(about.st_mode))
            bytes += (uint64_t)about.st_blocks * BLOCK;
    if (list != NULL)
        closedir(list);
    return bytes;
}

/* The page /metrics, as far as it came. */
static void get(uint16_t port, char page[PAGE])
{
    static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(port),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct timeval wait = {.tv_sec = WAIT_S};
    size_t size = 0;
    ssize_t more = 1;
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (connect(file, (const struct sockaddr *)&address, sizeof address) == 0 &&
        send(file, request, sizeof request - 1, MSG_NOSIGNAL) > 0)
        while (more > 0 && size < PAGE - 1) {
            more = recv(file, page + size, PAGE - 1 - size, 0);
            size += more > 0 ? (size_t)more : 0;
        }
    page[size] = 0;
    if (file >= 0)
        close(file);
}

/* The value of a metric that has no labels but the service's. */
static uint64_t find(const char *page, const char *name)
{
    char begin[64];
    snprintf(begin, sizeof begin, "\nzex_%s{", name);
    const char *at = strstr(page, begin);
    at = at != NULL ? strstr(at, "} ") : NULL;
    return at != NULL ? strtoull(at + 2, NULL, 10) : 0;
}

void meter_read(struct meter *m, const struct cluster *c)
{
    static char page[PAGE];
    struct gauge gauge = {.now = {0}};
    _Static_assert((int)GAUGE_SERVICES == (int)CLUSTER_SERVICES_MAX, "one for each");
    gauge_take(&gauge, c->pids);
    *m = (struct meter){.archive = sum_disk(c->directory, "archive")};
    m->disk = m->archive;
    for (uint32_t i = 0; i < c->count; i++) {
        get(c->http_ports[i], page);
        m->services[i] = (struct meter_service){
            .memory = gauge.now[i],
            .fds = count_fds(c->pids[i]),
            .disk = sum_disk(c->directory, cluster_names[i]),
            .gseq = find(page, "gseq"),
            .lag = find(page, "lag_records"),
        };
        m->disk += m->services[i].disk;
    }
}

int meter_limit(const struct cluster *c, uint32_t service, uint64_t map_bytes,
                uint32_t percent)
{
    const uint64_t peak = gauge_status(c->pids[service], "VmPeak");
    if (peak <= map_bytes)
        return -1;
    const uint64_t bytes = map_bytes + (peak - map_bytes) / 100 * percent;
    const struct rlimit limit = {bytes, bytes};
    return prlimit(c->pids[service], RLIMIT_AS, &limit, NULL);
}
