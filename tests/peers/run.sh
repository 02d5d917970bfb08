#!/bin/sh
# Lets programs that others wrote talk to the stand-ins: what they cannot read is no stand-in for the real thing.
# Called by `make test-peers` from the repository's root; needs python3 with venv, and PyPI on the first run.
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

cargo build --quiet --package sandbox --bin sandbox || fail "the stand-in does not build"

scratch=$(mktemp -d)
server=
cleanup() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

target_directory=${CARGO_TARGET_DIR:-target}
"$target_directory/debug/sandbox" okta --users 1500 --groups 60 --memberships 6000 --apps 3 --seed 5 >"$scratch/line" &
server=$!
tries=0
until grep -q '^okta stand-in on ' "$scratch/line"; do
    kill -0 "$server" 2>/dev/null || fail "the stand-in ended before it listened"
    tries=$((tries + 1))
    [ "$tries" -le 300 ] || fail "the stand-in did not listen within 30 seconds"
    sleep 0.1
done
url=$(sed -n 's/^okta stand-in on \([^ ]*\) .*/\1/p' "$scratch/line")
token=$(sed -n 's/.* token=\([^ ]*\) .*/\1/p' "$scratch/line")

# The SDK refuses plain http unless it is told that this is a test.
OKTA_TESTING_TESTINGDISABLEHTTPSCHECK=true "$peers/venv/bin/python" tests/peers/okta_sdk.py "$url" "$token" ||
    fail "Okta's SDK does not read the stand-in as it should"
