#!/bin/bash
# What happens in the container of tests/system/run.sh: a person installs the package, follows README, and lives with it.
set -u
cd /opt/usersyncd-test || exit 1
export NO_COLOR=1 LC_ALL=C

step() { echo "== $1"; }
give_up() {
    echo "FAILED: $1"
    systemctl status usersyncd.service usersyncd.socket --no-pager -l 2>&1 | head -n 40
    journalctl --no-pager -n 60 -u usersyncd.service -u usersyncd.socket 2>&1
    exit 1
}
# Runs a command that must end with 0, or with what `expect CODE` says.
must() { expect 0 "$@"; }
expect() {
    local wanted=$1 code=0
    shift
    "$@" >out 2>&1 || code=$?
    [ "$code" -eq "$wanted" ] || { cat out; give_up "ended with $code instead of $wanted: $*"; }
}
said() { grep -qF -- "$1" out || { cat out; give_up "it did not say: $1"; }; }
is() { [ "$1" = "$2" ] || give_up "$3: it is '$1' and should be '$2'"; }
# Waits until a command succeeds, for 60 seconds at most.
await() {
    local tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || give_up "it never came true: $*"
        sleep 0.1
    done
}
property() { systemctl show usersyncd.service -p "$1" --value; }
journal() { journalctl --no-pager -q -o json -u usersyncd.service "$@"; }
status_is() { property StatusText | grep -qF -- "$1"; }
sudo() { "$@"; }

step "the package installs, and its units run"
must dpkg -i previous.deb
must systemctl is-active usersyncd.socket usersyncd.service
must systemctl is-enabled usersyncd.socket usersyncd.service
is "$(stat -c "%a %G" /run/usersyncd/control.sock)" "660 usersyncd" "the socket"
is "$(stat -c '%a %U' /var/lib/usersyncd)" "700 usersyncd" "the state directory"
is "$(find /etc/usersyncd -name '*.yaml' -path '*connectors.d*')" "" "live connectors of the package"
must usersyncd ctl list
must usersyncd check

step "systemd accepts the units, and says how exposed the service is"
must systemd-analyze verify usersyncd.service usersyncd.socket
[ ! -s out ] || { cat out; give_up "systemd-analyze verify has something to say"; }
must systemd-analyze security --no-pager --threshold=12 usersyncd.service
grep 'Overall exposure' out

step "README leads to a first sync"
./sandbox okta --users 300 --groups 20 --memberships 900 --seed 5 >line &
okta=$!
await grep -q '^okta stand-in on ' line
url=$(sed -n 's/^okta stand-in on \([^ ]*\) .*/\1/p' line)
token=$(sed -n 's/.* token=\([^ ]*\) .*/\1/p' line)
# The commands of the numbered steps, and the first file; a stand-in takes the place of the org.
sed -n '/^## The first connector/,/^## Operating/p' README.md >chapter
awk '/^ *```/ { fenced = !fenced; next } !fenced && /^       [a-z]/ { sub(/^ +/, ""); print }' chapter >commands
awk '/^ *```yaml/ { fenced = 1; next } /^ *```/ { if (fenced) exit } fenced' chapter | sed 's/^   //' >acme.yaml
grep -q '^ *domain: your-org.okta.com$' acme.yaml || give_up "README's first file is not the one that this test knows"
sed -i "s#domain: your-org.okta.com#url: $url#" acme.yaml
[ "$(wc -l <commands)" -ge 8 ] || { cat commands; give_up "README's commands were not found"; }
# As on hosts where root's files are nobody else's.
umask 077
while read -r -u 3 command; do
    case $command in
    *"cat > /etc/usersyncd/okta-token"*) eval "$command" <<<"$token" || give_up "README: $command" ;;
    *"ctl status"*)
        await status_is "1 connector"
        eval "must $command"
        ;;
    *"ctl plan"*) eval "expect 4 ${command%%#*}" ;;
    *) eval "must ${command%%#*}" ;;
    esac
done 3<commands
umask 022
must usersyncd ctl sync acme --wait
is "$(usersyncd ctl directory users --json | grep -c '"username"')" "$(usersyncd ctl --json status acme | sed -n 's/.*"users": \([0-9]*\),.*/\1/p' | head -n 1)" "users in the directory"
expect 0 usersyncd ctl plan acme

