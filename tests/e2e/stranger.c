/* stranger.c - a client somebody wrote after the page proto/client_protocol.md, with czmq
 * and msgpack-c and nothing of zex: is what the page says enough, and true?
 *
 *   stranger DIRECTORY ACCOUNT    in a venue with no order of the account in symbol 1
 */
#include <czmq.h>
#include <msgpack.h>

enum {
    ORDER_NEW = 12,
    CLOSE = 11,
    ORDER_CANCEL = 13,
    ORDER_ACCEPTED = 50,
    ORDER_CANCELLED = 52,
    CLIENT_OPEN = 90,
    COMMAND = 91,
    QUERY = 93,
    PING = 94,
    OPENED = 95,
    ACCEPTED = 96,
    SESSION_GONE = 99,
    REPORT = 100,
    HEARTBEAT = 101,
    ANSWER = 103,
    ROW_BALANCE = 110,
    BUY = 1,
    LIMIT = 2,
    GTC = 1,
    BALANCES = 5,
    ANSWER_MS = 10000,
    FIELDS = 20,
};

static const uint64_t PRICE = 5900000, QUANTITY = 10; /* of a lot, far below the market */

static void fail(const char *what)
{
    printf("FAILED: %s\n", what);
    exit(1);
}

/* ---- messages ---------------------------------------------------------------------- */

/* Fields of the first message found with this id: integers, or where a bin is. */
struct message {
    uint64_t fields[FIELDS];
    msgpack_object body;
    uint32_t count;
};

static zsock_t *gateway;
static zframe_t *frame; /* what came last, and how much of it is read */
static size_t at;
static msgpack_unpacked unpacked;

static void send_bytes(const msgpack_sbuffer *bytes)
{
    if (zsock_send(gateway, "b", bytes->data, bytes->size) != 0)
        fail("a frame can be sent");
}

static void put(msgpack_sbuffer *bytes, const uint64_t *fields, uint32_t count)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, bytes, msgpack_sbuffer_write);
    msgpack_pack_array(&packer, count);
    for (uint32_t i = 0; i < count; i++)
        msgpack_pack_uint64(&packer, fields[i]);
}

static void say(const uint64_t *fields, uint32_t count)
{
    msgpack_sbuffer bytes;
    msgpack_sbuffer_init(&bytes);
    put(&bytes, fields, count);
    send_bytes(&bytes);
    msgpack_sbuffer_destroy(&bytes);
}

static void command(uint64_t session, uint64_t n, const uint64_t *fields, uint32_t count)
{
    msgpack_sbuffer bytes, body;
    msgpack_packer packer;
    msgpack_sbuffer_init(&bytes);
    msgpack_sbuffer_init(&body);
    put(&body, fields, count);
    msgpack_packer_init(&packer, &bytes, msgpack_sbuffer_write);
    msgpack_pack_array(&packer, 4);
    msgpack_pack_uint64(&packer, COMMAND);
    msgpack_pack_uint64(&packer, session);
    msgpack_pack_uint64(&packer, n);
    msgpack_pack_bin(&packer, body.size);
    msgpack_pack_bin_body(&packer, body.data, body.size);
    send_bytes(&bytes);
    msgpack_sbuffer_destroy(&bytes);
    msgpack_sbuffer_destroy(&body);
}

