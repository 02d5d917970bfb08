#!/bin/sh
# Boots systemd in a container over a copy of this host that nobody else sees, installs the package there, and lives through what
# an administrator meets: tests/system/inside.sh. Called by `make test-system` from the repository's root; needs root, and the
# packages that it names. Everything stays in the container, whose network is its own loopback. PROFILE=release has it live with
# the program that is delivered; the one of the other tests, which is built anyway, is what it takes otherwise.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"

fail() {
    echo "test-system: $1" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || fail "systemd in a container needs root; run it as root"
command -v systemd-nspawn >/dev/null ||
    fail "systemd-nspawn is missing; install it (Debian: apt-get install systemd-container)"
command -v rpm >/dev/null || fail "rpm is missing; install it (Debian: apt-get install rpm)"
command -v dpkg >/dev/null || fail "dpkg is missing; this test needs a Debian host"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
architecture=$(dpkg --print-architecture)
# One program, under this version and under an older one.
packaging/build.sh "${PROFILE:-dev}" 0.0.9
packaging/build.sh "${PROFILE:-dev}" "$version"
cargo build --quiet --workspace --bins || fail "a stand-in does not build"

scratch=$(mktemp -d)
cleanup() {
    umount "$scratch/host" 2>/dev/null || true
    umount "$scratch/changes" 2>/dev/null || true
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

mkdir "$scratch/host" "$scratch/changes"
mount -t tmpfs -o size=2g none "$scratch/changes"
mkdir "$scratch/changes/upper" "$scratch/changes/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/changes/upper,workdir=$scratch/changes/work" "$scratch/host" ||
    fail "an overlay over / cannot be mounted"

# What container images have and hosts do not: nothing may start, and nobody needs documentation.
rm -f "$scratch/host/usr/sbin/policy-rc.d" "$scratch/host"/etc/dpkg/dpkg.cfg.d/*
host=$scratch/host/opt/usersyncd-test
mkdir -p "$host"
cp target/packages/usersyncd_0.0.9-1_"$architecture".deb "$host/previous.deb"
cp target/packages/usersyncd_"$version"-1_"$architecture".deb "$host/present.deb"
cp "target/packages/usersyncd-0.0.9-1.$(uname -m).rpm" "$host/previous.rpm"
cp "target/packages/usersyncd-$version-1.$(uname -m).rpm" "$host/present.rpm"
cp "${CARGO_TARGET_DIR:-target}/debug/sandbox" README.md tests/system/inside.sh "$host/"
cat >"$scratch/host/etc/systemd/system/usersyncd-test.service" <<'UNIT'
[Unit]
Wants=basic.target dbus.service
After=basic.target dbus.service
[Service]
Type=oneshot
ExecStart=/bin/bash /opt/usersyncd-test/inside.sh
StandardOutput=file:/opt/usersyncd-test/said
StandardError=inherit
# The container ends with the test.
ExecStopPost=/bin/systemctl --no-block exit 0
UNIT

timeout 300 systemd-nspawn --register=no --keep-unit --private-network --quiet --boot --directory "$scratch/host" \
    -- --unit=usersyncd-test.service </dev/null >"$scratch/boot.log" 2>&1 || true
[ -f "$host/said" ] || { tail -n 40 "$scratch/boot.log" >&2; fail "the container did not come to the test"; }
cat "$host/said"
grep -qx 'all is as it should be' "$host/said" || fail "see above; the container's log is not kept"
