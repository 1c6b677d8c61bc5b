#!/usr/bin/env bash
# edge_test.sh - a venue of processes under attack from the network, below the level of
# messages: tests/e2e/edge.c. It stays up, keeps trading, and its log verifies.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$(realpath "${out:-$root/build/release}")
zex=$out/bin/zex cluster=$root/deploy/cluster.sh dir=$(mktemp -d)
trap '"$cluster" down "$dir" >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT

files=$(ulimit -Hn)
if [[ $files != unlimited && $files -lt 8192 ]]; then
    echo "skipped: needs 8192 descriptors, may have $files"
    exit 77
fi

# Fewer descriptors than connections are coming; memory that is freed is not kept.
export ASAN_OPTIONS=quarantine_size_mb=16:${ASAN_OPTIONS:-}
ulimit -Sn 4096
"$cluster" up "$dir" >/dev/null
"$zex" admin apply "$root/deploy/venues/demo.yaml" --dir "$dir" >/dev/null
sed -n 's/^ZEX_ENDPOINT_SEQUENCER=//p' "$dir/env" >"$dir/sequencer_address"
timeout 120 "$out/e2e/edge" "$dir"
"$cluster" down "$dir" >/dev/null
timeout 60 "$zex" verify "$dir"
