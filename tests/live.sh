# What the scripts share that test a running daemon. Sourced from the repository's root, with `target` set to the name of the
# make target; sets root, bin and scratch, and ends what stands in `running` when the script ends.

root=$(pwd)
bin=${CARGO_TARGET_DIR:-$root/target}/debug
scratch=$(mktemp -d)
running=

# Ends the script with a sentence, and with the last lines of every log in the scratch directory.
fail() {
    echo "$target: $1" >&2
    for log in "$scratch"/*.log; do
        if [ -s "$log" ]; then tail -n 20 "$log" >&2; fi
    done
    exit 1
}

# What was started last ends first.
cleanup() {
    for each in $running; do kill "$each" 2>/dev/null && wait "$each" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# need PROGRAM PACKAGES: fails with what to install if the program is missing.
need() {
    command -v "$1" >/dev/null || fail "$1 is missing; install it (Debian: apt-get install $2)"
}

build() {
    command -v cargo >/dev/null || fail "cargo is missing; install Rust from https://rustup.rs"
    cargo build --quiet --workspace --bins || fail "the program or a stand-in does not build"
}

# Waits until the command given succeeds, for 60 seconds at most.
await() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || return 1
        sleep 0.1
    done
}
