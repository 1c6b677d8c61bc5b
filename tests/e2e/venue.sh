# venue.sh - sourced by the tests of this folder: a venue of their own, and checks.
#
# The test ends with the number of checks that failed. Everything lives in $dir, which is
# removed with the venue when the test ends.
# shellcheck shell=bash
set -u
out=$(realpath "${out:-build/release}")
zex=$out/bin/zex
dir=$(mktemp -d)
venue='' failed=0

# venue_up [FLAG...] - starts `zex up` on $dir/data and waits until it is up.
venue_up() {
    : >"$dir/up.out"
    setsid "$zex" up --dir "$dir/data" --venue "${venue_file:-deploy/venues/demo.yaml}" --port 0 --http 0 "$@" \
        >"$dir/up.out" 2>&1 &
    venue=$!
    timeout 60 tail -F -n +1 --pid=$venue "$dir/up.out" 2>/dev/null | grep -q -m 1 '^zex is up' || {
        echo "the venue does not start:"
        cat "$dir/up.out"
        exit 1
    }
}

# venue_down [SIGNAL] - stops it, returns its exit code.
venue_down() {
    local code=0
    [ -n "$venue" ] || return 0
    kill "-${1:-INT}" "$venue" 2>/dev/null
    wait "$venue" 2>/dev/null || code=$?
    venue=
    return $code
}

trap 'venue_down KILL; rm -rf "$dir"' EXIT

# check WHAT COMMAND... - runs it; its output is shown if it fails.
check() {
    local what=$1
    shift
    if "$@" >"$dir/check.out" 2>&1; then
        echo "ok      $what"
        grep '^skipped' "$dir/check.out" # a part of it
    else
        echo "FAILED  $what (exit code $?)"
        sed 's/^/    | /' "$dir/check.out"
        failed=$((failed + 1))
    fi
}

# says TEXT COMMAND... - its output must contain the text; its exit code counts if the command
# is `exits`.
says() {
    local text=$1 code=0
    shift
    "$@" >"$dir/says.out" 2>&1 || code=$?
    cat "$dir/says.out"
    [ "$1" = exits ] || code=0
    grep -qF -- "$text" "$dir/says.out" && [ $code = 0 ]
}

# exits CODE COMMAND...
exits() {
    local wanted=$1 code=0
    shift
    "$@" || code=$?
    [ $code = "$wanted" ] || { echo "exit code $code, not $wanted"; return 1; }
}

z() { timeout 20 "$zex" "$@" --dir "$dir/data"; }

finish() { [ $failed = 0 ]; exit; }
