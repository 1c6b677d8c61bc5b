#!/usr/bin/env bash
# words_test.sh - what `zex` makes of its words: a slip is wrong usage and sends nothing, and
# what it prints for programs is for programs.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/venue.sh

# usage TEXT WORD... - refused as wrong usage, with the text.
usage() {
    local text=$1
    shift
    check "wrong usage: zex $*" says "$text" exits 2 z "$@"
}
# fails TEXT WORD... - nothing was sent: exit code 1, not "outcome unknown".
fails() {
    local text=$1
    shift
    check "failed: zex $*" says "$text" exits 1 timeout 20 "$zex" "$@"
}
open_orders() { z orders | awk 'NR > 1 {print $1, $5, $6}' | sort; }
mine() { z log dump --json | grep -c '"message":"\(order_cancel\|order_replace\|withdraw\|deposit\)"'; }
same() { [ "$1" = "$2" ] || { printf 'was:\n%s\nis:\n%s\n' "$1" "$2"; return 1; }; }
absent() { [ ! -e "$1" ] || { ls -la "$1"; return 1; }; }
field() { grep -o "\"$1\":\"\?[^\",}]*" | sed 's/.*:"\?//' | head -1; }

# ---- before there is a venue
fails "no running venue" balances --dir /nonexistent
fails "no running venue" admin halt ACME-USD --dir /nonexistent
check "up with a venue file that is not there fails" \
    exits 1 "$zex" up --dir "$dir/none" --venue /nonexist --port 0 --http 0 --once
check "and leaves nothing" absent "$dir/none"
check "help" says "admin halt SYMBOL" exits 0 z help
check "zex --help" says "admin halt SYMBOL" exits 0 "$zex" --help
check "help of one command" says "--post-only" exits 0 "$zex" order --help
check "help of one admin command" says "only cancels" exits 0 "$zex" admin halt --help
check "which admin commands there are" says "admin skip" exits 2 "$zex" admin
check "which replays there are" says "replay lobster" exits 2 "$zex" replay nothing
check "no such command" says "unknown command 'adm'" exits 2 "$zex" adm
check "a key cannot be written elsewhere" says "no name of a key" exits 1 z keygen ../x
check "nothing is there" absent "$dir/data/x.key"
check "nor is a hidden one" says "no name of a key" exits 1 z keygen .x
z keygen k-1_a.b --json >"$dir/key"
check "keygen --json is JSON" grep -qx '{"name":"k-1_a.b","public_key":".\{40\}"}' "$dir/key"

# ---- a mistyped id
venue_up --shards 2
fails "cannot read the key" balances --dir "$dir/data" --as nobody
z order buy BTC-USD 0.5 50000 --json >"$dir/order"
id=$(field order_id <"$dir/order") name=$(field cl_ord_id <"$dir/order")
before=$(open_orders) sent=$(mine)
usage "'${id}x' is no order id" cancel "${id}x"
usage "is no order id" cancel "-$id"
usage "is no order id" cancel " $id"
usage "is no order id" cancel 99999999999999999999999
usage "is no order id" cancel 0
usage "is no name of an order" cancel --name "${name}x"
usage "one word too many" cancel "$id" "$id"
usage "one word too many" cancel "$id" --name "$name"
usage "usage: zex cancel" cancel
usage "is no order id" replace "${id}x" 0.4 50000
usage "is no order id" order-status "${id}x"
usage "is no order id" order-status -1
usage "usage: zex order-status" order-status
usage "'7x' is no reference" withdraw USD 1 7x
usage "is no reference" admin deposit alice USD 1 7x
usage "is no reference" admin withdraw alice USD 1 seven
usage "is no session" admin close-session alice 7x
usage "is no position" admin skip risk 7x
usage "'-5' is no amount of USD: from 0.000001 to 4611686018427.387904" \
    admin deposit alice USD -5 77
