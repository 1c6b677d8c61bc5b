/* error.h - every error code, its name, its text, and the exit code it leads to.
 *
 * Owns:     nothing.
 * Units:    a code is 0 or negative; on the wire it travels as its positive number.
 * Errors:   none; an unknown code has the name "UNKNOWN".
 * Threads:  any.
 * Bounds:   ERROR_NUMBER_MAX.
 */
#ifndef ERROR_H
#define ERROR_H

enum error {
    ERR_NONE = 0,
#define ERROR(name, number, text) ERR_##name = -(number),
#include "common/error.def"
#undef ERROR
};

enum error_exit {
    EXIT_CODE_NONE = 0,
    EXIT_CODE_OTHER = 1,
#define EXIT(name, code) EXIT_CODE_##name = (code),
#include "common/exit.def"
#undef EXIT
};

enum {
    ERROR_NUMBER_MAX = 255,
};

/* The caller must look at what such a function returns. */
#define ERROR_CHECKED __attribute__((warn_unused_result))

/* "FUNDS" for ERR_FUNDS or its positive wire number; "OK" for 0. */
const char *error_name(int error);

/* "not enough funds"; for people. */
const char *error_text(int error);

/* The number a client reads: 60 for ERR_FUNDS. */
static inline unsigned error_number(int error)
{
    return error < 0 ? 0u - (unsigned)error : (unsigned)error;
}

/* What errno says of a file or a directory: ERR_DISK_FULL, ERR_MEMORY, ERR_DATA_DIR where
 * it is missing or may not be used, ERR_IO. */
int error_of_file(int number);

/* What main returns after this error. */
int error_exit_code(int error);

#endif
