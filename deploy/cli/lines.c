/* lines.c - a buffer of text, filled from the file or through liblzma. */
#include "deploy/cli/lines.h"

#include <errno.h>
#include <lzma.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/cli/args.h"

enum { INPUT = 1 << 16, TEXT = 1 << 16 };

struct lines {
    FILE *file;
    bool is_xz, has_ended, has_failed;
    lzma_stream decoder;
    uint8_t input[INPUT];
    char text[TEXT + 1];
    size_t at, size; /* of the text not yet given out */
};

bool lines_open(struct lines **out, const char *path)
{
    size_t length = strlen(path);
    struct lines *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL)
        return args_fail("out of memory") == ARGS_OK;
    self->is_xz = length > 3 && strcmp(path + length - 3, ".xz") == 0;
    self->decoder = (lzma_stream)LZMA_STREAM_INIT;
    self->file = fopen(path, "rbe");
    if (self->file != NULL &&
        (!self->is_xz || lzma_stream_decoder(&self->decoder, UINT64_MAX, 0) == LZMA_OK))
        return true;
    args_fail("cannot read %s: %s", path, strerror(errno));
    lines_close(out);
    return false;
}

void lines_close(struct lines **lines)
{
    struct lines *self = *lines;
    if (self == NULL)
        return;
    lzma_end(&self->decoder);
    if (self->file != NULL)
        fclose(self->file);
    free(self);
    *lines = NULL;
}

/* Up to `size` bytes of text; 0 at the end. */
static size_t decode(struct lines *self, char *to, size_t size)
{
    lzma_stream *decoder = &self->decoder;
    decoder->next_out = (uint8_t *)to;
    decoder->avail_out = size;
    while (decoder->avail_out == size) {
        if (decoder->avail_in == 0) {
            decoder->next_in = self->input;
            decoder->avail_in = fread(self->input, 1, INPUT, self->file);
        }
        lzma_ret code =
            lzma_code(decoder, decoder->avail_in == 0 ? LZMA_FINISH : LZMA_RUN);
        if (code == LZMA_STREAM_END)
            break;
        if (code != LZMA_OK) {
            self->has_failed = true;
            args_fail("the compressed file is damaged or cut");
            break;
        }
    }
    return size - decoder->avail_out;
}

static void fill(struct lines *self)
{
    memmove(self->text, self->text + self->at, self->size);
    self->at = 0;
    char *to = self->text + self->size;
    size_t room = TEXT - self->size;
    size_t got = self->is_xz ? decode(self, to, room) : fread(to, 1, room, self->file);
    self->size += got;
    self->has_ended = got == 0;
}

const char *lines_next(struct lines *self)
{
    for (;;) {
        char *line = self->text + self->at;
        char *end = memchr(line, '\n', self->size);
        if (end == NULL && !self->has_ended && self->size < LINES_MAX) {
            fill(self);
            continue;
        }
        if (end == NULL && (self->size == 0 || self->size >= LINES_MAX))
            return NULL;
        size_t length = end != NULL ? (size_t)(end - line) : self->size;
        size_t used = end != NULL ? length + 1 : length;
        line[length] = 0;
        self->at += used;
        self->size -= used;
        return line;
    }
}

bool lines_failed(const struct lines *self)
{
    return self->has_failed || self->size >= LINES_MAX;
}
