#!/usr/bin/env bash
# past_test.sh - what a live venue answers, as-of answers again; and the venue verifies, while
# it runs, after it was killed, and when it has stopped.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/venue.sh

readonly answers=50
kinds=("book BTC-USD" "book ACME-USD" "balances" "positions")

# One answer of the live venue, with its question, into $dir/live.N and $dir/asked.N.
record() {
    local n=$1 question=${kinds[$((RANDOM % 4))]} bot=bot$((1 + RANDOM % 4))
    case $question in
        book*) echo "$question --levels 100" ;;
        *) echo "$question $bot" ;;
    esac >"$dir/asked.$n"
    # shellcheck disable=SC2086
    case $question in
        book*) z $question --levels 100 --show-gseq ;;
        *) z "$question" --show-gseq --as "$bot" ;;
    esac >"$dir/live.$n" 2>"$dir/gseq.$n" || return 1
    sed -i 's/^gseq //' "$dir/gseq.$n"
}
record_all() {
    local n
    RANDOM=1
    for n in $(seq $answers); do
        record "$n" || { cat "$dir/gseq.$n"; return 1; }
    done
}
answer_again() {
    local n bad=0
    for n in $(seq $answers); do
        # shellcheck disable=SC2046
        z as-of --gseq "$(cat "$dir/gseq.$n")" $(cat "$dir/asked.$n") >"$dir/again.$n" 2>&1
        cmp -s "$dir/live.$n" "$dir/again.$n" && continue
        bad=$((bad + 1))
        echo "$(cat "$dir/asked.$n") at $(cat "$dir/gseq.$n"):"
        diff "$dir/live.$n" "$dir/again.$n"
    done
    echo "answers=$answers different=$bad at $(sort -un "$dir"/gseq.* | wc -l) places"
    [ $bad = 0 ] && [ "$(sort -un "$dir"/gseq.* | wc -l)" -gt $((answers / 2)) ]
}
verify() { "$zex" verify "$dir/data"; }
mine() { # what is dumped is as much as there is
    local last
    last=$("$zex" log dump "$dir/data" --json | tail -1 | grep -o '"gseq":[0-9]*' | cut -d: -f2)
    [ "$("$zex" log dump "$dir/data" | wc -l)" = "$last" ]
}

venue_up --bots 4 --shards 2
check "$answers answers of the live venue" record_all
check "it verifies while it runs" verify
check "as-of answers the same while it runs" answer_again
venue_down KILL
check "it verifies after SIGKILL" verify
venue_up --bots 2 --shards 2
check "answers after the restart" record_all
check "Ctrl-C stops it" venue_down INT
check "it verifies when it has stopped" verify
check "as-of answers the same from what is on disk" answer_again
check "log dump prints every record" mine
finish
