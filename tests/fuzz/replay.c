/* replay.c - runs a target without libFuzzer, and packs its inputs into one file.
 *
 *     NAME_replay FILE.pack...        each input of the packs
 *     NAME_replay --seeds DIR         writes the inputs to begin with, one a file
 *     NAME_replay --unpack FILE DIR   ... those of a pack
 *     NAME_replay --pack DIR FILE     a pack of all files
 *
 * A pack is its inputs one after the other, each behind its size (4 bytes, big-endian).
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/big_endian.h"
#include "tests/fuzz/fuzz.h"

enum { INPUT_BYTES = 1 << 20, PATH = 1024 };

static uint8_t input[INPUT_BYTES];

/* The size of the next input of a pack, which is then in `input`; 0 at the end. */
static size_t take(FILE *pack)
{
    uint8_t head[4];
    if (fread(head, sizeof head, 1, pack) != 1)
        return 0;
    size_t size = big_endian_get(head, sizeof head);
    return size <= sizeof input && fread(input, 1, size, pack) == size ? size : 0;
}

static void put(FILE *pack, size_t size)
{
    uint8_t head[4];
    big_endian_put(head, size, sizeof head);
    fwrite(head, sizeof head, 1, pack);
    fwrite(input, size, 1, pack);
}

static bool store(const char *directory, uint32_t number, size_t size)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/%06u", directory, number);
    FILE *file = fopen(path, "wbe");
    bool is_stored = file != NULL && fwrite(input, 1, size, file) == size;
    if (file != NULL)
        fclose(file);
    return is_stored;
}

static int replay(const char *path, const char *directory)
{
    FILE *pack = fopen(path, "rbe");
    uint32_t count = 0;
    size_t size;
    if (pack == NULL) {
        perror(path);
        return 1;
    }
    while ((size = take(pack)) > 0) {
        if (directory == NULL)
            LLVMFuzzerTestOneInput(input, size);
        else if (!store(directory, count, size))
            return 1;
        count++;
    }
    bool is_whole = fgetc(pack) == EOF;
    fclose(pack);
    printf("%s: %u inputs%s\n", path, count, is_whole ? "" : ", then no pack");
    return !is_whole || count == 0;
}

static int write_seeds(const char *directory)
{
    uint32_t count = 0;
    size_t size;
    while ((size = fuzz_seed(count, input)) > 0)
        if (!store(directory, count++, size))
            return 1;
    return 0;
}

static int pack_files(const char *directory, const char *path)
{
    struct dirent **names;
    int count = scandir(directory, &names, NULL, alphasort);
    FILE *pack = fopen(path, "wbe");
    for (int i = 0; pack != NULL && i < count; i++) {
        char name[PATH];
        snprintf(name, sizeof name, "%s/%s", directory, names[i]->d_name);
        FILE *file = names[i]->d_name[0] == '.' ? NULL : fopen(name, "rbe");
        size_t size = file != NULL ? fread(input, 1, sizeof input, file) : 0;
        if (size > 0)
            put(pack, size);
        if (file != NULL)
            fclose(file);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return pack == NULL || count < 0 || fclose(pack) != 0;
}

int main(int argc, char **argv)
{
    int code = argc < 2;
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0)
        return write_seeds(argv[2]);
    if (argc == 4 && strcmp(argv[1], "--unpack") == 0)
        return replay(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "--pack") == 0)
        return pack_files(argv[2], argv[3]);
    for (int i = 1; i < argc; i++)
        code |= replay(argv[i], NULL);
    return code;
}
