/* commands.h - every command of the CLI: `int command_<name>(int argc, char **argv)`.
 *
 * Owns:     nothing.
 * Units:    argv is what follows the command's name.
 * Errors:   the exit codes of args.h.
 * Threads:  one, unless the command says otherwise.
 * Bounds:   none.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

/* COMMAND(function, "words", "arguments", "what it does") in commands.def */
#define COMMAND(function, words, arguments, doc)                                         \
    int command_##function(int argc, char **argv);
#include "deploy/cli/commands.def"
#undef COMMAND

#endif
