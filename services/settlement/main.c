/* main.c - runs the ledger. */
#include "services/settlement/settlement_core.h"

int main(int argc, char **argv)
{
    return service_main(argc, argv, &settlement_kind);
}
