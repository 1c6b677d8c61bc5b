#!/usr/bin/env bash
# kill_test.sh - a recorded day is replayed twice through a cluster of processes: once
# undisturbed, and once while each service and the client itself are killed with SIGKILL
# and started again, every third together with the one before it. Both must end with the
# same books, balances, postings and positions; no service may end by itself.
#
#   SYMBOL=GOOG tests/e2e/kill_test.sh     the whole day; the default is AAPL's first 999 rows
#   SEED=N, KILLS=N                        which rows the kills come at, and how many
#   FAST=1                                 not in lockstep: kills hit a full pipeline
#   KEEP=1                                 leave the directories of both runs
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
readonly root data=$root/../shared/data mode=${MODE:-release}
readonly zex=$root/build/$mode/bin/zex cluster=$root/deploy/cluster.sh
readonly symbol=${SYMBOL:-AAPL} kills=${KILLS:-20} seed=${SEED:-$RANDOM}
readonly targets=(sequencer risk shard-0 shard-1 settlement portfolio gateway-0 client)
readonly ahead=64 # rows the client may be ahead of what was read of it
pace=(--lockstep)
[[ -z ${FAST:-} ]] || pace=()
export MODE=$mode ZEX_SNAPSHOT_RECORDS=1000 ZEX_QUERY_RATE=1000000

if [[ $symbol == GOOG ]]; then
    ops=$data/ops/GOOG_2012-06-21_L10_ops.csv.xz rows=147916
    book=$data/lobster/GOOG_2012-06-21_34200000_57600000_orderbook_10.csv.xz
else
    ops=$data/ops/AAPL_2012-06-21_L10_999rows_ops.csv.xz rows=999
    book=$data/lobster/AAPL_2012-06-21_999rows_orderbook_10.csv.xz
fi
if [[ ! -f $ops ]]; then
    echo "skipped: no ../shared/data"
    exit 77
fi

work=$(mktemp -d)
client=
cleanup() {
    [[ -z $client ]] || kill -KILL "$client" 2>/dev/null || true
    for dir in "$work"/*/; do
        "$cluster" down "$dir" >/dev/null 2>&1 || true
    done
    if [[ -n ${KEEP:-} ]]; then
        echo "kept: $work"
    else
        rm -rf "$work"
    fi
}
trap cleanup EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

begin() {
    "$cluster" up "$1" --shards 2 >/dev/null
    "$zex" admin apply "$root/deploy/venues/lobster.yaml" --dir "$1" >/dev/null
}

readonly replay=("$zex" replay lobster --symbol "$symbol" --ops "$ops" --book "$book"
    --timeout 60)

# Everything the venue says, without the numbers that only say when.
contents() {
    local account query
    for query in balances orders positions trades postings; do
        for account in resting taking; do
            echo "== $query of $account"
            "$zex" $query --dir "$1" --as $account --json
        done
    done | sed -E 's/"(gseq|order_id)":[0-9]+,?//g'
    echo "== book"
    "$zex" book "$symbol" --levels 1000 --dir "$1" --as resting --json
}

start_client() {
    "${replay[@]}" --dir "$1" "${pace[@]}" --paced <"$work/go" >"$work/rows" \
        2>>"$work/client.log" &
    client=$!
}

# All of them at once, then all again.
crash() {
    local dir=$1 target pid starting=()
    shift
    for target; do
        if [[ $target == client ]]; then
            kill -KILL "$client" 2>/dev/null || true # perhaps it has just finished
            wait "$client" 2>/dev/null || true
        else
            "$cluster" kill "$dir" "$target" >/dev/null || fail "$target had ended by itself"
        fi
    done
    for target; do
        if [[ $target == client ]]; then
            start_client "$dir"
        else
            "$cluster" start "$dir" "$target" >/dev/null &
            starting+=($!)
        fi
    done
    for pid in "${starting[@]}"; do
        wait "$pid" || fail "no start after the death of $*"
    done
}

# Sets `line`, the next one of the client. A read that is over its time may have a part; what
# an ended client has said is read first.
next_line() {
    local part has_ended=
    line=
    until IFS= read -r -t 1 part <&3; do
        line+=$part
        [[ -z $has_ended ]] || fail "the client: $line; $(tail -n 3 "$work/client.log")"
        kill -0 "$client" 2>/dev/null || has_ended=1
    done
    line+=$part
}

# The replay; a kill at each of the rows of $at. Sets `line`, its last one.
replay_with_kills() {
    local dir=$1 i killed=0 due
    mkfifo "$work/rows" "$work/go"
    exec 3<>"$work/rows" 4<>"$work/go"
    for ((i = 0; i < ahead; i++)); do echo >&4; done
    start_client "$dir"
    while next_line && [[ $line == row\ * ]]; do
        due=()
        while [[ $killed -lt $kills && ${line#row } -ge ${at[$killed]} ]]; do
            due+=("${targets[$((killed % ${#targets[@]}))]}")
            killed=$((killed + 1))
        done
        [[ ${#due[@]} == 0 ]] || crash "$dir" "${due[@]}"
        echo >&4
    done
    [[ $line == rows=* ]] || fail "the client said: $line"
    wait "$client" || fail "the replay: $line; $(tail -n 3 "$work/client.log")"
    client=
    [[ $killed == "$kills" ]] || fail "only $killed kills"
}

# ---------------------------------------------------------------------------------------------

echo "symbol=$symbol kills=$kills seed=$seed"
RANDOM=$seed
mapfile -t at < <(for ((i = 0; i < kills; i++)); do
    echo $(((RANDOM * 32768 + RANDOM) % (rows * 9 / 10) + 1))
done | sort -n)
for ((i = 2; i < kills; i += 3)); do at[i]=${at[i - 1]}; done

begin "$work/calm"
"${replay[@]}" --dir "$work/calm" || fail "the undisturbed replay"
contents "$work/calm" >"$work/calm.txt"
"$cluster" down "$work/calm" >/dev/null

begin "$work/killed"
replay_with_kills "$work/killed"
echo "$line"
"${replay[@]}" --dir "$work/killed" || fail "the book, the fills or the money after the kills"
contents "$work/killed" >"$work/killed.txt"
"$cluster" down "$work/killed" >/dev/null

grep -E 'CHECK failed|Sanitizer|runtime error' "$work"/*/log/* && fail "a service complained"
cmp "$work/calm.txt" "$work/killed.txt" || {
    diff "$work/calm.txt" "$work/killed.txt" | head -n 20
    fail "the contents differ"
}
"$zex" verify "$work/killed" || fail "verify"
echo "$(wc -l <"$work/calm.txt") lines of content equal after $kills kills"
