/* cluster.c - see cluster.h. */
#include "tests/faults/cluster.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"

enum { TEXT = 512, WORDS = 20 };

const char *const cluster_names[CLUSTER_SERVICES_MAX] = {
    "sequencer", "risk", "shard-0", "settlement", "portfolio", "gateway-0", "shard-1"};

/* ---- life -------------------------------------------------------------------------- */

/* A line http_SERVICE=port, with _ for -. */
static void note_port(struct cluster *c, char *name, const char *port)
{
    for (char *at = name; *at != 0; at++)
        if (*at == '_')
            *at = '-';
    for (uint32_t i = 0; i < CLUSTER_SERVICES_MAX; i++)
        if (strcmp(name, cluster_names[i]) == 0)
            c->http_ports[i] = (uint16_t)strtoul(port, NULL, 10);
}

int cluster_begin(struct cluster *c, const char *directory, const char *programs)
{
    char line[TEXT];
    *c = (struct cluster){.directory = directory, .programs = programs, .shards = 1};
    snprintf(line, sizeof line, "%s/env", directory);
    FILE *file = fopen(line, "re");
    if (file == NULL)
        return ERR_NOT_FOUND;
    while (fgets(line, sizeof line, file) != NULL) {
        char *value = strchr(line, '=');
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "shards=", 7) == 0)
            c->shards = (uint32_t)strtoul(value + 1, NULL, 10);
        if (value == NULL)
            continue;
        *value = 0;
        if (strncmp(line, "http_", 5) == 0)
            note_port(c, line + 5, value + 1);
        if (strncmp(line, "ZEX_", 4) == 0)
            setenv(line, value + 1, 1);
    }
    fclose(file);
    c->count = CLUSTER_SERVICES + c->shards - 1;
    return c->count <= CLUSTER_SERVICES_MAX ? 0 : ERR_CAPACITY;
}

void cluster_end(struct cluster *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->pids[i] == 0)
            continue;
        kill(c->pids[i], SIGKILL);
        waitpid(c->pids[i], NULL, 0);
    }
}

/* ---- one service ------------------------------------------------------------------- */

static const char *key_of(const char *service)
{
    return strncmp(service, "gateway-", 8) == 0 ? "gateway" : service;
}

/* On a host of its own a service is found by name, and listens on every address. */
static void listen_everywhere(const char *service)
{
    static const char *const ends[] = {"", "_PUB"};
    for (uint32_t i = 0; i < 2; i++) {
        char name[64], address[64];
        snprintf(name, sizeof name, "ZEX_ENDPOINT_%.*s%s", (int)strcspn(service, "-"),
                 service, ends[i]);
        for (char *at = name; *at != 0; at++)
            *at = (char)toupper(*at);
        const char *value = getenv(name), *port = value ? strrchr(value, ':') : NULL;
        if (port == NULL)
            continue;
        snprintf(address, sizeof address, "tcp://*%s", port);
        setenv(name, address, 1);
    }
}

/* In the child. */
static void become(const struct cluster *c, uint32_t index)
{
    const char *service = cluster_names[index];
    char program[TEXT], key[TEXT], output[TEXT], points[TEXT], shards[16], bind[32] = "";
    const char *instance = strchr(service, '-');
    int kind = (int)strcspn(service, "-");
    snprintf(program, sizeof program, "%s/bin/zex-%.*s", c->programs, kind, service);
    snprintf(key, sizeof key, "keys/%s.key", key_of(service));
    snprintf(output, sizeof output, "log/%s", service);
    snprintf(points, sizeof points, "run/%s.points", service);
    snprintf(shards, sizeof shards, "%u", c->shards);
    if (c->serves_http)
        snprintf(bind, sizeof bind, "127.0.0.1:%u", c->http_ports[index]);
    const char *number = instance != NULL ? instance + 1 : "0";
    const char *host = c->hosts != NULL ? c->hosts[index] : "";
    const char *const words[] = {"ip",
                                 "netns",
                                 "exec",
                                 host,
                                 program,
                                 "--data_dir",
                                 ".",
                                 "--http_bind",
                                 bind,
                                 "--key_file",
                                 key,
                                 "--keys_file",
                                 "keys/services",
                                 "--shards",
                                 shards,
                                 "--instance",
                                 number,
                                 NULL};
    char *const *all = (char *const *)words;
    if (c->hosts != NULL)
        listen_everywhere(service);
    setenv("KILL_FILE", points, 1);
    int file = -1;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (chdir(c->directory) == 0)
        file = open(output, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file >= 0 && dup2(file, STDERR_FILENO) >= 0 && dup2(file, STDOUT_FILENO) >= 0)
        execvp(c->hosts != NULL ? *all : program, c->hosts != NULL ? all : all + 4);
    _exit(127);
}

int cluster_start(struct cluster *c, uint32_t service, const char *fail, const char *hit)
{
    char shim[TEXT];
    snprintf(shim, sizeof shim, "%s/faults/shim.so", c->programs);
    pid_t child = fork();
    if (child < 0)
        return ERR_MEMORY;
    if (child > 0) {
        c->pids[service] = child;
        return 0;
    }
    if (fail != NULL) {
        setenv("LD_PRELOAD", shim, 1);
        setenv("SHIM_DIR", c->directory, 1);
        setenv(strchr(fail, ':') != NULL ? "SHIM_FAIL" : "SHIM_ALLOC", fail, 1);
        setenv("SHIM_HIT", hit, 1);
    }
    become(c, service);
    return 0;
}

static int code_of(struct cluster *c, uint32_t service, int status)
{
    c->pids[service] = 0;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int cluster_poll(struct cluster *c, uint32_t service)
{
    int status;
    if (waitpid(c->pids[service], &status, WNOHANG) != c->pids[service])
        return CLUSTER_RUNNING;
    return code_of(c, service, status);
}

int cluster_stop(struct cluster *c, uint32_t service)
{
    int status;
    if (c->pids[service] == 0)
        return 0;
    kill(c->pids[service], SIGTERM);
    if (waitpid(c->pids[service], &status, 0) != c->pids[service])
        return -1;
    return code_of(c, service, status);
}

int cluster_stop_all(struct cluster *c)
{
    int first = 0;
    for (uint32_t i = c->count; i-- > 0;) {
        int code = cluster_stop(c, i);
        if (code != 0)
            fprintf(stderr, "%s: stopped with %d\n", cluster_names[i], code);
        first = first != 0 ? first : code;
    }
    if (c->stopper != NULL && first == 0)
        first = system(c->stopper);
    return first;
}

int cluster_run(struct cluster *c, const char *program, const char *word,
                const char *other)
{
    char path[TEXT], output[TEXT], line[TEXT];
    int status = 0;
    snprintf(path, sizeof path, "%s/bin/%s", c->programs, program);
    snprintf(output, sizeof output, "%s/log/%s", c->directory, program);
    pid_t child = fork();
    if (child == 0) {
        int file = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (file >= 0 && dup2(file, STDERR_FILENO) >= 0 && dup2(file, STDOUT_FILENO) >= 0)
            execl(path, path, word, other, NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    FILE *file = status != 0 ? fopen(output, "re") : NULL;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        fputs(line, stderr);
    if (file != NULL)
        fclose(file);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}