step "secrets are where only the daemon sees them"
is "$(stat -c '%a %U' /etc/usersyncd/okta-token)" "600 root" "the token"
credential=/run/credentials/usersyncd.service/okta-token
is "$(stat -c '%a' $credential)" "400" "the credential"
must cat $credential
expect 1 runuser -u nobody -- cat $credential
pid=$(property MainPID)
is "$(sed -n 's/^Max core file size *\([0-9]*\) .*/\1/p' "/proc/$pid/limits")" "0" "the limit of core dumps"
tr '\0' '\n' <"/proc/$pid/environ" | grep -qF "$token" && give_up "the token is in the environment"
grep -rqF "$token" /var/lib/usersyncd && give_up "the token is in the state"
journalctl --no-pager -q | grep -qF "$token" && give_up "the token is in the journal"
rm -f /etc/usersyncd/okta-token
must bash -c "printf %s '$token' | systemd-creds encrypt --name=okta-token - /etc/usersyncd/okta-token.cred"
must install -m 644 /usr/share/usersyncd/examples/drop-ins/credentials-encrypted.conf \
    /etc/systemd/system/usersyncd.service.d/credentials.conf
must systemctl daemon-reload
must systemctl restart usersyncd
must usersyncd ctl sync acme --wait

must usersyncd ctl doctor acme
grep -i 'socket\|TLS\|disk' out | head -n 5

# Another secret counts after a restart, and not before.
must bash -c "printf %s 00wrong | systemd-creds encrypt --name=okta-token - /etc/usersyncd/okta-token.cred"
must usersyncd ctl sync acme --wait
must systemctl restart usersyncd
expect 1 usersyncd ctl sync acme --wait
said "401"
must bash -c "printf %s '$token' | systemd-creds encrypt --name=okta-token - /etc/usersyncd/okta-token.cred"
must systemctl restart usersyncd
must usersyncd ctl sync acme --wait

step "the sandbox lets through what is documented and nothing else"
# A command that is told of runs tries to write where it may, and where it may not.
printf '%s\n' '#!/bin/sh' 'cat >/var/lib/usersyncd/told' 'echo x >/etc/usersyncd/forbidden || echo x >/home/forbidden ||' \
    'echo x >/var/forbidden || touch /var/lib/usersyncd/kept-out' >/usr/local/bin/tell
chmod 755 /usr/local/bin/tell
printf 'notify: { on: [failed, recovered, first_success], command: [/usr/local/bin/tell] }\n' >>/etc/usersyncd/usersyncd.yaml
must systemctl reload usersyncd
must curl --silent --show-error --fail --data 'users=403,times=1' "$url/sandbox/fault"
expect 1 usersyncd ctl sync acme --wait
await test -e /var/lib/usersyncd/kept-out
grep -q '"outcome":"failed"' /var/lib/usersyncd/told || give_up "the command was not told of the failed run"
must usersyncd ctl sync acme --wait
# Each drop-in that the package brings starts a service that syncs; systemd 252 does not know the type of one of them.
for drop_in in addresses proxy; do
    must install -m 644 -t /etc/systemd/system/usersyncd.service.d "/usr/share/usersyncd/examples/drop-ins/$drop_in.conf"
    must systemctl daemon-reload
    must systemctl restart usersyncd
    must usersyncd ctl sync acme --wait
    rm "/etc/systemd/system/usersyncd.service.d/$drop_in.conf"
done
must systemctl daemon-reload
must systemctl restart usersyncd

step "systemd is told what happens"
is "$(property Type)" "notify" "the type"
is "$(property ActiveState)" "active" "the state"
# What alerts stand on is there within the sandbox too.
must curl --silent --show-error --fail http://127.0.0.1:9845/metrics
for metric in start_time_seconds open_fds max_fds resident_memory_bytes cpu_seconds_total; do
    said "process_$metric "
done
status_is "1 connector" || give_up "STATUS is '$(property StatusText)'"
must systemctl reload usersyncd
echo 'source: {}' >/etc/usersyncd/connectors.d/broken.yaml
expect 1 systemctl reload usersyncd
is "$(property ActiveState)" "active" "the state after a reload that found a broken file"
status_is "config" || give_up "STATUS does not tell of the broken file: '$(property StatusText)'"
rm /etc/usersyncd/connectors.d/broken.yaml
must systemctl reload usersyncd
journal PRIORITY=6 USERSYNCD_CONNECTOR=acme USERSYNCD_RUN=1 >entries
grep -q '"SYSLOG_IDENTIFIER":"usersyncd"' entries || give_up "the journal has no fields of run 1"

step "the socket is for root and the group, and outlives the daemon"
must useradd --no-create-home --groups usersyncd keeper
must useradd --no-create-home stranger
must runuser -u keeper -- usersyncd ctl pause acme
must runuser -u keeper -- usersyncd ctl resume acme
expect 8 runuser -u stranger -- usersyncd ctl list
said "usermod -aG usersyncd"
journal | grep -qF "uid $(id -u keeper)" || give_up "the journal does not say who asked"
must systemctl stop usersyncd.service
[ -S /run/usersyncd/control.sock ] || give_up "the socket went with the service"
must usersyncd ctl list
must systemctl is-active usersyncd.service

