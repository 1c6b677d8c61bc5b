#!/usr/bin/env bash
# run.sh - every fault test, with the amounts of CI, or with NIGHTLY=1 large ones.
set -euo pipefail
cd "$(dirname "$0")"
step() { printf -- '-- %s (%ds)\n' "$*" $SECONDS; }

step "power cut"
if [[ -n ${NIGHTLY:-} ]]; then
    for seed in {1..20}; do ./power.sh 0 "$seed"; done
else
    ./power.sh 3000
fi
