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
enum { HEADER = 8, ENTRY_MAX = 64 + BODY_BYTES_MAX, COMPACT_BYTES = 8 << 20 };

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
    uint32_t size = (uint32_t)(ENTRY_FIXED + entry->size);
    uint32_t hash = XXH32(entry, size, 0);
    memcpy(self->buffer + self->buffer_size, &size, 4);
    memcpy(self->buffer + self->buffer_size + 4, &hash, 4);
    memcpy(self->buffer + self->buffer_size + HEADER, entry, size);
    self->buffer_size += HEADER + size;
    if (self->buffer_capacity - self->buffer_size < ENTRY_MAX + HEADER)
        (void)!zex_outbox_write(self); /* a failure shows again at the caller's write */
}

/* ---- what an entry means, the same live and on replay
 * ---------------------------------- */

static void apply(struct zex_outbox *self, const struct entry *entry)
{
    struct zex_outbox_lane *lane = &self->lanes[entry->lane];
    switch (entry->type) {
    case ENTRY_LANE:
        lane->nonce = entry->a;
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
    struct zex_outbox_lane *l = &self->lanes[lane];
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

void zex_outbox_feed(struct zex_outbox *self, uint64_t gseq, uint64_t tag_gseq,
                     uint64_t tag)
{
    record(self, &(struct entry){.type = ENTRY_FEED, .a = gseq, .b = tag_gseq, .c = tag});
}

/* ---- the file
 * -------------------------------------------------------------------------- */

static bool write_all(int file, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = write(file, bytes, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes += done;
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
                                   .a = self->feed_gseq,
                                   .b = self->tag_gseq,
                                   .c = self->tag});
}

/* Replaces the file by one that states only what still matters. */
static int compact(struct zex_outbox *self)
{
    char fresh[4096];
    if (snprintf(fresh, sizeof fresh, "%s.new", self->path) >= (int)sizeof fresh)
        return ZEX_ERR_OUTBOX;
    struct zex_outbox to = *self;
    to.file = open(fresh, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    to.buffer_size = 0;
    to.file_bytes = 0;
    if (to.file < 0 || flock(to.file, LOCK_EX | LOCK_NB) != 0)
        return ZEX_ERR_OUTBOX;
    restate(self, &to);
    bool ok = write_all(to.file, to.buffer, to.buffer_size) && fdatasync(to.file) == 0 &&
              rename(fresh, self->path) == 0;
    if (!ok) {
        close(to.file);
        return ZEX_ERR_OUTBOX;
    }
    close(self->file);
    self->file = to.file;
    self->file_bytes = to.file_bytes + to.buffer_size;
    self->buffer_size = 0;
    return ZEX_OK;
}

int zex_outbox_write(struct zex_outbox *self)
{
    if (self->file < 0 || self->buffer_size == 0)
        return ZEX_OK;
    if (!write_all(self->file, self->buffer, self->buffer_size))
        return ZEX_ERR_OUTBOX;
    self->file_bytes += self->buffer_size;
    self->buffer_size = 0;
    if (self->sync && fdatasync(self->file) != 0)
        return ZEX_ERR_OUTBOX;
    return self->file_bytes > COMPACT_BYTES ? compact(self) : ZEX_OK;
}

/* Applies the file's entries; cuts a torn one at the end. */
static int replay(struct zex_outbox *self)
{
    struct stat status;
    if (fstat(self->file, &status) != 0)
        return ZEX_ERR_OUTBOX;
    size_t size = (size_t)status.st_size, at = 0;
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL)
        return ZEX_ERR_MEMORY;
    int result =
        pread(self->file, bytes, size, 0) == (ssize_t)size ? ZEX_OK : ZEX_ERR_OUTBOX;
    while (result == ZEX_OK && size - at >= HEADER) {
        uint32_t entry_size, hash;
        struct entry entry = {0};
        memcpy(&entry_size, bytes + at, 4);
        memcpy(&hash, bytes + at + 4, 4);
        if (entry_size > size - at - HEADER)
            break; /* torn */
        if (entry_size < ENTRY_FIXED || entry_size > sizeof entry ||
            XXH32(bytes + at + HEADER, entry_size, 0) != hash) {
            result = at + HEADER + entry_size == size ? ZEX_OK : ZEX_ERR_OUTBOX;
            break;
        }
        memcpy(&entry, bytes + at + HEADER, entry_size);
        if (entry.lane >= ZEX_OUTBOX_LANES || ENTRY_FIXED + entry.size != entry_size)
            result = ZEX_ERR_OUTBOX;
        else
            apply(self, &entry);
        at += HEADER + entry_size;
    }
    free(bytes);
    if (result == ZEX_OK && at < size && ftruncate(self->file, (off_t)at) != 0)
        result = ZEX_ERR_OUTBOX;
    if (result == ZEX_OK && lseek(self->file, 0, SEEK_END) < 0)
        result = ZEX_ERR_OUTBOX;
    self->file_bytes = at;
    return result;
}

static int allocate(struct zex_outbox *self, const struct zex_options *options)
{
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++) {
        struct zex_outbox_lane *lane = &self->lanes[i];
        lane->capacity = options->in_flight_max;
        lane->first = lane->next = 1;
        lane->commands = calloc(lane->capacity, sizeof *lane->commands);
        if (lane->commands == NULL)
            return ZEX_ERR_MEMORY;
    }
    /* Room to restate everything at once, see compact(). */
    self->buffer_capacity =
        (size_t)(2 * options->in_flight_max + 64) * (ENTRY_MAX + HEADER);
    if (options->outbox_path != NULL) {
        self->buffer = malloc(self->buffer_capacity);
        self->path = strdup(options->outbox_path);
        if (self->buffer == NULL || self->path == NULL)
            return ZEX_ERR_MEMORY;
    }
    return ZEX_OK;
}

int zex_outbox_open(struct zex_outbox *self, const struct zex_options *options)
{
    *self = (struct zex_outbox){.file = -1, .sync = options->outbox_sync != 0};
    int status = allocate(self, options);
    if (status == ZEX_OK && self->path != NULL) {
        self->file = open(self->path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (self->file < 0)
            status = ZEX_ERR_OUTBOX;
        else if (flock(self->file, LOCK_EX | LOCK_NB) != 0)
            status = ZEX_ERR_LOCKED;
        else
            status = replay(self);
    }
    for (uint8_t i = 0; i < ZEX_OUTBOX_LANES && status == ZEX_OK; i++) {
        if (self->lanes[i].nonce != 0)
            continue;
        uint64_t nonce;
        if (getrandom(&nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
            return ZEX_ERR_OUTBOX;
        record(self, &(struct entry){
                         .type = ENTRY_LANE, .lane = i, .a = (nonce >> 2) + 1, .b = 1});
    }
    return status == ZEX_OK ? zex_outbox_write(self) : status;
}

void zex_outbox_close(struct zex_outbox *self)
{
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++)
        free(self->lanes[i].commands);
    if (self->file >= 0) {
        (void)!zex_outbox_write(self);
        close(self->file);
    }
    free(self->buffer);
    free(self->path);
    *self = (struct zex_outbox){.file = -1};
}
