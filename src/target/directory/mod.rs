//! The built-in directory: users, groups and memberships in a SQLite file that anybody may read while the daemon runs.

use std::path::Path;

use async_trait::async_trait;

use super::{Capabilities, Reader, TargetError, Write, WriteError, Writer, Written};
use crate::control::api::{DirectoryGroup, DirectoryUser};
use crate::sync::model::TargetSnapshot;
use crate::sync::progress::RunControl;

/// A handle to the built-in directory, cheap to clone; all connectors share one.
#[derive(Clone, Debug)]
pub struct Directory;

#[allow(clippy::unimplemented, unused_variables, clippy::unused_async, reason = "replaced shortly")]
impl Directory {
    /// Opens (or makes) `DIRECTORY/directory.db`.
    pub async fn open(directory: &Path) -> Result<Self, TargetError> {
        unimplemented!()
    }
    /// All users, sorted by name.
    pub async fn users(&self) -> Result<Vec<DirectoryUser>, TargetError> {
        unimplemented!()
    }
    /// All groups, sorted by name.
    pub async fn groups(&self) -> Result<Vec<DirectoryGroup>, TargetError> {
        unimplemented!()
    }
    /// Usernames of a group's members, sorted; none if there is no such group.
    pub async fn members(&self, group: &str) -> Result<Option<Vec<String>>, TargetError> {
        unimplemented!()
    }
}

#[async_trait]
#[allow(clippy::unimplemented, unused_variables, reason = "replaced shortly")]
impl Reader for Directory {
    fn address(&self) -> String {
        unimplemented!()
    }
    fn capabilities(&self) -> Capabilities {
        unimplemented!()
    }
    async fn read(&self, control: &RunControl) -> Result<TargetSnapshot, TargetError> {
        unimplemented!()
    }
}

#[async_trait]
#[allow(clippy::unimplemented, unused_variables, reason = "replaced shortly")]
impl Writer for Directory {
    async fn write(&self, batch: &[Write]) -> Vec<Result<Written, WriteError>> {
        unimplemented!()
    }
    fn batch_size(&self) -> usize {
        256
    }
}
