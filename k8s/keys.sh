#!/usr/bin/env bash
# keys.sh - the key of every service, made once, as manifests: a Secret for each service and
# a ConfigMap with the public keys. The operator's own key stays here.
#
#   keys.sh DIR SHARDS | kubectl apply --server-side -f -
#
# DIR/keys gets what is missing there. Keep it secret, keep it backed up; deploy/rotate.sh
# replaces keys. ZEX: the `zex` to call; NAMESPACE: zex.
set -euo pipefail

[[ $# == 2 && $2 =~ ^[1-9][0-9]?$ ]] || {
    sed -n 's/^#   //p' "$0" >&2
    exit 2
}
readonly directory=$1 shards=$2 namespace=${NAMESPACE:-zex}
zex=${ZEX:-$(dirname "$0")/../build/release/bin/zex}

# The last shard's number is SHARDS - 1; a pod's is its ordinal.
shard_names() {
    local k
    for ((k = 0; k < shards; k++)); do echo "shard-$k"; done
}

# All gateways are known by one key.
names() {
    echo sequencer risk settlement portfolio gateway
    shard_names
}

head_of() { # KIND NAME
    printf -- '---\napiVersion: v1\nkind: %s\nmetadata:\n' "$1"
    printf '  name: %s\n  namespace: %s\n' "$2" "$namespace"
}

secret() { # SERVICE KEY...
    local name
    head_of Secret "keys-$1"
    echo 'type: Opaque'
    echo 'data:'
    for name in "${@:2}"; do
        printf '  %s.key: %s\n' "$name" "$(base64 -w 0 "$directory/keys/$name.key")"
    done
}

umask 077
for name in admin $(names); do "$zex" keygen --dir "$directory" "$name" >/dev/null; done

for name in sequencer risk settlement portfolio gateway; do secret "$name" "$name"; done
mapfile -t all < <(shard_names)
secret shard "${all[@]}"

head_of ConfigMap public-keys
printf 'data:\n  admin: %s\n  services: |\n' "'$(<"$directory/keys/admin.pub")'"
for name in $(names); do
    label=$name
    [[ $name == gateway ]] && label=gateway-0
    for key in "$directory/keys/$name".pub "$directory/keys/$name".{new,old}.pub; do
        [[ ! -f $key ]] || printf '    %s %s\n' "$label" "$(<"$key")" # two: rotate.sh
    done
done
