# 1: a first installation, 2: an upgrade.
systemd-sysusers usersyncd.conf || true
systemd-tmpfiles --create usersyncd.conf || true
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
if [ "$1" -eq 1 ]; then
    # Whether it starts by itself is for the presets of the host to say.
    systemctl preset usersyncd.socket usersyncd.service || true
else
    code=0
    # Only of a service that runs are the credentials there.
    if systemctl --quiet is-active usersyncd.service 2>/dev/null; then
        said=$(NO_COLOR=1 timeout 60 /usr/bin/usersyncd check 2>&1) || code=$?
    fi
    if [ "$code" -ne 0 ]; then
        echo "$said"
        echo "usersyncd: this version does not accept the configuration (usersyncd check ended with $code, see above)."
        echo "usersyncd: after the restart, connectors with a broken file do not run, and their targets stay as they are;"
        echo "usersyncd: with a broken usersyncd.yaml the daemon does not start. Correct the files; \`usersyncd check\` says the same."
    fi
    if [ -d /run/systemd/system ]; then systemctl try-restart usersyncd.service || true; fi
fi
exit 0
