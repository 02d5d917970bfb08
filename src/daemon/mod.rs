//! The daemon: supervisor, one task per connector, schedule, signals, systemd.

mod connector;
#[cfg(test)]
mod connector_tests;
mod feed;
mod handle;
mod machine;
mod run;
#[cfg(test)]
mod testing;
mod timetable;
mod wording;
