/* invariants.c - I1 to I14, in order. */
#include "common/invariants.h"

#include <string.h>

#include "common/error.h"

static bool is_same(const void *a, size_t a_size, const void *b, size_t b_size)
{
    return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

const char *invariants_durable(const struct invariants_command *told,
                               const struct invariants_command *logged)
{
    if (logged->gseq == 0)
        return "I1: an accepted command is not in the log";
    if (told->gseq != 0 && told->gseq != logged->gseq)
        return "I1: an accepted command is elsewhere in the log";
    return is_same(told->bytes, told->size, logged->bytes, logged->size)
               ? NULL
               : "I1: the log has other bytes than were accepted";
}

const char *invariants_once(uint64_t command_gseq, uint64_t outcome_gseq,
                            uint32_t outcomes)
{
    if (command_gseq >= outcome_gseq)
        return "I2: an outcome before its command";
    return outcomes > 1 ? "I2: two outcomes of one command" : NULL;
}

const char *invariants_gone(uint64_t told_last_n, uint64_t last_n)
{
    return told_last_n == last_n ? NULL : "I2: a session ended at another command";
}

const char *invariants_order(uint64_t *last_n, uint64_t n)
{
    if (n != *last_n + 1)
        return "I3: a session's commands are not 1, 2, 3 ...";
    *last_n = n;
    return NULL;
}

static int64_t find_total(const struct msg_row_balance *rows, size_t count,
                          const struct msg_row_balance *wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].account == wanted->account && rows[i].asset == wanted->asset)
            return rows[i].free + rows[i].held;
    }
    return 0;
}

/* Each balance of the one is that of the other, none being zero. */
static bool is_known(const struct msg_row_balance *rows, size_t count,
                     const struct msg_row_balance *others, size_t other_count)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].free + rows[i].held != find_total(others, other_count, &rows[i]))
            return false;
    }
    return true;
}

const char *invariants_money(const struct msg_row_balance *risk, size_t risk_count,
                             const struct msg_row_balance *settlement,
                             size_t settlement_count)
{
    int64_t sums[ASSET_MAX + 1] = {0};
    if (!is_known(risk, risk_count, settlement, settlement_count) ||
        !is_known(settlement, settlement_count, risk, risk_count))
        return "I4: risk and settlement disagree";
    for (size_t i = 0; i < risk_count; i++) {
        sums[risk[i].asset] += risk[i].free + risk[i].held;
        if (risk[i].account > ACCOUNT_FEES && (risk[i].free < 0 || risk[i].held < 0))
            return "I4: a client's money is below zero";
    }
    for (uint32_t asset = 0; asset <= ASSET_MAX; asset++) {
        if (sums[asset] != 0)
            return "I4: money from nowhere";
    }
    return NULL;
}

const char *invariants_book(const void *made, size_t made_size, const void *expected,
                            size_t expected_size)
{
    return is_same(made, made_size, expected, expected_size)
               ? NULL
               : "I5: the book is not the naive book";
}

const char *invariants_state(const void *state, size_t state_size, const void *fold,
                             size_t fold_size)
{
    return is_same(state, state_size, fold, fold_size) ? NULL
                                                       : "I6: a state is not the fold";
}

const char *invariants_follows(struct invariants_place *place, const void *bytes,
                               size_t size)
{
    struct block block;
    size_t used;
    if (block_open(&block, bytes, size, &used) != 0 || used != size)
        return "I7: a block that cannot be read";
    if (block.first_seq != place->next ||
        memcmp(block.chain, place->chain, sizeof place->chain) != 0)
        return "I7: a block that does not follow the one before";
    if (block.time_ns <= place->time_ns)
        return "I7: the log's time stands still";
    place->next += block.count;
    place->time_ns = block.time_ns + block.count - 1;
    block_chain(&block, place->chain);
    return NULL;
}

const char *invariants_real_time(uint64_t told_gseq, uint64_t gseq)
{
    return gseq > told_gseq ? NULL : "I8: real time is not kept";
}

const char *invariants_feed(const struct invariants_report *taken,
                            const struct invariants_report *due)
{
    if (taken->gseq == 0 && due->gseq != 0)
        return "I9: a feed ends too early";
    if (taken->gseq != 0 && due->gseq == 0)
        return "I9: a feed has more than the log";
    return taken->gseq == due->gseq && taken->hash == due->hash
               ? NULL
               : "I9: a feed is not the account's part of the log";
}

const char *invariants_done(bool is_accepted, uint32_t outcomes)
{
    return is_accepted && outcomes == 0 ? "I10: a command without an outcome" : NULL;
}

const char *invariants_rest(uint64_t waited_ns, uint64_t limit_ns)
{
    return waited_ns > limit_ns ? "I10: no rest after the faults ended" : NULL;
}

const char *invariants_bound(uint64_t used, uint64_t limit, const char *broken)
{
    return used > limit ? broken : NULL;
}

const char *invariants_answer(bool is_connected, uint64_t silent_ns, uint64_t limit_ns)
{
    return is_connected && silent_ns > limit_ns ? "I12: a command without an answer"
                                                : NULL;
}

const char *invariants_stop(int error)
{
    switch (error) {
    case ERR_CORRUPT:
    case ERR_VERSION:
    case ERR_DIVERGED:
    case ERR_OTHER_LOG:
    case ERR_LOG_BEHIND:
    case ERR_NO_GENESIS:
    case ERR_IO:
        return NULL;
    default:
        return "I13: damage that is not called so";
    }
}

const char *invariants_depth(const struct msg_row_level *read, size_t read_count,
                             const struct msg_row_level *book, size_t book_count)
{
    if (read_count != book_count)
        return "I14: a reader's book has other levels";
    for (size_t i = 0; i < read_count; i++) {
        if (read[i].side != book[i].side || read[i].price != book[i].price)
            return "I14: a reader's book has other levels";
        if (read[i].quantity != book[i].quantity || read[i].orders != book[i].orders)
            return "I14: a reader's level has another size";
    }
    return NULL;
}
