#!/usr/bin/env bash
# power.sh [STATES [SEED]] - records a real venue, each service a process, while two clients
# trade, the sequencer is killed twice and old blocks move into the archive; then cuts the
# power of it in STATES places (0: all), starts it again and checks. KEEP=1 leaves the files.
set -euo pipefail
# shellcheck source=tests/faults/small.sh
. "$(dirname "$0")/small.sh"
readonly states=${1:-3000} seed=${2:-1} tape=$work/tape

release() { SHIM_TAPE='' cluster down 2>/dev/null || true; }
shimmed() { LD_PRELOAD=$out/faults/shim.so cluster "$@"; }
crash() {
    cluster kill "$1"
    shimmed start "$1"
}

mkdir "$venue"
export SHIM_DIR=$venue SHIM_TAPE=$tape
shimmed up
declare_market
"$out/faults/record" "$venue" "$tape" "$seed" 700 1200
crash sequencer
"$out/faults/record" "$venue" "$tape" "$((seed + 10))" 300 100
cluster kill sequencer
(SHIM_FAIL=archive:sync:1:kill shimmed start sequencer) 2>/dev/null || true
timeout 10 tail -f /dev/null --pid="$(<"$venue/run/sequencer.pid")"
shimmed start sequencer
crash risk
"$out/faults/record" "$venue" "$tape" "$((seed + 20))" 200 1500
cluster down
"$out/faults/power_test" "$venue" "$tape" "$states" "$seed"
