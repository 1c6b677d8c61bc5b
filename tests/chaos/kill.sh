#!/usr/bin/env bash
# kill.sh [KILLS [SEED]] - services of MODE=kill, or kill-sanitize, are killed with SIGKILL
# that often while sixteen clients trade (kill_test.c). KEEP=1 leaves the files.
set -euo pipefail
cd "$(dirname "$0")/../.."
export MODE=${MODE:-kill} ZEX_SNAPSHOT_RECORDS=1000 ZEX_COMMIT_INTERVAL_US=5000
readonly out=$PWD/build/$MODE kills=${1:-100} seed=${2:-$RANDOM}
work=$(mktemp -d)
readonly work venue=$work/venue
finish() {
    if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT

echo "kills $kills, seed $seed: repeat with make kill KILLS=$kills SEED=$seed"
# The second symbol is on the second shard.
sed '/name: ACME-USD/,/shard:/s/shard: 0/shard: 1/' deploy/venues/demo.yaml >"$work/venue.yaml"
deploy/cluster.sh up "$venue" --shards 2 >/dev/null
"$out/bin/zex" admin apply "$work/venue.yaml" --dir "$venue" >/dev/null
deploy/cluster.sh down "$venue" >/dev/null
"$out/chaos/kill_test" "$venue" "$out" "$kills" "$seed"
