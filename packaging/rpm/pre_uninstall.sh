# 0: it is removed, 1: an upgrade. The state and /etc/usersyncd stay.
if [ "$1" -eq 0 ]; then
    # Also where no systemd runs, as in an image that is being built.
    systemctl --no-reload disable usersyncd.socket usersyncd.service || true
    if [ -d /run/systemd/system ]; then systemctl stop usersyncd.socket usersyncd.service || true; fi
fi
exit 0