must groupadd operators
mkdir -p /etc/systemd/system/usersyncd.socket.d
printf '[Socket]\nSocketGroup=operators\n' >/etc/systemd/system/usersyncd.socket.d/group.conf
must systemctl daemon-reload
must systemctl restart usersyncd.socket
must usersyncd ctl list
must systemctl restart usersyncd.service
is "$(stat -c "%a %G" /run/usersyncd/control.sock)" "660 operators" "the socket of another group"
rm -r /etc/systemd/system/usersyncd.socket.d
must systemctl daemon-reload
must systemctl restart usersyncd.socket
must usersyncd ctl list

step "a killed daemon comes back and finishes what it began"
./sandbox change "$url" '{"seed": 3, "add": 600, "rename": 5}' >/dev/null || give_up "the org could not be changed"
before=$(property NRestarts)
# So slow that the run is busy when it is killed.
must curl --silent --show-error --fail --data 'users=delay:20000,times=1' "$url/sandbox/fault"
usersyncd ctl sync acme --wait >/dev/null 2>&1 &
syncing=$!
await bash -c 'usersyncd ctl --json status acme | grep -q "\"state\": \"running\""'
must systemctl kill -s KILL usersyncd
wait $syncing
await bash -c "[ \"\$(systemctl show usersyncd.service -p NRestarts --value)\" -gt $before ]"
await systemctl is-active usersyncd.service
journal | grep -qF "were cut short" || give_up "the killed run was not noticed"
must usersyncd ctl sync acme --wait
expect 0 usersyncd ctl plan acme

step "a daemon that hangs is replaced"
mkdir -p /run/systemd/system/usersyncd.service.d
printf '[Service]\nWatchdogSec=2s\nTimeoutAbortSec=2s\n' >/run/systemd/system/usersyncd.service.d/watchdog.conf
must systemctl daemon-reload
must systemctl restart usersyncd
hung=$(property MainPID)
must systemctl kill -s STOP usersyncd
await bash -c "[ \"\$(systemctl show usersyncd.service -p MainPID --value)\" != $hung ] && systemctl is-active usersyncd.service"
journalctl --no-pager -q _PID=1 -u usersyncd.service | grep -qi 'watchdog timeout' || give_up "systemd saw no watchdog timeout"
rm /run/systemd/system/usersyncd.service.d/watchdog.conf
must systemctl daemon-reload

step "an invalid configuration is no reason to start again and again"
cp /etc/usersyncd/usersyncd.yaml kept.yaml
echo 'nonsense: 1' >>/etc/usersyncd/usersyncd.yaml
expect 1 systemctl restart usersyncd
is "$(property ExecMainStatus)" "78" "the exit code"
is "$(property Result)" "exit-code" "the result"
# A service that systemd means to start again is "auto-restart" here.
is "$(property SubState)" "failed" "what systemd means to do next"
# Whoever asks meanwhile is told why, and does not wear out the socket.
for _ in $(seq 30); do
    expect 7 usersyncd ctl list
    said "nonsense"
done
for _ in $(seq 30); do usersyncd ctl list >/dev/null 2>&1 & asking+=($!); done
wait "${asking[@]}"
is "$(property SubState)" "failed" "the state after questions"
must systemctl is-active usersyncd.socket
cp kept.yaml /etc/usersyncd/usersyncd.yaml
must systemctl start usersyncd
must usersyncd ctl list

