#!/bin/sh
# Has systemd read the units and the drop-ins. It insists that the program of ExecStart exists, so copies name one that does.
set -eu
units=$(cd "$(dirname "$0")" && pwd)
fail() {
    echo "verify: $1" >&2
    exit 1
}
command -v systemd-analyze >/dev/null ||
    fail "systemd-analyze is missing; install it (Debian: apt-get install systemd)"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Verifies the copies in the scratch directory: no error, and not a word about them.
verify() {
    said=$(SYSTEMD_UNIT_PATH="$scratch:" systemd-analyze verify --man=no "$scratch/usersyncd.service" \
        "$scratch/usersyncd.socket" 2>&1) || fail "$1: $said"
    if echo "$said" | grep usersyncd; then fail "$1: see above"; fi
}

sed 's#^\(Exec[A-Za-z]*=\)/usr/bin/usersyncd#\1/bin/true#' "$units/usersyncd.service" >"$scratch/usersyncd.service"
cp "$units/usersyncd.socket" "$scratch/"
verify "the units"
mkdir "$scratch/usersyncd.service.d"
for drop_in in "$units"/drop-ins/*.conf; do
    # A type that this systemd does not know is what that drop-in warns of.
    [ "$(basename "$drop_in")" = notify-reload.conf ] && continue
    cp "$drop_in" "$scratch/usersyncd.service.d/"
    verify "$(basename "$drop_in")"
    rm "$scratch/usersyncd.service.d"/*
done
rmdir "$scratch/usersyncd.service.d"
# Tenths: 12 is an exposure of 1.2, and more fails.
exposure=$(systemd-analyze security --offline=true --threshold=12 --no-pager "$scratch/usersyncd.service" 2>/dev/null) ||
    fail "the service is more exposed than 1.2: $(echo "$exposure" | tail -n 1)"
echo "systemd accepts the units and every drop-in, exposure$(echo "$exposure" | tail -n 1 | sed 's/.*service//')"
