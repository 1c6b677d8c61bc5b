#!/usr/bin/env bash
# disk.sh [STRIDE [SEED]] - a venue of real processes meets disk errors, at each n one in STRIDE
# of those of disk_test.c, full maps, and disks that are really full. KEEP=1 leaves the files.
set -euo pipefail
# shellcheck source=tests/faults/small.sh
. "$(dirname "$0")/small.sh"
readonly stride=${1:-21} seed=${2:-1}
export ZEX_COMMIT_INTERVAL_US=1000 # so that the services that commit seldom write often
mounted=
release() { [[ -z $mounted ]] || umount "$mounted"; }

test_full() { "$out/faults/disk_test" "$venue" "$out" --full "$@"; }

cluster up
declare_market
cluster down
"$out/faults/disk_test" "$venue" "$out" "$stride" "$seed"
export ZEX_ARCHIVE_KEEP_RECORDS=4000000000 # or the sequencer never gets full

# A disk of its own for each in turn, as good as full from when the traders are there: what
# they are told on their way in needs the service too.
fill_disk() {
    local directory=$venue/$1 resize="mount -o remount,size"
    mv "$directory" "$work/moved"
    mkdir "$directory"
    mount -t tmpfs -o size=256m tmpfs "$directory"
    mounted=$directory
    cp -r "$work/moved/." "$directory"
    test_full "$1" "$resize=\$((\$(du -sk '$directory' | cut -f1) + 128))k '$directory'" \
        "$resize=256m '$directory'"
    rm -rf "$work/moved"
    cp -r "$directory" "$work/moved"
    umount "$directory"
    mounted=
    rmdir "$directory"
    mv "$work/moved" "$directory"
}
mkdir "$work/probe"
if mount -t tmpfs -o size=64k tmpfs "$work/probe" 2>/dev/null; then
    umount "$work/probe"
    for service in sequencer risk portfolio; do
        fill_disk $service
    done
else
    echo "skipped: disks that are really full need the right to mount a tmpfs"
fi
for service in sequencer shard-0 portfolio; do
    test_full $service
done
