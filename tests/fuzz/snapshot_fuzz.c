/* snapshot_fuzz.c - bytes as the snapshot of a core (the first byte says of which):
 * refused, by an error or by a CHECK, or a state that its invariants have nothing against
 * and that can be saved. Never an access out of its memory: there is a checksum before
 * these bytes, but it is not what keeps a reader in bounds.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/reader.h"
#include "common/writer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/kept.h"
#include "tests/fuzz/market.h"

static uint8_t *states[MARKET_CORES];
static struct kept fresh[MARKET_CORES];

static void *fresh_state(const struct refold_fold *fold, uint32_t which)
{
    size_t size = (fold->state_size + 63) / 64 * 64;
    if (states[which] == NULL) {
        states[which] = aligned_alloc(64, size);
        CHECK(states[which] != NULL);
        memset(states[which], 0, size);
        fold->kind->core->init(states[which], market_genesis(), 0);
        kept_make(&fresh[which], states[which], size);
    }
    kept_restore(&fresh[which]);
    return states[which];
}

/* ---- a CHECK ends the attempt, not the process ------------------------------------- */

static sigjmp_buf refused;

static void on_abort(int number)
{
    (void)number;
    siglongjmp(refused, 1);
}

static void load(const struct refold_fold *fold, void *state, const uint8_t *bytes,
                 size_t size)
{
    const struct core_ops *core = fold->kind->core;
    struct reader reader;
    struct writer writer;
    reader_init(&reader, bytes, size);
    if (core->load(state, &reader) != 0 || reader_end(&reader) != 0)
        return;
    if (core->check != NULL)
        core->check(state);
    writer_init(&writer, NULL, 0);
    core->save(state, &writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static bool is_made;
    struct sigaction was;
    const struct sigaction catch = {.sa_handler = on_abort, .sa_flags = SA_NODEFER};
    if (size < 1)
        return 0;
    if (!is_made)
        market_reset();
    is_made = true;
    uint32_t which = bytes[0] % MARKET_CORES;
    const struct refold_fold *fold = market_core((enum market_core)which);
    void *state = fresh_state(fold, which);
    sigaction(SIGABRT, &catch, &was);
    if (sigsetjmp(refused, 0) == 0)
        load(fold, state, bytes + 1, size - 1);
    sigaction(SIGABRT, &was, NULL);
    return 0;
}

/* Each core after the first commands of some market. */
size_t fuzz_seed(uint32_t number, uint8_t bytes[FUZZ_SEED_BYTES])
{
    enum market_core which = number % MARKET_CORES;
    const struct refold_fold *fold = market_core(which);
    struct writer writer;
    if (number >= 8 * MARKET_CORES)
        return 0;
    market_reset();
    for (uint32_t i = 0; i < number; i++) {
        struct msg msg = {.kind = MSG_order_new};
        msg.order_new = (struct msg_order_new){.cl_ord_id = i + 1,
                                               .symbol = 1 + i % 2,
                                               .side = i % 3 ? SIDE_BUY : SIDE_SELL,
                                               .ord_type = ORD_TYPE_LIMIT,
                                               .tif = TIF_GTC,
                                               .price = 95 + i % 7,
                                               .quantity = 1 + i % 5};
        (void)!market_command(1 + i % 2, &msg);
    }
    bytes[0] = (uint8_t)which;
    writer_init(&writer, bytes + 1, FUZZ_SEED_BYTES - 1);
    fold->kind->core->save(fold->state, &writer);
    return writer_failed(&writer) ? 1 : 1 + writer.size;
}
