/* edge.h - raw TCP connections to a service, and what it has open and in memory.
 *
 * Owns:     nothing; descriptors are the caller's.
 * Units:    bytes, KiB, ms.
 * Errors:   cmocka assertions.
 * Threads:  one.
 * Bounds:   waits end after EDGE_MS.
 */
#ifndef EDGE_H
#define EDGE_H

#include "tests/e2e/peer.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { EDGE_MS = 30000, EDGE_GREETING = 64 };

static inline uint16_t edge_port(const char *address)
{
    const char *colon = strrchr(address, ':');
    assert_non_null(colon);
    return (uint16_t)strtoul(colon + 1, NULL, 10);
}

/* A connection that says nothing, and perhaps is not taken yet. */
static inline int edge_connect(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 &&
                   errno != EINPROGRESS))
        fail_msg("connect: %s", strerror(errno));
    return fd;
}

/* Whatever can be written now; the other end may be gone. */
static inline void edge_write(int fd, const void *bytes, size_t size)
{
    ssize_t written = send(fd, bytes, size, MSG_NOSIGNAL);
    (void)written;
}

/* Takes and counts what came; false: the other end has closed. */
static inline bool edge_is_open(int fd, size_t *came)
{
    uint8_t bytes[4096];
    for (;;) {
        const ssize_t size = recv(fd, bytes, sizeof bytes, 0);
        if (size <= 0)
            return size < 0 && errno == EAGAIN;
        *came += (size_t)size;
    }
}

/* The greeting of ZMTP 3.1 that names this mechanism. */
static inline void edge_greeting(uint8_t bytes[EDGE_GREETING], const char *mechanism)
{
    memset(bytes, 0, EDGE_GREETING);
    memcpy(bytes, "\xff\0\0\0\0\0\0\0\1\x7f\3\1", 12);
    memcpy(bytes + 12, mechanism, strlen(mechanism));
}

static inline pid_t edge_pid(const char *directory, const char *service)
{
    char path[64], text[32];
    snprintf(path, sizeof path, "run/%s.pid", service);
    peer_read(directory, path, " %31s", text, NULL);
    return (pid_t)strtol(text, NULL, 10);
}

/* VmRSS, VmHWM ... of /proc/PID/status; -1: it is gone. */
static inline long edge_memory_kb(pid_t pid, const char *name)
{
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && kb < 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtol(line + strlen(name) + 1, NULL, 10);
    if (file != NULL)
        fclose(file);
    return kb;
}

static inline long edge_descriptors(pid_t pid)
{
    char path[64];
    long count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *fds = opendir(path);
    assert_non_null(fds);
    while (readdir(fds) != NULL)
        count++;
    closedir(fds);
    return count;
}

#endif
