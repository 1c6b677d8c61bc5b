#!/usr/bin/env bash
# links.sh DIR - who is connected to whose address in the venue that cluster.sh runs in DIR:
# lines of `service ADDRESS`, clients left out.
set -euo pipefail
cd "$1"

declare -A service=() # by pid
for file in run/*.pid; do
    name=${file#run/}
    service[$(<"$file")]=${name%%[-.]*}
done

declare -A address=() # by port
while IFS='=:' read -r name _ _ port; do
    address[$port]=${name#ZEX_ENDPOINT_}
done < <(grep '^ZEX_ENDPOINT_' env)

ss -tnpH state established | while read -r _ _ local remote users; do
    pid=${users#*pid=}
    from=${service[${pid%%,*}]:-}
    to=${address[${remote##*:}]:-}
    [[ -z $from || -z $to ]] || echo "$from $to"
    : "$local"
done | sort -u
