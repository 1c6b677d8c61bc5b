/* replay_check.c - see replay_check.h. */
#include "deploy/cli/replay_check.h"

#include "deploy/cli/args.h"

int replay_check(const struct args *args, const struct lobster *lobster,
                 const char *book_path, uint32_t shard, uint64_t seed,
                 struct replay_result *result)
{
    (void)args, (void)lobster, (void)book_path, (void)shard, (void)seed;
    *result = (struct replay_result){0};
    return args_fail("not yet");
}
