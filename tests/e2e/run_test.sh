#!/usr/bin/env bash
# run_test.sh - what `make run` starts: a live market that stops cleanly and goes on.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/venue.sh

market() { # both books, until each has five levels on both sides
    local symbol
    for _ in $(seq 200); do
        local deep=0
        for symbol in BTC-USD ACME-USD; do
            z book "$symbol" --levels 5 >"$dir/$symbol.book"
            deep=$((deep + $(grep -c '^ask' "$dir/$symbol.book") + $(grep -c '^bid' "$dir/$symbol.book")))
        done
        [ $deep = 20 ] && break
    done
    cat "$dir"/*.book
    [ $deep = 20 ]
}
traded() { # the bots trade with each other
    for _ in $(seq 200); do
        [ "$(z trades --as bot1 | tee "$dir/trades" | wc -l)" -gt 3 ] && break
    done
    tail -3 "$dir/trades"
    [ "$(wc -l <"$dir/trades")" -gt 3 ]
}
open_orders() { z orders | awk 'NR > 1 {print $1, $5, $6}' | sort; }
money() { # alice's total of an asset: free and held
    z balances --json | tr '{' '\n' | grep "\"$1\"" | grep -o '"\(free\|held\)": *"[^"]*"' |
        grep -o '[0-9.]*' | awk '{s += $1} END {print s}'
}
same() { [ "$1" = "$2" ] || { printf 'was:\n%s\nis:\n%s\n' "$1" "$2"; return 1; }; }

venue_up --bots 4
check "four bots make two-sided books" market
check "and trade" traded
check "an order far from the market rests" says accepted z order buy BTC-USD 0.5 50000
check "an order at the market fills" says "0 left" z order buy ACME-USD 7
orders=$(open_orders) usd=$(money USD) acme=$(money ACME)
check "something was bought" same 10007 "$acme"
rate=$(z status --as auditor | awk '$1 == "SEQUENCER" {print $6}')
check "the bots are paced: $rate records a second" [ "$rate" -lt 1000 ]
check "a second process on the directory ends with 11" \
    exits 11 "$zex" up --dir "$dir/data" --port 0 --http 0 --once
port=$(sed 's/.*://' "$dir/data/gateways")
check "a port in use ends with 10" \
    exits 10 "$zex" up --dir "$dir/other" --port "$port" --http 0 --once

check "Ctrl-C stops it, exit code 0" venue_down INT
check "and says so" grep -q "all that was accepted is on disk" "$dir/up.out"

venue_up
check "the second start changes nothing" grep -qx "0 changes" "$dir/up.out"
check "the order is still open" same "$orders" "$(open_orders)"
check "no deposit came twice: USD" same "$usd" "$(money USD)"
check "no deposit came twice: ACME" same "$acme" "$(money ACME)"
name=$(open_orders | awk '{print $1; exit}')
venue_down KILL
venue_up --bots 2
check "after SIGKILL too" same "$orders" "$(open_orders)"
check "the order can be cancelled" says cancelled z cancel "$name"
check "SIGTERM stops it, exit code 0" venue_down TERM
finish
