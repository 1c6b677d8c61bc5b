#!/usr/bin/env bash
# commands.sh OUT OVERLAY SHARDS PAGE... - runs every command of the pages of k8s/, in order and
# as they stand there, on api.mjs in place of a cluster. OVERLAY and SHARDS take the place of
# dev and 1. What only a running venue answers, `zex` and port-forward, does nothing here;
# tests/cluster does the same tasks on containers.
set -euo pipefail
out=$(realpath "$1") overlay=$2 shards=$3
pages=$(realpath "${@:4}")
root=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d "$out/commands.XXXX")
node "$out/api.mjs" "$work/port" &
api=$!
trap 'kill $api; rm -rf "$work"' EXIT
until [[ -s $work/port ]]; do kill -0 $api; done

mkdir "$work/bin"
cat >"$work/bin/kubectl" <<EOF
#!/bin/sh
case " \$* " in *" port-forward "*) exit 0 ;; esac
exec "$out/kubectl" --server http://127.0.0.1:$(<"$work/port") "\$@"
EOF
chmod +x "$work/bin"/*
export PATH=$work/bin:$PATH KUBECONFIG=/dev/null KUBECACHEDIR=$work/cache
cd "$work"
ln -s "$root"/{deploy,build} .
cp -r "$root/k8s" . # the pages edit it

# shellcheck disable=SC2086
sed -n 's/^    //p' $pages |
    sed "1i zex() { :; }
        s|overlays/dev|overlays/$overlay|; s|venue 1\b|venue $shards|" >script
# What only `prod` needs: `dev` has it already.
[[ $overlay == prod ]] || sed -i '/configmap begin/d' script
timeout 60 bash -euxo pipefail script
! kubectl -n zex rollout restart statefulset/risc || { echo "anything passes"; exit 1; }
! kubectl apply -f - <<EOF || { echo "a claim smaller than its snapshot passes"; exit 1; }
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: small, namespace: zex}
spec:
  resources: {requests: {storage: 4Gi}}
  dataSource: {kind: VolumeSnapshot, name: log-1}
EOF
kubectl -n zex wait pod --all --for condition=ready --timeout 10s >ready
echo "$overlay: $(grep -c kubectl script) lines of commands; in the end $(grep -c . ready) pods are ready"
