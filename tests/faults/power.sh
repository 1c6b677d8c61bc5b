#!/usr/bin/env bash
# power.sh [STATES [SEED]] - records a real venue, each service a process, while two clients
# trade, the sequencer is killed twice and old blocks move into the archive; then cuts the
# power of it in STATES places (0: all), starts it again and checks. KEEP=1 leaves the files.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly out=$PWD/build/${MODE:-release}/faults states=${1:-3000} seed=${2:-1}
work=$(mktemp -d -p /dev/shm zex-power.XXXXXX)
readonly work venue=$work/venue tape=$work/tape
. tests/faults/small.sh

finish() {
    SHIM_TAPE='' deploy/cluster.sh down "$venue" >/dev/null 2>&1 || true
    if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT

shimmed() { LD_PRELOAD=$out/shim.so deploy/cluster.sh "$@" >/dev/null; }
crash() {
    deploy/cluster.sh kill "$venue" "$1" >/dev/null
    shimmed start "$venue" "$1"
}

mkdir "$venue"
export SHIM_DIR=$venue SHIM_TAPE=$tape
shimmed up "$venue"
build/"${MODE:-release}"/bin/zex admin apply deploy/venues/demo.yaml --dir "$venue" >/dev/null
"$out/record" "$venue" "$tape" "$seed" 700 1200
crash sequencer
"$out/record" "$venue" "$tape" "$((seed + 10))" 300 100
deploy/cluster.sh kill "$venue" sequencer >/dev/null
(SHIM_FAIL=archive:sync:1:kill shimmed start "$venue" sequencer) 2>/dev/null || true
timeout 10 tail -f /dev/null --pid="$(<"$venue/run/sequencer.pid")"
shimmed start "$venue" sequencer
crash risk
"$out/record" "$venue" "$tape" "$((seed + 20))" 200 1500
deploy/cluster.sh down "$venue" >/dev/null
"$out/power_test" "$venue" "$tape" "$states" "$seed"
