#!/usr/bin/env bash
# cluster.sh - a whole venue on this machine, every service its own process, over loopback
# TCP with CURVE: the same binaries and settings that containers use.
#
#   cluster.sh up DIR [--shards K]    start what is not running; a new venue if DIR is empty
#   cluster.sh status DIR             one line per service; 1 if one is not ready
#   cluster.sh kill DIR SERVICE       SIGKILL: what a crash does
#   cluster.sh start DIR SERVICE      start one service and wait until it is ready
#   cluster.sh down DIR               SIGTERM, clients' side first; waits
#
# DIR gets the journals, keys/ (made once), env (settings; addresses are chosen once),
# run/SERVICE.pid, log/SERVICE and `gateways`, by which `zex --dir DIR` finds the venue.
# MODE=debug, sanitize ...: which build. Further settings: lines ZEX_NAME=value in DIR/env.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly bin=$root/build/${MODE:-release}/bin
readonly ready_s=${READY_S:-60} stop_s=30

fail() {
    echo "cluster.sh: $*" >&2
    exit 1
}

usage() {
    sed -n 's/^#   //p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

# ---- settings -------------------------------------------------------------------------------

# A port nobody listens on, below those the kernel gives to clients. They are handed out in
# turn, so that venues that begin at the same time do not choose the same.
free_port() {
    local turn=${TMPDIR:-/tmp}/zex-ports-$UID lock
    exec {lock}>>"$turn"
    flock "$lock"
    chosen=$(<"$turn")
    [[ $chosen =~ ^[12][0-9]{4}$ ]] || chosen=$((10000 + RANDOM % 20000))
    while :; do
        chosen=$((chosen < 29999 ? chosen + 1 : 10000))
        (exec 3<>"/dev/tcp/127.0.0.1/$chosen") 2>/dev/null || break
    done
    echo "$chosen" >"$turn"
    exec {lock}>&-
}

services() {
    local k
    printf '%s\n' sequencer risk
    for ((k = 0; k < shards; k++)); do echo "shard-$k"; done
    printf '%s\n' settlement portfolio gateway-0
}

write_env() {
    local names=(SEQUENCER SEQUENCER_PUB RISK RISK_PUB SETTLEMENT PORTFOLIO GATEWAY)
    local name
    {
        echo "shards=$shards"
        for name in "${names[@]}"; do
            free_port
            echo "ZEX_ENDPOINT_$name=tcp://127.0.0.1:$chosen"
        done
        free_port # one for all shards: each has an address of its own
        echo "ZEX_ENDPOINT_SHARD=tcp://127.0.1.%d:$chosen"
        for name in $(services); do
            free_port
            echo "http_${name//-/_}=$chosen"
        done
    } >env.new
    mv env.new env
}

# Clients know all gateways by one key.
key_of() {
    [[ $1 == gateway-* ]] && echo gateway || echo "$1"
}

# The table of keys that may connect: every service's, and no one else's.
write_keys() {
    local name file
    "$bin/zex" keygen --dir . admin >/dev/null
    for name in $(services); do
        file=$(key_of "$name")
        "$bin/zex" keygen --dir . "$file" >/dev/null
        echo "$name $(<"keys/$file.pub")"
    done >keys/services.new
    mv keys/services.new keys/services
}

enter() {
    [[ -x $bin/zex ]] || fail "no $bin/zex; run make first"
    mkdir -p "$1"
    cd "$1"
    mkdir -p run log
}

load_env() {
    [[ -f env ]] || fail "no venue in $PWD"
    set -a # only the ZEX_ ones matter to a service; the others it does not look at
    # shellcheck disable=SC1091
    source ./env
    set +a
}

# ---- one service ----------------------------------------------------------------------------

# Its pid, if that process is still this service of this directory.
pid_of() {
    local pid exe
    pid=$(cat "run/$1.pid" 2>/dev/null) || return 1
    exe=$(readlink "/proc/$pid/exe" 2>/dev/null) || return 1
    exe=${exe% (deleted)}
    [[ ${exe##*/} == "zex-${1%%-*}" && $(readlink "/proc/$pid/cwd") == "$PWD" ]] || return 1
    echo "$pid"
}

# Gone with all its threads, so that its journal is unlocked; perhaps nobody reaped it.
is_gone() {
    local state tasks
    read -r _ _ state _ 2>/dev/null <"/proc/$1/stat" || return 0
    tasks=("/proc/$1/task"/*)
    [[ $state == Z && ${#tasks[@]} -le 1 ]]
}

http_port() {
    local name=http_${1//-/_}
    echo "${!name}"
}

is_ready() {
    # shellcheck disable=SC2016
    timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" &&
        printf "GET /readyz HTTP/1.0\r\n\r\n" >&3 &&
        read -r line <&3 && [[ $line == *" 200 "* ]]' _ "$(http_port "$1")" 2>/dev/null
}

spawn() {
    local service=$1 kind=${1%%-*} flags pid
    pid_of "$service" >/dev/null && return
    flags=(--data_dir . --http_bind "127.0.0.1:$(http_port "$service")")
    [[ $service == *-* ]] && flags+=(--instance "${service#*-}")
    flags+=(--shards "$shards" --key_file "keys/$(key_of "$service").key"
        --keys_file keys/services)
    # A log is begun once; a sequencer whose volume was lost must not begin another.
    [[ $kind == sequencer && ! -e run/begun ]] &&
        flags+=(--init --admin_key "$(<keys/admin.pub)")
    setsid "$bin/zex-$kind" "${flags[@]}" >>"log/$service" 2>&1 </dev/null &
    pid=$!
    echo $pid >"run/$service.pid"
    until pid_of "$service" >/dev/null; do # it is still this shell until its exec
        kill -0 $pid 2>/dev/null || break
    done
}

# The services that do not run, if there are any.
missing() {
    local name
    for name in $(services); do pid_of "$name" >/dev/null || echo "$name"; done | xargs
}

await() {
    local service=$1 begin=$SECONDS end=$((SECONDS + ready_s)) down told=
    until is_ready "$service"; do
        if ! pid_of "$service" >/dev/null; then
            tail -n 5 "log/$service" >&2
            fail "$service ended; see $PWD/log/$service"
        fi
        if ((SECONDS > begin)) && down=$(missing) && [[ $down != "$told" ]]; then
            told=$down
            echo "$service is not ready; not running: ${down:-none}" >&2
        fi
        ((SECONDS < end)) || fail "$service is not ready after $ready_s s"
        sleep 0.05
    done
}

print_line() {
    local service=$1 pid state=ready
    if ! pid=$(pid_of "$service"); then
        pid=- state=down
    elif ! is_ready "$service"; then
        state="not ready"
    fi
    printf '%-12s pid %-8s http 127.0.0.1:%-6s %s\n' "$service" "$pid" \
        "$(http_port "$service")" "$state"
    [[ $state == ready ]]
}

stop() {
    local service=$1 pid end=$((SECONDS + stop_s))
    pid=$(pid_of "$service") || return 0
    kill -TERM "$pid"
    until is_gone "$pid"; do
        ((SECONDS < end)) || fail "$service (pid $pid) does not stop"
        sleep 0.02
    done
    rm -f "run/$service.pid"
    echo "$service stopped"
}

check_service() {
    local all
    all=" $(services | xargs) "
    [[ $all == *" $1 "* ]] || fail "no service '$1'; there are:$all"
}

# ---- commands -------------------------------------------------------------------------------

up() {
    local service
    if [[ ! -f env ]]; then
        shards=${wanted_shards:-1}
        write_env
    fi
    load_env
    [[ -z $wanted_shards || $wanted_shards == "$shards" ]] || fail "this venue has $shards shards"
    [[ -f keys/services ]] || write_keys
    for service in $(services); do spawn "$service"; done
    for service in $(services); do await "$service"; done
    touch run/begun
    echo "$ZEX_ENDPOINT_GATEWAY" >gateways
    for service in $(services); do print_line "$service"; done
}

status() {
    local service code=0
    for service in $(services); do print_line "$service" || code=1; done
    return $code
}

[[ $# -ge 2 ]] || usage
command=$1 directory=$2 wanted_shards=
shift 2
case $command in
    up)
        if [[ ${1:-} == --shards && ${2:-} =~ ^[1-9][0-9]?$ ]]; then
            wanted_shards=$2
        elif [[ $# -gt 0 ]]; then
            usage
        fi
        enter "$directory"
        up
        ;;
    status | down)
        [[ $# == 0 && -d $directory ]] || usage
        enter "$directory"
        load_env
        if [[ $command == status ]]; then
            status
        else
            for service in $(services | tac); do stop "$service"; done
        fi
        ;;
    kill | start)
        [[ $# == 1 && -d $directory ]] || usage
        enter "$directory"
        load_env
        check_service "$1"
        if [[ $command == start ]]; then
            spawn "$1"
            await "$1"
        else
            pid=$(pid_of "$1") || fail "$1 is not running"
            kill -KILL "$pid"
            until is_gone "$pid"; do sleep 0.01; done
        fi
        print_line "$1" || true # ready it was: another's death may have it wait again
        ;;
    *) usage ;;
esac
