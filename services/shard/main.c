/* main.c - runs one matching shard. */
#include "services/shard/shard_core.h"

int main(int argc, char **argv)
{
    return service_main(argc, argv, &shard_kind);
}
