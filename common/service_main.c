/* service_main.c - main() of every service: settings, keys, signals, health, the loop. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/error.h"
#include "common/http.h"
#include "common/http_probe.h"
#include "common/log.h"
#include "common/service.h"
#include "common/service_setup.h"

extern char **environ;

/* Signals have no argument: the one instance of this process. */
static struct service_instance *volatile running;

/* What is cut off before it runs has told nobody anything: as good as never begun. */
static void on_signal(int number)
{
    (void)number;
    if (running == NULL)
        _exit(0);
    service_stop(running);
}

static void on_stop(void (*handler)(int))
{
    const struct sigaction stop = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
}

/* SIGTERM and SIGINT end the loop after what it is doing; a peer that went is no
 * signal. */
static void handle_signals(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    on_stop(on_signal);
    sigaction(SIGPIPE, &ignore, NULL);
}

static void bind_to_cpu(const char *affinity)
{
    cpu_set_t set;
    if (*affinity == 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)strtoul(affinity, NULL, 10), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        log_warn("affinity", "cpu=%s error=%s", affinity, strerror(errno));
}

/* Parents only; the journal makes its own directory. */
static int serve(struct service_instance *instance, const struct config *config)
{
    struct http *http = NULL;
    const struct metrics *metrics = service_metrics(instance);
    int error = 0;
    if (*config->http_bind != 0)
        error = http_start(&http, config->http_bind, &metrics, 1);
    if (error != 0) {
        log_error("http", "bind=%s error=%s", config->http_bind, error_name(error));
        return error;
    }
    running = instance;
    log_set_service(metrics->service);
    log_info("started", "pid=%d http_port=%u", (int)getpid(),
             http != NULL ? http_port(http) : 0u);
    error = service_run(instance);
    if (http != NULL)
        http_stop(&http);
    return error;
}

static int run(const struct service_kind *kind, const struct config *config)
{
    static struct service_setup setup; /* large; borrowed by the instance */
    char message[CONFIG_MESSAGE_MAX] = "";
    struct service_instance *instance = NULL;
    handle_signals();
    int error = service_setup_init(&setup, kind, config, message);
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", kind->core->name, message);
        return error;
    }
    bind_to_cpu(config->affinity);
    service_setup_process();
    error = service_create(&instance, kind, &setup.options);
    if (error == 0)
        error = serve(instance, config);
    on_stop(SIG_IGN); /* it ends already, and what they would stop goes */
    service_destroy(&instance);
    return error;
}

int service_main(int argc, char **argv, const struct service_kind *kind)
{
    struct config config;
    enum log_level level = LOG_LEVEL_INFO;
    char message[CONFIG_MESSAGE_MAX] = "";
    int error = config_load(&config, argc, argv, environ, message);
    if (error == CONFIG_HELP) {
        printf("zex-%s: settings\n\n", kind->core->name);
        config_print(&config, stdout);
        return 0;
    }
    if (error == 0 && !log_find_level(config.log_level, &level)) {
        snprintf(message, sizeof message, "log_level: no level %.200s", config.log_level);
        error = ERR_USAGE;
    }
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", argv[0], message);
        return error_exit_code(error);
    }
    if (*config.probe != 0) /* what docker knows is 0 and 1 */
        return http_probe(config.http_bind, config.probe, stdout) != 0;
    log_set_level(level);
    return error_exit_code(run(kind, &config));
}
