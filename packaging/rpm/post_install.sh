# After an upgrade and before the restart: what the new version makes of the files that are in force. It looks as the service does,
# with the user, the groups and the environment of process $1: root reads more, and has neither the credentials nor what drop-ins
# set. Nothing of that environment comes onto a command line. Where a tool for it is missing, it looks as root.
check_configuration() {
    uid=$(stat -c %u "/proc/$1" 2>/dev/null) || uid=
    gid=$(stat -c %g "/proc/$1" 2>/dev/null) || gid=
    groups=$(sed -n 's/^Groups:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null | sed 's/[[:space:]]*$//; s/[[:space:]]/,/g') || groups=
    groups=${groups:-$gid}
    code=0
    as="setpriv --reuid=$uid --regid=$gid --groups=$groups --no-new-privs"
    if [ -r "/proc/$1/environ" ] && command -v bash >/dev/null && setsid --wait $as true; then
        # The process may have written anything into its environment, so whoever reads it has its rights by then, no terminal,
        # and no way back.
        # shellcheck disable=SC2016,SC2086
        said=$(env -i NO_COLOR=1 PATH=/usr/sbin:/usr/bin:/sbin:/bin setsid --wait $as bash -c '
            while IFS= read -r -d "" pair; do export "$pair" 2>/dev/null || true; done <&3
            exec /usr/bin/timeout 60 /usr/bin/usersyncd check 3<&-
        ' 3<"/proc/$1/environ" </dev/null 2>&1) || code=$?
    else
        said=$(NO_COLOR=1 timeout 60 /usr/bin/usersyncd check 2>&1) || code=$?
    fi 2>/dev/null
    [ "$code" -eq 0 ] || {
        echo "$said"
        echo "usersyncd: this version does not accept the configuration (usersyncd check ended with $code, see above)."
        echo "usersyncd: after the restart, connectors with a broken file do not run, and their targets stay as they are;"
        echo "usersyncd: with a broken usersyncd.yaml the daemon does not start. Correct the files; \`usersyncd check\` says the same."
    } >&2
}

# 1: a first installation, 2: an upgrade.
systemd-sysusers usersyncd.conf || true
systemd-tmpfiles --create usersyncd.conf || true
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
if [ "$1" -eq 1 ]; then
    # Whether it starts by itself is for the presets of the host to say.
    systemctl preset usersyncd.socket usersyncd.service || true
else
    pid=$(systemctl show --property=MainPID --value usersyncd.service 2>/dev/null) || pid=
    if [ "${pid:-0}" -ne 0 ]; then check_configuration "$pid"; fi
    if [ -d /run/systemd/system ]; then systemctl try-restart usersyncd.service || true; fi
fi
exit 0
