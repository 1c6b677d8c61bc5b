#!/usr/bin/env bash
# sdk_test.sh - the client library as a user gets it: header, exports, installation, examples.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/venue.sh

exports_only_its_own() {
    ! nm -D --defined-only "$out/libzex.so" | awk '$2 ~ /[TDBR]/ {print $3}' | grep -v '^zex_'
}
compiles() { # LANGUAGE FLAG...: the header alone, every warning an error
    local language=$1
    shift
    echo '#include "zex.h"' | "$@" -Isdk/include -Wall -Wextra -pedantic -Werror \
        -fsyntax-only -x "$language" -
}
check "libzex.so exports zex_* only" exports_only_its_own
check "zex.h is C89 but for stdint.h" compiles c gcc -std=c89 -Wno-long-long
if command -v g++ >/dev/null; then
    check "zex.h is C++" compiles c++ g++ -std=c++11
else
    echo "skipped zex.h is C++: no g++"
fi

# Sanitized objects do not link into a plain program.
if [[ $out != *sanitize* ]]; then
    install_all() { make -s install PREFIX="$dir/usr" MODE="$(basename "$out")" >/dev/null; }
    build() { # against what was installed, by pkg-config
        PKG_CONFIG_PATH=$dir/usr/lib/pkgconfig
        export PKG_CONFIG_PATH
        # shellcheck disable=SC2046 # words are what it says
        cc sdk/examples/place_order.c $(pkg-config --cflags --libs "$@" zex) -o "$dir/$1"
    }
    check "make install" install_all
    check "links to the shared library by pkg-config" build --libs
    static() {
        # shellcheck disable=SC2046
        cc sdk/examples/place_order.c -I"$dir/usr/include" "$dir/usr/lib/libzex.a" \
            $(PKG_CONFIG_PATH=$dir/usr/lib/pkgconfig pkg-config --libs --static zex) \
            -o "$dir/static"
    }
    check "links to the static library" static
fi

venue_up
ex=$out/examples
run() { timeout 20 "$@"; }

check "a client made from the protocol page alone trades" \
    run "$out/e2e/stranger" "$dir/data" alice
check "place_order rests and is taken back" \
    says "cancelled, 0 filled" run "$ex/place_order" "$dir/data" alice BTC-USD buy 10 5990000
check "place_order is refused with the rule's name" \
    says "price is not a multiple of the tick" \
    run "$ex/place_order" "$dir/data" alice BTC-USD buy 10 5990001
run "$ex/market_maker" "$dir/data" bob BTC-USD 2 >"$dir/maker.out" 2>&1 &
maker=$!
quoted() { # until both quotes stand in the book
    for _ in $(seq 100); do
        run "$ex/watch_book" "$dir/data" alice BTC-USD 1 >"$dir/book.out"
        [ "$(grep -c 'bid\|ask' "$dir/book.out")" = 2 ] && cat "$dir/book.out" && return
    done
    return 1
}
check "market_maker quotes, watch_book sees it" quoted
check "place_order takes the maker's offer" \
    says "filled: 10 at 6000200" run "$ex/place_order" "$dir/data" alice BTC-USD buy 10 6000200
check "place_order takes the maker's bid" \
    says "filled: 10 at" run "$ex/place_order" "$dir/data" alice BTC-USD sell 10 5990000
leaves() { wait $maker; cat "$dir/maker.out"; [ "$(grep -c 'bought\|sold' "$dir/maker.out")" = 2 ]; }
check "market_maker ends after its fills" leaves
empty() { run "$ex/watch_book" "$dir/data" alice BTC-USD 1 | tee /dev/stderr | grep -c 'bid\|ask' | grep -q '^0$'; }
check "and takes its quotes back" empty
check "an unknown key's name is said" \
    says "no such key" run "$ex/place_order" "$dir/data" nobody BTC-USD buy 10 5990000
check "the venue stops cleanly" venue_down
finish
