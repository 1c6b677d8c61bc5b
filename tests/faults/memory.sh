#!/usr/bin/env bash
# memory.sh [STRIDE [SEED]] - every STRIDEth allocation at the start of each service fails.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly out=$PWD/build/${MODE:-release} stride=${1:-10} seed=${2:-1}
work=$(mktemp -d -p /dev/shm zex-memory.XXXXXX)
readonly work venue=$work/venue
. tests/faults/small.sh
trap 'if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi' EXIT

deploy/cluster.sh up "$venue" >/dev/null
"$out/bin/zex" admin apply deploy/venues/demo.yaml --dir "$venue" >/dev/null
deploy/cluster.sh down "$venue" >/dev/null
"$out/faults/memory_test" "$venue" "$out" "$stride" "$seed"
