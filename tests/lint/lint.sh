#!/usr/bin/env bash
# lint.sh OUT - the rules a machine can check. Prints every violation, then fails.
# OUT holds the objects of a finished `make`.
set -u
cd "$(dirname "$0")/../.." || exit 2
out=${1:-build/release}
bad=0
fail() { echo "lint: $*"; bad=1; }

sources=$(git ls-files '*.c' '*.h' | grep -v '^tests/fuzz/corpus')
library=$(git ls-files 'services/*.c' 'services/*.h' 'common/*.c' 'common/*.h' 'proto/*.c' 'proto/*.h')

# 1. Layout is clang-format's business.
if command -v clang-format >/dev/null; then
    unformatted=$(clang-format --dry-run $sources 2>&1 | sed -n 's/^\([^:]*\):.*\[-Wclang-format-violations\]/\1/p' | sort -u)
    for f in $unformatted; do fail "$f: not formatted (make fmt)"; done
fi

# 2. Purity: a core imports nothing but itself, common's pure parts and memory functions.
forbidden='^(malloc|calloc|realloc|free|printf|fprintf|sprintf|snprintf|puts|putchar|fputs|fwrite|fopen|open|read|write|close|socket|send|recv|time|clock|clock_gettime|gettimeofday|getenv|rand|random|srand|getrandom|pthread_.*|zmq_.*|z[a-z]+_new|mdb_.*|nanosleep|usleep|log_.*|metrics_.*|bus_.*|journal_.*|clock_.*|localtime|gmtime)$'
# shellcheck disable=SC2044 # names without blanks
for object in $(find "$out/services" -name '*.o' ! -name main.o 2>/dev/null); do
    for symbol in $(nm -u "$object" | awk '{print $NF}' | sed 's/@.*//' | grep -E "$forbidden"); do
        fail "$object: a core may not use $symbol"
    done
done

# 3. Exported symbols carry the file's name.
# shellcheck disable=SC2044
for object in $(find "$out/services" "$out/common" "$out/proto" -name '*.o' ! -name main.o 2>/dev/null); do
    base=$(basename "$object" .o)
    source=${object#"$out"/}; source=${source%.o}.c
    [ -f "$source" ] || continue
    short=${base%_core}
    for symbol in $(nm -g --defined-only "$object" | awk '$2 ~ /[TDBRC]/ {print $3}' | grep -v '^__'); do
        case $symbol in
            "$base"|"$base"_*|"$short"|"$short"_*|main) ;;
            *) fail "$source: exports $symbol, which lacks the prefix ${short}_" ;;
        esac
    done
done

# 4. Dependencies point one way: services -> common -> proto; sdk -> proto, and two
# headers of common that are tables.
includes() { git grep -nE '^ *# *include +"' -- "$1" | sed -E 's/^([^:]*):[0-9]+:.*"(.*)".*/\1 \2/'; }
direction() { # folder, then what it may include
    includes "$1" | while read -r file included; do
        [[ $included =~ $2 ]] || echo "$file includes $included"
    done
}
while read -r line; do [ -n "$line" ] && fail "$line"; done < <(
    direction 'proto/*' '^proto/'
    direction 'common/*' '^(proto|common)/'
    direction 'sdk/*' '^(proto/|sdk/|zex\.h|common/(error\.def|ablate\.h))'
    for s in services/*/; do
        direction "$s*" "^(proto|common)/|^$s"
    done)

# 5. zmq, czmq and lmdb each have one home.
for pair in 'zmq|czmq:common/bus|sdk/src/zex_socket|tests/|common/http' 'lmdb:common/journal|tests/'; do
    header=${pair%%:*}; home=${pair#*:}
    while read -r f; do
        [[ $f =~ ^($home) ]] || fail "$f: includes <$header.h>; only $home may"
    done < <(git grep -lE "^ *# *include +<($header)\.h>" -- '*.c' '*.h')
done

# 6. Every header of the library opens with the five words.
for f in $(git ls-files 'services/*.h' 'common/*.h' 'proto/*.h'); do
    for word in Owns Units Errors Threads Bounds; do
        head -40 "$f" | grep -qE "^ \* $word: +" || fail "$f: header comment lacks '$word:'"
    done
done

# 7. Limits: 500 lines a file, 70 lines a function, 90 columns.
for f in $sources; do
    awk -v f="$f" '
        length($0) > 90 { printf "%s:%d: %d columns\n", f, NR, length($0) }
        /^{/ { start = NR } /^}/ { if (start && NR - start > 70)
            printf "%s:%d: function of %d lines\n", f, start, NR - start; start = 0 }
        END { if (NR > 500) printf "%s: %d lines\n", f, NR }' "$f"
done > /tmp/lint.$$
while read -r line; do fail "$line"; done < /tmp/lint.$$; rm -f /tmp/lint.$$

# 8. No floating point in what is replayed, no names that mean nothing, no banned calls.
while read -r line; do fail "floating point: $line"; done < <(
    git grep -nwE 'float|double' -- $library | grep -vE '^[^:]+:[0-9]+: *(/?\*|//)')
for name in util utils misc helper helpers common types stuff; do
    git ls-files | grep -E "(^|/)$name\.[ch]$" | while read -r f; do echo "$f"; done
done | { while read -r f; do fail "$f: name says nothing"; done; [ $bad = 0 ]; } || bad=1
while read -r line; do fail "banned call: $line"; done < <(
    git grep -nE '\b(strcpy|strcat|sprintf|vsprintf|strtok|gets|atoi|atol|gmtime|localtime|rand|srand)\(' -- '*.c' '*.h')
while read -r line; do fail "sleep in a test: $line"; done < <(
    git grep -nE '\b(u|nano)?sleep *\(|^ *sleep [0-9]' -- 'tests/*.c' 'tests/*.sh' 'tests/**/*.sh' ':!tests/lint')

# 9. What is made from tables is fresh; every folder has its page.
k8s/settings.sh | cmp -s - k8s/base/settings.env || fail "k8s/base/settings.env is stale (make k8s-config)"
if [ -x "$out/bin/catalogue" ]; then
    "$out/bin/catalogue" | cmp -s - proto/messages.md || fail "proto/messages.md is stale (make docs)"
fi
for d in services proto common sdk deploy k8s tests $(ls -d services/*/); do
    [ -f "${d%/}/README.md" ] || fail "${d%/}: no README.md"
done

# 10. Each header compiles alone.
for f in $(git ls-files 'services/*.h' 'common/*.h' 'proto/*.h'); do
    echo "#include \"$f\"" | ${CC:-gcc} -I. -D_GNU_SOURCE -std=c11 -fsyntax-only -x c - 2>/dev/null ||
        fail "$f: does not compile alone"
done

[ $bad = 0 ] && echo "lint: clean"
exit $bad
