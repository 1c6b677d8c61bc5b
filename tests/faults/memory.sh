#!/usr/bin/env bash
# memory.sh [STRIDE [SEED]] - every STRIDEth allocation at the start of each service fails.
# KEEP=1 leaves the files.
set -euo pipefail
# shellcheck source=tests/faults/small.sh
. "$(dirname "$0")/small.sh"
readonly stride=${1:-10} seed=${2:-1}

cluster up
declare_market
cluster down
"$out/faults/memory_test" "$venue" "$out" "$stride" "$seed"
