#!/usr/bin/env bash
# threads.sh OUT TEST... - runs tests that have threads, built with ThreadSanitizer. Fails if one
# of them fails, or any process they started has a report, however it ended.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
# With a long memory: whose write it was must be known for tsan.supp to apply.
export TSAN_OPTIONS="suppressions=$root/tests/tsan.supp log_path=$reports/of exitcode=66 history_size=7"
"$root/tests/run.sh" "$@"
code=$?
if cat "$reports"/of* 2>/dev/null; then
    echo "ThreadSanitizer: $(ls "$reports" | wc -l) processes have reports"
    exit 1
fi
exit $code
