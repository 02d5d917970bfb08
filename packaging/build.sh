#!/bin/sh
# Builds the .deb and the .rpm into target/packages: packaging/build.sh [PROFILE [VERSION]]. PROFILE is release unless said
# otherwise; the tests take dev, which is built anyway. VERSION is that of Cargo.toml unless said otherwise.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
profile=${1:-release}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
wanted=${2:-$version}
cargo=${CARGO:-cargo}
built=${CARGO_TARGET_DIR:-target}/$([ "$profile" = dev ] && echo debug || echo "$profile")
into=target/packages
mkdir -p "$into"

for tool in cargo-deb cargo-generate-rpm; do
    command -v "$tool" >/dev/null || { echo "package: $tool is missing; make tools installs it" >&2; exit 1; }
done
command -v python3 >/dev/null || { echo "package: python3 is missing; install it" >&2; exit 1; }
grep -q "^usersyncd ($version-1) " packaging/deb/changelog ||
    { echo "package: packaging/deb/changelog has no entry for $version-1, the version of Cargo.toml" >&2; exit 1; }

# What only tests unpack is built with everything else, which is built anyway: another choice of packages has other features.
[ "$profile" = dev ] && selection='--workspace --bins' || selection='--bin usersyncd'
# From this directory, so that .cargo/config.toml counts: it says how the program gives memory back.
# shellcheck disable=SC2086
"$cargo" build --quiet --locked --profile "$profile" $selection

# Man pages, completions and the schema are made by the program that they describe.
rm -rf target/generated
"$built/usersyncd" generate target/generated

# In a package, documents lie beside each other, and what they lead to elsewhere than in the source.
mkdir target/generated/doc
for page in README.md docs/*.md; do
    sed -e 's#](docs/#](#g' -e 's#](\.\./README\.md#](README.md#g' \
        -e 's#](\(\.\./\)*config/examples#](/usr/share/usersyncd/examples/connectors#g' \
        -e 's#](\(\.\./\)*packaging/monitoring#](/usr/share/usersyncd/monitoring#g' \
        -e 's#\[\(ARCHITECTURE\|CONTRIBUTING\)\.md\]([^)]*)#\1.md of the source#g' "$page" >"target/generated/doc/$(basename "$page")"
done

packaging/notices.py target/generated/doc/third-party-notices.txt

# Both tools package target/release; this stands for it, so that another profile can be packaged too.
rm -rf target/staged
mkdir -p target/staged/release
strip -o target/staged/release/usersyncd "$built/usersyncd"
export CARGO_TARGET_DIR="$root/target/staged"
# What only tests unpack need not be small.
[ "$profile" = release ] && fast='' payload=zstd || fast=--fast payload=gzip
"$cargo" deb --quiet $fast --no-build --deb-version "$wanted-1" --output "$into/"
"$cargo" generate-rpm --payload-compress "$payload" --set-metadata "version = \"$wanted\"" --output "$into/"
