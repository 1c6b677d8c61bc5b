/* error.c - names, texts and exit codes, expanded from error.def and exit.def. */
#include "common/error.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "proto/pack.h"

/* proto stands below common and declares the codes of decoding; they are these. */
#define SAME(pack, error) static_assert((int)(pack) == (int)(error), #error)
SAME(PACK_KIND, ERR_UNKNOWN_KIND);
SAME(PACK_TYPE, ERR_TYPE);
SAME(PACK_RANGE, ERR_RANGE);
SAME(PACK_LENGTH, ERR_LENGTH);
SAME(PACK_DEPTH, ERR_DEPTH);
SAME(PACK_TRAILING, ERR_TRAILING);
SAME(PACK_CANONICAL, ERR_CANONICAL);
SAME(PACK_TRUNCATED, ERR_TRUNCATED);
SAME(PACK_TEXT, ERR_TEXT);
SAME(PACK_SPACE, ERR_FULL);
SAME(PACK_CORRUPT, ERR_CORRUPT);
SAME(PACK_VERSION, ERR_VERSION);
#undef SAME

struct row {
    const char *name;
    const char *text;
};

static const struct row rows[ERROR_NUMBER_MAX + 1] = {
    [0] = {"OK", "no error"},
#define ERROR(name, number, text) [number] = {#name, text},
#include "common/error.def"
#undef ERROR
};

#define ERROR(name, number, text)                                                        \
    static_assert((number) > 0 && (number) <= ERROR_NUMBER_MAX, #name);
#include "common/error.def"
#undef ERROR

/* Two errors with one number would be two equal cases, which no compiler takes. */
static const struct row *find_row(int error)
{
    switch (error > 0 ? -error : error) {
    case ERR_NONE:
#define ERROR(name, number, text) case ERR_##name:
#include "common/error.def"
#undef ERROR
        return &rows[error_number(error)];
    default:
        return NULL;
    }
}

const char *error_name(int error)
{
    const struct row *row = find_row(error);
    return row ? row->name : "UNKNOWN";
}

const char *error_text(int error)
{
    const struct row *row = find_row(error);
    return row ? row->text : "unknown error";
}

int error_exit_code(int error)
{
    switch (error > 0 ? -error : error) {
    case ERR_NONE:
        return EXIT_CODE_NONE;
#define EXIT(name, code)                                                                 \
    case ERR_##name:                                                                     \
        return code;
#include "common/exit.def"
#undef EXIT
    default:
        return EXIT_CODE_OTHER;
    }
}

int error_of_file(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return ERR_DISK_FULL;
    case ENOMEM:
        return ERR_MEMORY;
    case ENOENT:
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
    case ELOOP:
        return ERR_DATA_DIR;
    default:
        return ERR_IO;
    }
}
