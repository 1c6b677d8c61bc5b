#!/usr/bin/env bash
# rot.sh [STATES [SEED]] - damages what a venue has stored in so many ways, one at a time.
# KEEP=1 leaves the files.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly out=$PWD/build/${MODE:-release} states=${1:-1000} seed=${2:-1}
work=$(mktemp -d -p /dev/shm zex-rot.XXXXXX)
readonly work venue=$work/venue
. tests/faults/small.sh
trap 'if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi' EXIT

deploy/cluster.sh up "$venue" >/dev/null
"$out/bin/zex" admin apply deploy/venues/demo.yaml --dir "$venue" >/dev/null
"$out/faults/record" "$venue" /dev/null "$seed" 400 1200
deploy/cluster.sh down "$venue" >/dev/null
cp -r "$venue" "$work/older"
deploy/cluster.sh up "$venue" >/dev/null
"$out/faults/record" "$venue" /dev/null "$((seed + 10))" 300 1300
deploy/cluster.sh down "$venue" >/dev/null
"$out/faults/rot_test" "$venue" "$work/older" "$states" "$seed"
