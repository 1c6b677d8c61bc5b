#!/usr/bin/env bash
# images.sh - one image per service, with podman or docker, whichever is there.
#
#   images.sh build      zex-SERVICE:TAG of each; what is in them to build/images
#   images.sh compare    builds again from scratch: every file must be the same
#   images.sh base       only zex-base: Debian 12 with what building needs
#
# No registry is asked: the base is made with mmdebstrap (root). BASE=image takes another;
# it needs apt. TAG: dev. TOOL: podman or docker.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly out=build/images tag=${TAG:-dev}
readonly services=(sequencer risk shard settlement portfolio gateway)

fail() {
    echo "images.sh: $*" >&2
    exit 1
}

find_tool() {
    for tool in ${TOOL:-podman docker}; do
        $tool info >/dev/null 2>&1 && return
    done
    fail "neither podman nor docker works here"
}

make_base() {
    local packages sources=/etc/apt/sources.list.d/debian.sources
    # shellcheck disable=SC2015
    [[ $(id -u) == 0 ]] && command -v mmdebstrap >/dev/null ||
        fail "zex-base needs root and mmdebstrap; or name a Debian 12 image: BASE=..."
    packages=$(sed 's/#.*//' deploy/packages.txt | tr -s ' \t\n' ',')
    [[ -f $sources ]] || sources= # its own choice: with the security updates
    echo "zex-base: mmdebstrap"
    mkdir -p $out # what the power cuts off is begun again: force-unsafe-io
    mmdebstrap --variant=minbase --dpkgopt=force-unsafe-io \
        "--include=ca-certificates,${packages%,}" bookworm $out/base.tar \
        ${sources:+"$sources"} 2>$out/base.log || fail "see $out/base.log"
    $tool import $out/base.tar zex-base >/dev/null 2>&1 || fail "zex-base is not imported"
    rm $out/base.tar
}

# What podman sets by itself may be more than it is allowed to.
readonly limits="--ulimit nofile=20000:20000 --ulimit nproc=32768:32768"

build() { # SERVICE TAG ROUND
    local revision options
    revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
    [[ -z $(git status --porcelain 2>/dev/null) ]] || revision+=-changed
    options=$limits
    [[ $tool == podman ]] && # docker takes the time from the environment
        options+=" --format docker --timestamp $SOURCE_DATE_EPOCH"
    # shellcheck disable=SC2086
    $tool build -q $options -f deploy/Dockerfile --build-arg "BASE=${BASE:-zex-base}" \
        --build-arg "SERVICE=$1" --build-arg "VERSION=$tag" --build-arg "REVISION=$revision" \
        --build-arg "ROUND=$3" -t "zex-$1:$2" . >/dev/null
}

# Every file of an image: its kind, owner, size and contents, but not when it was made.
tree() { # IMAGE
    local container
    container=$($tool create --no-healthcheck "$1")
    $tool export "$container" >$out/tree.tar
    $tool rm -v "$container" >/dev/null
    tar -tv --numeric-owner -f $out/tree.tar | awk '{$4 = $5 = ""; print}'
    # shellcheck disable=SC2016
    tar -x --to-command='echo "$TAR_FILENAME $(sha256sum)"' -f $out/tree.tar | LC_ALL=C sort
    rm $out/tree.tar
}

check_size() { # SERVICE
    local bytes
    bytes=$($tool image inspect --format '{{.Size}}' "zex-$1:$tag")
    ((bytes <= 40 << 20)) || fail "zex-$1 has $bytes bytes"
    printf '%-22s %5d kB  %s packages\n' "zex-$1:$tag" $((bytes / 1000)) \
        "$(grep -c . "$out/$1.packages")"
}

find_tool
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
mkdir -p $out
case ${1:-} in
    base)
        make_base
        ;;
    build)
        [[ -n ${BASE:-} ]] || $tool image inspect zex-base >/dev/null 2>&1 || make_base
        for service in "${services[@]}"; do
            build "$service" "$tag" 1
            tree "zex-$service:$tag" >"$out/$service.tree"
            container=$($tool create --no-healthcheck "zex-$service:$tag")
            $tool cp "$container:/usr/share/doc/zex/packages" "$out/$service.packages"
            $tool rm -v "$container" >/dev/null
            check_size "$service"
        done
        ;;
    compare)
        for service in "${services[@]}"; do
            build "$service" again 2
            tree "zex-$service:again" | diff "$out/$service.tree" - >&2 ||
                fail "zex-$service: built again it is another"
            $tool rmi "zex-$service:again" >/dev/null
        done
        echo "${#services[@]} images, built twice, are the same"
        ;;
    *)
        sed -n 's/^#   //p' "$0" >&2
        exit 2
        ;;
esac
