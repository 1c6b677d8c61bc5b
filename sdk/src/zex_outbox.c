/* zex_outbox.c - append, replay, compact. */
#include "sdk/src/zex_outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum entry_type {
    ENTRY_LANE = 1,
    ENTRY_SESSION,
    ENTRY_COMMAND,
    ENTRY_DURABLE,
    ENTRY_FEED
};
enum { HEADER = 8, ENTRY_MAX = 64 + BODY_BYTES_MAX, COMPACT_BYTES = 8 << 20, ZEROS = 8 };

struct entry {
    uint8_t type;
    uint8_t lane;
    uint16_t size;
    uint32_t pad;
    uint64_t a, b, c;
    uint8_t body[BODY_BYTES_MAX];
};
#define ENTRY_FIXED offsetof(struct entry, body)

struct zex_outbox_command *zex_outbox_get(struct zex_outbox_lane *lane, uint64_t n)
{
    return &lane->commands[n % lane->capacity];
}

static void append(struct zex_outbox *self, const struct entry *entry)
{
    if (self->file < 0)
        return;
    if (self->buffer_capacity - self->buffer_size < ENTRY_MAX + HEADER)
        self->failed = true; /* it was not written, and what comes now has no room */
    if (self->failed)
        return;
    const uint16_t size = (uint16_t)(ENTRY_FIXED + entry->size);
    const uint16_t inverse = (uint16_t)~size;
    const uint32_t hash = XXH32(entry, size, 0);
    memcpy(self->buffer + self->buffer_size, &size, 2);
    memcpy(self->buffer + self->buffer_size + 2, &inverse, 2);
    memcpy(self->buffer + self->buffer_size + 4, &hash, 4);
    memcpy(self->buffer + self->buffer_size + HEADER, entry, size);
    self->buffer_size += HEADER + size;
    if (self->buffer_capacity - self->buffer_size < ENTRY_MAX + HEADER)
        (void)!zex_outbox_write(self); /* a failure shows at the caller's write, too */
}

/* ---- what an entry means, the same live and on replay ------------------------------ */

static void apply(struct zex_outbox *self, const struct entry *entry)
{
    struct zex_outbox_lane *lane = &self->lanes[entry->lane];
    switch (entry->type) {
    case ENTRY_LANE:
        lane->nonce = entry->a;
        lane->session = 0;
        lane->first = entry->b;
        lane->next = entry->b;
        break;
    case ENTRY_SESSION:
        lane->session = entry->a;
        break;
    case ENTRY_COMMAND: {
        struct zex_outbox_command *command = zex_outbox_get(lane, entry->a);
        command->n = entry->a;
        command->cl_ord_id = entry->b;
        command->size = entry->size;
        memcpy(command->body, entry->body, entry->size);
        if (entry->a >= lane->next)
            lane->next = entry->a + 1;
        break;
    }
    case ENTRY_DURABLE:
        if (entry->a >= lane->first)
            lane->first = entry->a + 1;
        if (lane->next < lane->first)
            lane->next = lane->first;
        break;
    case ENTRY_FEED:
        self->taken_gseq = entry->a;
        if (self->feed_gseq < entry->a)
            self->feed_gseq = entry->a;
        self->tag_gseq = entry->b;
        self->tag = entry->c;
        self->feed_known = true;
        break;
    }
}

static void record(struct zex_outbox *self, const struct entry *entry)
{
    apply(self, entry);
    append(self, entry);
}

static void record_command(struct zex_outbox *self, uint32_t lane, uint64_t n,
                           uint64_t cl_ord_id, const uint8_t *body, size_t size)
{
    struct entry entry = {.type = ENTRY_COMMAND,
                          .lane = (uint8_t)lane,
                          .size = (uint16_t)size,
                          .a = n,
                          .b = cl_ord_id};
    memcpy(entry.body, body, size);
    record(self, &entry);
}

