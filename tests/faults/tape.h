/* tape.h - what the services of a venue did to its files, and what they told a client, in
 * the order in which it happened: one file, to which every process appends.
 *
 * Owns:     nothing; a layout.
 * Units:    bytes; offsets in the file written.
 * Errors:   none.
 * Threads:  any: an entry is one write with O_APPEND.
 * Bounds:   TAPE_PATH characters of a path, relative to the venue's directory.
 */
#ifndef TAPE_H
#define TAPE_H

#include <stdint.h>

enum {
    TAPE_MAGIC = 0x7a657874,
    TAPE_PATH = 104,
};

enum tape_kind {
    TAPE_WRITE = 1, /* `size` bytes follow */
    TAPE_TRUNCATE,  /* to `offset` */
    TAPE_SYNC,      /* of a file's bytes, or of a directory's names */
    TAPE_CREATE,
    TAPE_MKDIR,
    TAPE_RENAME, /* to the name that follows */
    TAPE_REMOVE,
    TAPE_TOLD, /* a client was told of gseq `offset`, about its own order `number` */
};

/* On the tape each stands behind the bytes of another, at any address. */
struct tape_entry {
    uint32_t magic, kind;
    uint64_t offset, size, number;
    uint32_t is_synced; /* written through a descriptor with O_DSYNC */
    char path[TAPE_PATH];
} __attribute__((packed));

#endif
