/* main.c - runs the sequencer: owns the log. */
#include "services/sequencer/sequencer_core.h"

int main(int argc, char **argv)
{
    return service_main(argc, argv, &sequencer_kind);
}
