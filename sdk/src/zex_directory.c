/* zex_directory.c - addresses and keys of a venue on this machine. */
#include <stdio.h>
#include <string.h>

#include "sdk/include/zex.h"

enum { TEXT_SIZE = 256, PATH_SIZE = 4096, KEY_SIZE = 41 };

struct directory {
    char addresses[ZEX_GATEWAYS_MAX][TEXT_SIZE];
    char server_key[KEY_SIZE], public_key[KEY_SIZE], secret_key[KEY_SIZE];
};

static FILE *open_in(const char *directory, const char *folder, const char *name,
                     const char *ending)
{
    char path[PATH_SIZE];
    const int size =
        snprintf(path, sizeof path, "%s/%s%s%s", directory, folder, name, ending);
    return size < PATH_SIZE ? fopen(path, "re") : NULL;
}

/* One address a line; `insecure` before it: no CURVE. */
static int read_gateways(struct directory *d, const char *directory, int *insecure)
{
    char line[TEXT_SIZE];
    int count = 0;
    FILE *file = open_in(directory, "", "gateways", "");
    while (file != NULL && count < ZEX_GATEWAYS_MAX &&
           fgets(line, sizeof line, file) != NULL) {
        char word[TEXT_SIZE];
        if (sscanf(line, "insecure %255s", word) == 1)
            *insecure = 1;
        else if (sscanf(line, "%255s", word) != 1)
            continue;
        memcpy(d->addresses[count++], word, sizeof word);
    }
    if (file != NULL)
        fclose(file);
    return count;
}

static int read_keys(struct directory *d, const char *directory, const char *name)
{
    FILE *own = open_in(directory, "keys/", name, ".key");
    FILE *server = open_in(directory, "keys/", "gateway", ".pub");
    const int ok =
        own != NULL && server != NULL && fscanf(server, " %40s", d->server_key) == 1 &&
        fscanf(own, " public %40s secret %40s", d->public_key, d->secret_key) == 2 &&
        strlen(d->server_key) == 40 && strlen(d->public_key) == 40 &&
        strlen(d->secret_key) == 40;
    if (own != NULL)
        fclose(own);
    if (server != NULL)
        fclose(server);
    return ok;
}

int zex_client_new_in(zex_client **client, const char *directory, const char *name,
                      const struct zex_options *given)
{
    struct directory d;
    struct zex_options options;
    int insecure = 0;
    *client = NULL;
    zex_options_init(&options);
    if (given != NULL)
        options = *given;
    const int count = read_gateways(&d, directory, &insecure);
    if (count == 0 || (!insecure && !read_keys(&d, directory, name)))
        return ZEX_ERR_DIRECTORY;
    for (int i = 0; i < ZEX_GATEWAYS_MAX; i++)
        options.gateways[i] = i < count ? d.addresses[i] : NULL;
    options.server_key = insecure ? NULL : d.server_key;
    options.public_key = insecure ? NULL : d.public_key;
    options.secret_key = insecure ? NULL : d.secret_key;
    return zex_client_new(client, &options);
}
