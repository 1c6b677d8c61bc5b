/* keys.c - two lines a file: `public ...`, `secret ...`. */
#include "deploy/cli/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bus.h"
#include "deploy/cli/args.h"

enum { PATH_SIZE = 4096 };

/* A name is one file of DIR/keys, never a way out of it. */
static bool is_name(const char *name)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789-_.";
    return *name != 0 && *name != '.' && name[strspn(name, good)] == 0;
}

static bool make_path(char path[PATH_SIZE], const char *directory, const char *name,
                      const char *ending)
{
    if (!is_name(name)) {
        args_fail("'%s' is no name of a key: letters, digits, - _ .", name);
        return false;
    }
    return snprintf(path, PATH_SIZE, "%s/keys/%s%s", directory, name, ending) < PATH_SIZE;
}

static bool write_file(const char *path, mode_t mode, const char *text)
{
    int file = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
    if (file < 0)
        return false;
    size_t size = strlen(text);
    bool ok = write(file, text, size) == (ssize_t)size && fsync(file) == 0;
    return close(file) == 0 && ok;
}

static bool create(struct keys_pair *pair, const char *directory, const char *name)
{
    char path[PATH_SIZE], text[160];
    snprintf(path, sizeof path, "%s/keys", directory);
    if ((mkdir(directory, 0755) != 0 && errno != EEXIST) ||
        (mkdir(path, 0700) != 0 && errno != EEXIST)) {
        args_fail("cannot make %s: %s", path, strerror(errno));
        return false;
    }
    bus_key_create(pair->public_key, pair->secret_key);
    snprintf(text, sizeof text, "public %s\nsecret %s\n", pair->public_key,
             pair->secret_key);
    make_path(path, directory, name, ".key");
    bool ok = write_file(path, 0600, text);
    if (ok) {
        snprintf(text, sizeof text, "%s\n", pair->public_key);
        make_path(path, directory, name, ".pub");
        ok = write_file(path, 0644, text);
    }
    if (!ok)
        args_fail("cannot write %s: %s", path, strerror(errno));
    return ok;
}

bool keys_load(struct keys_pair *pair, const char *directory, const char *name, bool make)
{
    char path[PATH_SIZE];
    if (!make_path(path, directory, name, ".key"))
        return false;
    FILE *file = fopen(path, "re");
    if (file == NULL && errno == ENOENT && make)
        return create(pair, directory, name);
    if (file == NULL) {
        args_fail("cannot read the key %s: %s", path, strerror(errno));
        return false;
    }
    bool ok = fscanf(file, "public %40s secret %40s", pair->public_key,
                     pair->secret_key) == 2 &&
              strlen(pair->public_key) == 40 && strlen(pair->secret_key) == 40;
    fclose(file);
    if (!ok)
        args_fail("%s is not a key file", path);
    return ok;
}

bool keys_load_public(char public_key[41], const char *directory, const char *name)
{
    char path[PATH_SIZE];
    if (!make_path(path, directory, name, ".pub"))
        return false;
    FILE *file = fopen(path, "re");
    bool ok =
        file != NULL && fscanf(file, "%40s", public_key) == 1 && strlen(public_key) == 40;
    if (file != NULL)
        fclose(file);
    if (!ok)
        args_fail("cannot read the public key %s", path);
    return ok;
}
