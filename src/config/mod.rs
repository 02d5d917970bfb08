//! From YAML files to checked types: [`model`] says what a valid file means, the rest reads, checks and watches files.
//!
//! Nothing here talks to a network or to the store.

pub mod diagnostic;
pub mod model;

use std::path::{Path, PathBuf};

use diagnostic::{Checked, Diagnostic};
use model::{Connector, Settings};

/// Reads and checks `usersyncd.yaml`. A missing file is all defaults, unless `must_exist`.
#[allow(clippy::unimplemented, unused_variables, reason = "replaced shortly")]
#[must_use]
pub fn check_settings(path: &Path, must_exist: bool) -> Checked<Settings> {
    unimplemented!()
}

/// Reads and checks one connector file. Never follows a path out of what the file says, never reads secrets' contents
/// into the result; warns about secret files that others can read, and errs about ones that cannot be read.
#[allow(clippy::unimplemented, unused_variables, reason = "replaced shortly")]
#[must_use]
pub fn check_connector(path: &Path) -> Checked<Connector> {
    unimplemented!()
}

/// The `*.yaml` entries of a connectors directory, sorted by name, whatever they are (a directory named x.yaml is an
/// entry, and [`check_connector`] says what is wrong with it). Hidden files are left out.
#[allow(clippy::unimplemented, unused_variables, reason = "replaced shortly")]
pub fn connector_files(directory: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    unimplemented!()
}

/// The connector as YAML with every default filled in; secrets are named, never shown.
#[allow(clippy::unimplemented, unused_variables, reason = "replaced shortly")]
#[must_use]
pub fn effective_yaml(connector: &Connector) -> String {
    unimplemented!()
}

impl model::ScheduleSettings {
    /// The first time after `after` at which the schedule fires, without jitter.
    #[allow(clippy::unimplemented, unused_variables, reason = "replaced shortly")]
    #[must_use]
    pub fn next_after(&self, after: chrono::DateTime<chrono::Utc>) -> Option<chrono::DateTime<chrono::Utc>> {
        { let zoned = after.with_timezone(&self.timezone); self.cron.find_next_occurrence(&zoned, false).ok().map(|t| t.with_timezone(&chrono::Utc)) }
    }
}

impl model::SecretRef {
    /// Reads the secret now. The error is a sentence that names the place, never the secret.
    #[allow(clippy::unimplemented, unused_variables, reason = "replaced shortly")]
    pub fn read(&self) -> Result<secrecy::SecretString, String> {
        unimplemented!()
    }
}
