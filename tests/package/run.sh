#!/bin/sh
# Builds both packages from the program of the tests and has lintian and rpm look at them. Called by `make test-package` from the
# repository's root; needs lintian and rpm.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"

fail() {
    echo "test-package: $1" >&2
    exit 1
}

command -v lintian >/dev/null || fail "lintian is missing; install it (Debian: apt-get install lintian)"
command -v rpm >/dev/null || fail "rpm is missing; install it (Debian: apt-get install rpm)"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
packaging/build.sh dev
deb=target/packages/usersyncd_$version-1_$(dpkg --print-architecture).deb
rpm=target/packages/usersyncd-$version-1.$(uname -m).rpm

# Tags that stand for a choice are overridden in the package itself, where their reason stands.
lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$deb" || fail "lintian has something to say"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
dpkg-deb --contents "$deb" | awk '{ print $6 }' | sed 's#^\.##; s#/$##' | sort >"$scratch/deb"
rpm -qpl "$rpm" 2>/dev/null | sort >"$scratch/rpm"

# What a person looks for is in both.
for path in /usr/bin/usersyncd /etc/usersyncd/usersyncd.yaml /etc/usersyncd/connectors.d/acme.yaml.example \
    /usr/share/usersyncd/connector.schema.json /usr/share/usersyncd/monitoring/usersyncd.rules.yml \
    /usr/share/usersyncd/monitoring/usersyncd.dashboard.json /usr/lib/sysusers.d/usersyncd.conf \
    /usr/share/bash-completion/completions/usersyncd /usr/share/fish/vendor_completions.d/usersyncd.fish \
    /usr/share/doc/usersyncd/operations.md /usr/share/usersyncd/examples/drop-ins/credentials.conf \
    /usr/share/usersyncd/examples/connectors/minimal.yaml /usr/share/doc/usersyncd/changelog \
    /usr/share/doc/usersyncd/third-party-notices.txt; do
    for list in deb rpm; do
        grep -qx "$path\(\.gz\)\?" "$scratch/$list" || fail "the .$list has no $path"
    done
done
for page in man8/usersyncd.8 man8/usersyncd-ctl-sync.8 man5/usersyncd.yaml.5 man5/usersyncd-connector.5; do
    grep -qx "/usr/share/man/$page.gz" "$scratch/deb" || fail "the .deb has no page $page"
    grep -qx "/usr/share/man/$page\(\.gz\)\?" "$scratch/rpm" || fail "the .rpm has no page $page"
done

# Links between the documents lead somewhere.
dpkg-deb --extract "$deb" "$scratch/tree"
for page in "$scratch"/tree/usr/share/doc/usersyncd/*.md; do
    for link in $(grep -o '](\([^)#]*\)' "$page" | sed 's/](//' | grep -v '^https\?:' | sort -u); do
        case $link in /*) place=$scratch/tree$link ;; *) place=$(dirname "$page")/$link ;; esac
        [ -e "$place" ] || fail "$(basename "$page") leads to $link, which is not in the package"
    done
done

# No connector that would run, and nothing under /etc that an upgrade overwrites.
if grep -h '^/etc/usersyncd/connectors.d/.*\.yaml$' "$scratch/deb" "$scratch/rpm"; then
    fail "a package has a connector that would run"
fi
dpkg-deb --ctrl-tarfile "$deb" | tar -xO ./conffiles | sort >"$scratch/conffiles"
rpm -qpc "$rpm" 2>/dev/null | sort >"$scratch/rpm-conffiles"
printf '%s\n' /etc/usersyncd/connectors.d/acme.yaml.example /etc/usersyncd/usersyncd.yaml >"$scratch/wanted"
for list in conffiles rpm-conffiles; do
    diff "$scratch/wanted" "$scratch/$list" >&2 || fail "these are not the files that an administrator may edit ($list)"
done
for script in packaging/rpm/*.sh; do sh -n "$script" || fail "$script is no shell script"; done
for script in packaging/deb/postinst packaging/rpm/post_install.sh; do
    sed -n '/^check_configuration() {$/,/^}$/p' "$script" >"$scratch/check-of-$(basename "$(dirname "$script")")"
done
[ -s "$scratch/check-of-deb" ] || fail "packaging/deb/postinst does not check the configuration"
diff "$scratch/check-of-deb" "$scratch/check-of-rpm" >&2 || fail "the packages do not check the configuration alike"
echo "both packages have what they should: $(wc -l <"$scratch/deb") and $(wc -l <"$scratch/rpm") paths"
