# containers.sh - a venue of containers on a network of their own, as Kubernetes would name
# them, and what can happen to each. Sourced; in the environment: $net, the network and the
# beginning of every name; $venue, a directory; $tag of the images; $subnet, like 10.88.7.
# shellcheck shell=bash
: "${net:?}" "${venue:?}" "${tag:?}" "${subnet:?}"
count_pods() { # a third shard may have come
    pods="sequencer-0 risk-0 shard-0 shard-1 settlement-0 portfolio-0 gateway-0 gateway-1"
    shards=2
    if [[ -e $venue/grown ]]; then pods+=" shard-2" shards=3; fi
}
count_pods
readonly memory=512m # of each: what the manifests give to `dev`
# What podman would set by itself may be more than it is allowed to.
readonly confined="--ulimit nofile=20000:20000 --ulimit nproc=32768:32768 --read-only \
    --cap-drop all --security-opt no-new-privileges --memory $memory --memory-swap $memory \
    --pids-limit 64"

# What it says besides, of timers that nobody asked for, is noise until something fails.
podman() { command podman "$@" 2>>"$venue/podman.log"; }
said() { grep -Ev 'healthcheck|syslog' "$venue/podman.log" | tail -n "$1"; } # LINES

# Another run on this machine must not remove images while this one looks at all of them.
readonly lock=/tmp/zex-images.lock
alone() { flock "$lock" "$@"; }

# ---- making them ----------------------------------------------------------------------------

place() { # POD: the last part of its first address
    local pod n=10
    for pod in $pods; do
        [[ $pod != "$1" ]] || echo $n
        n=$((n + 1))
    done
}

# The settings of the manifests; the owner of an address listens on all it has, and a journal
# has so little in hand that a full volume is noticed in seconds, not minutes.
settings() { # POD
    local kind=${1%-*}
    {
        grep -h ^ZEX_ k8s/base/{settings,places}.env k8s/overlays/dev/settings.env
        sed -nE "s|^(ZEX_ENDPOINT_${kind^^}(_PUB)?)=.*:([0-9]+)$|\1=tcp://*:\3|p" k8s/base/places.env
        echo ZEX_SHARDS=$shards
        echo "ZEX_KEY_FILE=/etc/zex/keys/key"
        echo "ZEX_PREALLOCATE_MB=1"
        if [[ $kind == shard ]]; then echo "ZEX_INSTANCE=${1#*-}"; fi
        if [[ $kind == sequencer ]]; then
            echo "ZEX_ADMIN_KEY=$(<"$venue/keys/admin.pub")"
            [[ -e $venue/begun ]] || echo ZEX_INIT=true
        fi
    } | awk -F= '{ value[$1] = $0 } END { for (name in value) print value[name] }'
}

# A volume that can be full.
make_volume() { # POD
    local at=$venue/volumes/$1
    mkdir -p "$at"
    truncate -s 4G "$at.disk"
    mkfs.ext4 -q -m 0 -E lazy_itable_init=1 "$at.disk"
    mount -o loop "$at.disk" "$at"
    chown 10001:10001 "$at"
}

create() { # POD
    local pod=$1 kind=${1%-*} key=$1
    [[ $kind == shard ]] || key=$kind
    settings "$pod" >"$venue/$pod.env"
    # shellcheck disable=SC2086
    podman create --name "$net-$pod" --hostname "$pod" --network "$net" \
        --network-alias "$pod.$kind" --ip "$subnet.$(place "$pod")" \
        --mac-address "02:00:00:00:00:$(place "$pod")" $confined --env-file "$venue/$pod.env" \
        -v "$venue/volumes/$pod:/var/lib/zex" -v "$venue/keys/$key.key:/etc/zex/keys/key:ro" \
        -v "$venue/keys/services:/etc/zex/keys/services:ro" "zex-$kind:$tag" >/dev/null
}

# The network, and whether such containers can be here at all, with their volumes and their
# limits: one of PROGRAM alone says so before anything is built.
make_network() { # PROGRAM
    # shellcheck disable=SC2086
    podman network create --internal --subnet "$subnet.0/24" "$net" >/dev/null &&
        podman network inspect --format '{{.NetworkInterface}}' "$net" >"$venue/bridge" &&
        deploy/image_root.sh "$1" "$venue/try" &&
        make_volume try && umount "$venue/volumes/try" &&
        tar -C "$venue/try" -c . | alone podman import - "$net-try" >/dev/null 2>&1 &&
        podman run --rm --network "$net" $confined "$net-try" /usr/bin/zex-service --help >/dev/null
}

make_one() { # POD
    local name=$1
    case $1 in shard-*) ;; *) name=${1%-*} ;; esac
    make_volume "$1"
    [[ $name == gateway ]] || ln -s "volumes/$1/$name" "$venue/$name"
    create "$1"
}

# A venue of containers that run, with its journals where `zex verify` looks for them.
make_all() {
    local pod
    mkdir -p "$venue/run" "$venue/log"
    deploy/keys.sh "$venue" $shards
    for pod in $pods; do
        make_one "$pod"
        start "$pod"
    done
    printf 'tcp://%s:5550\n' "$subnet.$(place gateway-0)" "$subnet.$(place gateway-1)" \
        >"$venue/gateways"
    touch "$venue/begun" # from now on an empty volume begins nothing
}

