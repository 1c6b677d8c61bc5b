#!/usr/bin/env bash
# apply_test.sh - a venue file that is bad changes nothing, and what is wrong in it is said; a
# key that a file no longer names is warned of, and taken away by hand.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/venue.sh

bad() { # FILE TEXT: refused for that, and none of its names exists afterwards
    says "$2" exits 1 z admin apply "$1" &&
        says "unknown account 'carol'" exits 1 z admin kill carol &&
        says "unknown asset 'EUR'" exits 1 z admin deposit alice EUR 1 99
}
seen() { # TEXT: in what the watching client says, now or soon
    timeout 20 tail -F -n +1 --pid=$watch "$dir/watch.out" 2>/dev/null | grep -q -m 1 "$1"
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

# A key that changes in the file: the old one works until it is revoked.
sed 's/key: carol/key: carol2/' "$dir/good.yaml" >"$dir/key.yaml"
old=$(cat "$dir/data/keys/carol.pub")
check "a changed key is added, and the old one warned of" \
    says "key of carol: '$old' works too" exits 0 z admin apply "$dir/key.yaml"
check "it does work" z balances --as carol
timeout 60 "$zex" watch --as carol --dir "$dir/data" >"$dir/watch.out" 2>&1 &
watch=$!
check "she watches" seen "^watching carol"
check "money for carol" z admin deposit carol EUR 1 2
check "of which she is told" seen "reference 2"
check "no key of that name" says "cannot read the public key" exits 1 z admin revoke carol nobody
check "not the key of another" says "alice has no key carol" exits 1 z admin revoke alice carol
check "not the key one speaks with" says "ask with another" exits 1 z admin revoke admin admin
check "a trader cannot" says WRONG_ROLE exits 1 z admin revoke alice alice --as alice
check "it is revoked" says "done" z admin revoke carol "$old"
check "who came in with it is sent away" exits 1 wait $watch
check "and told why" grep -q "key has been revoked" "$dir/watch.out"
check "nobody comes in with it again" says "nothing was sent" exits 1 z balances --as carol --timeout 1
check "the new one works" z balances --as carol2
check "revoked once more, by its name" says "0 changes" z admin revoke carol carol
check "nothing to warn of now" [ "$(z admin apply "$dir/key.yaml" 2>&1)" = "0 changes" ]
check "a file with a revoked key does not give it back" \
    says "'carol' was revoked and stays so" z admin apply "$dir/good.yaml"
check "--lift does" says "done" z admin revoke carol carol --lift
check "it works again" z balances --as carol
finish
