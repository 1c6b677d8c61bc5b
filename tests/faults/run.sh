#!/usr/bin/env bash
# run.sh - every fault test, with the amounts of CI, or with NIGHTLY=1 large ones. With
# MODE=sanitize what a sanitizer says of a service fails it too.
set -uo pipefail
cd "$(dirname "$0")" || exit 2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
seeds=(1) power=3000 disk=21 rot=1700 memory=5
[[ -z ${NIGHTLY:-} ]] || seeds=({1..20}) power=0 disk=7 rot=8200 memory=5

for seed in "${seeds[@]}"; do
    { # they wait more than they work: beside the others
        ./memory.sh $memory "$seed" && ./disk.sh $disk "$seed"
    } >"$log" 2>&1 &
    ./power.sh $power "$seed" || failed=1
    ./rot.sh $rot "$seed" || failed=1
    wait $! || failed=1
    cat "$log"
done
[[ -z ${failed:-} ]]
