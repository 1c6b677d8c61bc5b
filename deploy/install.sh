#!/usr/bin/env bash
# install.sh [ci] - installs the Debian packages that are missing: those of packages.txt,
# and with `ci` those of packages-ci.txt too. Does nothing, fast, when all are there.
set -euo pipefail
cd "$(dirname "$0")"

lists=(packages.txt)
[ "${1:-}" = ci ] && lists+=(packages-ci.txt)
mapfile -t wanted < <(sed 's/#.*//' "${lists[@]}" | tr -s ' \t' '\n' | grep .)

# dpkg-query complains about packages it never heard of; those are missing too.
mapfile -t present < <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" \
    2>/dev/null | sed -n 's/^installed //p')
missing=()
for package in "${wanted[@]}"; do
    [[ " ${present[*]} " == *" $package "* ]] || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "install.sh: run as root, or install: ${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi
echo "install.sh: installing ${missing[*]}"
# A daemon that comes with a package must not start: tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod +x $policy
    trap '"${as_root[@]}" rm -f $policy' EXIT
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends "${missing[@]}" >/dev/null
