# 0: it is removed, 1: an upgrade. The state and /etc/usersyncd stay.
if [ "$1" -eq 0 ] && [ -d /run/systemd/system ]; then
    systemctl disable --now usersyncd.service usersyncd.socket || true
fi
exit 0
