/* http_test.c - the three pages, over a real socket. */
#include "common/http.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/http_probe.h"
#include "tests/unit/unit.h"

static struct metrics risk;
static const struct metrics *const services[] = {&risk};
static struct http *http;
static char text[262144];

static int start(void **state)
{
    (void)state;
    metrics_init(&risk, "risk");
    return http_start(&http, "127.0.0.1:0", services, 1);
}

static int stop(void **state)
{
    (void)state;
    http_stop(&http);
    http_stop(&http); /* may be called twice */
    return http != NULL;
}

static int dial(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(http_port(http)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const struct timeval patience = {.tv_sec = 10};
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (const void *)&address, sizeof(address)), 0);
    return fd;
}

/* The whole answer to a request, up to the close. */
static const char *ask(const char *request)
{
    const int fd = dial();
    size_t size = 0;
    ssize_t part;
    assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
    while ((part = recv(fd, text + size, sizeof(text) - 1 - size, 0)) > 0)
        size += (size_t)part;
    assert_int_equal(part, 0);
    text[size] = '\0';
    close(fd);
    return text;
}

static const char *get(const char *path)
{
    char request[256];
    snprintf(request, sizeof(request),
             "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    return ask(request);
}

static void assert_status(const char *answer, const char *status)
{
    if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || strncmp(answer + 9, status, 3) != 0)
        fail_msg("not %s: %s", status, answer);
}

static void health(void **state)
{
    (void)state;
    assert_status(get("/livez"), "200");
    assert_status(get("/readyz"), "503");
    metrics_turn(&risk, clock_mono_ns(), true);
    assert_status(get("/readyz"), "200");
    assert_non_null(strstr(text, "\r\n\r\nrisk ready gseq=0 lag=0\n"));
    metrics_turn(&risk, clock_mono_ns() - 2 * HTTP_STALL_NS, true);
    assert_status(get("/livez"), "503");
    metrics_turn(&risk, clock_mono_ns(), false);
    assert_status(get("/readyz"), "503");
}

/* More than one chunk, and all of it. */
static void metrics(void **state)
{
    (void)state;
    metrics_add(&risk, METRICS_commits, 3);
    assert_status(get("/metrics"), "200");
    assert_non_null(strstr(text, "zex_commits_total{service=\"risk\"} 3\n"));
    assert_non_null(strstr(text, "zex_query_seconds_count{service=\"risk\"} 0\n"));
    const char *length = strcasestr(text, "content-length: ");
    const char *body = strstr(text, "\r\n\r\n");
    assert_true(length && body);
    assert_int_equal(strtoul(length + 16, NULL, 10), strlen(body + 4));
    assert_true(strlen(body) > 8192);
}

static void other_requests(void **state)
{
    (void)state;
    assert_status(get("/secrets"), "404");
    assert_status(get("/metrics/more"), "404");
    ask("nonsense\r\n\r\n"); /* a closed connection is answer enough */
    assert_status(get("/livez"), "200");
}

/* A second server on the same port, and addresses that are none. */
static void refusals(void **state)
{
    (void)state;
    struct http *second = NULL;
    char bind[32];
    snprintf(bind, sizeof(bind), "127.0.0.1:%u", http_port(http));
    assert_int_equal(http_start(&second, bind, services, 1), ERR_ADDRESS_IN_USE);
    assert_int_equal(http_start(&second, "127.0.0.1", services, 1), ERR_USAGE);
    assert_int_equal(http_start(&second, "127.0.0.1:", services, 1), ERR_USAGE);
    assert_int_equal(http_start(&second, "127.0.0.1:x", services, 1), ERR_USAGE);
    assert_int_equal(http_start(&second, "127.0.0.1:65536", services, 1), ERR_USAGE);
    assert_null(second);
}

/* Stopping does not wait for clients that say nothing. */
static void stops_with_idle_clients(void **state)
{
    const int fd = dial();
    assert_int_equal(stop(state), 0);
    close(fd);
    assert_int_equal(start(state), 0);
}

/* What a health check sees: the page if it is there, is 200 and comes in time. */
static void probes(void **state)
{
    char everywhere[32], page[256] = "";
    (void)state;
    FILE *to = fmemopen(page, sizeof page, "w");
    assert_non_null(to);
    setbuf(to, NULL);
    snprintf(everywhere, sizeof everywhere, "*:%u", http_port(http));
    metrics_turn(&risk, clock_mono_ns(), true);
    assert_int_equal(http_probe(everywhere, "/readyz", to), 0);
    assert_string_equal(page, "risk ready gseq=0 lag=0\n");
    metrics_turn(&risk, clock_mono_ns(), false);
    assert_int_equal(http_probe(everywhere, "/readyz", to), ERR_IO);
    assert_int_equal(http_probe(everywhere + 1, "/livez", to), 0);
    assert_int_equal(http_probe(everywhere, "/secrets", to), ERR_IO);
    assert_int_equal(http_probe("127.0.0.1", "/livez", to), ERR_USAGE);
    assert_int_equal(http_probe("localhost:1", "/livez", to), ERR_USAGE);
    assert_int_equal(http_probe("*:0", "/livez", to), ERR_USAGE);
    assert_int_equal(stop(NULL), 0);
    assert_int_equal(http_probe(everywhere, "/livez", to), ERR_IO);
    assert_int_equal(start(NULL), 0);
    fclose(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health),         cmocka_unit_test(metrics),
        cmocka_unit_test(other_requests), cmocka_unit_test(refusals),
        cmocka_unit_test(probes),         cmocka_unit_test(stops_with_idle_clients),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
