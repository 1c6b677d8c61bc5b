/* gateway_fuzz.c - bytes as frames of clients to a gateway: whatever they send, it goes
 * on, passes on only commands of their own accounts, and its books are in order.
 *
 * The first byte says whether there is CURVE. A frame is a byte that says who sends it,
 * two with its size, then its bytes.
 */
#include "tests/unit/gateway_world.h"

#include "common/check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/kept.h"

static const uint32_t peers[] = {A, B, ADMIN_PEER, AUDITOR_PEER, A2};

enum { PEERS = sizeof peers / sizeof *peers };

/* With CURVE and, where peers name their account themselves, without. */
static struct desk *desks[2], *desk;
static struct kept kept[2];

static void make(bool is_open)
{
    struct core_settings settings = world_settings;
    settings.curve = !is_open;
    desk = open_venue(&settings);
    if (!is_open) {
        (void)open_session(desk, A, 1);
        (void)open_session(desk, B, 1);
    }
    desks[is_open] = desk;
    kept_make(&kept[is_open], desk->state, desk->ops->size(&desk->genesis, 0));
}

static void reset(bool is_open)
{
    if (desks[is_open] == NULL)
        make(is_open);
    desk = desks[is_open];
    kept_restore(&kept[is_open]);
    desk->time = (struct core_time){.mono_ns = 2000000000, .wall_ns = 6000000000};
    desk->frame_size = desk->sent_count = desk->taken = 0;
}

/* Nothing reaches the log under another's name. */
static void check_sent(uint32_t peer)
{
    for (uint32_t i = 0; i < desk->sent_count; i++) {
        const struct desk_sent *s = &desk->sent[i];
        if (s->msg.kind == MSG_submit_command)
            CHECK(s->msg.submit_command.account == account_of(peer));
        if (s->msg.kind == MSG_submit_open)
            CHECK(s->msg.submit_open.account == account_of(peer));
        if (s->port == BUS_CLIENTS && s->msg.kind != MSG_feed_heartbeat &&
            s->msg.kind != MSG_goodbye)
            CHECK(s->to == peer || account_of(s->to) == account_of(peer));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz f = {bytes, bytes + size};
    bool is_open = fuzz_byte(&f) & 1;
    reset(is_open);
    while (!fuzz_is_over(&f)) {
        uint8_t who = fuzz_byte(&f);
        size_t wanted = (size_t)fuzz_number(&f, 2), left = (size_t)(f.end - f.at);
        uint32_t peer = peers[who % PEERS];
        if (who >= 224)
            desk_pass_ms(desk, who - 223u);
        desk_put_bytes(desk, f.at, wanted < left ? wanted : left);
        f.at += desk->frame_size;
        from(desk, peer);
        if (!is_open)
            check_sent(peer);
    }
    return 0;
}

/* ---- to begin with ----------------------------------------------------------------- */

static void put_sample(uint32_t number)
{
    struct msg m = order(number);
    switch (number % 7) {
    case 0:
        put_open(desk, number);
        return;
    case 1:
        put_command(desk, desk->gseq - 1, 1 + number / 7, &m);
        return;
    case 2:
        m = (struct msg){.kind = MSG_resume};
        m.resume.session = desk->gseq - 1;
        break;
    case 3:
        m = (struct msg){.kind = MSG_query};
        m.query.kind = (uint8_t)(1 + number / 7 % 12);
        m.query.id = number;
        m.query.limit = 10;
        break;
    case 4:
        m = (struct msg){.kind = MSG_ping};
        break;
    case 5:
        m = (struct msg){.kind = MSG_hello};
        m.hello.account = ALICE;
        break;
    default:
        m = cancel(number);
        put_command(desk, desk->gseq, 1 + number / 7, &m);
        return;
    }
    desk_put(desk, &m);
}

static size_t add_frame(uint8_t *at, uint32_t who)
{
    size_t size = desk->frame_size;
    at[0] = (uint8_t)who;
    at[1] = (uint8_t)(size >> 8);
    at[2] = (uint8_t)size;
    memcpy(at + 3, desk->frame, size);
    desk->frame_size = 0;
    return 3 + size;
}

/* More of one kind than an account may send at once. */
static size_t flood(uint32_t number, uint8_t *bytes)
{
    size_t size = 1;
    reset(false);
    bytes[0] = 0;
    for (uint32_t i = 0; i < 48; i++) {
        put_sample(number % 7 + 7 * i + 7);
        size += add_frame(bytes + size, 0);
    }
    return size;
}

size_t fuzz_seed(uint32_t number, uint8_t bytes[FUZZ_SEED_BYTES])
{
    size_t size = 1;
    if (number >= 135)
        return 0;
    if (number >= 128)
        return flood(number, bytes);
    bytes[0] = number >= 64;
    reset(bytes[0]);
    for (uint32_t i = 0; i <= number % 4; i++) {
        put_sample((i == 0 && bytes[0] ? 5 : number + i) + 7);
        size += add_frame(bytes + size, number % PEERS);
    }
    return size;
}
