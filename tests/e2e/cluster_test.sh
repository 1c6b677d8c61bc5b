#!/usr/bin/env bash
# cluster_test.sh - services as processes: how they start and stop.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/venue.sh

cluster() { timeout 100 deploy/cluster.sh "$1" "$dir/cluster" "${@:2}"; }
trap 'cluster down >/dev/null; rm -rf "$dir"' EXIT

# It waits for its key, which comes through a pipe: so it is told to stop before it runs.
stop_early() {
    local pid
    mkfifo "$dir/key"
    "$out/bin/zex-portfolio" --data_dir "$dir/early" --key_file "$dir/key" &
    pid=$!
    timeout 20 bash -c 'exec 3>"$1"; kill -TERM "$2"' _ "$dir/key" $pid
    wait $pid
}
check "a service that is stopped while it starts ends with 0" stop_early

check "a venue of processes starts" cluster up
check "risk is killed" cluster kill risk
check "and its shard" cluster kill shard-0
check "which does not get ready without it" exits 1 env READY_S=1 deploy/cluster.sh start "$dir/cluster" shard-0
check "and is told why" says "shard-0 is not ready; not running: risk" \
    env READY_S=1 deploy/cluster.sh start "$dir/cluster" shard-0
check "risk starts" cluster start risk
check "so the shard gets ready" says "shard-0" cluster start shard-0
check "all are ready again" cluster status
finish
