#!/usr/bin/env bash
# bad_input_test.sh - bytes, keys, directories and disks as they should not be: a stable code for
# each, and nothing that was accepted is lost.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/venue.sh

metric() { # NAME: its sum over the services
    local port
    port=$(grep -o 'metrics at http://127.0.0.1:[0-9]*' "$dir/up.out" | sed 's/.*://')
    exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
    printf 'GET /metrics HTTP/1.1\r\nHost: zex\r\nConnection: close\r\n\r\n' >&3
    timeout 5 cat <&3 | awk -v n="$1" '$1 ~ "^(zex_)?" n {s += $2} END {print s + 0}'
    exec 3>&-
}
counts() { local n; n=$(metric handshakes_failed); echo "handshakes_failed $n"; [ "$n" -ge 1 ]; }

venue_up
check "bytes and clients" timeout 120 "$out/e2e/bad_input" "$dir/data"
check "unknown and revoked keys are counted" counts
check "the venue stops cleanly after all that" venue_down
check "and verifies" timeout 60 "$zex" verify "$dir/data"

# Directories: the exit codes are those of common/exit.def.
up_on() { timeout 20 "$zex" up --dir "$1" --port 0 --http 0 --once; }
check "a directory that is a file ends with 12" exits 12 up_on /dev/null/venue
mkdir -m 500 "$dir/closed"
[ "$(id -u)" != 0 ] || mount -t tmpfs -o ro tmpfs "$dir/closed" 2>/dev/null || echo "skipped: root and no tmpfs"
check "one that may not be written ends with 12" exits 12 timeout 20 \
    "$out/bin/zex-settlement" --data_dir "$dir/closed/settlement" --curve=false
check "which says where" says "directory=$dir/closed/settlement" timeout 20 \
    "$out/bin/zex-settlement" --data_dir "$dir/closed/settlement" --curve=false
umount "$dir/closed" 2>/dev/null

# A first start that ends at once is no venue yet; one that waits can be stopped.
guard() { # PID: it ends by itself, or is ended
    { timeout 90 tail -f --pid="$1" /dev/null || kill -KILL "$1"; } 2>/dev/null &
}
early() {
    setsid "$zex" up --dir "$dir/early" --port 0 --http 0 --once >/dev/null 2>&1 &
    local pid=$!
    guard $pid
    until [ -e "$dir/early/sequencer/redo" ]; do kill -0 $pid || return 1; done
    kill -KILL $pid
    wait $pid 2>/dev/null
    up_on "$dir/early"
}
check "a first start that is killed can be done again" exits 0 early
check "a log that was lost is not begun again: 19" exits 19 eval 'rm -r "$dir/early/sequencer" && up_on "$dir/early"'
interrupted() { # a shard more than the venue has: it is never ready
    setsid "$zex" up --dir "$dir/data" --shards 2 --port 0 --http 0 >/dev/null 2>&1 &
    local pid=$!
    guard $pid
    until grep -qsx shard-1 /proc/$pid/task/*/comm; do kill -0 $pid || return 1; done
    kill -INT $pid
    wait $pid
}
check "Ctrl-C ends a start that waits" exits 0 interrupted

cp -r "$dir/data" "$dir/bad"
printf 'no journal' >"$dir/bad/sequencer/data.mdb"
check "a journal that is none ends with 14" exits 14 up_on "$dir/bad"
rm -rf "$dir/bad"
cp -r "$dir/data" "$dir/bad"
reads=$(awk '$2 == "JOURNAL_VERSION" {print $3}' common/journal_version.h)
sed -i 's/zex journal [0-9]/zex journal 9/g' "$dir/bad/risk/data.mdb"
check "a journal of another version ends with 13" exits 13 up_on "$dir/bad"
check "which says what it found and what it reads" says "journal=9 reads=$reads" up_on "$dir/bad"
check "and what to do" says "start that one" up_on "$dir/bad"
check "as verify does" says "risk: journal version 9, this zex reads $reads" "$zex" verify "$dir/bad"
rm -rf "$dir/bad"

# Disk full: what was accepted before is there when there is room again.
if [ "$(id -u)" = 0 ] && mkdir "$dir/small" && mount -t tmpfs -o size=1280k tmpfs "$dir/small" 2>/dev/null; then
    trap 'venue_down KILL; umount "$dir/small"; rm -rf "$dir"' EXIT
    full() {
        setsid timeout 60 "$zex" up --dir "$dir/small/data" --venue deploy/venues/demo.yaml \
            --port 0 --http 0 --bots 4 >"$dir/full.out" 2>&1 &
        local pid=$! code=0
        timeout 20 tail -F -n +1 --pid=$pid "$dir/full.out" 2>/dev/null | grep -q -m 1 '^zex is up'
        timeout 20 "$zex" order buy BTC-USD 0.5 50000 --dir "$dir/small/data" | awk '{print $4; exit}' >"$dir/order"
        wait $pid || code=$?
        cat "$dir/full.out"
        [ $code = 17 ] || { echo "exit code $code, not 17"; return 1; }
    }
    mkdir "$dir/tiny" && mount -t tmpfs -o size=150k tmpfs "$dir/tiny"
    check "a disk that is full from the start ends with 17" exits 17 up_on "$dir/tiny/data"
    umount "$dir/tiny"
    check "a full disk ends with 17" full
    cp -r "$dir/small/data" "$dir/roomy"
    mv "$dir/data" "$dir/first" && mv "$dir/roomy" "$dir/data"
    venue_up
    check "with room again the order is there" says "$(cat "$dir/order")" z orders
    check "it stops" venue_down
    check "and verifies" timeout 60 "$zex" verify "$dir/data"
else
    echo "skipped: a full disk needs root and tmpfs"
fi
finish
