//! The daemon: supervisor, one task per connector, schedule, signals, systemd.
//!
//! [`run`] reads the settings, builds everything without starting it (store, directory, control socket, metrics
//! listener), spawns it, and drains it when told to stop. The `supervisor` is the one loop; each connector has a task
//! (`connector`) that decides by a pure `machine` and a pure `timetable`; each run is a task of its own ([`run`]).
//!
//! Nothing here talks to a source or a target: that is the engine's business, which `wiring` hands its services.

#[cfg(test)]
mod answers_tests;
mod app;
mod backup;
#[cfg(test)]
mod changes_tests;
mod connector;
#[cfg(test)]
mod connector_tests;
mod doctor;
mod feed;
mod files;
mod fleet;
mod handle;
mod machine;
mod operations;
#[cfg(test)]
mod overdue_tests;
mod page;
mod records;
mod registry;
mod reload;
mod rhythm;
mod run;
mod supervisor;
#[cfg(test)]
mod supervisor_tests;
mod systemd;
#[cfg(test)]
mod telling_tests;
#[cfg(test)]
mod testing;
mod timetable;
mod token;
#[cfg(test)]
mod token_tests;
mod wiring;
mod wording;

use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use crate::config::diagnostic::Diagnostic;
use crate::store::{OpenError, StoreError};

/// Where the daemon begins.
#[derive(Debug)]
pub struct Options {
    /// usersyncd.yaml.
    pub config: PathBuf,
    /// Whether that file must exist; if not, a missing one is all defaults.
    pub config_must_exist: bool,
    /// A control socket that systemd made; without one the daemon makes its own.
    pub inherited: Option<UnixListener>,
}

/// Why the daemon did not start, or ended. The texts are whole sentences for an administrator.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// usersyncd.yaml is invalid. The diagnostics are all that is wrong with it.
    #[error("{}", .0.iter().map(|diagnostic| diagnostic.render(false)).collect::<Vec<_>>().join("\n"))]
    Settings(Vec<Diagnostic>),
    /// A newer version wrote the state.
    #[error("{0}")]
    Newer(String),
    /// The state directory cannot be used, or another daemon uses it.
    #[error("{0}")]
    State(#[from] StoreError),
    /// Something else that the daemon needs cannot be had: the directory, the socket, the listener, signals, logs.
    #[error("{0}")]
    Start(String),
    /// A listener ended although nobody stopped it; the daemon has drained and ended, to be started afresh.
    #[error("a listener ended although nobody stopped it ({0}); please report it")]
    ListenerEnded(String),
    /// A second signal came while the daemon was draining.
    #[error("stopped at once by a second signal; what was under way is settled by the next run")]
    StoppedNow,
}

impl DaemonError {
    /// The exit code: 78 (`EX_CONFIG` of sysexits.h) for invalid settings and for the state of a newer version, so that systemd
    /// does not start the daemon again and again (`RestartPreventExitStatus=78`), else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::Newer(_) => 78,
            Self::State(_) | Self::Start(_) | Self::ListenerEnded(_) | Self::StoppedNow => 1,
        }
    }
}

impl From<OpenError> for DaemonError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Newer(sentence) => Self::Newer(sentence),
            OpenError::Failed(sentence) => Self::Start(sentence),
        }
    }
}

/// Runs the daemon until a signal stops it. Starts logging for the whole process.
///
/// After [`DaemonError::StoppedNow`] tasks may still be busy: end the process without waiting for them
/// (`Runtime::shutdown_background`).
pub async fn run(options: Options) -> Result<(), DaemonError> {
    app::run(options).await
}