int zex_outbox_add(struct zex_outbox *self, uint32_t lane, const uint8_t *body,
                   size_t size, uint64_t cl_ord_id)
{
    const struct zex_outbox_lane *l = &self->lanes[lane];
    if (l->next - l->first >= l->capacity)
        return ZEX_ERR_FULL;
    record_command(self, lane, l->next, cl_ord_id, body, size);
    return ZEX_OK;
}

void zex_outbox_repair(struct zex_outbox *self, uint32_t lane, uint64_t n,
                       const uint8_t *body, size_t size)
{
    uint64_t cl_ord_id = zex_outbox_get(&self->lanes[lane], n)->cl_ord_id;
    record_command(self, lane, n, cl_ord_id, body, size);
}

void zex_outbox_durable(struct zex_outbox *self, uint32_t lane, uint64_t n)
{
    record(self, &(struct entry){.type = ENTRY_DURABLE, .lane = (uint8_t)lane, .a = n});
}

void zex_outbox_session(struct zex_outbox *self, uint32_t lane, uint64_t session)
{
    record(self,
           &(struct entry){.type = ENTRY_SESSION, .lane = (uint8_t)lane, .a = session});
}

int zex_outbox_renew(struct zex_outbox *self, uint32_t lane)
{
    uint64_t nonce;
    if (getrandom(&nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
        return ZEX_ERR_OUTBOX;
    record(self,
           &(struct entry){
               .type = ENTRY_LANE, .lane = (uint8_t)lane, .a = (nonce >> 2) + 1, .b = 1});
    return ZEX_OK;
}

void zex_outbox_feed(struct zex_outbox *self, uint64_t taken_gseq, uint64_t tag_gseq,
                     uint64_t tag)
{
    record(self,
           &(struct entry){.type = ENTRY_FEED, .a = taken_gseq, .b = tag_gseq, .c = tag});
}

/* ---- the file ---------------------------------------------------------------------- */

/* At a position of its own, so that what failed half way is written over by the next
 * try. */
static bool write_at(int file, uint64_t at, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = pwrite(file, bytes, size, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes += done;
        at += (uint64_t)done;
        size -= (size_t)done;
    }
    return true;
}

/* The state as a fresh run of entries, into the buffer of `to`. */
static void restate(struct zex_outbox *self, struct zex_outbox *to)
{
    for (uint8_t i = 0; i < ZEX_OUTBOX_LANES; i++) {
        struct zex_outbox_lane *lane = &self->lanes[i];
        append(to,
               &(struct entry){
                   .type = ENTRY_LANE, .lane = i, .a = lane->nonce, .b = lane->first});
        append(to, &(struct entry){.type = ENTRY_SESSION, .lane = i, .a = lane->session});
        for (uint64_t n = lane->first; n < lane->next; n++) {
            const struct zex_outbox_command *command = zex_outbox_get(lane, n);
            struct entry entry = {.type = ENTRY_COMMAND,
                                  .lane = i,
                                  .size = command->size,
                                  .a = n,
                                  .b = command->cl_ord_id};
            memcpy(entry.body, command->body, command->size);
            append(to, &entry);
        }
    }
    if (self->feed_known)
        append(to, &(struct entry){.type = ENTRY_FEED,
                                   .a = self->taken_gseq,
                                   .b = self->tag_gseq,
                                   .c = self->tag});
}

/* A rename is on the disk once its directory is. */
static bool sync_directory(const char *path)
{
    char folder[4096] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL)
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path);
    const int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool ok = file >= 0 && fsync(file) == 0;
    if (file >= 0)
        close(file);
    return ok;
}

static bool write_fresh(struct zex_outbox *self, struct zex_outbox *to, const char *path)
{
    if (flock(to->file, LOCK_EX | LOCK_NB) != 0)
        return false;
    restate(self, to);
    return write_at(to->file, 0, to->buffer, to->buffer_size) &&
           fdatasync(to->file) == 0 && rename(path, self->path) == 0;
}