images() { # of this run alone
    podman images --format '{{.Repository}}:{{.Tag}}' | grep -E "/$net-|:$net"
}

remove_all() {
    local pod
    count_pods
    for pod in $pods; do
        podman rm -v -f -t 0 "$net-$pod"
        umount "$venue/volumes/$pod"
    done >/dev/null 2>&1
    podman network rm -f "$net" >/dev/null 2>&1
    images | xargs -r flock "$lock" podman rmi --no-prune >/dev/null 2>&1
    return 0
}

# ---- what can happen ------------------------------------------------------------------------

state() { podman inspect --format "{{.State.$2}}" "$net-$1"; } # POD NAME

ended() { # POD CODE
    local code
    code=$(timeout 240 podman wait "$net-$1" || echo "none: it runs")
    [[ $code == "$2" ]] || {
        echo "$1 ended with $code instead of $2"
        podman logs "$net-$1" 2>&1 | tail -n 5
        return 1
    }
}

# As a container within its pod it keeps both addresses: with another MAC alone it would not
# be found until the caches of its neighbours end. `plug` and `renew` are for one that moves.
start() { podman start "$net-$1" >/dev/null && hold_bridge; }
# A bridge takes the lowest MAC of its ports: with each that comes or goes it may get another,
# and nobody finds the name server any more. One that was set stays.
hold_bridge() { ip link set dev "$(<"$venue/bridge")" address 02:00:00:00:02:01; }
strike() { podman kill -s KILL "$net-$1" >/dev/null && ended "$1" 137; }
stop() { podman stop -t 30 "$net-$1" >/dev/null 2>&1 && ended "$1" 0; }
# runc gives a group up that does not stand still at once, as while a process in it waits for
# the disk.
freeze() {
    local tries=0
    until podman pause "$net-$1" >/dev/null; do
        said 2 | grep -q 'unable to freeze' && ((tries++ < 1000)) || return 1
    done
}
thaw() { podman unpause "$net-$1" >/dev/null; }

# A pod that is rolled has another address; where the gateways are, clients must know.
renew() { unplug "$1" && plug "$1" && start "$1"; }
again() { case $1 in gateway-*) start "$1" ;; *) renew "$1" ;; esac }

unplug() { podman network disconnect "$net" "$net-$1"; }
plug() { # at another address
    local n
    n=$(($(cat "$venue/moves" 2>/dev/null || echo 99) + 1))
    echo $n >"$venue/moves"
    podman network connect --alias "$1.${1%-*}" --ip "$subnet.$n" \
        --mac-address "02:00:00:00:01:$(printf %02x $n)" "$net" "$net-$1"
    hold_bridge || true # none yet, if the container is down
}

table() { # POD ARGUMENTS: a filter in its namespace
    nsenter -t "$(state "$1" Pid)" -n iptables -w "${@:2}"
}
mute() { table "$1" -A OUTPUT -o eth0 -j DROP; }
deafen() { table "$1" -A INPUT -i eth0 -j DROP; }
part() { mute "$1" && deafen "$1"; }
rejoin() { table "$1" -F; }

# Something else in its group takes all memory, and the kernel is told whom to end for it.
exhaust() { # POD
    local pid group
    pid=$(state "$1" Pid)
    group=/sys/fs/cgroup/memory$(sed -n 's/.*:memory://p' "/proc/$pid/cgroup")
    [[ -e $group/cgroup.procs ]] || group=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
    echo 1000 >"/proc/$pid/oom_score_adj"
    (
        echo $BASHPID >"$group/cgroup.procs"
        head -c "$memory" /dev/zero | tail -c "$memory"
    ) >/dev/null 2>&1 || true
    ended "$1" 137
    local code=$?
    rm -f oom # conmon leaves it here
    return $code
}

# What it has in hand it uses up first: its file, and that of commits of one flush.
fill() { # POD
    local at=$venue/volumes/$1
    fallocate -l "$(($(df --output=avail -B 1 "$at" | tail -n 1) - 65536))" "$at/filler"
    cat /dev/zero >>"$at/filler" 2>/dev/null || true
    ended "$1" 17
}
empty() { rm "$venue/volumes/$1/filler" && start "$1"; }

healthy() { podman healthcheck run "$net-$1" >/dev/null 2>&1; }

start_all() {
    local pod
    for pod in $pods; do start "$pod" || return; done
}

stop_all() {
    local pod code=0
    for pod in $(tr ' ' '\n' <<<"$pods" | tac); do stop "$pod" || code=1; done
    return $code
}

readonly own_address="{{(index .NetworkSettings.Networks \"$net\").IPAddress}}"
address() { podman inspect --format "$own_address" "$net-$1"; } # POD
ask() { curl -s -m 2 "${@:3}" "$1:8080/$2"; }                   # ADDRESS PATH OPTIONS of curl

# Lines `POD NAME VALUE` of what services have counted since they started.
counts() {
    local name address
    # shellcheck disable=SC2046,SC2086
    podman inspect --format "{{.Name}} $own_address" $(printf "$net-%s " $pods) |
        while read -r name address; do
            ask "$address" metrics | tr -d '\r' |
                sed -nE "s/^zex_(gaps_found|fetches_sent)_total\{.*\} /${name#"$net-"} \1 /p"
        done
}

. tests/cluster/operators.sh
