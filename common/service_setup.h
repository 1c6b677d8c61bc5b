/* service_setup.h - from settings to the options of an instance: who binds what, who
 * connects to whom, with which keys. The picture of services/README.md as code.
 *
 * Owns:     the texts its options point to; it must outlive the instance.
 * Units:    as in settings.def.
 * Errors:   ERR_USAGE, ERR_KEY, ERR_LENGTH, with a message for people.
 * Threads:  read-only once made; the instance asks it for admission on its own thread.
 * Bounds:   SERVICE_SETUP_KEYS_MAX known services.
 */
#ifndef SERVICE_SETUP_H
#define SERVICE_SETUP_H

#include "common/config.h"
#include "common/service.h"

#define SERVICE_SETUP_KEYS_MAX 256
#define SERVICE_SETUP_VERSION  3 /* of the cores; rises when their outputs change */

enum {
    SERVICE_SETUP_TEXT = 256,
};

struct service_setup {
    struct service_options options;
    struct bus_endpoint endpoints[BUS_PORTS_MAX];
    char addresses[BUS_PORTS_MAX][SERVICE_SETUP_TEXT];
    char path[4096]; /* of the journal */
    char public_key[41], secret_key[41];
    struct {
        char name[32], z85[41];
        uint8_t key[32];
        int64_t source;
    } keys[SERVICE_SETUP_KEYS_MAX]; /* services that may connect */
    uint32_t key_count;
    int64_t source; /* its own */
    uint64_t skips[64];
};

/* The kind's name, with its number if there can be several: "risk", "shard-0",
 * "gateway-1". */
int service_setup_name(char name[32], const struct service_kind *, uint32_t instance);

/* Once in a process, before it has threads: what LMDB and libzmq free after a batch is
 * kept for the next, no thread preempts another by waking up (SCHED_BATCH), and each has
 * short turns. */
void service_setup_process(void);

/* `message` has CONFIG_MESSAGE_MAX bytes and is set on error. The journal is
 * data_dir/<name>. */
int service_setup_init(struct service_setup *, const struct service_kind *,
                       const struct config *, char *message);

#endif