/* Replaces the file by one that states only what still matters. */
static int compact(struct zex_outbox *self)
{
    char fresh[4096];
    if (snprintf(fresh, sizeof fresh, "%s.new", self->path) >= (int)sizeof fresh)
        return ZEX_ERR_OUTBOX;
    struct zex_outbox to = *self;
    to.buffer_size = 0;
    to.file = open(fresh, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    if (to.file < 0)
        return ZEX_ERR_OUTBOX;
    if (!write_fresh(self, &to, fresh)) {
        close(to.file);
        return ZEX_ERR_OUTBOX;
    }
    close(self->file);
    self->file = to.file;
    self->file_bytes = to.buffer_size;
    self->compact_bytes = 2 * self->file_bytes + COMPACT_BYTES;
    return sync_directory(self->path) ? ZEX_OK : ZEX_ERR_OUTBOX;
}

int zex_outbox_write(struct zex_outbox *self)
{
    if (self->failed)
        return ZEX_ERR_OUTBOX;
    if (self->file < 0 || self->buffer_size == 0)
        return ZEX_OK;
    if (!write_at(self->file, self->file_bytes, self->buffer, self->buffer_size))
        return ZEX_ERR_OUTBOX;
    self->file_bytes += self->buffer_size;
    self->buffer_size = 0;
    self->failed = (self->sync && fdatasync(self->file) != 0) ||
                   (self->file_bytes > self->compact_bytes && compact(self) != ZEX_OK);
    return self->failed ? ZEX_ERR_OUTBOX : ZEX_OK;
}

/* Room for twice as many; an earlier run may have had a larger in_flight_max. */
static int grow(struct zex_outbox_lane *lane)
{
    struct zex_outbox_lane more = *lane;
    more.capacity *= 2;
    more.commands = calloc(more.capacity, sizeof *more.commands);
    if (more.commands == NULL)
        return ZEX_ERR_MEMORY;
    for (uint64_t n = lane->first; n < lane->next; n++)
        *zex_outbox_get(&more, n) = *zex_outbox_get(lane, n);
    free(lane->commands);
    *lane = more;
    return ZEX_OK;
}

/* An entry whose hash is right: does it follow from those before? */
static int take_entry(struct zex_outbox *self, const struct entry *entry, size_t size)
{
    if (entry->lane >= ZEX_OUTBOX_LANES || entry->size > BODY_BYTES_MAX ||
        ENTRY_FIXED + entry->size != size || entry->type < ENTRY_LANE ||
        entry->type > ENTRY_FEED)
        return ZEX_ERR_OUTBOX;
    struct zex_outbox_lane *lane = &self->lanes[entry->lane];
    int status = ZEX_OK;
    if (entry->type == ENTRY_COMMAND) {
        if (entry->a < lane->first || entry->a > lane->next)
            return ZEX_ERR_OUTBOX;
        if (entry->a - lane->first >= lane->capacity)
            status = grow(lane);
    } else if (entry->type == ENTRY_DURABLE && entry->a >= lane->next) {
        return ZEX_ERR_OUTBOX;
    }
    if (status == ZEX_OK)
        apply(self, entry);
    return status;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Applies entries up to `at`, where the good ones end. */
static int replay_bytes(struct zex_outbox *self, const uint8_t *bytes, size_t size,
                        size_t *at)
{
    int status = ZEX_OK;
    while (status == ZEX_OK && size - *at >= HEADER) {
        uint16_t entry_size, inverse;
        uint32_t hash;
        struct entry entry = {0};
        const uint8_t *payload = bytes + *at + HEADER;
        const size_t left = size - *at - HEADER;
        memcpy(&entry_size, bytes + *at, 2);
        memcpy(&inverse, bytes + *at + 2, 2);
        memcpy(&hash, bytes + *at + 4, 4);
        if (is_zero(bytes + *at, size - *at))
            return ZEX_OK;
        if ((entry_size ^ inverse) != UINT16_MAX || entry_size < ENTRY_FIXED ||
            entry_size > sizeof entry)
            return ZEX_ERR_OUTBOX;
        if (entry_size > left)
            return ZEX_OK; /* cut short */
        if (XXH32(payload, entry_size, 0) != hash)
            return entry_size == left && is_zero(payload + left - ZEROS, ZEROS)
                       ? ZEX_OK
                       : ZEX_ERR_OUTBOX;
        memcpy(&entry, payload, entry_size);
        status = take_entry(self, &entry, entry_size);
        *at += HEADER + entry_size;
    }
    return status;
}

static int replay(struct zex_outbox *self)
{
    struct stat status;
    if (fstat(self->file, &status) != 0)
        return ZEX_ERR_OUTBOX;
    size_t size = (size_t)status.st_size, at = 0;
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL)
        return ZEX_ERR_MEMORY;
    int result = ZEX_ERR_OUTBOX;
    if (pread(self->file, bytes, size, 0) == (ssize_t)size)
        result = replay_bytes(self, bytes, size, &at);
    free(bytes);
    if (result == ZEX_OK && at < size && ftruncate(self->file, (off_t)at) != 0)
        result = ZEX_ERR_OUTBOX;
    self->file_bytes = at;
    return result;
}

/* Opens and locks. A file that was replaced between the two is another process's. */
static int open_file(struct zex_outbox *self)
{
    struct stat opened, named;
    self->file = open(self->path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (self->file < 0)
        return ZEX_ERR_OUTBOX;
    if (flock(self->file, LOCK_EX | LOCK_NB) != 0)
        return ZEX_ERR_LOCKED;
    if (fstat(self->file, &opened) != 0)
        return ZEX_ERR_OUTBOX;
    return stat(self->path, &named) == 0 && named.st_ino == opened.st_ino &&
                   named.st_dev == opened.st_dev
               ? ZEX_OK
               : ZEX_ERR_LOCKED;
}

static int allocate_lanes(struct zex_outbox *self, uint32_t capacity)
{
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++) {
        struct zex_outbox_lane *lane = &self->lanes[i];
        lane->first = lane->next = 1;
        lane->commands = calloc(capacity, sizeof *lane->commands);
        if (lane->commands == NULL)
            return ZEX_ERR_MEMORY;
        lane->capacity = capacity;
    }
    return ZEX_OK;
}

/* Room to restate everything at once, see compact(). */
static int allocate_buffer(struct zex_outbox *self)
{
    size_t entries = 64;
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++)
        entries += self->lanes[i].capacity;
    self->buffer_capacity = entries * (ENTRY_MAX + HEADER);
    self->buffer = malloc(self->buffer_capacity);
    return self->buffer != NULL ? ZEX_OK : ZEX_ERR_MEMORY;
}

