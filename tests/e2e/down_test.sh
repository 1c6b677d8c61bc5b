#!/usr/bin/env bash
# down_test.sh - what still works, and what is said, while one service does not run.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/venue.sh

cluster() { timeout 100 deploy/cluster.sh "$1" "$dir/data" "${@:2}" >>"$dir/cluster.out" 2>&1; }
trap 'cluster down; rm -rf "$dir"' EXIT

# skip_waits SERVICE - asked while it does not run: says what to do, and holds once it is done.
skip_waits() {
    local asked code=0
    : >"$dir/skip.err"
    timeout 100 "$zex" admin skip "$1" 1000000 --timeout 90 --dir "$dir/data" \
        >"$dir/skip.out" 2>"$dir/skip.err" &
    asked=$!
    timeout 60 tail -F -n +1 --pid=$asked "$dir/skip.err" 2>/dev/null | grep -m 1 "waits at its start"
    cluster start "$1"
    wait $asked || code=$?
    cat "$dir/skip.out" "$dir/skip.err"
    [ $code = 0 ] && grep -q "accepted   $1 passes over record 1000000" "$dir/skip.out"
}

cluster up || { cat "$dir/cluster.out"; exit 1; }
check "a venue of processes" z admin apply deploy/venues/demo.yaml

# ---- the operator's skip, which is for a service that does not run
for service in risk portfolio shard-0; do
    check "$service is killed" cluster kill $service
    check "no skip of $service before it starts" says "$service did not start in time" \
        exits 1 z admin skip $service 1000000 --timeout 1
    check "a skip of $service waits for its start" skip_waits $service
    check "said again it is the same" says "accepted" exits 0 z admin skip $service 1000000
done

# ---- without portfolio: what is new needs no replay
check "portfolio is killed" cluster kill portfolio
check "a symbol is halted" says "done" exits 0 z admin halt ACME-USD
check "and opened" says "done" exits 0 z admin resume ACME-USD
check "an account is killed" says "done" exits 0 z admin kill bob
check "and goes on" says "done" exits 0 z admin kill bob --lift
check "an order" says "accepted" exits 0 z order buy ACME-USD 1 99.00 --json
name=$(grep -o '"cl_ord_id":"\?[0-9]*' "$dir/check.out" | grep -o '[0-9]*$')
check "its cancel" says "cancelled" exits 0 z cancel --name "$name"
check "no replace" says "nothing was sent" exits 1 z replace 7 1 99.00 --timeout 1
check "portfolio starts" cluster start portfolio

# ---- without risk: who knows the names, and whether there is money
check "risk is killed" cluster kill risk
check "status shows each service" says "SETTLEMENT" exits 0 z status
check "no order" says "nothing was sent" exits 1 z order buy ACME-USD 1 99.00 --timeout 1
check "no cancel" says "nothing was sent" exits 1 z cancel 7 --timeout 1
check "no halt" says "nothing was sent" exits 1 z admin halt ACME-USD --timeout 1
check "no balances" says "zex status" exits 1 z balances --timeout 1
check "risk starts" cluster start risk
check "and takes orders" says "accepted" exits 0 z order buy ACME-USD 1 99.00
finish
