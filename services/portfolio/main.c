/* main.c - runs orders, positions and feeds. */
#include "services/portfolio/portfolio_core.h"

int main(int argc, char **argv)
{
    return service_main(argc, argv, &portfolio_kind);
}
