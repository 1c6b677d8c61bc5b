#!/usr/bin/env bash
# keys.sh - what the containers of a venue are given: DIR/keys gets the keys that are missing
# there and the table `services` of who may connect.
#
#   keys.sh DIR [SHARDS]
#
# As root, the services' keys become uid 10001's, whom the containers run as. ZEX: the `zex`
# to call.
set -euo pipefail

[[ $# -ge 1 && ${2:-1} =~ ^[1-9][0-9]?$ ]] || {
    sed -n 's/^#   //p' "$0" >&2
    exit 2
}
readonly directory=$1 shards=${2:-1} uid=10001
zex=${ZEX:-$(dirname "$0")/../build/release/bin/zex}

umask 077
names=(sequencer risk settlement portfolio gateway)
for ((k = 0; k < shards; k++)); do names+=("shard-$k"); done
"$zex" keygen --dir "$directory" admin "${names[@]}" >/dev/null

cd "$directory/keys"
for name in "${names[@]}"; do
    label=$name
    [[ $name == gateway ]] && label=gateway-0 # all gateways are known by one key
    for key in "$name".pub "$name".{new,old}.pub; do # rotate.sh makes the others
        [[ ! -f $key ]] || echo "$label $(<"$key")"
    done
done >services.new
mv services.new services
if [[ $(id -u) == 0 ]]; then
    for name in "${names[@]}"; do chown $uid "$name.key"; done
    chown $uid services
fi
