#!/usr/bin/env bash
# net.sh [SEED] - a venue on three hosts (hosts.sh) whose network fails (net_test.c). Needs
# root for the namespaces. KEEP=1 leaves the files.
set -euo pipefail
cd "$(dirname "$0")/../.."
export net=zex$$ ZEX_SNAPSHOT_RECORDS=1000
readonly out=$PWD/build/${MODE:-release} seed=${1:-$RANDOM}
. tests/chaos/hosts.sh
work=$(mktemp -d)
readonly work venue=$work/venue
finish() {
    remove_hosts
    if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT
if ! make_hosts 2>/dev/null; then
    echo "skipped: network namespaces need root"
    exit 0
fi

echo "seed $seed: repeat with make net SEED=$seed"
# The second symbol is on the second shard.
sed '/name: ACME-USD/,/shard:/s/shard: 0/shard: 1/' deploy/venues/demo.yaml >"$work/venue.yaml"
deploy/cluster.sh up "$venue" --shards 2 >/dev/null
"$out/bin/zex" admin apply "$work/venue.yaml" --dir "$venue" >/dev/null
deploy/cluster.sh down "$venue" >/dev/null
cat >"$venue/env" <<'END'
shards=2
ZEX_ENDPOINT_SEQUENCER=tcp://sequencer:5510
ZEX_ENDPOINT_SEQUENCER_PUB=tcp://sequencer:5511
ZEX_ENDPOINT_RISK=tcp://risk:5520
ZEX_ENDPOINT_RISK_PUB=tcp://risk:5521
ZEX_ENDPOINT_SHARD=tcp://shard-%d:5600
ZEX_ENDPOINT_SETTLEMENT=tcp://settlement:5530
ZEX_ENDPOINT_PORTFOLIO=tcp://portfolio:5540
ZEX_ENDPOINT_GATEWAY=tcp://gateway:5550
END
echo tcp://10.99.0.3:5550 >"$venue/gateways"
ip netns exec "$hub" "$out/chaos/net_test" "$venue" "$out" "$net" "$seed" \
    "$PWD/tests/chaos/hosts.sh"
