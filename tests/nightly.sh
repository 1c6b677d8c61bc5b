#!/usr/bin/env bash
# nightly.sh - every test with large amounts, one after the other: a night and more. It goes
# on behind a part that fails, and in the end names those that did.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
failed=()
part() {
    printf '\n== %s (%ds)\n' "$*" $SECONDS
    make "$@" || failed+=("$*")
}

part sim SEEDS=2001..202000 COMMANDS=5000
part sim MODE=sanitize SEEDS=1..2000
part crashes STRIDE=1
part kill KILLS=1000
part kill KILLS=200 KILL_MODE=kill-sanitize
part net
part net MODE=sanitize
part faults NIGHTLY=1
part faults MODE=sanitize
part fuzz FUZZ_S=3600
part overload S=600
part soak
part threads
part memcheck ROUNDS=20000

for words in "${failed[@]}"; do
    echo "nightly: FAILED: make $words"
done
[[ ${#failed[@]} = 0 ]] && echo "nightly: all parts passed"
