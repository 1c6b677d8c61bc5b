#!/usr/bin/env bash
# run.sh OUT TEST... - runs each test and ends with the line `N passed, N failed`, to which
# `, N skipped` is added when there were any. A cmocka binary counts by its tests, any other
# program as one: exit code 0 passed, 77 skipped, else failed. Output is shown when a test
# fails, or with V=1. Exits with 1 if anything failed.
set -u
out=$1
shift
export out
export ZEX_PREALLOCATE_MB=1 # for venues that live some seconds
mkdir -p "$out"
log=$(mktemp "$out/run.XXXXXX")
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0

# The number after a marker of cmocka's summary, 0 if there is none.
tally() { sed -n "s/^\[  $1  \] \([0-9]*\) test(s).*/\1/p" "$log" | awk '{n += $1} END {print n + 0}'; }

for test in "$@"; do
    started=$(date +%s%N)
    "$test" >"$log" 2>&1 </dev/null
    code=$?
    ms=$((($(date +%s%N) - started) / 1000000))
    good=$(tally PASSED) bad=$(tally FAILED) left_out=$(tally SKIPPED)
    if ! grep -q '^\[==========\] [0-9]* test(s) run' "$log"; then
        # Not cmocka, or it never came to its summary: an abort fails it whole.
        good=0 bad=0 left_out=0
        case $code in
            0) good=1 ;;
            77) left_out=1 ;;
            *) bad=1 ;;
        esac
    elif [ $code != 0 ] && [ "$bad" = 0 ]; then
        bad=1 # all tests passed, and then something leaked or crashed
    fi
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left_out))
    verdict=ok
    [ "$good" = 0 ] && [ "$left_out" != 0 ] && verdict=skipped
    [ "$bad" != 0 ] && verdict="FAILED (exit code $code)"
    printf '%6d ms  %3d  %-32s %s\n' "$ms" $((good + bad)) "${test#"$out"/}" "$verdict"
    if [ "$bad" != 0 ] || [ "${V:-0}" = 1 ]; then
        sed 's/^/    | /' "$log"
    else # also a part of it
        grep -iE '(^|[ :])skipped[: ]' "$log" | grep -v '^\[' | sed 's/^/    | /'
    fi
done

line="$passed passed, $failed failed"
[ $skipped != 0 ] && line="$line, $skipped skipped"
echo "$line"
[ $failed = 0 ]
