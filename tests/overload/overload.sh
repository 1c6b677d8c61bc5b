#!/usr/bin/env bash
# overload.sh [SECONDS [SEED]] - a venue of processes, ten times its capacity for so long,
# then slow and dead consumers (overload_test.c), then `zex verify`, which takes longer than
# all of that: VERIFY=0 leaves it out, KEEP=1 leaves the files.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly out=$PWD/build/${MODE:-release} seconds=${1:-30} seed=${2:-$RANDOM}
work=$(mktemp -d -p "${TMPDIR:-/var/tmp}") # a real disk, please: syncs are measured
readonly work
finish() {
    if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT

echo "$seconds s, seed $seed: repeat with make overload S=$seconds SEED=$seed"
"$out/overload/overload_test" "$work/venue" "$out/bin" "$seconds" "$seed"
[[ ${VERIFY:-1} = 0 ]] || "$out/bin/zex" verify "$work/venue"
