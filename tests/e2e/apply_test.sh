#!/usr/bin/env bash
# apply_test.sh - a venue file that is bad changes nothing, and what is wrong in it is said.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/venue.sh

bad() { # FILE TEXT: refused for that, and none of its names exists afterwards
    says "$2" exits 1 z admin apply "$1" &&
        says "unknown account 'carol'" exits 1 z admin kill carol &&
        says "unknown asset 'EUR'" exits 1 z admin deposit alice EUR 1 99
}
cat >"$dir/bad.yaml" <<EOF
assets:
  - {name: EUR, scale: 6}
accounts:
  - {name: carol, role: trader, key: carol}
deposits:
  - {account: carol, asset: EUR, amount: -5, reference: 1}
EOF
sed 's/-5, reference: 1/5, reference: 1/' "$dir/bad.yaml" >"$dir/good.yaml"
sed 's/amount: 5,/amount: 7.5,/' "$dir/good.yaml" >"$dir/other.yaml"

venue_up
check "a deposit of -5 is named, and nothing is sent" bad "$dir/bad.yaml" "amount '-5' is out of its range"
check "no key was made for it" [ ! -e "$dir/data/keys/carol.key" ]
check "mended, it is applied" says "4 changes" z admin apply "$dir/good.yaml"
check "and once more changes nothing" says "0 changes" z admin apply "$dir/good.yaml"
check "quietly" [ "$(z admin apply "$dir/good.yaml" 2>&1)" = "0 changes" ]
check "another amount under a known reference is warned of" \
    says "deposit carol, reference 1: the file says 7.500000 EUR, but 5.000000 EUR was deposited" \
    z admin apply "$dir/other.yaml"
check "and moves nothing" says "5.000000" z balances --as carol
finish
