#!/usr/bin/env bash
# fuzz.sh SECONDS TARGET... - replays each target's corpus under ASan and UBSan, then tries
# new inputs for so long. A failing input is left in build/fuzz/NAME.*; a corpus grows with
#
#   GROW=1 tests/fuzz/fuzz.sh 600 block     ... and what new lines or values it met is kept
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
readonly seconds=$1 bin=build/fuzz/fuzz corpora=tests/fuzz/corpus inputs_min=2000
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export ASAN_OPTIONS=detect_leaks=0 # what a target keeps, it keeps

# start TARGET ARGUMENT... - in the background, as $fuzzer.
start() {
    "$bin/$1" -timeout=20 -rss_limit_mb=4096 -close_fd_mask=3 -max_len=4096 -use_value_profile=1 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/$1." "${@:2}" >"$work/$1.log" 2>&1 &
    fuzzer=$!
}
# ended TARGET - waits; its last lines if it failed.
ended() {
    wait "$fuzzer" && return
    echo "FAILED: $1; again: $bin/$1 build/fuzz/$1.*"
    grep -vE '^#[0-9]+' "$work/$1.log" | tail -n 60
    return 1
}

# One target: its corpus, then new inputs.
treat() {
    local target=$1 failed=0 inputs fuzzer
    mkdir -p "$work/$target" "$corpora"
    if [[ -f $corpora/$target.pack || -z ${GROW:-} ]]; then # a new target grows its first
        "$bin/${target}_replay" --unpack "$corpora/$target.pack" "$work/$target" >/dev/null || failed=1
    fi
    inputs=$(ls "$work/$target" | wc -l)
    if ((inputs < inputs_min)) && [[ -z ${GROW:-} ]]; then
        echo "FAILED: $target has $inputs inputs in its corpus, fewer than $inputs_min" && failed=1
    fi
    "$bin/${target}_replay" --seeds "$work/$target" || failed=1
    inputs=$(ls "$work/$target" | wc -l)
    start "$target" -max_total_time=$((seconds + 3600)) "$work/$target" # if nobody ends it
    timeout 3600 tail -F -n +1 --pid=$fuzzer "$work/$target.log" 2>/dev/null | grep -q -m 1 INITED
    timeout "$seconds" tail -f --pid=$fuzzer /dev/null # or it has failed before
    kill -USR1 $fuzzer 2>/dev/null                     # ends it without a complaint
    ended "$target" || failed=1
    echo "fuzz $target: $inputs inputs replayed, $(grep -c NEW "$work/$target.log") new ones in $seconds s," \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log") runs"
    [[ -n ${GROW:-} ]] || return $failed
    mkdir "$work/$target.small"
    start "$target" -merge=1 "$work/$target.small" "$work/$target"
    ended "$target" || failed=1
    "$bin/${target}_replay" --pack "$work/$target.small" "$corpora/$target.pack"
    echo "fuzz $target: $(ls "$work/$target.small" | wc -l) inputs kept, $(stat -c %s "$corpora/$target.pack") bytes"
    return $failed
}

# As many at a time as there are processors.
for target in "$@"; do
    while [[ $(jobs -rp | wc -l) -ge $(nproc) ]]; do
        wait -n
    done
    { treat "$target" || touch "$work/failed"; } &
done
wait
[[ ! -e $work/failed ]]
