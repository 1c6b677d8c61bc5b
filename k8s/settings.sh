#!/usr/bin/env bash
# settings.sh - base/settings.env from common/settings.def: every setting with its default.
#
# Left out is what base/places.env sets, and what is one pod's own: its number, its key, and
# the operator's word, which must not outlive the start it was given for.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "# Made by \`make k8s-config\` from common/settings.def. Overlays change what they need."
awk '
    FNR == NR {
        if (match($0, /^ZEX_[A-Z_]+=/))
            placed[substr($0, 1, RLENGTH - 1)]
        next
    }
    BEGIN {
        count = split("INSTANCE KEY_FILE ADMIN_KEY INIT FORCE_OPEN CLOCK_JUMP PROBE SKIP", own, " ")
        for (i = 1; i <= count; i++)
            placed["ZEX_" own[i]]
    }
    match($0, /^(NUMBER|SWITCH|TEXT)\(/) {
        rest = substr($0, RLENGTH + 1)
        name = "ZEX_" toupper(substr(rest, 1, index(rest, ",") - 1))
        rest = substr(rest, index(rest, ",") + 2)
        if (rest ~ /^"/)
            match(rest, /^"[^"]*"/)
        else
            match(rest, /^[^,]*/)
        value = substr(rest, 1, RLENGTH)
        gsub(/"/, "", value)
        if (!(name in placed))
            print name "=" value
    }' k8s/base/places.env common/settings.def
