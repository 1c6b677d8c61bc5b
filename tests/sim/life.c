/* life.c - an outbox that outlives its session. */
#include "tests/sim/life.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "proto/codec.h"

static struct life_command *push(struct life *life)
{
    if (life->count == life->capacity) {
        life->capacity = life->capacity * 2 + 64;
        life->commands = realloc(life->commands, life->capacity * sizeof *life->commands);
        CHECK(life->commands != NULL);
    }
    return &life->commands[life->count++];
}

static void encode(struct life_command *command, const struct msg *msg)
{
    size_t size = 0;
    int error = codec_encode(command->body, sizeof command->body, msg, &size);
    CHECK(error == 0);
    command->size = (uint16_t)size;
    command->kind = msg->kind;
}

bool life_add(struct life *life, const struct msg *msg)
{
    if (life->count == LIFE_COMMANDS)
        return false;
    struct life_command *command = push(life);
    *command = (struct life_command){.size = 0};
    encode(command, msg);
    return true;
}

void life_replace(struct life *life, uint64_t n, const struct msg *msg)
{
    CHECK(n >= 1 && n <= life->count && !life->commands[n - 1].accepted);
    encode(&life->commands[n - 1], msg);
}

void life_repair(struct life *life, uint64_t n, const struct msg *msg)
{
    struct life_command *command = &life->commands[n - 1];
    if (command->former == NULL)
        command->former = malloc(sizeof *command->former);
    CHECK(command->former != NULL);
    command->former->size = command->size;
    memcpy(command->former->body, command->body, command->size);
    life_replace(life, n, msg);
}

void life_advance(struct life *life)
{
    while (life->accepted < life->count && life->commands[life->accepted].accepted)
        life->accepted++;
}

bool life_is_closing(const struct life *life)
{
    return life->count > 0 && life->commands[life->count - 1].kind == MSG_close;
}

const char *life_end(struct life *life, uint64_t last_n, struct life *next)
{
    if (last_n > life->count)
        return "I2: session gone with what was never sent";
    if (last_n < life->accepted)
        return "I2: session gone with another last_n";
    CHECK(next->count == 0);
    for (uint64_t i = last_n; i < life->count; i++) {
        struct life_command *command = push(next);
        free(life->commands[i].former);
        *command = life->commands[i];
        command->former = NULL;
        command->was_sent = false;
    }
    life->count = (uint32_t)last_n;
    for (uint32_t i = 0; i < life->count; i++)
        life->commands[i].accepted = true;
    life->accepted = life->count;
    life->is_gone = true;
    return NULL;
}

void life_close(struct life *life)
{
    for (uint32_t i = 0; i < life->count; i++)
        free(life->commands[i].former);
    free(life->commands);
}
