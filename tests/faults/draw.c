/* draw.c - see draw.h. */
#include "tests/faults/draw.h"

enum { QUERY_MS = 5000 };

int draw_symbols(zex_client *client, struct zex_row symbols[2])
{
    struct zex_query query = {.kind = ZEX_QUERY_SYMBOLS};
    struct zex_answer answer;
    int found = 0, status = zex_query(client, &query, &answer, QUERY_MS);
    while (status == ZEX_OK && found < 2 && zex_answer_next(&answer, &symbols[found]))
        found++;
    return status != ZEX_OK ? status : found == 2 ? ZEX_OK : ZEX_ERR_USAGE;
}

int64_t draw_quantity(struct random *random, const struct zex_row *symbol)
{
    return random_between(random, 1, DRAW_LOTS) * symbol->lot;
}

struct zex_order draw_order(struct random *random, const struct zex_row symbols[2])
{
    const struct zex_row *s = &symbols[random_below(random, 2)];
    return (struct zex_order){
        .symbol = s->symbol,
        .side = random_chance(random, 500000) ? ZEX_SIDE_BUY : ZEX_SIDE_SELL,
        .type = ZEX_LIMIT,
        .time_in_force = random_chance(random, 100000) ? ZEX_IOC : ZEX_GTC,
        .price = s->reference_price +
                 random_between(random, -DRAW_PRICES / 2, DRAW_PRICES / 2) * s->tick,
        .quantity = draw_quantity(random, s),
    };
}
