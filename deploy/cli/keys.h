/* keys.h - CURVE keys as files: DIR/keys/NAME.key (0600) and NAME.pub.
 *
 * Owns:     nothing.
 * Units:    Z85 text of 40 characters.
 * Errors:   false, after saying why on stderr.
 * Threads:  one.
 * Bounds:   paths up to 4096 bytes.
 */
#ifndef KEYS_H
#define KEYS_H

#include <stdbool.h>

struct keys_pair {
    char public_key[41], secret_key[41];
};

/* Reads DIR/keys/NAME.key; makes it, with its .pub, if it is missing and `make` is set.
 * */
bool keys_load(struct keys_pair *, const char *directory, const char *name, bool make);
/* Reads DIR/keys/NAME.pub. */
bool keys_load_public(char public_key[41], const char *directory, const char *name);

#endif
