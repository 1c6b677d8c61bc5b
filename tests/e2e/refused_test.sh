#!/usr/bin/env bash
# refused_test.sh - what the venue refuses is said at once, with its reason and exit code.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/venue.sh

venue_up
check "a trader's halt is refused" says WRONG_ROLE exits 1 z admin halt ACME-USD --as alice
check "the trader goes on" says accepted z order buy ACME-USD 1 99.00
check "an amount that is none is wrong usage" exits 2 z admin deposit alice USD 1.x 77
check "a cancel of no order names the rejection" says UNKNOWN_ORDER exits 1 z cancel 999999999
check "services stand in the first epoch" says "RISK            1" z status
check "no session to end" says NOT_FOUND exits 1 z admin close-session bob
check "a record that was passed is not skipped" says PASSED exits 1 z admin skip risk 1
check "a service that does not exist" exits 2 z admin skip nobody 1
up() { env "$1" "$zex" up --dir "$dir/no" --port 0 --http 0 --once; }
check "a setting that does not exist" exits 2 up ZEX_BOGUS=1
check "is named" says "unknown variable ZEX_BOGUS" up ZEX_BOGUS=1
check "a setting with no number" exits 2 up ZEX_TURN_FRAMES_MAX=abc
check "nothing was begun there" test ! -e "$dir/no"
finish
