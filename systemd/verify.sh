#!/bin/sh
# Has systemd read the unit. It insists that the program of ExecStart exists, so a copy names one that does.
set -eu
unit=$(dirname "$0")/usersyncd.service
command -v systemd-analyze >/dev/null || {
    echo "verify: systemd-analyze is missing; install it (Debian: apt-get install systemd)" >&2
    exit 1
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sed 's#^ExecStart=/usr/bin/usersyncd#ExecStart=/bin/true#' "$unit" >"$scratch/usersyncd.service"
said=$(systemd-analyze verify --man=no "$scratch/usersyncd.service" 2>&1) || {
    echo "$said" >&2
    exit 1
}
if echo "$said" | grep -q usersyncd.service; then
    echo "$said" >&2
    exit 1
fi
echo "systemd accepts usersyncd.service"
