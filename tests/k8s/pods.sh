#!/usr/bin/env bash
# pods.sh BIN PODS VENUE - runs what pods.mjs made as a kubelet would, short of images: each
# pod a network namespace with an address and its names, uid 10001, no capability, a root it
# cannot write to. All become ready, with the connections that the network policies allow and
# no other; a venue is applied through each gateway; risk loses its volume; risk and the
# sequencer come back at other addresses; all end well; a sequencer with an empty volume begins
# nothing, unless told to.
#
# Runs itself again in namespaces of its own, which go with all in them when it ends.
set -euo pipefail
[[ ${inside:-} ]] || inside=1 exec unshare --mount --net --pid --fork --kill-child \
    --mount-proc "$0" "$@"
bin=$(realpath "$1") pods=$(realpath "$2") venue=$(realpath "$3")
root=$(realpath "$(dirname "$0")/../..")
cd "$pods"

fail() {
    echo "$*"
    exit 1
}

mapfile -t lines <pods
declare -A address=() pid=()

make_network() {
    local line at=10
    mount -t tmpfs tmpfs /run
    mount -t tmpfs tmpfs /etc
    mount -t tmpfs tmpfs /var/lib
    mkdir -p /run/netns /etc/zex/keys /var/lib/zex
    echo 'hosts: files' >/etc/nsswitch.conf
    ip link set lo up
    ip link add cluster type bridge
    ip address add 10.77.0.1/16 dev cluster
    ip link set cluster up
    for line in "${lines[@]}"; do
        address[${line% *}]=10.77.0.$((at++))
    done
    publish
}

# Services: the pod's name below that of its set.
publish() {
    local pod
    for pod in "${!address[@]}"; do echo "${address[$pod]} $pod.${pod%-*}"; done >/etc/hosts
}

add_node() { # POD
    ip netns add "$1"
    ip link add "to-$1" type veth peer name eth0 netns "$1"
    ip link set "to-$1" master cluster up
    ip -n "$1" address add "${address[$1]}/16" dev eth0
    ip -n "$1" link set eth0 up
    ip -n "$1" link set lo up
}

# A new pod of that name has another address.
move() { # POD
    ip -n "$1" address flush dev eth0
    address[$1]=10.77.1.${address[$1]##*.}
    ip -n "$1" address add "${address[$1]}/16" dev eth0
    publish
}

# In the pod's namespaces, as root: what a runtime does before it gives everything up.
enter() { # POD PROGRAM
    mount --make-rprivate /
    mount --bind "$pods/$1/keys" /etc/zex/keys
    mount --bind "$pods/$1/data" /var/lib/zex
    mount -o remount,ro,bind /
    mount -o remount,ro,bind /etc
    local env
    mapfile -t env <"$pods/$1/env"
    exec env -i "${env[@]}" setpriv --reuid 10001 --regid 10001 --clear-groups \
        --bounding-set=-all --no-new-privs "/run/bin/$2"
}

start() { # POD PROGRAM
    mkdir -p "$1/data"
    chown -R 10001:10001 "$1/data" "$1/keys"
    export -f enter
    export pods
    ip netns exec "$1" unshare --mount bash -c 'enter "$@"' enter "$1" "$2" 2>"$1/log" &
    pid[$1]=$!
}

ask() { # POD PATH
    # shellcheck disable=SC2016
    timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/8080" &&
        printf "GET %s HTTP/1.0\r\n\r\n" "$2" >&3 && cat <&3' _ "${address[$1]}" "$2" 2>/dev/null
}

is_ready() { # POD
    [[ $(ask "$1" /readyz) == HTTP/*" 200 "* ]]
}

show() { # POD
    echo "$1:"
    tail -n 5 "$1/log"
}

await() { # POD
    until is_ready "$1"; do
        kill -0 "${pid[$1]}" 2>/dev/null || fail "$(show "$1")"
        ((SECONDS < 30)) || fail "not ready: $(show "$1")"
    done
}

# The state, and a snapshot of it being written.
check_memory() { # POD
    local state=0 limit
    limit=$(<"$1/memory")
    until ((state > 0)); do # it is measured now and then
        state=$(ask "$1" /metrics | tr -d '\r' | sed -n 's/^zex_state_bytes{.*} //p')
        ((SECONDS < 30)) || fail "$1 does not tell its size"
    done
    ((2 * state < limit)) || fail "$1: a state of $state and a limit of $limit"
}

# Who is connected to which port of whom: lines as in the file `links`.
connections() {
    local pod peer ip
    local -A name=()
    for pod in "${!address[@]}"; do name[${address[$pod]}]=${pod%-*}; done
    for pod in "${!address[@]}"; do
        while read -r _ _ _ peer; do
            ip=${peer%:*}
            ((${peer##*:} < 10000)) || continue # the other end called
            echo "${pod%-*} -> ${name[$ip]:-$ip}:${peer##*:}"
        done < <(ip netns exec "$pod" ss -tnH state established)
    done | LC_ALL=C sort -u
}

# Exactly those that the policies let through, once all are made.
check_links() {
    until diff links <(connections) >difference; do
        ((SECONDS < 30)) || fail "allowed, and there: $(<difference)"
    done
}

stop() { # POD...
    local pod
    for pod; do kill -TERM "${pid[$pod]}"; done
    for pod; do wait "${pid[$pod]}" || fail "ended with $?: $(show "$pod")"; done
}

apply() { # GATEWAY
    echo "tcp://${address[$1]}:5550" >"$venue/gateways"
    timeout 20 "$bin/zex" admin apply "$root/deploy/venues/demo.yaml" --dir "$venue"
}

make_network
mkdir /run/bin # where 10001 may look
cp "$bin"/zex-* /run/bin
chmod 755 /run/bin
for line in "${lines[@]}"; do
    add_node "${line% *}"
    start "${line% *}" "${line#* }"
done
for pod in "${!pid[@]}"; do await "$pod"; done
for pod in "${!pid[@]}"; do check_memory "$pod"; done
check_links

apply gateway-0
stop risk-0
rm -r risk-0/data
for pod in risk-0 sequencer-0; do
    [[ $pod == risk-0 ]] || stop $pod
    move $pod
    start $pod zex-${pod%-0}
    await $pod
done
for pod in "${!pid[@]}"; do await "$pod"; done
check_links
[[ $(apply gateway-1) == "0 changes" ]] || fail "something was lost with risk's volume"
stop "${!pid[@]}"

rm -r sequencer-0/data
sed -i /^ZEX_INIT=/d sequencer-0/env # the ConfigMap `begin` is gone
start sequencer-0 zex-sequencer
code=0
wait "${pid[sequencer-0]}" || code=$?
((code == 19)) || fail "an empty volume ends with $code: $(show sequencer-0)"
echo "${#pid[@]} pods, $(wc -l <links) links"
