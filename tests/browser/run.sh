#!/bin/sh
# Opens the page of `usersyncd ctl run ID --html FILE` and the status page in a headless Chromium: what a browser refuses is
# no page.
# Called by `make test-browser` from the repository's root; needs chromium, chromedriver and python3 with venv, and PyPI
# on the first run. Leaves screenshots in target/browser.
set -eu

cd "$(dirname "$0")/../.."
target=test-browser
. tests/live.sh
browser=$root/target/browser

need python3 "python3 python3-venv"
need chromium chromium
need chromedriver chromium-driver

# The environment is made anew when the list of packages changes.
stamp=$browser/requirements.txt
if ! cmp -s tests/browser/requirements.txt "$stamp"; then
    rm -rf "$browser"
    mkdir -p "$browser"
    python3 -m venv "$browser/venv" ||
        fail "python3 cannot make a virtual environment; install venv (Debian: apt-get install python3-venv)"
    "$browser/venv/bin/pip" install --quiet --disable-pip-version-check -r tests/browser/requirements.txt ||
        fail "pip could not install tests/browser/requirements.txt; is PyPI reachable?"
    cp tests/browser/requirements.txt "$stamp"
fi

build

"$bin/sandbox" okta --users 120 --groups 12 --memberships 500 --seed 5 >"$scratch/line" &
running="$! $running"
await grep -q '^okta stand-in on ' "$scratch/line" || fail "the stand-in did not start"
url=$(sed -n 's/^okta stand-in on \([^ ]*\) .*/\1/p' "$scratch/line")
(umask 077 && sed -n 's/.* token=\([^ ]*\) .*/\1/p' "$scratch/line" >"$scratch/token")

mkdir "$scratch/connectors.d"
cat >"$scratch/connectors.d/acme.yaml" <<YAML
source:
  okta:
    url: $url
    auth: { api_token: { file: $scratch/token } }
limits: { floor: 3 }
YAML
# The daemon's settings, with the status page off, on or full.
settings() {
    cat >"$scratch/usersyncd.yaml" <<YAML
state: state
control: { socket: control.sock }
metrics: { listen: "127.0.0.1:0", page: $1 }
YAML
}
settings on
"$bin/usersyncd" run --config "$scratch/usersyncd.yaml" 2>"$scratch/daemon.log" &
running="$! $running"
export USERSYNCD_SOCKET="$scratch/control.sock"
await "$bin/usersyncd" ctl list || fail "the daemon did not start"

# Syncs a connector, and checks that it ends as it should: the exit code is that of `sync --wait`.
sync_ends_with() {
    code=0
    "$bin/usersyncd" ctl sync "$1" --wait >"$scratch/said" 2>&1 || code=$?
    [ "$code" -eq "$2" ] || fail "a sync of $1 ended with $code instead of $2: $(cat "$scratch/said")"
}
# The next request for users is refused: Okta takes the token for a wrong one.
refuse_once() {
    "$browser/venv/bin/python" - "$url" <<'PYTHON' || fail "the stand-in took no fault"
import sys, urllib.request
urllib.request.urlopen(sys.argv[1] + "/sandbox/fault", b"users=401,times=1", timeout=10)
PYTHON
}
change() { "$bin/sandbox" change "$url" "$1" >/dev/null || fail "the org could not be changed: $1"; }

change '{"user": "eve@example.com", "create": true, "profile": {"firstName": "Eve", "lastName": "Old"},
    "group": "jira-users", "create_group": true, "add_members": ["eve@example.com"]}'
sync_ends_with acme 0
# A run that fails.
refuse_once
sync_ends_with acme 1
# A run that applies some, with a name that would like to be more than a name, and holds the leavers.
change '{"user": "eve@example.com", "profile": {"lastName": "New",
    "displayName": "</pre><script>document.title=\"taken\"</script><img src=http://127.0.0.1:9/x onerror=\"document.title=1\"> \u202eeve"}}'
change '{"seed": 3, "add": 8, "rename": 4, "suspend": 40, "move_members": 6}'
sync_ends_with acme 5

for run in 1 3; do
    "$bin/usersyncd" ctl run "$run" --html "$scratch/run-$run.html" || fail "there is no page of run $run"
    "$bin/usersyncd" ctl run "$run" --json >"$scratch/run-$run.json" || fail "there is no report of run $run"
done

"$browser/venv/bin/python" tests/browser/page.py "$scratch" "$browser" || fail "the page is not as it should be"

# The status page: connectors in several states, and one with a longer history, and findings.
ctl() { "$bin/usersyncd" ctl "$@" || fail "ctl $* failed"; }
# Half a day away: nothing runs by itself meanwhile.
hour=$((($(date -u +%-H) + 12) % 24))
source="source: { okta: { url: '$url', auth: { api_token: { file: $scratch/token } } } }"
cat >"$scratch/connectors.d/staff.yaml" <<YAML
$source
schedule: { cron: "0 $hour * * *", timezone: Europe/Berlin, incremental: 1h }
mapping: { username: "staff-{{ profile.firstName | lower }}" }
groups: { rename: [{ match: "^(.+)$", to: "staff-\$1" }] }
limits: { leavers: off, memberships: off, groups: off, renames: off }
YAML
printf '%s\n' "$source" 'schedule: { cron: "30 '"$hour"' * * *" }' >"$scratch/connectors.d/resting.yaml"
printf '%s\n' "$source" 'schedule: { cron: "15 '"$hour"' * * *" }' >"$scratch/connectors.d/new.yaml"
printf '%s\n' "$source" 'schedule: { cron: "45 '"$hour"' * * *" }' >"$scratch/connectors.d/cloud.yaml"
printf '%s\n' "$source" 'scope: { users: { omit: [canary@example.com] } }' >"$scratch/connectors.d/broken.yaml"
# It says that a file is broken.
reload() { "$bin/usersyncd" ctl reload >/dev/null 2>&1 || true; }
reload
ctl pause resting >/dev/null
for seed in 11 12 13 14 15 16 17 18 19 20 21 22; do
    change "{\"seed\": $seed, \"add\": $((seed % 4)), \"suspend\": $((seed % 3)), \"move_members\": 5}"
    case $seed in
    15) refuse_once && sync_ends_with staff 1 ;;
    *) sync_ends_with staff 0 ;;
    esac
done
refuse_once && sync_ends_with cloud 1

ctl --json list >"$scratch/list.json"
ctl --json holds >"$scratch/holds.json"
ctl --json directory users >"$scratch/users.json"
ctl --json directory groups >"$scratch/groups.json"
for name in acme staff; do ctl --json history "$name" >"$scratch/history-$name.json"; done
last=$(sed -n 's/.*"run": *\([0-9]*\).*/\1/p' "$scratch/history-staff.json" | head -n 1)
ctl --json run "$last" >"$scratch/staff.json"
address=$(ctl --json status | sed -n 's/.*"metrics": *"\([^"]*\)".*/\1/p')
for page in on full off; do
    settings "$page"
    reload
    "$browser/venv/bin/python" tests/browser/status.py "$scratch" "$browser" "$address" "$page" ||
        fail "the status page is not as it should be (metrics.page: $page)"
done
echo "the status page works in Chromium; pictures are in $browser"
