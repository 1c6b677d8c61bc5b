#!/usr/bin/env bash
# cover.sh OUT TARGET... - lines that the corpora reach: below 90 % of any one of the
# decoders, it fails. OUT is a build with --coverage.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
readonly out=$1 least=90
readonly decoders=(proto/pack.c proto/codec.c proto/block.c common/reader.c deploy/cli/venue.c)
# What acts on what was decoded: shown.
readonly others=(common/bus_zap.c services/{gateway/intake,sequencer/submission,sequencer/command}.c)
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

find "$out" -name '*.gcda' -delete
for target in "$@"; do
    mkdir "$work/$target"
    "$out/fuzz/${target}_replay" --seeds "$work/$target" >/dev/null 2>&1
    "$out/fuzz/${target}_replay" --pack "$work/$target" "$work/$target.pack" >/dev/null
    "$out/fuzz/${target}_replay" "$work/$target.pack" "tests/fuzz/corpus/$target.pack" 2>/dev/null || failed=1
done
for source in "${decoders[@]}" "${others[@]}"; do
    percent=$(gcov -n -o "$out/${source%.c}.o" "$source" 2>/dev/null |
        awk -v f="File '$source'" '$0 == f {getline; sub(/.*:/, ""); print int($1); exit}')
    printf '%4d %%  %s\n' "${percent:-0}" "$source"
    [[ ${percent:-0} -ge $least || " ${others[*]} " == *" $source "* ]] || failed=1
done
exit $failed
