/* venue_process.c - see venue_process.h. */
#include "deploy/cli/venue_process.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/http.h"
#include "common/log.h"
#include "common/service_setup.h"
#include "deploy/cli/keys.h"
#include "services/gateway/gateway_core.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/sequencer/sequencer_core.h"
#include "services/settlement/settlement_core.h"
#include "services/shard/shard_core.h"

enum { MEMBERS_MAX = 6 + SHARD_MAX, READY_MS = 60000, POLL_MS = 5 };

struct member {
    char name[32];
    const struct service_kind *kind;
    struct config config;
    struct service_setup *setup;
    struct service_instance *instance;
    pthread_t thread;
    bool started;
    _Atomic int error;
    atomic_bool ended;
};

struct venue_process {
    void *context;
    struct http *http;
    uint32_t count; /* the sequencer first, the gateway last */
    struct member members[MEMBERS_MAX];
    char gateway[SERVICE_SETUP_TEXT];
};

static const struct {
    const char *setting, *address;
} inside[] = {
    {"endpoint_sequencer", "inproc://sequencer"},
    {"endpoint_sequencer_pub", "inproc://sequencer-pub"},
    {"endpoint_risk", "inproc://risk"},
    {"endpoint_risk_pub", "inproc://risk-pub"},
    {"endpoint_shard", "inproc://shard-%d"},
    {"endpoint_settlement", "inproc://settlement"},
    {"endpoint_portfolio", "inproc://portfolio"},
};

int venue_process_fail(const char *who, int error)
{
    args_fail("%s: %s (%s)", who, error_name(error), error_text(error));
    return error_exit_code(error);
}

static void *run(void *argument)
{
    struct member *member = argument;
    log_set_service(member->name);
    pthread_setname_np(pthread_self(), member->name); /* what top and bench show */
    atomic_store(&member->error, service_run(member->instance));
    atomic_store(&member->ended, true);
    return NULL;
}

/* A log is begun once: by the first start, and by those after it until one was whole. A
 * sequencer whose files were lost later must not begin another. */
static void name_begun(char path[4096], const struct config *config)
{
    snprintf(path, 4096, "%s/begun", config->data_dir);
}

static bool is_begun(const struct config *config)
{
    char path[4096];
    name_begun(path, config);
    return access(path, F_OK) == 0;
}

static int note_begun(const struct config *config)
{
    char path[4096];
    name_begun(path, config);
    FILE *file = fopen(path, "ae");
    return file != NULL && fclose(file) == 0 ? ARGS_OK
                                             : args_fail("cannot write %s", path);
}

/* Settings of one member: inproc between services, CURVE only towards clients. */
static int configure(struct member *member, const struct config *config,
                     uint32_t instance, const char *admin_key,
                     const char *gateway_key_file)
{
    char message[CONFIG_MESSAGE_MAX];
    bool is_gateway = member->kind->number == SERVICE_GATEWAY;
    member->config = *config;
    member->config.instance = instance;
    member->config.admin_key = admin_key;
    member->config.curve = config->curve && is_gateway;
    member->config.key_file = member->config.curve ? gateway_key_file : "";
    member->config.keys_file = "";
    member->config.init = member->kind->number == SERVICE_SEQUENCER && !is_begun(config);
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (config_set(&member->config, inside[i].setting, inside[i].address, message) !=
            0)
            return args_fail("%s", message);
    member->setup = malloc(sizeof *member->setup);
    if (member->setup == NULL)
        return args_fail("out of memory");
    if (service_setup_init(member->setup, member->kind, &member->config, message) != 0)
        return args_fail("%s", message);
    return service_setup_name(member->name, member->kind, instance) == 0 ? ARGS_OK
                                                                         : ARGS_FAILED;
}

static int add(struct venue_process *self, const struct service_kind *kind,
               uint32_t instance, const struct config *config, const char *admin_key,
               const char *key_file)
{
    struct member *member = &self->members[self->count];
    member->kind = kind;
    int code = configure(member, config, instance, admin_key, key_file);
    if (code != ARGS_OK)
        return code;
    self->count++;
    member->setup->options.bus.context = self->context;
    int error = service_create(&member->instance, kind, &member->setup->options);
    if (error != 0)
        return venue_process_fail(member->name, error);
    if (pthread_create(&member->thread, NULL, run, member) != 0)
        return args_fail("%s: no thread", member->name);
    member->started = true;
    return ARGS_OK;
}

static int start_all(struct venue_process *self, const struct config *config,
                     const char *admin_key, const char *key_file)
{
    static const struct service_kind *const before[] = {&sequencer_kind, &risk_kind};
    static const struct service_kind *const after[] = {&settlement_kind, &portfolio_kind,
                                                       &gateway_kind};
    int code = ARGS_OK;
    for (size_t i = 0; i < 2 && code == ARGS_OK; i++)
        code = add(self, before[i], 0, config, admin_key, key_file);
    for (uint32_t k = 0; k < config->shards && code == ARGS_OK; k++)
        code = add(self, &shard_kind, k, config, admin_key, key_file);
    for (size_t i = 0; i < 3 && code == ARGS_OK; i++)
        code = add(self, after[i], 0, config, admin_key, key_file);
    return code;
}

