#!/usr/bin/env bash
# move_test.sh - a venue gets a second shard, and a symbol moves to it: refused while it trades
# or has orders; then it goes on there, its trades counted on, through kills, and back.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/venue.sh
export ZEX_SHARDS_MAX=3

trade() { # at 59000, whole
    z order buy BTC-USD 0.1 59000 --as alice && z order sell BTC-USD 0.1 59000 --as bob
}
trade_ids() { # of BTC-USD, in the order of the log
    z log dump --kind trade --json "$dir/data" | grep -o '"trade_id":"\?[0-9]*' | grep -o '[0-9]*$' | xargs
}
rows() { # LEVELS: of the book
    [ "$(z book BTC-USD --levels 9 | tail -n +2 | wc -l)" = "$1" ]
}

venue_up --shards 1
check "it trades" trade
check "an order rests" z order buy BTC-USD 0.5 58000 --as alice
check "no move while it trades" says NOT_HALTED exits 1 z admin move BTC-USD 1
check "halted" z admin halt BTC-USD
check "no move with an open order" says OPEN_ORDERS exits 1 z admin move BTC-USD 1
check "closed, it has none" z admin close BTC-USD
check "and its owner is told" says reason=62 z log dump --kind order_cancelled "$dir/data"
check "no shard beyond the log's" says RANGE exits 1 z admin move BTC-USD 3
check "nonsense is wrong usage" exits 2 z admin move BTC-USD one
check "stopped" venue_down

venue_up --shards 2
check "the new shard runs" says "shard 1" z status
check "the symbol moves there" says "done" z admin move BTC-USD 1
check "still closed" says HALTED exits 1 z order buy BTC-USD 0.1 59000 --as alice
check "it is opened" z admin resume BTC-USD
check "it trades there" trade
check "an order rests there" z order buy BTC-USD 0.5 58000 --as alice
check "the other symbol trades on" z order buy ACME-USD 1 100 --as alice
check "and verifies" says "verified" z verify "$dir/data"
check "killed" exits 137 venue_down KILL

venue_up --shards 2
check "that the file has it elsewhere is said" grep "BTC-USD: shard 0: it is on 1 and stays" "$dir/up.out"
check "and changes nothing" grep "^0 changes" "$dir/up.out"
check "the order is still there" rows 1
check "closed again" z admin close BTC-USD
check "it moves back" z admin move BTC-USD 0
check "and opens" z admin resume BTC-USD
check "it trades here" trade
check "stopped" venue_down
check "trades are counted on" [ "$(trade_ids)" = "1 2 3" ]
check "it verifies" says "verified" z verify "$dir/data"
finish
