#!/usr/bin/env bash
# rotate.sh - replaces the keys of services while they run, in three steps. After each,
# keys.sh tells the services, and then they are restarted, one at a time:
#
#   rotate.sh DIR begin NAME...   new keys beside the old; both are let in      restart all
#   rotate.sh DIR use NAME...     the new ones are theirs from here on          restart NAME...
#   rotate.sh DIR end NAME...     the old ones are gone, and let in no more     restart all
#
# Names as in DIR/keys: risk, shard-0. ZEX: the `zex` to call.
set -euo pipefail

[[ $# -ge 3 && $2 =~ ^(begin|use|end)$ ]] || {
    sed -n 's/^#   //p' "$0" >&2
    exit 2
}
readonly directory=$1 step=$2
zex=${ZEX:-$(dirname "$0")/../build/release/bin/zex}
[[ -d $directory/keys ]] || {
    echo "rotate.sh: no keys in $directory" >&2
    exit 1
}
need() { # FILE: of the step before
    [[ -f $directory/keys/$1 ]] || {
        echo "rotate.sh: there is no keys/$1" >&2
        exit 1
    }
}

umask 077
for name in "${@:3}"; do
    case $step in
        begin)
            need "$name.key"
            "$zex" keygen --dir "$directory" "$name.new"
            ;;
        use)
            need "$name.new.key"
            for kind in pub key; do
                mv "$directory/keys/$name.$kind" "$directory/keys/$name.old.$kind"
                mv "$directory/keys/$name.new.$kind" "$directory/keys/$name.$kind"
            done
            ;;
        end)
            need "$name.old.key"
            rm "$directory/keys/$name".old.{key,pub}
            ;;
    esac
done
