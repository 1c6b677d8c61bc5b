/* kraken_test.c - fourteen scripted order books with the answers they must give.
 *
 * The scripts stand in ../shared/data/scenarios: an input file with twelve scenarios and
 * an output file with fourteen. 1 to 12 run with the venue option that refuses orders
 * that cross; 13 and 14 are the inputs of 5 and 3 with matching on. Lines of the output:
 * A acknowledged, R refused, B top of book changed (side, price, quantity, - when empty),
 * T trade.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "services/shard/shard_core.h"
#include "tests/unit/unit.h"

#define FOLDER "../shared/data/scenarios/"

enum { SCENARIOS = 14, TEXT_MAX = 16384, ORDERS_MAX = 64, SKIPPED = 77 };

struct order {
    uint32_t user, name;
    uint64_t order_id; /* 0: free */
};

struct venue {
    void *state, *memory;
    struct outbox outbox;
    uint64_t seq;
    struct order orders[ORDERS_MAX]; /* by slot */
    int64_t top[3], quantity[3];     /* by enum side */
    char *out;
};

static char inputs[SCENARIOS + 1][TEXT_MAX], outputs[SCENARIOS + 1][TEXT_MAX];

/* ---- reading the scripts ----------------------------------------------------------- */

/* Cuts a file at its `#name: scenario N` lines; drops comments, blanks and carriage
 * returns. */
static bool read_script(const char *path, char scripts[][TEXT_MAX])
{
    char line[256];
    int scenario = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "#name:", 6) == 0)
            scenario = (int)strtol(line + strcspn(line, "0123456789"), NULL, 10);
        size_t length = 0;
        for (const char *c = line; *c != 0 && *line != '#'; c++)
            if (!isspace((unsigned char)*c))
                line[length++] = *c;
        if (length == 0 || *line == '#' || scenario < 1 || scenario > SCENARIOS)
            continue;
        line[length] = 0;
        char *script = scripts[scenario];
        size_t used = strlen(script);
        snprintf(script + used, TEXT_MAX - used, "%s\n", line);
    }
    fclose(file);
    return true;
}

/* ---- the venue --------------------------------------------------------------------- */

static void say(struct venue *venue, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct venue *venue, const char *format, ...)
{
    size_t used = strlen(venue->out);
    va_list list;
    va_start(list, format);
    vsnprintf(venue->out + used, TEXT_MAX - used, format, list);
    va_end(list);
}

static const struct order *find_order(const struct venue *venue, uint64_t order_id)
{
    for (int i = 0; i < ORDERS_MAX; i++)
        if (venue->orders[i].order_id == order_id)
            return &venue->orders[i];
    fail();
    return NULL;
}

static void close_order(struct venue *venue, uint32_t slot)
{
    venue->orders[slot].order_id = 0;
}

static void print_trade(struct venue *venue, const struct msg_trade *t)
{
    const struct order *maker = find_order(venue, t->maker_order_id);
    const struct order *taker = find_order(venue, t->taker_order_id);
    const struct order *buy = t->taker_side == SIDE_BUY ? taker : maker;
    const struct order *sell = t->taker_side == SIDE_BUY ? maker : taker;
    say(venue, "T,%u,%u,%u,%u,%" PRId64 ",%" PRId64 "\n", buy->user, buy->name,
        sell->user, sell->name, t->price, t->quantity);
    if (t->maker_leaves == 0)
        close_order(venue, t->maker_slot);
    if (t->taker_leaves == 0)
        close_order(venue, t->taker_slot);
}

static void print_report(struct venue *venue, const struct msg *m)
{
    switch (m->kind) {
    case MSG_order_accepted:
        say(venue, "A,%u,%" PRIu64 "\n", m->order_accepted.account,
            m->order_accepted.cl_ord_id);
        break;
    case MSG_order_rejected:
        say(venue, "R,%u,%" PRIu64 "\n", m->order_rejected.account,
            m->order_rejected.cl_ord_id);
        close_order(venue, m->order_rejected.slot - 1);
        break;
    case MSG_order_cancelled:
        say(venue, "A,%u,%" PRIu64 "\n", m->order_cancelled.account,
            m->order_cancelled.cl_ord_id);
        close_order(venue, m->order_cancelled.slot);
        break;
    case MSG_trade:
        print_trade(venue, &m->trade);
        break;
    default:
        fail();
    }
}

struct top {
    int64_t price[3], quantity[3];
};

static void take_level(void *argument, const struct msg *row)
{
    struct top *top = argument;
    top->price[row->row_level.side] = row->row_level.price;
    top->quantity[row->row_level.side] = row->row_level.quantity;
}

static void print_top(struct venue *venue)
{
    struct top top = {0};
    shard_book_levels(venue->state, 1, 1, take_level, &top);
    for (int side = SIDE_BUY; side <= SIDE_SELL; side++) {
        if (top.price[side] == venue->top[side] &&
            top.quantity[side] == venue->quantity[side])
            continue;
        venue->top[side] = top.price[side];
        venue->quantity[side] = top.quantity[side];
        char name = side == SIDE_BUY ? 'B' : 'S';
        if (top.price[side] == 0)
            say(venue, "B,%c,-,-\n", name);
        else
            say(venue, "B,%c,%" PRId64 ",%" PRId64 "\n", name, top.price[side],
                top.quantity[side]);
    }
}

