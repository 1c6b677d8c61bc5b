/* faults.c - one draw a point that is met. */
#include "tests/sim/faults.h"

#include <string.h>

#include "common/random.h"

uint32_t faults[FAULT_COUNT];

static const uint32_t *chances; /* ppm; NULL: none happens */
static struct random draws;

void faults_begin(uint64_t seed, const uint32_t ppm[FAULT_COUNT])
{
    memset(faults, 0, sizeof faults);
    random_init(&draws, seed ^ UINT64_C(0xfa17));
    chances = ppm;
}

void faults_end(void)
{
    chances = NULL;
}

bool fault_happens(enum fault_name fault)
{
    bool happens =
        chances != NULL && chances[fault] > 0 && random_chance(&draws, chances[fault]);
    faults[fault] += happens;
    return happens;
}

const char *faults_text(uint32_t fault)
{
    static const char *const names[] = {
#define FAULT_TEXT(name) #name,
        FAULT_LIST(FAULT_TEXT)
#undef FAULT_TEXT
    };
    return names[fault];
}
