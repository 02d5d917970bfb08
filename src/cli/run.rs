//! `run`: the daemon.

use super::arguments::ConfigFile;
use super::exit::{Exit, Failure};

/// Runs the daemon until it is told to stop.
pub(super) fn run(config: &ConfigFile) -> Result<Exit, Failure> {
    let (_path, _must_exist) = config.resolve();
    Err(Failure::new(Exit::Failed, "no daemon yet"))
}
