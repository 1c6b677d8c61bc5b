/* bus_key.c - CURVE keys and their Z85 text. */
#include "common/bus.h"

#include <string.h>
#include <zmq.h>

#include "common/check.h"

void bus_key_create(char public_key[41], char secret_key[41])
{
    CHECK(zmq_curve_keypair(public_key, secret_key) == 0);
}

bool bus_key_decode(uint8_t key[32], const char *z85)
{
    return strlen(z85) == 40 && zmq_z85_decode(key, z85) != NULL;
}

void bus_key_encode(char z85[41], const uint8_t key[32])
{
    CHECK(zmq_z85_encode(z85, key, 32) != NULL);
}
