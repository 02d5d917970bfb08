#!/bin/sh
# What packaging/monitoring ships, against a real Prometheus: the rules and their unit tests, and every query of rules and
# dashboard over the metrics of a daemon that has seen good and bad runs. Called by `make test-monitoring` from the
# repository's root; needs prometheus (with promtool) and python3. Talks to loopback only.
set -eu

cd "$(dirname "$0")/../.."
target=test-monitoring
. tests/live.sh
files=$root/packaging/monitoring

need python3 python3
need prometheus prometheus
need promtool prometheus
build

promtool check rules "$files/usersyncd.rules.yml" >"$scratch/said" 2>&1 ||
    fail "promtool does not take the rules: $(cat "$scratch/said")"
sed "s|/etc/prometheus/|$files/|" "$files/scrape.yml" >"$scratch/scrape.yml"
promtool check config "$scratch/scrape.yml" >"$scratch/said" 2>&1 ||
    fail "promtool does not take scrape.yml: $(cat "$scratch/said")"
# Takes a while, so the rest goes on meanwhile.
promtool test rules "$files/usersyncd.rules.test.yml" >"$scratch/rules" 2>&1 &
rules=$!
running="$rules $running"

"$bin/sandbox" okta --users 120 --groups 12 --memberships 500 --seed 5 --window 1000 >"$scratch/okta" &
running="$! $running"
"$bin/sandbox" product scim >"$scratch/scim" &
running="$! $running"
await grep -q '^okta stand-in on ' "$scratch/okta" || fail "the stand-in of Okta did not start"
await grep -q ' on http' "$scratch/scim" || fail "the stand-in of a SCIM service did not start"
okta_url=$(sed -n 's/^okta stand-in on \([^ ]*\) .*/\1/p' "$scratch/okta")
scim_url=$(sed -n 's/.* on \([^ ]*\) .*/\1/p' "$scratch/scim")
(
    umask 077
    sed -n 's/.* token=\([^ ]*\).*/\1/p' "$scratch/okta" >"$scratch/okta-token"
    sed -n 's/.* token=\([^ ]*\).*/\1/p' "$scratch/scim" >"$scratch/scim-token"
    echo no-such-token >"$scratch/wrong-token"
)

mkdir "$scratch/connectors.d"
# No scheduled run comes during the test, which would take away a fault that is meant for a sync of its own.
never="0 3 1 1 *"
source="source: { okta: { url: $okta_url, auth: { api_token: { file: $scratch/okta-token } } } }"
cat >"$scratch/connectors.d/acme.yaml" <<YAML
$source
schedule: { cron: "$never", incremental: 10m }
limits: { floor: 3 }
YAML
# It is synced to a product as well, and a third connector is not let in there.
for each in shop:scim-token locked:wrong-token; do
    cat >"$scratch/connectors.d/${each%:*}.yaml" <<YAML
