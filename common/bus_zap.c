/* bus_zap.c - the ZAP handler. */
#include "common/bus_zap.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "common/error.h"

#define FRAMES_MAX 8
#define FRAME_MAX  256

/* Frames of a request. */
enum { VERSION, REQUEST_ID, DOMAIN, ADDRESS, ROUTING_ID, MECHANISM, CREDENTIALS };

struct request {
    uint32_t count;
    size_t sizes[FRAMES_MAX];
    uint8_t frames[FRAMES_MAX][FRAME_MAX];
};

static const char *const domains[] = {
    [BUS_SERVER] = "server", [BUS_PUBLISHER] = "publisher", [BUS_CLIENTS] = "clients"};

const char *bus_zap_domain(enum bus_port port)
{
    return domains[port];
}

int bus_zap_open(void **zap, void *context)
{
    *zap = zmq_socket(context, ZMQ_REP);
    if (!*zap)
        return ERR_IO;
    int linger = 0;
    zmq_setsockopt(*zap, ZMQ_LINGER, &linger, sizeof linger);
    if (zmq_bind(*zap, "inproc://zeromq.zap.01") == 0)
        return 0;
    int error = errno == EADDRINUSE ? ERR_ADDRESS_IN_USE : ERR_IO;
    bus_zap_close(zap);
    return error;
}

void bus_zap_close(void **zap)
{
    if (*zap)
        zmq_close(*zap);
    *zap = NULL;
}

/* All frames of the next request; what does not fit is cut, and then fits nothing. */
static bool receive_request(void *zap, struct request *request)
{
    int more = 1;
    size_t more_size = sizeof more;
    for (request->count = 0; more; request->count++) {
        uint8_t spare[FRAME_MAX];
        bool fits = request->count < FRAMES_MAX;
        int size = zmq_recv(zap, fits ? request->frames[request->count] : spare,
                            FRAME_MAX, ZMQ_DONTWAIT);
        if (size < 0)
            return false;
        if (fits)
            request->sizes[request->count] = (size_t)size;
        zmq_getsockopt(zap, ZMQ_RCVMORE, &more, &more_size);
    }
    return true;
}

static bool is_text(const struct request *request, uint32_t frame, const char *text)
{
    return request->sizes[frame] == strlen(text) &&
           memcmp(request->frames[frame], text, strlen(text)) == 0;
}

static bool is_admitted(const struct request *request, const struct bus_options *options)
{
    if (request->count != CREDENTIALS + 1 || !is_text(request, VERSION, "1.0") ||
        !is_text(request, MECHANISM, "CURVE") || request->sizes[CREDENTIALS] != 32)
        return false;
    for (uint32_t port = 0; port < sizeof domains / sizeof *domains; port++)
        if (is_text(request, DOMAIN, domains[port]))
            return options->admit &&
                   options->admit(options->argument, (enum bus_port)port,
                                  request->frames[CREDENTIALS]);
    return false;
}

static void send_text(void *zap, const char *text, int flags)
{
    zmq_send(zap, text, strlen(text), flags | ZMQ_DONTWAIT);
}

void bus_zap_serve(void *zap, const struct bus_options *options)
{
    struct request request;
    while (receive_request(zap, &request)) {
        bool admitted = is_admitted(&request, options);
        char user[41] = "";
        if (admitted)
            bus_key_encode(user, request.frames[CREDENTIALS]);
        send_text(zap, "1.0", ZMQ_SNDMORE);
        zmq_send(zap, request.frames[REQUEST_ID],
                 request.count > REQUEST_ID ? request.sizes[REQUEST_ID] : 0,
                 ZMQ_SNDMORE | ZMQ_DONTWAIT);
        send_text(zap, admitted ? "200" : "400", ZMQ_SNDMORE);
        send_text(zap, admitted ? "OK" : "unknown key", ZMQ_SNDMORE);
        send_text(zap, user, ZMQ_SNDMORE);
        send_text(zap, "", 0);
    }
}
