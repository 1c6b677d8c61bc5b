/* main.c - runs one gateway, the socket of the clients. */
#include "services/gateway/gateway_core.h"

int main(int argc, char **argv)
{
    return service_main(argc, argv, &gateway_kind);
}