$source
target: { scim: { url: "$scim_url", token: { file: $scratch/${each#*:} } } }
schedule: { cron: "$never" }
YAML
done
cat >"$scratch/usersyncd.yaml" <<YAML
state: state
control: { socket: control.sock }
metrics: { listen: "127.0.0.1:0" }
notify: { command: [/bin/true] }
YAML
"$bin/usersyncd" run --config "$scratch/usersyncd.yaml" 2>"$scratch/daemon.log" &
running="$! $running"
export USERSYNCD_SOCKET="$scratch/control.sock"
await "$bin/usersyncd" ctl list || fail "the daemon did not start"
metrics=$(sed -n 's|.*http://\(127\.0\.0\.1:[0-9]*\).*|\1|p' "$scratch/daemon.log" | head -n 1)
[ -n "$metrics" ] || fail "the daemon does not say where its metrics are"

cat >"$scratch/prometheus.yml" <<YAML
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ["$files/usersyncd.rules.yml"]
scrape_configs:
  - job_name: usersyncd
    static_configs: [{ targets: ["$metrics"] }]
YAML
prometheus --config.file="$scratch/prometheus.yml" --storage.tsdb.path="$scratch/tsdb" \
    --web.listen-address=127.0.0.1:0 --log.level=info 2>"$scratch/prometheus.log" &
running="$! $running"
listens='.*Listening on" address=\(127\.0\.0\.1:[0-9]*\).*'
await grep -q "$listens" "$scratch/prometheus.log" || fail "Prometheus did not start"
address=$(sed -n "s/$listens/\1/p" "$scratch/prometheus.log" | head -n 1)
# The first look of all: what only changes from here on has a beginning in the records.
python3 tests/monitoring/check.py seen "$address" || fail "Prometheus does not scrape the daemon"

# Syncs, and checks that it ends as it should: the exit code is that of `sync --wait`.
sync_ends_with() {
    expected=$1
    shift
    code=0
    "$bin/usersyncd" ctl sync "$@" --wait >"$scratch/said" 2>&1 || code=$?
    [ "$code" -eq "$expected" ] || fail "sync $* ended with $code instead of $expected: $(cat "$scratch/said")"
}
change() { "$bin/sandbox" change "$okta_url" "$1" >/dev/null || fail "the org could not be changed: $1"; }
fault() {
    python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1] + "/sandbox/fault", sys.argv[2].encode(), timeout=10)' \
        "$okta_url" "$1" || fail "the stand-in took no fault: $1"
}

sync_ends_with 0 acme
sync_ends_with 0 shop
sync_ends_with 1 locked
# Okta takes the token for a wrong one, once.
fault users=401,times=1
sync_ends_with 1 acme
# Somebody else uses up a limit, and a page is not there.
fault users=429,times=1
fault groups=503,times=1
change '{"seed": 3, "add": 8, "rename": 4, "move_members": 6}'
sync_ends_with 0 acme
change '{"seed": 4, "add": 2}'
sync_ends_with 0 acme --incremental
# More leave than the limits allow.
change '{"seed": 5, "suspend": 40}'
sync_ends_with 5 acme
# What should be the members of a group is no JSON: that run is partial.
change '{"seed": 6, "move_members": 4}'
fault members=half-json,times=1000
sync_ends_with 6 shop
# Reads the configuration, which is broken.
rejected() {
    code=0
    "$bin/usersyncd" ctl reload >"$scratch/said" 2>&1 || code=$?
    [ "$code" -eq 3 ] || fail "the broken file was taken: $(cat "$scratch/said")"
}
# First usersyncd.yaml, which has an alert of its own as long as no connector file is broken.
cp "$scratch/usersyncd.yaml" "$scratch/good"
echo 'no_such_key: 1' >>"$scratch/usersyncd.yaml"
rejected
python3 tests/monitoring/check.py alert "$address" UsersyncdConfigurationRejected || fail "no alert on usersyncd.yaml"
cp "$scratch/good" "$scratch/usersyncd.yaml"
echo 'source: {}' >"$scratch/connectors.d/broken.yaml"
rejected

python3 -c 'import sys, urllib.request; print(urllib.request.urlopen("http://" + sys.argv[1] + "/metrics", timeout=10).read().decode(), end="")' \
    "$metrics" >"$scratch/metrics" || fail "the metrics cannot be read"
code=0
promtool check metrics <"$scratch/metrics" >"$scratch/said" 2>&1 || code=$?
if [ "$code" -ne 0 ] || [ -s "$scratch/said" ]; then fail "promtool check metrics: $(cat "$scratch/said")"; fi

python3 tests/monitoring/check.py all "$address" "$scratch/metrics" ||
    fail "what packaging/monitoring ships does not fit what the daemon shows"

code=0
wait "$rules" || code=$?
running=$(echo " $running " | sed "s/ $rules / /")
[ "$code" -eq 0 ] || fail "promtool test rules: $(cat "$scratch/rules")"
