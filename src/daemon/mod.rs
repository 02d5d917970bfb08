//! The daemon: supervisor, one task per connector, schedule, signals, systemd.
