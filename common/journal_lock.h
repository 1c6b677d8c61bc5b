/* journal_lock.h - who may write a journal: its owner, or a tool for a moment.
 *
 * An owner holds two files of the directory for as long as it lives, OWNER and LOCK; a
 * tool that settles what a dead one left (journal_redo.h) holds LOCK alone. So an owner
 * that finds OWNER taken is a second one, and one that finds LOCK taken has to wait.
 *
 * Owns:     the files; the caller releases them, also after an error.
 * Units:    none.
 * Errors:   ERR_LOCKED; ERR_LENGTH of a path; of error_of_file().
 * Threads:  any.
 * Bounds:   an owner waits JOURNAL_LOCK_MS for a tool.
 */
#ifndef JOURNAL_LOCK_H
#define JOURNAL_LOCK_H

#define JOURNAL_LOCK_MS   5000
#define JOURNAL_LOCK_NONE ((struct journal_lock){-1, -1})

struct journal_lock {
    int owner, writer; /* -1: not held */
};

/* Makes the directory if it is missing. ERR_LOCKED: it has an owner, or a tool that does
 * not end. */
int journal_lock_own(struct journal_lock *, const char *directory);

/* Does not wait. ERR_LOCKED: it has an owner, or another tool is at it. */
int journal_lock_visit(struct journal_lock *, const char *directory);

/* For every process that has it: a child may for a moment yet. Nothing if none has. */
void journal_lock_release(struct journal_lock *);

#endif
