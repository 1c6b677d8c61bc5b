#!/usr/bin/env bash
# soak.sh [MINUTES [RATE [SEED]]] - a venue of processes under so many commands a second for so
# long (soak_test.c). KEEP=1 leaves the files.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly out=$PWD/build/${MODE:-release} minutes=${1:-480} rate=${2:-100} seed=${3:-$RANDOM}
work=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
readonly work venue=$work/venue
finish() {
    if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT

echo "$minutes min, $rate commands/s, seed $seed: repeat with make soak MINUTES=$minutes RATE=$rate SEED=$seed"
# What is kept for ever is kept small, so that it is full before memory is judged.
export ZEX_ACCOUNTS_MAX=256 ZEX_BALANCES_MAX=1024 ZEX_SESSIONS_MAX=96 ZEX_ORDERS_MAX=65536
export ZEX_LEVELS_MAX=4096 ZEX_REFERENCES_MAX=65536 ZEX_DEDUPE_WINDOW=64
export ZEX_SNAPSHOT_RECORDS=${ZEX_SNAPSHOT_RECORDS:-4000} ZEX_PRUNE_APPROVED=${ZEX_PRUNE_APPROVED:-true}
export ZEX_ARCHIVE_DIR=${ZEX_ARCHIVE_DIR-archive}
export ZEX_ARCHIVE_KEEP_RECORDS=20000 ZEX_ARCHIVE_SEGMENT_KB=1024
export ZEX_PREALLOCATE_MB=0 ZEX_MAP_SIZE_MB=16384 ZEX_IDLE_MS=10000
ulimit -n 256
# The second symbol is on the second shard.
sed '/name: ACME-USD/,/shard:/s/shard: 0/shard: 1/' deploy/venues/demo.yaml >"$work/venue.yaml"
deploy/cluster.sh up "$venue" --shards 2 >/dev/null
"$out/bin/zex" admin apply "$work/venue.yaml" --dir "$venue" >/dev/null
deploy/cluster.sh down "$venue" >/dev/null
seconds=$(awk -v minutes="$minutes" 'BEGIN {printf "%d", minutes * 60}')
"$out/soak/soak_test" "$venue" "$out" "$seconds" "$rate" "$seed"
