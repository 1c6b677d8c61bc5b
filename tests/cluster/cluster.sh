#!/usr/bin/env bash
# cluster.sh [SEED] - a venue of containers, from the images of `make images`, to which all
# happens that cluster_test.c lists while clients trade. Needs root and podman; says
# `skipped` where either is missing. ONLY='killed|parted': only those faults.
# QUICK=1: faults that last a while meet the sequencer and one more, by the seed; one by one
# is rolled only all of it; clients take their time.
# COMPARE=1: first builds the images once more, which must give the same (in CI). KEEP=1 leaves the
# files. TAG: of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
export out=$PWD/build/${MODE:-release}
readonly seed=${1:-$RANDOM}
skip() {
    echo "skipped: $*"
    exit 0
}
[[ $(id -u) == 0 ]] || skip "not root"
for tool in podman runc ip iptables nsenter curl mkfs.ext4; do
    command -v $tool >/dev/null || skip "no $tool"
done
command -v mmdebstrap >/dev/null || podman image exists zex-base || skip "no mmdebstrap"

work=$(mktemp -d)
export net=zex$$ subnet=10.$((100 + RANDOM % 100)).$((RANDOM % 250)) venue=$work/venue
export tag=${TAG:-$net} CONTAINERS_CONF=$work/containers.conf
readonly work
. tests/cluster/containers.sh
tell() {
    local pod
    said 5
    for pod in $pods; do
        echo "$pod, $(state "$pod" Status):"
        command podman logs "$net-$pod" 2>&1 | tail -n 5
    done
}
finish() {
    (($? == 0)) || tell || true
    remove_all || true # all of it, whatever is not there
    if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT
echo "seed $seed: repeat with make cluster-test SEED=$seed"
mkdir -p "$venue"
printf '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n' >"$CONTAINERS_CONF"
make_network "$out/bin/zex-sequencer" 2>"$venue/try.log" ||
    skip "no containers here: $({ said 1; cat "$venue/try.log"; } | grep . | tail -n 1)"
export TOOL=podman
TAG=$tag alone deploy/images.sh build
[[ -z ${COMPARE:-} ]] || TAG=$tag alone deploy/images.sh compare
make_next() { # the same, but that a message has one field more
    mkdir "$work/next"
    git ls-files -z | xargs -0 cp --parents -t "$work/next"
    sed -i '/^END(trade)/i\    U32_OPT(later, 0, 0, 9, "of a version to come")' "$work/next/proto/schema.def"
    TAG=$tag-next alone "$work/next/deploy/images.sh" build >/dev/null
}
[[ "is upgraded, is downgraded" =~ ${ONLY:-} ]] && make_next
make_all
# The second symbol is on the second shard.
sed '/name: ACME-USD/,/shard:/s/shard: 0/shard: 1/' deploy/venues/demo.yaml >"$work/venue.yaml"
timeout 60 "$out/bin/zex" admin apply "$work/venue.yaml" --dir "$venue" | tail -n 1
for pod in $pods; do healthy "$pod" || { echo "$pod is not healthy"; exit 1; }; done
"$out/cluster/cluster_test" "$venue" "$out" "$seed" tests/cluster/containers.sh
if [[ -d $venue/backup ]]; then
    restore || { echo "the backup is not restored"; tail -n 5 "$venue/zex.log"; exit 1; }
    echo "the backup is restored: refused with 15 before, trades and verifies after"
fi
