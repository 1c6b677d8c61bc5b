/* power.c - a countdown, and somebody who watches it. */
#include "tests/sim/power.h"

#include <stddef.h>

static uint32_t left, running;
static bool is_cut, is_on; /* on: a process has its turn */
static bool (*watcher)(uint32_t node);

void power_begin(uint32_t node, uint32_t operation)
{
    running = node;
    left = operation;
    is_cut = false;
    is_on = true;
}

void power_end(void)
{
    left = 0;
    is_cut = is_on = false;
}

bool power_operate(void)
{
    if (left > 0 && --left == 0)
        is_cut = true;
    return !is_cut;
}

bool power_write(void)
{
    if (is_on && !is_cut && watcher != NULL && watcher(running))
        is_cut = true;
    return power_operate();
}

void power_cut(void)
{
    is_cut = true;
}

uint32_t power_node(void)
{
    return running;
}

bool power_is_cut(void)
{
    return is_cut;
}

void power_watch(bool (*is_last)(uint32_t node))
{
    watcher = is_last;
}