static int open_path(struct zex_outbox *self, const char *path)
{
    self->path = strdup(path);
    if (self->path == NULL)
        return ZEX_ERR_MEMORY;
    int status = open_file(self);
    if (status == ZEX_OK)
        status = replay(self);
    return status == ZEX_OK ? allocate_buffer(self) : status;
}

int zex_outbox_open(struct zex_outbox *self, const struct zex_options *options)
{
    *self = (struct zex_outbox){
        .file = -1, .sync = options->outbox_sync != 0, .compact_bytes = COMPACT_BYTES};
    int status = allocate_lanes(self, options->in_flight_max);
    if (status == ZEX_OK && options->outbox_path != NULL)
        status = open_path(self, options->outbox_path);
    for (uint32_t i = 0; i < ZEX_OUTBOX_LANES && status == ZEX_OK; i++)
        if (self->lanes[i].nonce == 0)
            status = zex_outbox_renew(self, i);
    return status == ZEX_OK ? zex_outbox_write(self) : status;
}

void zex_outbox_close(struct zex_outbox *self)
{
    if (self->file >= 0) {
        if (self->buffer != NULL)
            (void)!zex_outbox_write(self);
        close(self->file);
    }
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++)
        free(self->lanes[i].commands);
    free(self->buffer);
    free(self->path);
    *self = (struct zex_outbox){.file = -1};
}
