/* main.c - finds the command and runs it. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "deploy/cli/args.h"
#include "deploy/cli/commands.h"

static const struct command {
    const char *words, *arguments, *doc;
    int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(function, words, arguments, doc)                                         \
    {words, arguments, doc, command_##function},
#include "deploy/cli/commands.def"
#undef COMMAND
};

#define COUNT (sizeof commands / sizeof *commands)

static const char shared[] =
    "--dir DIR (ZEX_DIR, default `data`): where the venue keeps its addresses and keys\n"
    "--as NAME (ZEX_AS): whose key in DIR/keys; default `alice`, for admin `admin`\n"
    "--account NAME: another's account, for auditor and admin; in a venue without CURVE\n"
    "    its number says who one is\n"
    "--name CL_ORD_ID: an order by its client's own name for it\n"
    "--show-gseq: say on stderr where the answer is true; `as-of --gseq` takes it\n"
    "exit codes: 0 done, 1 refused or failed, 2 usage, 3 no answer in time\n";

static void describe(FILE *out, const struct command *command)
{
    fprintf(out, "  %s %s\n      %s\n", command->words, command->arguments, command->doc);
}

static int help(FILE *out)
{
    fputs(
        "usage: zex COMMAND ... [--dir DIR] [--as NAME] [--json] [--timeout SECONDS]\n\n",
        out);
    for (size_t i = 0; i < COUNT; i++)
        describe(out, &commands[i]);
    fprintf(out, "\n%s", shared);
    return out == stdout ? ARGS_OK : ARGS_USAGE;
}

/* Whether `word` is the first of the command's two words. */
static bool is_first(const struct command *command, const char *word)
{
    const size_t length = strlen(word);
    return strncmp(command->words, word, length) == 0 && command->words[length] == ' ';
}

/* The words that are the command's name, 0 if they name another. */
static int match(const struct command *command, int argc, char **argv)
{
    if (strcmp(command->words, argv[1]) == 0)
        return 1;
    return argc > 2 && is_first(command, argv[1]) &&
                   strcmp(strchr(command->words, ' ') + 1, argv[2]) == 0
               ? 2
               : 0;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

static int run(const struct command *command, int argc, char **argv)
{
    if (!asks_for_help(argc, argv))
        return command->run(argc, argv);
    describe(stdout, command);
    printf("\n%s", shared);
    return ARGS_OK;
}

/* A first word without its second: says which there are. */
static int help_group(int argc, char **argv)
{
    FILE *out = asks_for_help(argc, argv) ? stdout : stderr;
    bool is_group = false;
    for (size_t i = 0; i < COUNT; i++) {
        if (!is_first(&commands[i], argv[1]))
            continue;
        if (!is_group)
            fprintf(out, "zex %s is one of these:\n\n", argv[1]);
        is_group = true;
        describe(out, &commands[i]);
    }
    if (!is_group)
        return args_usage("unknown command '%s'; see zex help", argv[1]);
    return out == stdout ? ARGS_OK : ARGS_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr);
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
        return help(stdout);
    for (size_t i = 0; i < COUNT; i++) {
        const int used = match(&commands[i], argc, argv);
        if (used != 0)
            return run(&commands[i], argc - 1 - used, argv + 1 + used);
    }
    return help_group(argc, argv);
}
