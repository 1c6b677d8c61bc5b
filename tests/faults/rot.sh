#!/usr/bin/env bash
# rot.sh [STATES [SEED]] - damages what a venue has stored in so many ways, one at a time.
# KEEP=1 leaves the files.
set -euo pipefail
# shellcheck source=tests/faults/small.sh
. "$(dirname "$0")/small.sh"
readonly states=${1:-1000} seed=${2:-1}

cluster up
declare_market
"$out/faults/record" "$venue" /dev/null "$seed" 400 1200
cluster down
cp -r "$venue" "$work/older"
cluster up
"$out/faults/record" "$venue" /dev/null "$((seed + 10))" 300 1300
cluster down
export ZEX_COMMIT_INTERVAL_US=10000000 # the redo file is settled no sooner
cluster up
"$out/faults/record" "$venue" /dev/null "$((seed + 20))" 100 1400
kill -KILL "$(<"$venue/run/sequencer.pid")"
cluster down
unset ZEX_COMMIT_INTERVAL_US
"$out/faults/rot_test" "$venue" "$work/older" "$states" "$seed"
