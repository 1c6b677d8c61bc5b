# operators.sh - what operators do to a venue of containers.sh, which sources it: the tasks of
# deploy/operations.md and k8s/operations.md, step by step, while clients trade.
# shellcheck shell=bash
: "${net:?}" "${venue:?}" "${tag:?}" "${out:?}" "${pods:?}"

zex() { timeout 20 "$out/bin/zex" "$@" --dir "$venue" >>"$venue/zex.log" 2>&1; }

until_it_is() { # COMMAND...: soon
    local end=$((SECONDS + 30))
    until "$@"; do
        ((SECONDS < end)) || { echo "not within 30 s: $*"; return 1; }
    done
}

# ---- one after the other ----------------------------------------------------------------------

is_ready() { [[ $(ask "$1" readyz -o /dev/null -w '%{http_code}') == 200 ]]; } # ADDRESS
ready() { until_it_is is_ready "$(address "$1")"; } # POD: as Kubernetes asks, before the next

roll() { # POD...
    local pod
    for pod; do stop "$pod" && again "$pod" && ready "$pod" || return; done
}
# shellcheck disable=SC2086
roll_all() { roll $pods; }

# Other settings or another image, with the same volume.
# shellcheck disable=SC2086
change_all() { # TAG
    local pod
    for pod in $pods; do
        stop "$pod" && podman rm -v "$net-$pod" >/dev/null && tag=$1 create "$pod" &&
            start "$pod" && ready "$pod" || return
    done
}
upgrade() { change_all "$tag-next"; }
go_back() { change_all "$tag"; }

# ---- keys -------------------------------------------------------------------------------------

# All services but the gateways, whose key clients know, get another key; in the end their
# old ones open nothing: a service that still has one is not let in.
rekey() {
    local step names="sequencer risk settlement portfolio shard-0 shard-1"
    for step in begin use end; do
        # shellcheck disable=SC2086
        deploy/rotate.sh "$venue" $step $names >/dev/null &&
            deploy/keys.sh "$venue" "$shards" || return
        [[ $step != begin ]] || cp -p "$venue/keys/risk.key" "$venue/old.key"
        # shellcheck disable=SC2086
        if [[ $step == use ]]; then roll ${pods%% gateway*}; else roll_all; fi || return
    done
    stranded
}
stranded() {
    cp -p "$venue/keys/risk.key" "$venue/new.key" && stop risk-0 &&
        cat "$venue/old.key" >"$venue/keys/risk.key" && start risk-0 &&
        until_it_is refuses "$(address sequencer-0)" && stop risk-0 &&
        cat "$venue/new.key" >"$venue/keys/risk.key" && start risk-0
}
refuses() { # ADDRESS: who is there has turned somebody away because of a key
    ask "$1" metrics | grep -q 'zex_handshakes_failed_total{.*} [1-9]'
}

# A client gets another key, and its old one is taken away.
expel() {
    echo 'accounts: [{name: auditor, role: auditor, key: auditor2}]' >"$venue/auditor.yaml"
    zex keygen auditor2 && zex book BTC-USD --as auditor &&
        zex admin apply "$venue/auditor.yaml" && zex book BTC-USD --as auditor2 &&
        zex admin revoke auditor auditor && zex book BTC-USD --as auditor2 || return
    ! zex book BTC-USD --as auditor --timeout 1
}

# ---- shards -----------------------------------------------------------------------------------

# One more than the venue began with; GENESIS has room for it.
grow() {
    deploy/keys.sh "$venue" 3 && shards=3 && change_all "$tag" || return
    touch "$venue/grown" && count_pods
    make_one shard-2 && start shard-2 && ready shard-2
}

move() { # SHARD: the symbol that shard 1 had
    zex admin close ACME-USD && until_it_is zex admin move ACME-USD "$1" &&
        zex admin resume ACME-USD && zex book ACME-USD
}
move_there() { move 2; }
move_back() { move 1; }

# ---- volumes ----------------------------------------------------------------------------------

lose() { strike "$1" && find "$venue/volumes/$1" -mindepth 1 -delete; } # POD

# The log alone, of a venue that runs: a journal survives a cut at any point, and while its
# process stands still a copy is such a cut.
backup() {
    mkdir "$venue/backup"
    # shellcheck disable=SC2015
    freeze sequencer-0 && cp -a "$venue/volumes/sequencer-0/sequencer" "$venue/backup/" &&
        thaw sequencer-0 || { said 1; return 1; }
    "$out/bin/zex" verify "$venue/backup" >"$venue/verify.log" 2>&1 ||
        { tail -n 3 "$venue/verify.log"; return 1; }
}

# After the test, as accepted commands are lost: who has seen them does not go on with this
# log. With their volumes empty all of it is computed anew.
restore() {
    local pod
    count_pods
    find "$venue/volumes/sequencer-0" -mindepth 1 -delete
    cp -a "$venue/backup/sequencer" "$venue/volumes/sequencer-0/" && start_all &&
        ended sequencer-0 15 || return
    for pod in $pods; do podman stop -t 30 "$net-$pod" >/dev/null 2>&1; done
    for pod in $pods; do
        [[ $pod == sequencer-0 ]] || find "$venue/volumes/$pod" -mindepth 1 -delete
    done
    start_all || return
    for pod in $pods; do ready "$pod" || return; done
    zex order buy BTC-USD 0.0001 50000 --as alice && stop_all && zex verify "$venue"
}
