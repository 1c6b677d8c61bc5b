# hosts.sh - three hosts a, b, c on one switch, and a fourth, hub, for clients: namespaces
# $net + letter. Sourced; $net is in the environment.
# shellcheck shell=bash
: "${net:?}"
a=${net}a b=${net}b c=${net}c hub=${net}h
export a b c hub

address() { # of a host, whatever it is now
    ip -n "$net$1" -4 -o addr show dev e | awk '{sub("/.*", "", $4); print $4; exit}'
}

make_hosts() {
    local host n=0
    ip netns add "$hub" || return
    ip -n "$hub" link add s type bridge && ip -n "$hub" addr add 10.99.0.254/24 dev s
    ip -n "$hub" link set s up && ip -n "$hub" link set lo up
    for host in a b c; do
        n=$((n + 1))
        ip netns add "$net$host"
        ip -n "$hub" link add name "$host" type veth peer name e netns "$net$host" || return
        ip -n "$hub" link set dev "$host" master s up
        ip -n "$net$host" addr add 10.99.0.$n/24 dev e
        ip -n "$net$host" link set e up
        ip -n "$net$host" link set lo up
        mkdir -p "/etc/netns/$net$host"
    done
    name_hosts
}

# What each service is called; written in place, for it is mounted over /etc/hosts.
name_hosts() {
    local host
    for host in a b c; do
        cat >"/etc/netns/$net$host/hosts" <<END
127.0.0.1 localhost
$(address a) sequencer
$(address b) risk shard-0 settlement portfolio
$(address c) gateway shard-1
END
    done
}

remove_hosts() {
    local host
    for host in a b c h; do
        ip netns del "$net$host" 2>/dev/null
        rm -rf "/etc/netns/$net$host"
    done
    return 0
}

# To an address that nobody has: silence, and no error.
lose() { ip -n "$net$1" neigh replace "$(address "$2")" lladdr 02:00:00:00:00:99 dev e nud permanent; }
find() { ip -n "$net$1" neigh del "$(address "$2")" dev e; }

reset() {
    local host
    for host in a b c; do
        ip netns exec "$net$host" ss -K -t state established >/dev/null
    done
}

move() {
    ip -n "$net$1" addr flush dev e
    ip -n "$net$1" addr add "$2/24" dev e
    name_hosts
}