static struct message read_object(const msgpack_object *object)
{
    struct message m = {.count = 0};
    if (object->type != MSGPACK_OBJECT_ARRAY || object->via.array.size > FIELDS)
        fail("a message is an array");
    for (; m.count < object->via.array.size; m.count++) {
        const msgpack_object *field = &object->via.array.ptr[m.count];
        if (field->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
            m.fields[m.count] = field->via.u64;
        else if (field->type == MSGPACK_OBJECT_BIN)
            m.body = *field;
    }
    return m;
}

/* The next message, of this frame or another. */
static struct message next(void)
{
    if (frame != NULL && at == zframe_size(frame))
        zframe_destroy(&frame);
    if (frame == NULL) {
        frame = zframe_recv(gateway);
        at = 0;
    }
    if (frame == NULL)
        fail("there is an answer in time");
    if (msgpack_unpack_next(&unpacked, (const char *)zframe_data(frame),
                            zframe_size(frame), &at) != MSGPACK_UNPACK_SUCCESS)
        fail("msgpack-c reads it");
    return read_object(&unpacked.data);
}

static struct message await(uint64_t id)
{
    for (;;) {
        struct message m = next();
        if (m.fields[0] == id)
            return m;
        if (m.fields[0] != HEARTBEAT && m.fields[0] != REPORT && m.fields[0] != ACCEPTED)
            fail("nothing else is said");
    }
}

/* The report with such a body: its fields. */
static struct message await_report(uint64_t kind)
{
    msgpack_unpacked inner;
    for (;;) {
        struct message m = await(REPORT);
        size_t used = 0;
        msgpack_unpacked_init(&inner);
        if (msgpack_unpack_next(&inner, m.body.via.bin.ptr, m.body.via.bin.size, &used) !=
            MSGPACK_UNPACK_SUCCESS)
            fail("msgpack-c reads the body of a report");
        m = read_object(&inner.data);
        msgpack_unpacked_destroy(&inner);
        if (m.fields[0] == kind)
            return m;
    }
}

/* ---- what the page says ------------------------------------------------------------ */

static void trade(uint64_t nonce)
{
    const uint64_t open[] = {CLIENT_OPEN, nonce},
                   query[] = {QUERY, nonce, BALANCES, 0, 0, 0, 0, 0, 0, 100};
    const uint64_t order[] = {ORDER_NEW, nonce, 1, BUY, LIMIT, GTC, PRICE, QUANTITY};
    const uint64_t cancel[] = {ORDER_CANCEL, nonce + 1, 0, nonce}, close[] = {CLOSE};
    say(open, 2);
    struct message opened = await(OPENED);
    const uint64_t session = opened.fields[2];
    if (opened.fields[1] != nonce)
        fail("opened tells the nonce");
    command(session, 1, order, 8);
    struct message accepted = await(ACCEPTED), report = await_report(ORDER_ACCEPTED);
    if (accepted.fields[1] != session || accepted.fields[2] != 1)
        fail("accepted tells session and n");
    if (report.fields[1] != accepted.fields[3] || report.fields[4] != nonce)
        fail("the order's id is the gseq it was accepted at");
    command(session, 1, order, 8);
    if (await(ACCEPTED).fields[2] != 1)
        fail("the same bytes again are accepted");
    command(session, 2, cancel, 4);
    if (await_report(ORDER_CANCELLED).fields[1] != accepted.fields[3])
        fail("the order is cancelled: it was there once");
    say(query, 10);
    struct message answer = await(ANSWER);
    for (uint64_t i = 0; i < answer.fields[5]; i++)
        if (next().fields[0] != ROW_BALANCE)
            fail("rows follow their answer");
    if (answer.fields[1] != nonce || answer.fields[2] != 0 || answer.fields[5] == 0)
        fail("balances are told");
    command(session, 3, close, 1);
    if (await(SESSION_GONE).fields[2] != 3)
        fail("close is the last n");
    say((const uint64_t[]){PING}, 1);
    await(HEARTBEAT);
}

/* ---- keys -------------------------------------------------------------------------- */

static char *read_text(const char *directory, const char *name, const char *ending)
{
    char path[4096];
    static char text[3][128];
    static int count;
    char *into = text[count++ % 3];
    snprintf(path, sizeof path, "%s/%s%s", directory, name, ending);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail(path);
    into[fread(into, 1, sizeof text[0] - 1, file)] = 0;
    fclose(file);
    return into;
}

int main(int argc, char **argv)
{
    char name[256], public_key[41], secret_key[41];
    if (argc != 3)
        return 2;
    zsys_handler_set(NULL);
    snprintf(name, sizeof name, "keys/%s", argv[2]);
    if (sscanf(read_text(argv[1], name, ".key"), "public %40s secret %40s", public_key,
               secret_key) != 2)
        fail("a key file has two keys");
    char *server_key = read_text(argv[1], "keys/gateway", ".pub");
    char *address = read_text(argv[1], "gateways", "");
    server_key[strcspn(server_key, "\n")] = address[strcspn(address, "\n")] = 0;
    gateway = zsock_new(ZMQ_DEALER);
    zsock_set_curve_publickey(gateway, public_key);
    zsock_set_curve_secretkey(gateway, secret_key);
    zsock_set_curve_serverkey(gateway, server_key);
    zsock_set_rcvtimeo(gateway, ANSWER_MS);
    zsock_set_sndtimeo(gateway, ANSWER_MS);
    if (zsock_connect(gateway, "%s", address) != 0)
        fail(address);
    msgpack_unpacked_init(&unpacked);
    trade((uint64_t)time(NULL) << 20 | (uint64_t)(getpid() & 0xfffff));
    msgpack_unpacked_destroy(&unpacked);
    zframe_destroy(&frame);
    zsock_destroy(&gateway);
    puts("a client made from the page alone trades");
    return 0;
}
