#!/usr/bin/env bash
# refused_test.sh - what the venue refuses is said at once, with its reason and exit code.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/venue.sh

venue_up
check "a trader's halt is refused" says WRONG_ROLE exits 1 z admin halt ACME-USD --as alice
check "the trader goes on" says accepted z order buy ACME-USD 1 99.00
finish
