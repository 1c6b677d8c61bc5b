/* main.c - finds the command and runs it. */
#include <stdio.h>
#include <string.h>

#include "deploy/cli/args.h"
#include "deploy/cli/commands.h"

#define COMMAND(function, words, arguments, doc)                                         \
    {words, arguments, doc, command_##function},
static const struct {
    const char *words, *arguments, *doc;
    int (*run)(int argc, char **argv);
} commands[] = {
#include "deploy/cli/commands.def"
};
#undef COMMAND

static int help(FILE *out)
{
    fputs(
        "usage: zex COMMAND ... [--dir DIR] [--as NAME] [--json] [--timeout SECONDS]\n\n",
        out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        fprintf(out, "  %s %s\n", commands[i].words, commands[i].arguments);
        fprintf(out, "      %s\n", commands[i].doc);
    }
    fputs(
        "\n--dir DIR (ZEX_DIR, default `data`): where the venue keeps its addresses and "
        "keys\n"
        "--as NAME (ZEX_AS): whose key in DIR/keys; default `alice`, for admin `admin`\n"
        "exit codes: 0 done, 1 refused or failed, 2 usage, 3 no answer in time\n",
        out);
    return out == stdout ? ARGS_OK : ARGS_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr);
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
        return help(stdout);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const char *words = commands[i].words, *second = strchr(words, ' ');
        size_t length = second != NULL ? (size_t)(second - words) : strlen(words);
        if (strlen(argv[1]) != length || strncmp(argv[1], words, length) != 0)
            continue;
        if (second == NULL)
            return commands[i].run(argc - 2, argv + 2);
        if (argc > 2 && strcmp(argv[2], second + 1) == 0)
            return commands[i].run(argc - 3, argv + 3);
    }
    return args_usage("unknown command '%s'; see zex help", argv[1]);
}
