/* http.c - libwebsockets in a thread of its own, answering from memory. */
#include "common/http.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <libwebsockets.h>

#include "common/check.h"
#include "common/clock.h"

enum {
    ADDRESS_MAX = 64,
    CHUNK = 4096, /* bytes given to the socket at a time */
};

/* What a callback tells libwebsockets; it takes only a negative value for a close after a
 * write. Each connection serves one request: probes come seconds apart, and an open one
 * would hold a place until its time-out. */
enum {
    GO_ON = 0,
    CLOSE = -1,
};

struct http {
    struct lws_context *context;
    struct lws_vhost *host;
    pthread_t thread;
    _Atomic bool stopping;
    char address[ADDRESS_MAX];
    uint16_t port;
    size_t count;
    const struct metrics *services[HTTP_SERVICES_MAX];
};

/* One connection's answer. libwebsockets zeroes it when the connection opens. */
struct answer {
    char *body;
    size_t size, sent;
};

static void drop_body(struct answer *answer)
{
    free(answer->body);
    *answer = (struct answer){0};
}

/* The status of the page at `path`, whose text goes into the answer. */
static unsigned make_page(const struct http *http, const char *path,
                          struct answer *answer)
{
    drop_body(answer);
    FILE *to = open_memstream(&answer->body, &answer->size);
    if (!to)
        return HTTP_STATUS_INTERNAL_SERVER_ERROR;
    unsigned status = HTTP_STATUS_OK;
    if (strcmp(path, "/metrics") == 0)
        metrics_print(http->services, http->count, to);
    else if (strcmp(path, "/livez") == 0)
        status = metrics_print_live(http->services, http->count, clock_mono_ns(),
                                    HTTP_STALL_NS, to)
                     ? HTTP_STATUS_OK
                     : HTTP_STATUS_SERVICE_UNAVAILABLE;
    else if (strcmp(path, "/readyz") == 0)
        status = metrics_print_ready(http->services, http->count, to)
                     ? HTTP_STATUS_OK
                     : HTTP_STATUS_SERVICE_UNAVAILABLE;
    else
        status = HTTP_STATUS_NOT_FOUND;
    return fclose(to) == 0 ? status : HTTP_STATUS_INTERNAL_SERVER_ERROR;
}

static int begin_answer(struct lws *wsi, struct answer *answer, const char *path)
{
    const struct http *http = lws_context_user(lws_get_context(wsi));
    const unsigned status = make_page(http, path, answer);
    unsigned char head[LWS_PRE + 512];
    unsigned char *const start = head + LWS_PRE, *at = start;
    unsigned char *const end = head + sizeof(head) - 1;
    if (lws_add_http_common_headers(wsi, status,
                                    "text/plain; version=0.0.4; charset=utf-8",
                                    answer->size, &at, end) ||
        lws_add_http_header_by_token(wsi, WSI_TOKEN_CONNECTION,
                                     (const unsigned char *)"close", 5, &at, end) ||
        lws_finalize_write_http_header(wsi, start, &at, end))
        return CLOSE;
    if (answer->size == 0)
        return CLOSE;
    lws_callback_on_writable(wsi);
    return GO_ON;
}

static int go_on(struct lws *wsi, struct answer *answer)
{
    unsigned char chunk[LWS_PRE + CHUNK];
    const size_t left = answer->size - answer->sent;
    const size_t part = left < CHUNK ? left : CHUNK;
    if (part == 0)
        return GO_ON;
    memcpy(chunk + LWS_PRE, answer->body + answer->sent, part);
    const enum lws_write_protocol how =
        part == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP;
    if (lws_write(wsi, chunk + LWS_PRE, part, how) < (int)part)
        return CLOSE;
    answer->sent += part;
    if (part == left)
        return CLOSE;
    lws_callback_on_writable(wsi);
    return GO_ON;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user,
                    void *in, size_t size)
{
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return begin_answer(wsi, user, in);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return go_on(wsi, user);
    case LWS_CALLBACK_CLOSED_HTTP:
        if (user)
            drop_body(user);
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, size);
    }
}

static const struct lws_protocols protocols[] = {
    {.name = "http",
     .callback = on_event,
     .per_session_data_size = sizeof(struct answer)},
    {.name = NULL},
};

static void *serve(void *argument)
{
    struct http *http = argument;
    while (!atomic_load(&http->stopping))
        if (lws_service(http->context, 0) < 0)
            break;
    return NULL;
}

/* "127.0.0.1:9090" to its two parts; *:9090 is every address. */
static int split_bind(struct http *http, const char *bind)
{
    const char *colon = strrchr(bind, ':');
    if (!colon || (size_t)(colon - bind) >= sizeof(http->address))
        return ERR_USAGE;
    memcpy(http->address, bind, (size_t)(colon - bind));
    char *end;
    const unsigned long port = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port > UINT16_MAX)
        return ERR_USAGE;
    http->port = (uint16_t)port;
    return 0;
}

static int listen_on(struct http *http)
{
    const bool everywhere = http->address[0] == '\0' || strcmp(http->address, "*") == 0;
    const struct lws_context_creation_info info = {
        .port = http->port,
        .iface = everywhere ? NULL : http->address,
        .protocols = protocols,
        .user = http,
        .gid = -1,
        .uid = -1,
        .fd_limit_per_thread = HTTP_CONNECTIONS_MAX,
        .options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DISABLE_IPV6 * !strchr(http->address, ':'),
    };
    lws_set_log_level(0, NULL);
    http->context = lws_create_context(&info);
    if (!http->context)
        return ERR_MEMORY;
    http->host = lws_create_vhost(http->context, &info);
    if (!http->host)
        return ERR_ADDRESS_IN_USE;
    http->port = (uint16_t)lws_get_vhost_listen_port(http->host);
    return 0;
}

static void destroy(struct http *http)
{
    if (http->context)
        lws_context_destroy(http->context);
    free(http);
}

int http_start(struct http **out, const char *bind, const struct metrics *const *services,
               size_t count)
{
    CHECK(count <= HTTP_SERVICES_MAX);
    struct http *http = calloc(1, sizeof(*http));
    if (!http)
        return ERR_MEMORY;
    http->count = count;
    memcpy(http->services, services, count * sizeof(*services));
    int error = split_bind(http, bind);
    if (!error)
        error = listen_on(http);
    if (!error && pthread_create(&http->thread, NULL, serve, http) != 0)
        error = ERR_MEMORY;
    if (error)
        destroy(http);
    else
        *out = http;
    return error;
}

uint16_t http_port(const struct http *http)
{
    return http->port;
}

void http_stop(struct http **http)
{
    if (!*http)
        return;
    atomic_store(&(*http)->stopping, true);
    lws_cancel_service((*http)->context);
    CHECK(pthread_join((*http)->thread, NULL) == 0);
    destroy(*http);
    *http = NULL;
}
