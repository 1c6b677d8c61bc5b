/* keygen.c - keys for people and services. */
#include <stdio.h>

#include "deploy/cli/args.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/keys.h"

int command_keygen(int argc, char **argv)
{
    struct args args;
    struct keys_pair pair;
    int code = args_parse(&args, argc, argv, NULL);
    if (code != ARGS_OK)
        return code;
    if (!args_words(&args, 1, ARGS_WORDS_MAX, "keygen NAME..."))
        return ARGS_USAGE;
    for (int i = 0; i < args.word_count; i++) {
        if (!keys_load(&pair, args.directory, args.words[i], true))
            return ARGS_FAILED;
        printf(args.json ? "{\"name\":\"%s\",\"public_key\":\"%s\"}\n" : "%s %s\n",
               args.words[i], pair.public_key);
    }
    return ARGS_OK;
}
