/* ablation.c - first the seeds of the table, one mechanism after the other; then all. */
#include "tests/sim/ablation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/ablate.h"
#include "common/check.h"

enum { SEEDS = 200 };

enum ablate_name ablate_chosen;

static const char *const names[] = {"nothing",
#define NAME(name) #name,
                                    ABLATE_LIST(NAME)
#undef NAME
};

/* What the workers know when they are hired. */
static uint64_t seeds[ABLATE_END]; /* that notice; 0: none */
static void (*run_seed)(uint64_t seed, struct crew_outcome *);

static enum ablate_name find(const char *name)
{
    int i = ABLATE_END - 1;
    while (i > ABLATE_NOTHING && strcmp(name, names[i]) != 0)
        i--;
    return (enum ablate_name)i;
}

bool ablation_choose(const char *name)
{
    ablate_chosen = find(name);
    return ablate_chosen != ABLATE_NOTHING;
}

/* A line: name, seed. */
static void read_table(const char *path)
{
    char line[128], name[64];
    uint64_t seed;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return; /* then all are searched for */
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%63s %" SCNu64, name, &seed) == 2 && seed <= SEEDS)
            seeds[find(name)] = seed;
    }
    seeds[ABLATE_NOTHING] = 0;
    fclose(file);
}

/* ---- one seed each ---------------------------------------------------------------- */

/* Crews count mechanisms here, not seeds. */
static void run_whole(uint64_t name, struct crew_outcome *o)
{
    ablate_chosen = ABLATE_NOTHING;
    for (uint64_t i = 1; i < name; i++)
        o->held |= seeds[i] == seeds[name]; /* or it is counted there */
    if (seeds[name] != 0 && !o->held)
        run_seed(seeds[name], o);
}

static void run_without(uint64_t name, struct crew_outcome *o)
{
    ablate_chosen = (enum ablate_name)name;
    o->held = true;
    if (seeds[name] != 0)
        run_seed(seeds[name], o);
}

static bool hear(void *context, const struct crew_outcome *one)
{
    bool *held = context;
    held[one->seed] = one->held;
    return true;
}

static void run_each(void (*run)(uint64_t, struct crew_outcome *), bool *held)
{
    (void)crew_run(&(struct crew_work){
        .first = 1, .last = ABLATE_END - 1, .run = run, .hear = hear, .context = held});
}

/* ---- all seeds --------------------------------------------------------------------- */

/* The first that did not hold; a smaller one that was slower does not matter. */
static bool is_missed(void *context, const struct crew_outcome *one)
{
    uint64_t *caught = context;
    if (!one->held)
        *caught = one->seed;
    return one->held;
}

/* Returns the seed that notices, or 0. */
static uint64_t search(int name)
{
    uint64_t caught = 0;
    ablate_chosen = (enum ablate_name)name;
    (void)crew_run(&(struct crew_work){.first = 1,
                                       .last = SEEDS,
                                       .run = run_seed,
                                       .hear = is_missed,
                                       .context = &caught});
    return caught;
}

/* A seed that fails with all mechanisms there notices nothing. */
static int check_whole(void)
{
    bool held[ABLATE_END] = {false};
    int broken = 0;
    run_each(run_whole, held);
    for (int i = 1; i < ABLATE_END; i++) {
        if (seeds[i] == 0 || held[i])
            continue;
        printf("ablate: seed %" PRIu64 " of %s fails anyway\n", seeds[i], names[i]);
        broken++;
    }
    return broken;
}

int ablation_each(const char *table, void (*run)(uint64_t, struct crew_outcome *))
{
    bool held[ABLATE_END] = {false};
    int missed = 0;
    run_seed = run;
    read_table(table);
    run_each(run_without, held);
    for (int i = 1; i < ABLATE_END; i++) {
        const uint64_t tried = seeds[i];
        seeds[i] = held[i] ? search(i) : tried;
        missed += seeds[i] == 0;
        printf("ablate: %-22s %s %" PRIu64, names[i],
               seeds[i] == 0 ? "NOT CAUGHT in" : "caught by seed",
               seeds[i] == 0 ? (uint64_t)SEEDS : seeds[i]);
        if (tried != 0 && tried != seeds[i])
            printf(", no more by %" PRIu64 " of %s", tried, table);
        printf("\n");
        fflush(stdout);
    }
    const int broken = check_whole();
    printf("ablate: %d of %d caught\n", ABLATE_END - 1 - missed - broken, ABLATE_END - 1);
    return missed + broken;
}
