#!/bin/sh
# Has groff, man and mandoc read the manual pages, and the index of man-db their first lines. Called by `make test-manual` from the
# repository's root.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"

fail() {
    echo "test-manual: $1" >&2
    exit 1
}

command -v cargo >/dev/null || fail "cargo is missing; install Rust from https://rustup.rs"
command -v groff >/dev/null || fail "groff is missing; install it (Debian: apt-get install groff)"
command -v man >/dev/null || fail "man is missing; install it (Debian: apt-get install man-db)"
command -v lexgrog >/dev/null || fail "lexgrog is missing; install it (Debian: apt-get install man-db)"
command -v mandoc >/dev/null || fail "mandoc is missing; install it (Debian: apt-get install mandoc)"

cargo build --quiet --workspace --bins || fail "the program does not build"
bin=${CARGO_TARGET_DIR:-$root/target}/debug

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$bin/usersyncd" generate "$scratch" || fail "the pages cannot be written"

said=$scratch/said
seen=0
for page in "$scratch"/man/*; do
    file=${page##*/}
    groff -man -Tutf8 -K utf8 -ww -z "$page" >"$said" 2>&1 || fail "groff does not read $file: $(cat "$said")"
    [ ! -s "$said" ] || fail "groff warns of $file: $(cat "$said")"
    # As lintian calls it.
    LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" >/dev/null 2>"$said" ||
        fail "man does not show $file: $(cat "$said")"
    [ ! -s "$said" ] || fail "man warns of $file: $(cat "$said")"
    # The pages have no date on purpose: the same version makes the same page.
    mandoc -T lint -W warning "$page" 2>&1 | grep -v 'missing date' >"$said" || true
    [ ! -s "$said" ] || fail "mandoc warns of $file: $(cat "$said")"
    name=${file%.*}
    lexgrog "$page" >"$said" 2>&1 || fail "the index does not understand the first line of $file: $(cat "$said")"
    grep -qF "\"$name - " "$said" || fail "the index knows $file by another name: $(cat "$said")"
    seen=$((seen + 1))
done
[ "$seen" -ge 35 ] || fail "there are only $seen pages"

# Examples stay line by line, in a column of 80.
LC_ALL=C.UTF-8 MANWIDTH=80 man -l "$scratch/man/usersyncd-ctl-approve.8" >"$scratch/shown"
grep -q '^ *usersyncd ctl hold 7 *$\|^ *usersyncd ctl hold 7  *look first$' "$scratch/shown" ||
    fail "the examples of usersyncd-ctl-approve(8) are not shown line by line: $(cat "$scratch/shown")"
LC_ALL=C.UTF-8 MANWIDTH=80 man -l "$scratch/man/usersyncd-connector.5" >"$scratch/shown"
grep -q "^ *display_name.*\|~ ' ' ~" "$scratch/shown" || fail "a template is not shown as it is written in usersyncd-connector(5)"
echo "$seen manual pages are good for groff, man, mandoc and lexgrog"
