#!/bin/sh
# Shows the main job on this machine alone: a stand-in for Okta, the daemon, two syncs, and a look around.
# `make quickstart` builds and runs it. ONCE=1: ends by itself. USERS, GROUPS, MEMBERSHIPS: the size of the org.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
bin=${CARGO_TARGET_DIR:-$here/target}/debug
# Not GROUPS: some shells set that themselves.
users=${USERS:-1000} groups=${GROUP_COUNT:-60} memberships=${MEMBERSHIPS:-12000}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/usersyncd-quickstart.XXXXXX")
okta_pid= daemon_pid=

stop() {
    [ -z "$daemon_pid" ] || { kill "$daemon_pid" 2>/dev/null && wait "$daemon_pid" 2>/dev/null; } || true
    [ -z "$okta_pid" ] || { kill "$okta_pid" 2>/dev/null && wait "$okta_pid" 2>/dev/null; } || true
    rm -rf "$scratch"
}
trap stop EXIT
trap 'echo; echo "Stopping."; exit 0' INT TERM

title() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
fail() {
    echo "quickstart: $*" >&2
    echo "The daemon's log:" >&2
    tail -n 20 "$scratch/daemon.log" >&2 2>/dev/null || true
    exit 1
}
# Waits until the command given succeeds, for 30 seconds at most.
await() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || return 1
        sleep 0.1
    done
}

title "A stand-in for Okta, with $users users and $groups groups"
"$bin/sandbox" okta --users "$users" --groups "$groups" --memberships "$memberships" --seed 7 >"$scratch/okta.line" &
okta_pid=$!
await grep -q '^okta stand-in on ' "$scratch/okta.line" || fail "the stand-in did not start"
url=$(sed -n 's/^okta stand-in on \([^ ]*\) .*/\1/p' "$scratch/okta.line")
(umask 077 && sed -n 's/.* token=\([^ ]*\) .*/\1/p' "$scratch/okta.line" >"$scratch/okta-token")
echo "It listens on $url."

title "A connector file"
mkdir "$scratch/connectors.d"
cat >"$scratch/connectors.d/acme.yaml" <<YAML
source:
  okta:
    url: $url
    auth:
      api_token: { file: $scratch/okta-token }

schedule:
  cron: "*/5 * * * *"
YAML
cat >"$scratch/usersyncd.yaml" <<YAML
state: state
control: { socket: control.sock }
metrics: { listen: "127.0.0.1:0" }
YAML
cat "$scratch/connectors.d/acme.yaml"
"$bin/usersyncd" check --config "$scratch/usersyncd.yaml" || fail "the configuration is not right"

title "The daemon"
"$bin/usersyncd" run --config "$scratch/usersyncd.yaml" 2>"$scratch/daemon.log" &
daemon_pid=$!
export USERSYNCD_SOCKET="$scratch/control.sock"
await "$bin/usersyncd" ctl list || fail "the daemon did not start"
"$bin/usersyncd" ctl list

title "What would a sync do? (usersyncd ctl plan acme)"
"$bin/usersyncd" ctl plan acme >"$scratch/plan.txt" && status=0 || status=$?
[ "$status" -eq 4 ] || fail "plan ended with $status, not with 4 (changes are pending)"
head -n 16 "$scratch/plan.txt"

title "The first sync (usersyncd ctl sync acme --wait)"
"$bin/usersyncd" ctl sync acme --wait || fail "the first sync failed"

title "Users and groups of the directory"
"$bin/usersyncd" ctl directory users >"$scratch/users.txt"
head -n 8 "$scratch/users.txt"
"$bin/usersyncd" ctl directory groups >"$scratch/groups.txt"
head -n 8 "$scratch/groups.txt"

title "The org changes"
"$bin/sandbox" change "$url" '{"seed": 3, "add": 3, "rename": 4, "suspend": 2, "deactivate": 1, "move_members": 5}'

title "The second sync: only what changed is applied"
"$bin/usersyncd" ctl sync acme --wait || fail "the second sync failed"
"$bin/usersyncd" ctl history acme

title "What is running where"
cat <<TEXT
Okta stand-in   $url
connector       $scratch/connectors.d/acme.yaml   (edit it: the daemon sees it; it syncs every five minutes)
directory       sqlite3 $scratch/state/directory.db 'SELECT * FROM members LIMIT 5'
log             $scratch/daemon.log
metrics         $("$bin/usersyncd" ctl status --json | sed -n 's/.*"metrics": *"\([^"]*\)".*/\1/p' | head -n 1)

Look around, in another terminal:
  export USERSYNCD_SOCKET=$scratch/control.sock PATH=$bin:\$PATH
  usersyncd ctl status acme
  usersyncd ctl run 2
  sandbox change $url '{"suspend": 300}'      # too many leavers: the next sync holds them
  usersyncd ctl plan acme
  usersyncd ctl explain acme $(sed -n '2s/ .*//p' "$scratch/users.txt")      # why is this user in?
TEXT
if [ -n "${ONCE:-}" ]; then
    exit 0
fi
echo "
Ctrl-C stops everything and removes the scratch directory."
wait "$daemon_pid"
