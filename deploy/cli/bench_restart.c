/* bench_restart.c - see bench_restart.h. */
#include "deploy/cli/bench_restart.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/service_setup.h"
#include "deploy/cli/args.h"
#include "services/shard/shard_core.h"

/* It finds nobody at its addresses, so it does nothing but replay. */
static int configure(struct service_setup *setup, const char *directory)
{
    struct config config;
    char address[512], message[CONFIG_MESSAGE_MAX] = "";
    config_init(&config);
    config.curve = false;
    int error = config_set(&config, "data_dir", directory, message);
    static const char *const endpoints[] = {"endpoint_sequencer", "endpoint_risk",
                                            "endpoint_risk_pub", "endpoint_shard"};
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints && error == 0; i++) {
        snprintf(address, sizeof address, "ipc://%.200s/alone-%zu", directory, i);
        error = config_set(&config, endpoints[i], address, message);
    }
    if (error == 0)
        error = service_setup_init(setup, &shard_kind, &config, message);
    return error == 0 ? ARGS_OK : args_fail("bench: %s", message);
}

static int replay(struct service_instance *shard, struct bench_restart *result)
{
    uint64_t first = service_next(shard), began_ns = clock_mono_ns(), next = first;
    int done;
    do {
        next = service_next(shard);
        done = service_turn(shard);
    } while (done >= 0 && service_next(shard) != next);
    result->elapsed_ns = clock_mono_ns() - began_ns;
    result->records = next - first;
    return done;
}

int bench_restart_shard(const char *directory, struct bench_restart *result)
{
    struct service_setup *setup = calloc(1, sizeof *setup);
    struct service_instance *shard = NULL;
    CHECK(setup != NULL);
    *result = (struct bench_restart){0};
    int code = configure(setup, directory), error = 0;
    if (code == ARGS_OK)
        error = service_create(&shard, &shard_kind, &setup->options);
    if (code == ARGS_OK && error == 0)
        error = replay(shard, result);
    service_destroy(&shard);
    free(setup);
    return error >= 0 ? code
                      : args_fail("bench: the shard's restart: %s", error_name(error));
}
