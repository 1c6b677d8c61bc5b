/* tree.h - directories that tests made and are done with.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   what cannot be removed stays.
 * Threads:  any.
 * Bounds:   none.
 */
#ifndef TREE_H
#define TREE_H

#include <ftw.h>
#include <stdio.h>

static inline int tree_remove_entry(const char *path, const struct stat *stat, int type,
                                    struct FTW *ftw)
{
    (void)stat, (void)type, (void)ftw;
    return remove(path);
}

/* The directory, with all that is in it. Nothing happens if there is none. */
static inline void tree_remove(const char *path)
{
    nftw(path, tree_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
