/* ways.h - how a client ends, and the exit codes by which it says so.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   none.
 */
#ifndef WAYS_H
#define WAYS_H

enum way {
    WAY_CLEAN,  /* waits for its answers, closes its sessions */
    WAY_LEAVE,  /* goes at once; the library closes what has no outbox on disk */
    WAY_KILLED, /* SIGKILL, whatever is under way */
    WAY_STOPS,  /* SIGSTOP: a connection that nobody reads; who started it ends it */
    WAYS,
};

enum {
    WAYS_GONE = 0,    /* its sessions are closed, or nobody will ever use them */
    WAYS_FAILED = 1,  /* what must not happen did */
    WAYS_AWAY = 3,    /* another goes on with its outbox */
    WAYS_CROWDED = 4, /* its account has as many sessions as it may */
};

#endif
