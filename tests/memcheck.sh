#!/usr/bin/env bash
# memcheck.sh OUT TEST... - runs tests under valgrind: what is read was written, what was taken is
# given back. Random tests with few rounds: memcheck is fifty times slower.
set -u
out=$1
shift
# LMDB keeps pointers into the midst of its blocks: only what nothing points to is lost.
export VALGRIND_OPTS='-q --error-exitcode=99 --leak-check=full --child-silent-after-fork=yes
  --show-leak-kinds=definite --errors-for-leak-kinds=definite'
passed=0 failed=0
for test in "$@"; do
    rounds=()
    [[ $test == */model/* ]] && rounds=(1 "${ROUNDS:-2000}")
    if valgrind "$test" "${rounds[@]}" >"$out/memcheck.out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$test ${rounds[*]} FAILED"
        tail -40 "$out/memcheck.out"
    fi
done
echo "memcheck: $passed passed, $failed failed"
[ $failed = 0 ]
