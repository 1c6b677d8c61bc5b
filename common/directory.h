/* directory.h - directories whose names outlast a power cut.
 *
 * A name is on the disk only once the directory that holds it was synced, and that one's
 * own name once its parent was.
 *
 * Owns:     nothing; the caller gives a lock back.
 * Units:    none.
 * Errors:   ERR_DISK_FULL, ERR_IO, ERR_LOCKED.
 * Threads:  any.
 * Bounds:   paths up to PATH_MAX.
 */
#ifndef DIRECTORY_H
#define DIRECTORY_H

/* Makes the directory and those above it that are missing, durably. */
int directory_make(const char *path);

/* Makes it, and takes it for as long as the file `lock` is open; else ERR_LOCKED. */
int directory_lock(const char *path, int *lock);

/* For every process that has it open. Nothing happens if it is none. */
void directory_unlock(int lock);

/* The names in it are on the disk when this returns 0. */
int directory_sync(const char *path);

#endif
