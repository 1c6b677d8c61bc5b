/* power.c - a countdown. */
#include "tests/sim/power.h"

static uint32_t left;
static bool is_cut;

void power_cut_at(uint32_t operation)
{
    left = operation;
    is_cut = false;
}

bool power_operate(void)
{
    if (left > 0 && --left == 0)
        is_cut = true;
    return !is_cut;
}

bool power_is_cut(void)
{
    return is_cut;
}
