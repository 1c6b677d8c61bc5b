/* unit.h - cmocka with the includes it asks for, and a test for a failing CHECK.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   none.
 */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* The statement must fail a CHECK; it runs in a child with its complaint thrown away. */
#define assert_aborts(statement)                                                         \
    do {                                                                                 \
        const pid_t unit_child = fork();                                                 \
        if (unit_child == 0) {                                                           \
            if (!freopen("/dev/null", "w", stderr))                                      \
                _exit(1);                                                                \
            signal(SIGABRT, SIG_DFL);                                                    \
            statement;                                                                   \
            _exit(0);                                                                    \
        }                                                                                \
        int unit_status = 0;                                                             \
        assert_int_equal(waitpid(unit_child, &unit_status, 0), unit_child);              \
        assert_true(WIFSIGNALED(unit_status) && WTERMSIG(unit_status) == SIGABRT);       \
    } while (0)

#endif
