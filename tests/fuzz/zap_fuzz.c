/* zap_fuzz.c - bytes as the frames of a request to the ZAP handler, from a real socket:
 * only a whole CURVE request for a known port with the one good key is let in.
 *
 * A frame is a byte with its size, then that many bytes.
 */
#include <zmq.h>

#include "common/bus_zap.h"
#include "common/check.h"
#include "tests/fuzz/fuzz.h"

enum { FRAMES = 12, SIZES = 256, KEY = 32 };

static const uint8_t good_key[KEY] = "01234567890123456789012345678901";

static bool admit(void *argument, enum bus_port port, const uint8_t key[32])
{
    (void)argument;
    return port == BUS_CLIENTS && memcmp(key, good_key, KEY) == 0;
}

/* Sends all frames; is it the request that must be let in? */
static bool ask(void *socket, struct fuzz *f)
{
    static const char *const wanted[] = {"1.0", NULL, "clients", NULL, NULL, "CURVE"};
    uint32_t count = 0;
    bool is_good = true, is_last = false;
    while (!is_last) {
        size_t size = fuzz_byte(f);
        if (size > (size_t)(f->end - f->at))
            size = (size_t)(f->end - f->at);
        is_last = ++count == FRAMES || f->at + size == f->end;
        fuzz_feature(count * SIZES + (uint32_t)size);
        if (count <= 6 && wanted[count - 1] != NULL)
            is_good = is_good && size == strlen(wanted[count - 1]) &&
                      memcmp(f->at, wanted[count - 1], size) == 0;
        if (count == 7)
            is_good = is_good && size == KEY && memcmp(f->at, good_key, KEY) == 0;
        CHECK(zmq_send(socket, f->at, size, is_last ? 0 : ZMQ_SNDMORE) == (int)size);
        f->at += size;
    }
    return is_good && count == 7;
}

/* The status, which is the third frame of six. */
static bool hear(void *socket)
{
    char frame[256], status[4] = "";
    int more = 1, count = 0;
    size_t size = sizeof more;
    while (more) {
        int got = zmq_recv(socket, frame, sizeof frame, ZMQ_DONTWAIT);
        CHECK(got >= 0);
        if (++count == 3 && got == 3)
            memcpy(status, frame, 3);
        zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size);
    }
    CHECK(count == 6 && (strcmp(status, "200") == 0 || strcmp(status, "400") == 0));
    return strcmp(status, "200") == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static void *context, *zap, *socket;
    const struct bus_options options = {.admit = admit};
    struct fuzz f = {bytes, bytes + size};
    if (context == NULL) {
        context = zmq_ctx_new();
        CHECK(bus_zap_open(&zap, context) == 0);
        socket = zmq_socket(context, ZMQ_REQ);
        CHECK(zmq_connect(socket, "inproc://zeromq.zap.01") == 0);
    }
    bool is_good = ask(socket, &f);
    bus_zap_serve(zap, &options);
    CHECK(hear(socket) == is_good);
    return 0;
}

static size_t put(uint8_t *at, const void *frame, size_t size)
{
    at[0] = (uint8_t)size;
    memcpy(at + 1, frame, size);
    return 1 + size;
}

size_t fuzz_seed(uint32_t number, uint8_t bytes[FUZZ_SEED_BYTES])
{
    static const char *const frames[] = {"1.0", "1", "clients", "127.0.0.1", "", "CURVE"};
    static const char *const others[] = {"2.0", "2", "server", "", "id", "NULL"};
    size_t size = 0;
    if (number > 7)
        return 0;
    for (uint32_t i = 0; i < 6; i++) {
        const char *text = i + 1 == number ? others[i] : frames[i];
        size += put(bytes + size, text, strlen(text));
    }
    return size + put(bytes + size, good_key, number == 7 ? KEY - 1 : KEY);
}
