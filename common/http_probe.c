/* http_probe.c - one request over a plain socket. */
#include "common/http_probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ADDRESS_MAX = 64,
    REQUEST_MAX = 256,
    ANSWER_MAX = 4096,
};

/* "*:8080" is a place to listen on; who asks goes to this machine. */
static int find_place(const char *bind, struct sockaddr_in *place)
{
    char address[ADDRESS_MAX];
    const char *colon = strrchr(bind, ':');
    if (colon == NULL || (size_t)(colon - bind) >= sizeof address)
        return ERR_USAGE;
    snprintf(address, sizeof address, "%.*s", (int)(colon - bind), bind);
    const unsigned long port = strtoul(colon + 1, NULL, 10);
    if (port == 0 || port > UINT16_MAX)
        return ERR_USAGE;
    *place =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (*address == 0 || strcmp(address, "*") == 0 || strcmp(address, "0.0.0.0") == 0)
        place->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else if (inet_pton(AF_INET, address, &place->sin_addr) != 1)
        return ERR_USAGE;
    return 0;
}

/* Fills `answer` up to the other side's close, or to its end. */
static int converse(int fd, const struct sockaddr_in *place, const char *path,
                    char *answer)
{
    const struct timeval patience = {.tv_sec = HTTP_PROBE_WAIT_S};
    char request[REQUEST_MAX];
    const int length = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", path);
    size_t size = 0;
    ssize_t part = 1;
    if (length >= REQUEST_MAX)
        return ERR_USAGE;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
        connect(fd, (const void *)place, sizeof *place) != 0 ||
        send(fd, request, (size_t)length, MSG_NOSIGNAL) != length)
        return ERR_IO;
    while (part > 0 && size < ANSWER_MAX) {
        part = recv(fd, answer + size, ANSWER_MAX - size, 0);
        size += part > 0 ? (size_t)part : 0;
    }
    answer[size] = 0;
    return part >= 0 ? 0 : ERR_IO;
}

int http_probe(const char *bind, const char *path, FILE *to)
{
    char answer[ANSWER_MAX + 1];
    struct sockaddr_in place;
    int error = find_place(bind, &place);
    if (error != 0)
        return error;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    error = converse(fd, &place, path, answer);
    close(fd);
    if (error != 0)
        return error;
    const char *status = strchr(answer, ' '), *body = strstr(answer, "\r\n\r\n");
    if (body != NULL)
        fputs(body + 4, to);
    return status != NULL && strncmp(status, " 200 ", 5) == 0 ? 0 : ERR_IO;
}
