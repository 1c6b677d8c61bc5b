/* directory.h - directories whose names outlast a power cut.
 *
 * A name is on the disk only once the directory that holds it was synced, and that one's
 * own name once its parent was.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   of error_of_file().
 * Threads:  any.
 * Bounds:   paths up to PATH_MAX.
 */
#ifndef DIRECTORY_H
#define DIRECTORY_H

/* Makes the directory and those above it that are missing, durably. */
int directory_make(const char *path);

/* The names in it are on the disk when this returns 0. */
int directory_sync(const char *path);

#endif
