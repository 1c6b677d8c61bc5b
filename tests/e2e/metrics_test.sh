#!/usr/bin/env bash
# metrics_test.sh - every metric that is declared moves when what it counts happens, and Prometheus
# reads them all.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/venue.sh

scrape() { # FILE
    local port
    port=$(grep -o 'metrics at http://127.0.0.1:[0-9]*' "$dir/up.out" | sed 's/.*://')
    exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
    printf 'GET /metrics HTTP/1.1\r\nHost: zex\r\nConnection: close\r\n\r\n' >&3
    timeout 5 cat <&3 | tr -d '\r' | sed '1,/^$/d' >"$1"
    exec 3>&-
    [ -s "$1" ]
}

# What the venue of one process below cannot do: each is counted in the unit test named.
#   bus_test             connections of TCP between services, bad keys and frames
#   service_test         loss and reordering: pushes_dropped gaps_found submissions_resent
#   service_rights_test  messages_forbidden
#   service_archive_test archived_gseq archive
#   service_prune_test   blocks_pruned
#   dropped frames need a peer that does not read
#   service_restart_test snapshots: they are taken every million records and at the end
#   peers that do not read, disks that fill: service_test, bad_input_test
#   settlement_core_test ledger_imbalance: money from nothing
#   intake_test          commands_busy
elsewhere="pushes_dropped gaps_found submissions_resent messages_forbidden archived_gseq archive"
elsewhere="$elsewhere sends_dropped handshakes_failed frames_refused unacked lag_records map_used snapshot snapshots"
elsewhere="$elsewhere snapshot_gseq blocks_pruned ledger_imbalance commands_busy"

moved() { # each metric of metrics.def but those: its sum over the services is above 0
    awk -v elsewhere=" $elsewhere " '
        FNR == NR && match($0, /^(COUNTER|GAUGE|HISTOGRAM)\([a-z_]+/) {
            split(substr($0, 1, RLENGTH), word, "(")
            declared[word[2]]
        }
        FNR < NR && /^zex_/ {
            name = $1
            sub(/\{.*/, "", name)
            sub(/^zex_/, "", name)
            if (name ~ /_bucket$|_sum$/)
                next
            sub(/_(count|total)$/, "", name)
            sub(/_(bytes|seconds)$/, "", name)
            sum[name] += $2
        }
        END {
            for (name in declared) {
                if (index(elsewhere, " " name " "))
                    continue
                count++
                if (sum[name] <= 0) {
                    print name, "is", sum[name]
                    failed = 1
                }
            }
            print count, "metrics"
            exit failed || count < 20
        }' common/metrics.def "$dir/after"
}

readable() {
    command -v promtool >/dev/null || { echo "skipped: no promtool"; return 0; }
    promtool check metrics <"$dir/after"
}

venue_up --bots 4
check "an order" z order buy BTC-USD 0.0001 50000
check "a query" z positions
check "a refusal" says NOT_FOUND exits 1 z admin close-session bob 999999
# Some are counted a few times a second only: look until all are there, or 2000 times.
all_moved() {
    local tries=0
    until scrape "$dir/after" && moved >"$dir/moved"; do
        [ $((tries += 1)) -lt 2000 ] || { cat "$dir/moved"; return 1; }
    done
}
check "each of them has moved" all_moved
check "Prometheus reads them" readable
check "the venue stops" venue_down
finish