step "a backup is taken while it works, and brings a lost state back"
must usersyncd ctl backup /root/usersyncd.tar
is "$(stat -c %a /root/usersyncd.tar)" "600" "the backup"
must systemctl stop usersyncd.socket usersyncd.service
echo junk >/var/lib/usersyncd/state.db-wal
rm -f /var/lib/usersyncd/*.db /var/lib/usersyncd/*.db-wal /var/lib/usersyncd/*.db-shm
must tar -xf /root/usersyncd.tar -C /var/lib/usersyncd state.db directory.db
must chown -R usersyncd:usersyncd /var/lib/usersyncd
must systemctl start usersyncd
expect 0 usersyncd ctl plan acme

step "an upgrade keeps files and state, restarts, and says what it does not like"
echo '# edited by an administrator' >>/etc/usersyncd/usersyncd.yaml
echo 'source: {}' >/etc/usersyncd/connectors.d/broken.yaml
# What only the service's environment has is there for the check too.
sed 's/credential: okta-token/env: OKTA_ENV/' acme.yaml >/etc/usersyncd/connectors.d/second.yaml
printf '[Service]\nEnvironment=OKTA_ENV=%s\n' "$token" >/etc/systemd/system/usersyncd.service.d/environment.conf
must systemctl daemon-reload
must systemctl restart usersyncd
old=$(property MainPID)
socket=$(stat -c %i /run/usersyncd/control.sock)
must dpkg -i --force-confdef --force-confold present.deb
is "$(stat -c %i /run/usersyncd/control.sock)" "$socket" "the socket, which an upgrade leaves alone"
said "this version does not accept the configuration"
said "broken.yaml:1"
grep -q 'OKTA_ENV' out && give_up "the check misses the environment of the service"
rm /etc/usersyncd/connectors.d/broken.yaml /etc/usersyncd/connectors.d/second.yaml
rm /etc/systemd/system/usersyncd.service.d/environment.conf
must systemctl daemon-reload
[ "$(property MainPID)" != "$old" ] || give_up "the service was not restarted"
must systemctl is-active usersyncd.socket usersyncd.service
grep -q 'edited by an administrator' /etc/usersyncd/usersyncd.yaml || give_up "the edited file was replaced"
must systemctl reload usersyncd
expect 0 usersyncd ctl plan acme
must dpkg -i --force-confdef --force-confold present.deb
grep -q 'does not accept' out && give_up "a good configuration is complained about"

step "what is removed leaves files and state, what is purged only what is the administrator's"
must dpkg -r usersyncd
[ ! -e /run/usersyncd/control.sock ] || give_up "the socket is still there"
[ -f /var/lib/usersyncd/state.db ] && [ -f /etc/usersyncd/usersyncd.yaml ] || give_up "a removal took files or state"
must dpkg -i present.deb
grep -q 'does not accept' out && give_up "a service that did not run is judged by credentials that are not there"
expect 0 usersyncd ctl plan acme
must usersyncd check
must dpkg -P usersyncd
said "/etc/usersyncd/connectors.d/acme.yaml"
[ ! -e /var/lib/usersyncd ] && [ ! -e /etc/usersyncd/usersyncd.yaml ] || give_up "a purge left state or its own files"
[ -f /etc/usersyncd/connectors.d/acme.yaml ] && [ -f /etc/usersyncd/okta-token.cred ] || give_up "a purge took files of the administrator"
is "$(systemctl list-unit-files 'usersyncd*' --no-legend | grep -v usersyncd-test)" "" "units that are left"

step "the .rpm lives as the .deb does"
must userdel keeper
must userdel usersyncd
getent group usersyncd >/dev/null && must groupdel usersyncd
# What it needs is there, under the names of another distribution.
package_manager() { rpm --dbpath /var/lib/rpm-of-test --nodeps "$@"; }
must package_manager --install previous.rpm
must systemctl is-enabled usersyncd.socket usersyncd.service
expect 3 systemctl is-active usersyncd.service
must systemctl start usersyncd.service
is "$(stat -c "%a %G" /run/usersyncd/control.sock)" "660 usersyncd" "the socket"
is "$(stat -c '%a %U' /var/lib/usersyncd)" "700 usersyncd" "the state directory"
await status_is "1 connector"
must usersyncd ctl sync acme --wait
echo '# edited by an administrator' >>/etc/usersyncd/usersyncd.yaml
echo 'source: {}' >/etc/usersyncd/connectors.d/broken.yaml
old=$(property MainPID)
socket=$(stat -c %i /run/usersyncd/control.sock)
must package_manager --upgrade present.rpm
said "this version does not accept the configuration"
said "broken.yaml:1"
rm /etc/usersyncd/connectors.d/broken.yaml
is "$(stat -c %i /run/usersyncd/control.sock)" "$socket" "the socket, which an upgrade leaves alone"
[ "$(property MainPID)" != "$old" ] || give_up "the service was not restarted"
must systemctl is-enabled usersyncd.socket usersyncd.service
must systemctl reload usersyncd
grep -q 'edited by an administrator' /etc/usersyncd/usersyncd.yaml || give_up "the edited file was replaced"
expect 0 usersyncd ctl plan acme
must package_manager --erase usersyncd
[ ! -e /run/usersyncd/control.sock ] || give_up "the socket is still there"
[ -f /var/lib/usersyncd/state.db ] && [ -f /etc/usersyncd/usersyncd.yaml.rpmsave ] && [ -f /etc/usersyncd/connectors.d/acme.yaml ] ||
    give_up "a removal took files or state"
is "$(systemctl list-unit-files 'usersyncd*' --no-legend | grep -v usersyncd-test)" "" "units that are left"

kill $okta
echo "all is as it should be"
