#!/bin/sh
# Lets programs that others wrote talk to the stand-ins: what they cannot work with is no stand-in for the real thing. Lets the
# daemon keep a SCIM server that others wrote, and schemathesis try the control socket. Called by `make test-peers` from the repository's root; needs python3 with
# venv, and PyPI on the first run.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
peers=$root/target/peers
cd "$root"

fail() {
    echo "test-peers: $1" >&2
    exit 1
}

command -v python3 >/dev/null || fail "python3 is missing; install it (Debian: apt-get install python3 python3-venv)"
command -v cargo >/dev/null || fail "cargo is missing; install Rust from https://rustup.rs"

# The environment is made anew when the list of packages changes.
stamp=$peers/requirements.txt
if ! cmp -s tests/peers/requirements.txt "$stamp"; then
    rm -rf "$peers"
    mkdir -p "$peers"
    python3 -m venv "$peers/venv" ||
        fail "python3 cannot make a virtual environment; install venv (Debian: apt-get install python3-venv)"
    "$peers/venv/bin/pip" install --quiet --disable-pip-version-check -r tests/peers/requirements.txt ||
        fail "pip could not install tests/peers/requirements.txt; is PyPI reachable?"
    cp tests/peers/requirements.txt "$stamp"
fi
python=$peers/venv/bin/python

cargo build --quiet --workspace --bins || fail "the daemon or a stand-in does not build"
programs=${CARGO_TARGET_DIR:-target}/debug

scratch=$(mktemp -d)
server=
stop() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    server=
}
cleanup() {
    stop
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Starts a stand-in and waits until it says where it is: sets url, and user, password and token where it has them.
start() {
    stop
    "$programs/sandbox" "$@" >"$scratch/line" &
    server=$!
    tries=0
    until grep -q ' stand-in on ' "$scratch/line"; do
        kill -0 "$server" 2>/dev/null || fail "the stand-in ended before it listened: $*"
        tries=$((tries + 1))
        [ "$tries" -le 300 ] || fail "the stand-in did not listen within 30 seconds: $*"
        sleep 0.1
    done
    url=$(sed -n 's/^[a-z]* stand-in on \([^ ]*\) .*/\1/p' "$scratch/line")
    user=$(sed -n 's/.* user=\([^ ]*\).*/\1/p' "$scratch/line")
    password=$(sed -n 's/.* password=\([^ ]*\).*/\1/p' "$scratch/line")
    token=$(sed -n 's/.* token=\([^ ]*\).*/\1/p' "$scratch/line")
}

start okta --users 1500 --groups 60 --memberships 6000 --apps 3 --seed 5
# The SDK refuses plain http unless it is told that this is a test.
OKTA_TESTING_TESTINGDISABLEHTTPSCHECK=true "$python" tests/peers/okta_sdk.py "$url" "$token" ||
    fail "Okta's SDK does not read the stand-in as it should"

start product scim
SCIM_CLI_HEADERS="Authorization: Bearer $token" "$peers/venv/bin/scim2" --url "$url" test >"$scratch/scim" 2>&1 ||
    { cat "$scratch/scim" >&2; fail "scim2-tester finds the SCIM stand-in wrong"; }
echo "scim2-tester finds nothing wrong with the SCIM stand-in"

start product crowd
"$python" tests/peers/crowd_client.py "$url" "$user" "$password" ||
    fail "the PyPI package Crowd does not work with the stand-in"

start product jira
"$python" tests/peers/jira_clients.py "$url" "$user" "$password" "$token" ||
    fail "the PyPI packages jira and atlassian-python-api do not work with the stand-in for Jira"

start product confluence
"$python" tests/peers/confluence_client.py "$url" "$user" "$password" "$token" ||
    fail "the PyPI package atlassian-python-api does not work with the stand-in for Confluence"

start product bitbucket
"$python" tests/peers/bitbucket_client.py "$url" "$user" "$password" ||
    fail "the PyPI package atlassian-python-api does not work with the stand-in for Bitbucket"
stop

"$python" tests/peers/scim_life.py "$programs/usersyncd" "$programs/sandbox" "$peers/venv/bin/scim2-server" ||
    fail "the daemon does not keep scim2-server as it should"

"$python" tests/peers/socket_api.py "$programs/usersyncd" "$programs/sandbox" "$peers/venv/bin/schemathesis" ||
    fail "the control socket is not as its description says"
