# small.sh - what the scripts beside it begin with: a directory of their own, gone at the end
# unless KEEP is set, and a venue that starts in no time and meets all of its life in a few
# thousand records: snapshots, an archive of several files.
# shellcheck shell=bash
cd "$(dirname "$0")/../.." || exit
readonly out=$PWD/build/${MODE:-release}
work=$(mktemp -d -p /dev/shm "zex-$(basename "$0" .sh).XXXXXX")
readonly work venue=$work/venue
export ZEX_ACCOUNTS_MAX=64 ZEX_BALANCES_MAX=256 ZEX_SESSIONS_MAX=64 ZEX_ORDERS_MAX=2048 \
    ZEX_LEVELS_MAX=512 ZEX_REFERENCES_MAX=64 ZEX_DEDUPE_WINDOW=64 ZEX_DIGEST_TICKS=7 \
    ZEX_SNAPSHOT_RECORDS=1000 ZEX_ARCHIVE_KEEP_RECORDS=1000 ZEX_ARCHIVE_SEGMENT_KB=64 \
    ZEX_MAP_SIZE_MB=256 ZEX_PREALLOCATE_MB=0 ZEX_ARCHIVE_DIR=archive

# With a sanitizer in the services, signals are theirs, and what it finds has a code of its own.
export ASAN_OPTIONS=verify_asan_link_order=0:handle_segv=0:handle_sigbus=0:handle_abort=0
ASAN_OPTIONS+=:detect_leaks=0:exitcode=99
export UBSAN_OPTIONS=exitcode=99

release() { :; } # a script's own: what it holds beside its files
finish() {
    local code=$?
    release
    if grep -sE -A 20 'ERROR: AddressSanitizer|runtime error:' "$venue"/log/*; then code=1; fi
    [[ $code == 0 ]] || tail -n 3 "$venue"/log/* >&2 || :
    if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
    exit $code
}
trap finish EXIT

cluster() {
    deploy/cluster.sh "$1" "$venue" "${@:2}" >"$work/cluster.log" || {
        cat "$work/cluster.log"
        return 1
    }
}
declare_market() { "$out/bin/zex" admin apply deploy/venues/demo.yaml --dir "$venue" >/dev/null; }
