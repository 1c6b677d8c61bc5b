# small.sh - settings of a venue that starts in no time and meets all of its life in a few
# thousand records: snapshots, an archive of several files.
export ZEX_ACCOUNTS_MAX=64 ZEX_BALANCES_MAX=256 ZEX_SESSIONS_MAX=64 ZEX_ORDERS_MAX=2048 \
    ZEX_LEVELS_MAX=512 ZEX_REFERENCES_MAX=64 ZEX_DEDUPE_WINDOW=64 ZEX_DIGEST_TICKS=7 \
    ZEX_SNAPSHOT_RECORDS=1000 ZEX_ARCHIVE_KEEP_RECORDS=1000 ZEX_ARCHIVE_SEGMENT_KB=64 \
    ZEX_MAP_SIZE_MB=256 ZEX_ARCHIVE_DIR=archive