static void apply(struct venue *venue, const struct msg *m)
{
    venue->seq++;
    shard_core.apply(
        venue->state,
        &(struct core_input){.seq = venue->seq, .gseq = venue->seq, .msg = m},
        &venue->outbox);
    shard_core.check(venue->state);
    size_t at = 0;
    uint32_t size;
    const uint8_t *item;
    while ((item = outbox_next(&venue->outbox.submits, &at, &size)) != NULL) {
        struct msg report;
        assert_int_equal(codec_decode_whole(item, size, &report), 0);
        print_report(venue, &report);
    }
    outbox_clear(&venue->outbox);
}

/* ---- the commands ------------------------------------------------------------------ */

static void place(struct venue *venue, const char *line)
{
    unsigned user, name;
    char symbol[16], side;
    int64_t price, quantity;
    assert_int_equal(sscanf(line, "N,%u,%15[^,],%" SCNd64 ",%" SCNd64 ",%c,%u", &user,
                            symbol, &price, &quantity, &side, &name),
                     6);
    uint32_t slot = 0;
    while (venue->orders[slot].order_id != 0)
        slot++;
    venue->orders[slot] =
        (struct order){.user = user, .name = name, .order_id = venue->seq + 1};
    int64_t collar = side == 'B' ? PRICE_MAX : 1;
    apply(venue,
          &(struct msg){
              .kind = MSG_approved_new,
              .approved_new = {.slot = slot,
                               .account = user,
                               .cl_ord_id = name,
                               .symbol = 1,
                               .side = side == 'B' ? SIDE_BUY : SIDE_SELL,
                               .ord_type = price == 0 ? ORD_TYPE_MARKET : ORD_TYPE_LIMIT,
                               .tif = price == 0 ? TIF_IOC : TIF_GTC,
                               .price = price == 0 ? collar : price,
                               .quantity = quantity,
                               .stp = STP_EXPIRE_TAKER}});
}

static void cancel(struct venue *venue, const char *line)
{
    unsigned user, name;
    assert_int_equal(sscanf(line, "C,%u,%u", &user, &name), 2);
    for (uint32_t slot = 0; slot < ORDERS_MAX; slot++) {
        const struct order *order = &venue->orders[slot];
        if (order->order_id == 0 || order->user != user || order->name != name)
            continue;
        apply(venue, &(struct msg){.kind = MSG_approved_cancel,
                                   .approved_cancel = {.slot = slot,
                                                       .account = user,
                                                       .symbol = 1,
                                                       .order_id = order->order_id,
                                                       .cl_ord_id = name,
                                                       .orig_cl_ord_id = name}});
        return;
    }
    fail_msg("no open order %u of user %u", name, user);
}

static void start(struct venue *venue, bool refuse_crossing, char *out)
{
    static const struct msg_genesis genesis = {.orders_max = ORDERS_MAX,
                                               .levels_max = ORDERS_MAX};
    static const struct outbox_sizes sizes = {.submits = 1 << 20};
    size_t size = (shard_core.size(&genesis, 0) + 63) / 64 * 64;
    *venue = (struct venue){.out = out,
                            .state = aligned_alloc(64, size),
                            .memory = malloc(outbox_size(&sizes))};
    memset(venue->state, 0, size);
    shard_core.init(venue->state, &genesis, 0);
    outbox_init(&venue->outbox, venue->memory, &sizes);
    apply(venue, &(struct msg){.kind = MSG_symbol_set,
                               .symbol_set = {.symbol = 1,
                                              .multiplier = 1,
                                              .refuse_crossing = refuse_crossing,
                                              .trading = TRADING_OPEN}});
}

static void run_scenario(void **state)
{
    static const int matching_inputs[] = {[13] = 5, [14] = 3};
    int scenario = *(const int *)*state;
    int input = scenario > 12 ? matching_inputs[scenario] : scenario;
    char out[TEXT_MAX] = "", script[TEXT_MAX];
    struct venue venue;
    memcpy(script, inputs[input], sizeof script);
    start(&venue, scenario <= 12, out);
    char *save = NULL;
    for (char *line = strtok_r(script, "\n", &save); line != NULL && *line != 'F';
         line = strtok_r(NULL, "\n", &save)) {
        if (*line == 'N')
            place(&venue, line);
        else
            cancel(&venue, line);
        print_top(&venue);
    }
    assert_true(strlen(out) > 0);
    assert_string_equal(out, outputs[scenario]);
    free(venue.state);
    free(venue.memory);
}

int main(void)
{
    static int numbers[SCENARIOS];
    static char names[SCENARIOS][32];
    struct CMUnitTest tests[SCENARIOS];
    if (!read_script(FOLDER "kraken_input_file.csv", inputs) ||
        !read_script(FOLDER "kraken_output_file.csv", outputs)) {
        puts("skipped: no " FOLDER);
        return SKIPPED;
    }
    for (int i = 0; i < SCENARIOS; i++) {
        numbers[i] = i + 1;
        snprintf(names[i], sizeof names[i], "scenario %d", i + 1);
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = run_scenario, .initial_state = &numbers[i]};
    }
    return cmocka_run_group_tests_name("kraken", tests, NULL, NULL);
}
