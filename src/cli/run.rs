//! `run`: the daemon.

use super::arguments::ConfigFile;
use super::exit::{Exit, Failure};
use super::no_runtime;
use crate::control::server;
use crate::daemon::{self, DaemonError, Options};

/// Runs the daemon until it is told to stop.
pub(super) fn run(config: &ConfigFile) -> Result<Exit, Failure> {
    let (config, config_must_exist) = config.resolve();
    // Before the runtime has threads, since it changes the environment.
    // A socket that nobody serves keeps its clients waiting, for each of whom systemd would start the daemon again at once if
    // this were an end for good.
    let inherited = server::inherited().map_err(|error| Failure::new(Exit::Failed, error))?;
    let waiting = inherited.as_ref().and_then(|socket| socket.try_clone().ok());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(no_runtime)?;
    let ended = runtime.block_on(daemon::run(Options { config, config_must_exist, inherited }));
    // Whatever is still busy was told to stop; waiting for it here could only keep the process from ending.
    runtime.shutdown_background();
    match ended {
        Ok(()) => Ok(Exit::Done),
        Err(error) => {
            let failure = failure(&error);
            if let (Exit::DaemonConfiguration, Some(socket)) = (failure.exit, waiting) {
                server::turn_away(&socket, &not_started(&error));
            }
            Err(failure)
        }
    }
}

/// What whoever waits at the socket is told: systemd does not start the daemon again by itself.
fn not_started(error: &DaemonError) -> String {
    format!(
        "the daemon does not start: {error}\nNothing was done. Correct this, and start it with `systemctl start usersyncd`"
    )
}

fn failure(error: &DaemonError) -> Failure {
    let exit = match error {
        DaemonError::Settings(_) | DaemonError::Newer(_) => Exit::DaemonConfiguration,
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_the_daemons() {
        for error in [
            DaemonError::Settings(Vec::new()),
            DaemonError::Newer(String::new()),
            DaemonError::StoppedNow,
            DaemonError::Start(String::new()),
        ] {
            assert_eq!(failure(&error).exit.code(), error.exit_code(), "{error:?}");
        }
    }
}
