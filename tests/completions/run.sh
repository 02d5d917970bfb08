#!/bin/sh
# Has bash, zsh and fish complete command lines of `usersyncd` with a daemon that runs, and without one. Called by
# `make test-completions` from the repository's root.
set -eu

cd "$(dirname "$0")/../.."
target=test-completions
. tests/live.sh

for each in python3 bash zsh fish; do need $each $each; done
build

"$bin/sandbox" okta --users 60 --groups 6 --memberships 200 --seed 5 >"$scratch/line" &
running="$! $running"
await grep -q '^okta stand-in on ' "$scratch/line" || fail "the stand-in did not start"
url=$(sed -n 's/^okta stand-in on \([^ ]*\) .*/\1/p' "$scratch/line")
(umask 077 && sed -n 's/.* token=\([^ ]*\) .*/\1/p' "$scratch/line" >"$scratch/token")

mkdir "$scratch/connectors.d"
for name in acme beta-europe; do
    cat >"$scratch/connectors.d/$name.yaml" <<YAML
source:
  okta:
    url: $url
    auth: { api_token: { file: $scratch/token } }
limits: { floor: 3 }
YAML
done
cat >"$scratch/usersyncd.yaml" <<YAML
state: state
control: { socket: control.sock }
metrics: { listen: off }
YAML
"$bin/usersyncd" run --config "$scratch/usersyncd.yaml" 2>"$scratch/daemon.log" &
running="$! $running"
socket=$scratch/control.sock
ctl() { "$bin/usersyncd" ctl --socket "$socket" "$@"; }
await ctl status acme || fail "the daemon did not start"

# Two runs, of which the second holds the leavers, and a plan that is kept.
ends_with() {
    expected=$1
    shift
    code=0
    ctl "$@" >"$scratch/said" 2>&1 || code=$?
    [ "$code" -eq "$expected" ] || fail "ctl $* ended with $code instead of $expected: $(cat "$scratch/said")"
}
ends_with 0 sync acme --wait
"$bin/sandbox" change "$url" '{"seed": 3, "suspend": 30}' >/dev/null || fail "the org could not be changed"
ends_with 5 sync acme --wait
ends_with 5 plan acme --out change-4711

"$bin/usersyncd" generate "$scratch/generated" || fail "the scripts cannot be written"
python3 tests/completions/shells.py "$bin" "$scratch/generated/completions" "$socket" ||
    fail "a shell does not complete as it should"
