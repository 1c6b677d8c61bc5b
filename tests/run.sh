#!/usr/bin/env bash
# run.sh OUT TEST... - runs the tests, JOBS at once (as many as there are processors), and ends
# with the line `N passed, N failed`, to which `, N skipped` is added when there were any. A
# cmocka binary counts by its tests, any other program as one: exit code 0 passed, 77 skipped,
# else failed. Output is shown when a test fails, or with V=1. Exits with 1 if anything failed.
set -u
out=$1
shift
export out
export ZEX_PREALLOCATE_MB=1 # for venues that live some seconds
mkdir -p "$out"
results=$(mktemp -d "$out/run.XXXXXX")
export results
trap 'rm -rf "$results"' EXIT

# run TEST: one, whose line and numbers are put among the results.
run() {
    local test=$1 log started code ms good bad left_out verdict=ok
    log=$(mktemp "$results/log.XXXXXX")
    # The number after a marker of cmocka's summary, 0 if there is none.
    tally() { sed -n "s/^\[  $1  \] \([0-9]*\) test(s).*/\1/p" "$log" | awk '{n += $1} END {print n + 0}'; }
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
    [ "$good" = 0 ] && [ "$left_out" != 0 ] && verdict=skipped
    [ "$bad" != 0 ] && verdict="FAILED (exit code $code)"
    {
        printf '%6d ms  %3d  %-32s %s\n' "$ms" $((good + bad)) "${test#"$out"/}" "$verdict"
        if [ "$bad" != 0 ] || [ "${V:-0}" = 1 ]; then
            sed 's/^/    | /' "$log"
        else # also a part of it
            grep -iE '(^|[ :])skipped[: ]' "$log" | grep -v '^\[' | sed 's/^/    | /'
        fi
    } >"$log.line"
    flock "$results" cat "$log.line" # lines of others do not come between
    echo "$good $bad $left_out" >"$log.count"
}
export -f run

# A test of which there is no count was not run to its end.
printf '%s\0' "$@" | xargs -0 -n 1 -P "${JOBS:-$(nproc)}" bash -c 'run "$1"' run
cat /dev/null "$results"/*.count | awk -v all=$# '
    { passed += $1; failed += $2; skipped += $3 }
    END {
        failed += all - NR
        printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
        exit failed != 0
    }'
