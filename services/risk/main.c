/* main.c - runs risk: reads the log, owns approved.k. */
#include "services/risk/risk_core.h"

int main(int argc, char **argv)
{
    return service_main(argc, argv, &risk_kind);
}