usage "'0' is no amount of ACME: from 1 to" admin withdraw alice ACME 0 77
usage "'0.0000001' is no amount of USD" withdraw USD 0.0000001 77
usage "'-1' is no quantity of BTC-USD: from 0.0001 to" order buy BTC-USD -1 50000
usage "'0' is no price of BTC-USD: from 0.01 to" order buy BTC-USD 0.5 0
usage "'abc' is no price of BTC-USD" replace "$id" 0.4 abc
usage "--timeout 0..86400" balances --timeout 86401
usage "--levels 1.." book BTC-USD --levels 0
usage "--bots 0..16, not 17" up --bots 17
usage "--port 0..65535, not 65536" up --port 65536
usage "usage: zex keygen NAME" keygen
usage "usage: zex admin apply FILE" admin apply
usage "usage: zex replay lobster --ops FILE" replay lobster
usage "--seed: 'x' is not a whole number" replay lobster --seed x
usage "not both" order buy BTC-USD 0.5 50000 --ioc --fok
usage "neither buy nor sell" order hold BTC-USD 0.5 50000
check "none of them did anything" same "$before" "$(open_orders)"
check "or was sent" same "$sent" "$(mine)"

# ---- words beyond the pattern
for words in "balances nobody" "orders extra" "status foo" "watch extra" "positions a" \
    "positions --show-gseq 100" "trades 1" "postings 1" "book BTC-USD ACME-USD" "bench x" \
    "admin halt BTC-USD ACME-USD" "verify a b" "log dump a b" "up now" "as-of book BTC-USD x"; do
    # shellcheck disable=SC2086
    usage "zex: " $words
done
usage "unknown flag --gseq" positions --gseq 100
usage "is no gseq" as-of --gseq 0 balances
check "--show-gseq says where an answer is true" says "gseq " exits 0 z balances --show-gseq

# ---- for programs
reports() { # of an order: decimals are strings, numbers have names
    cat "$1"
    grep -q '"symbol":"BTC-USD"' "$1" && grep -q '"side":"buy"' "$1" &&
        grep -q '"price":"50000.00"' "$1" && grep -q '"quantity":"0.5000"' "$1" &&
        grep -q '"account":"alice"' "$1" && grep -q '"hold":"250' "$1"
}
filled() {
    z order sell ACME-USD 2 100.00 --as bob >/dev/null
    z order buy ACME-USD 2 100.00 --ioc --json >"$dir/fill"
    cat "$dir/fill"
    grep -q '"fee":"0.06[0-9]*".*"fee_asset":"USD"' "$dir/fill" &&
        grep -q '"quote":"200.000000"' "$dir/fill"
}
crossing() { # an order that may rest, and does not: its fill is told with it
    z order sell ACME-USD 2 100.00 --as bob >/dev/null
    z order buy ACME-USD 2 100.00
}
check "an order's report" reports "$dir/order"
check "a fill" filled
check "a fill at once" says "buy 2 ACME-USD at 100.00, fee 0.06" crossing
check "with nothing left" grep -q "taker, 0 left" "$dir/says.out"
check "a price too far off" says "value 1.00, limit " exits 1 z order buy BTC-USD 1 1
check "too little money" says " USD)" exits 1 z order buy BTC-USD 50 50000
check "too little of what is sold" says " BTC)" exits 1 z order sell BTC-USD 20 50000
check "a withdrawal of too much" says "value 10000000.000000, limit " \
    exits 1 z withdraw USD 10000000 1
check "a refusal has its name" says '"reason":"PRICE_BAND"' exits 1 z order buy BTC-USD 1 1 --json
check "a service's state" says '"ready":true' exits 0 z status --json
check "money" says '"asset":"USD","amount":"1.500000"' z admin deposit alice USD 1.5 77 --json
check "a change of the operator" says '"symbol":"ACME-USD"' z admin halt ACME-USD --json
check "the cancel of the order" says '"quantity":"0.5000"' exits 0 z cancel --name "$name" --json
check "no order is left" same "" "$(open_orders)"
check "Ctrl-C stops it" venue_down INT
fails "nothing was sent" order buy BTC-USD 0.5 50000 --dir "$dir/data" --timeout 1
check "the status line shows an empty side as -" grep -q "BTC-USD [-0-9.]*/-  ACME-USD" "$dir/up.out"
finish