int venue_process_error(const struct venue_process *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (atomic_load(&self->members[i].ended) &&
            atomic_load(&self->members[i].error) != 0)
            return atomic_load(&self->members[i].error);
    return 0;
}

static bool all_ready(const struct venue_process *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (!service_is_ready(self->members[i].instance))
            return false;
    return true;
}

static int fail_unready(const struct venue_process *self)
{
    args_fail("not ready after %d s:", READY_MS / 1000);
    for (uint32_t i = 0; i < self->count; i++)
        if (!service_is_ready(self->members[i].instance))
            fprintf(stderr, "  %s\n", self->members[i].name);
    return ARGS_FAILED;
}

static int wait_ready(const struct venue_process *self,
                      const volatile sig_atomic_t *stopped)
{
    uint64_t end_ns = clock_mono_ns() + (uint64_t)READY_MS * 1000000;
    while (!all_ready(self) && (stopped == NULL || !*stopped)) {
        int error = venue_process_error(self);
        if (error != 0)
            return venue_process_fail("a service", error);
        if (clock_mono_ns() > end_ns)
            return fail_unready(self);
        usleep(POLL_MS * 1000);
    }
    return ARGS_OK;
}

static int write_gateways(struct venue_process *self, const struct config *config)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/gateways", config->data_dir);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return args_fail("cannot write %s: %s", path, strerror(errno));
    const struct service_instance *gateway = self->members[self->count - 1].instance;
    snprintf(self->gateway, sizeof self->gateway, "%s",
             bus_address(service_bus(gateway), BUS_CLIENTS));
    fprintf(file, "%s%s\n", config->curve ? "" : "insecure ", self->gateway);
    return fclose(file) == 0 ? ARGS_OK : args_fail("cannot write %s", path);
}

static int start_http(struct venue_process *self, const struct config *config)
{
    const struct metrics *metrics[MEMBERS_MAX];
    if (*config->http_bind == 0)
        return ARGS_OK;
    for (uint32_t i = 0; i < self->count; i++)
        metrics[i] = service_metrics(self->members[i].instance);
    int error = http_start(&self->http, config->http_bind, metrics, self->count);
    return error == 0 ? ARGS_OK : venue_process_fail(config->http_bind, error);
}

int venue_process_start(struct venue_process **out, const struct args *args,
                        const struct config *config, const volatile sig_atomic_t *stopped)
{
    struct keys_pair admin, gateway;
    char key_file[4096];
    service_setup_process();
    struct venue_process *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL)
        return args_fail("out of memory");
    if ((mkdir(config->data_dir, 0755) != 0 && errno != EEXIST))
        return venue_process_fail(config->data_dir, ERR_DATA_DIR);
    if (!keys_load(&admin, args->directory, "admin", true) ||
        !keys_load(&gateway, args->directory, "gateway", true))
        return ARGS_FAILED;
    snprintf(key_file, sizeof key_file, "%s/keys/gateway.key", args->directory);
    self->context = bus_context_create(1);
    if (self->context == NULL)
        return venue_process_fail("zmq", ERR_MEMORY);
    int code = start_all(self, config, admin.public_key, key_file);
    if (code == ARGS_OK)
        code = start_http(self, config);
    if (code == ARGS_OK)
        code = wait_ready(self, stopped);
    if (code != ARGS_OK || (stopped != NULL && *stopped))
        return code;
    code = note_begun(config);
    return code == ARGS_OK ? write_gateways(self, config) : code;
}

const char *venue_process_gateway(const struct venue_process *self)
{
    return self->gateway;
}

void *venue_process_context(const struct venue_process *self)
{
    return self->context;
}

uint16_t venue_process_http_port(const struct venue_process *self)
{
    return self->http != NULL ? http_port(self->http) : 0;
}

int venue_process_stop(struct venue_process **process)
{
    struct venue_process *self = *process;
    int code = ARGS_OK;
    if (self == NULL)
        return ARGS_OK;
    if (self->http != NULL)
        http_stop(&self->http);
    for (uint32_t i = self->count; i-- > 0;) { /* clients' side first */
        struct member *member = &self->members[i];
        if (member->started) {
            service_stop(member->instance);
            pthread_join(member->thread, NULL);
        }
        if (atomic_load(&member->error) != 0)
            code = venue_process_fail(member->name, atomic_load(&member->error));
    }
    for (uint32_t i = self->count; i-- > 0;) {
        service_destroy(&self->members[i].instance);
        free(self->members[i].setup);
    }
    if (self->context != NULL)
        bus_context_destroy(&self->context);
    free(self);
    *process = NULL;
    return code;
}
