//! What a target must offer (a reader, and apart from it a writer), and the targets there are: [`directory`].
//!
//! A target decides nothing: it reads everything, and it does what an approved plan says.

pub mod directory;

use async_trait::async_trait;
use compact_str::CompactString;

use crate::sync::model::{GroupAttributes, SourceId, TargetId, TargetSnapshot, UserAttributes};
use crate::sync::progress::RunControl;
use crate::sync::rules::Protected;

/// What a target can do, as data. `diff` and `check` use it; nothing asks which target it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// A user can get another username.
    pub rename_users: bool,
    /// A group can get another name.
    pub rename_groups: bool,
    /// Names that differ only in case are the same.
    pub names_ignore_case: bool,
    /// The longest user or group name, in characters.
    pub longest_name: usize,
    /// A user can be deleted.
    pub delete_users: bool,
    /// A group can be deleted.
    pub delete_groups: bool,
    /// Whoever deletes what was just created loses nothing by it: no content, no permissions hang on a user or group.
    pub deletes_without_loss: bool,
}

impl Capabilities {
    /// The form in which the target compares names.
    #[must_use]
    pub fn name_key(&self, name: &str) -> CompactString {
        if self.names_ignore_case {
            CompactString::from(name.to_lowercase())
        } else {
            CompactString::from(name)
        }
    }
}

/// Reads a target.
#[async_trait]
pub trait Reader: Send + Sync {
    /// Where the target is; a ledger belongs to it (RULES 1). Two connectors with an equal address share an apply lock.
    fn address(&self) -> String;
    /// What it can do.
    fn capabilities(&self) -> Capabilities;
    /// What is never touched there, whatever the connector file says: the account that the daemon signs in with, and the
    /// groups of administrators (RULES 7).
    fn protected(&self) -> Protected {
        Protected::default()
    }
    /// Reads all users, groups and members, to the end or not at all.
    async fn read(&self, control: &RunControl) -> Result<TargetSnapshot, TargetError>;
}

/// Writes a target.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Carries out one batch and answers once per write, in the same order. Each write is idempotent in effect: what is
    /// already so is done. What is answered as done is durable.
    async fn write(&self, batch: &[Write]) -> Vec<Result<Written, WriteError>>;
    /// How many writes a batch may hold.
    fn batch_size(&self) -> usize;
}

/// One change to one object, with all ids resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Create a user.
    CreateUser {
        /// The source's id, kept by targets that can.
        source: SourceId,
        /// What it should hold.
        attributes: UserAttributes,
        /// False for an account that cannot sign in.
        active: bool,
    },
    /// Change a user's attributes.
    UpdateUser {
        /// Whom.
        target: TargetId,
        /// What it should hold.
        attributes: UserAttributes,
    },
    /// Enable or disable a user.
    SetActive {
        /// Whom.
        target: TargetId,
        /// True to enable.
        active: bool,
    },
    /// Delete a user, with its memberships. One that is not there is deleted already.
    DeleteUser {
        /// Whom.
        target: TargetId,
    },
    /// Create a group.
    CreateGroup {
        /// The source's id, kept by targets that can.
        source: SourceId,
        /// What it should hold.
        attributes: GroupAttributes,
    },
    /// Change a group's attributes.
    UpdateGroup {
        /// Which.
        target: TargetId,
        /// What it should hold.
        attributes: GroupAttributes,
    },
    /// Delete a group. One that is not there is deleted already; one that has members is not deleted.
    DeleteGroup {
        /// Which.
        target: TargetId,
    },
    /// Add and remove members of one group.
    ChangeMembers {
        /// Which group.
        group: TargetId,
        /// Who comes.
        added: Vec<TargetId>,
        /// Who goes.
        removed: Vec<TargetId>,
    },
}

/// What a write that succeeded returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// Done, or it was so already.
    Done,
    /// Created under this id.
    Created(TargetId),
    /// Members were changed, except these, each with the reason.
    Members {
        /// Who was neither added nor removed.
        failed: Vec<(TargetId, String)>,
    },
}

/// Why a write was not done. The text is a whole sentence for an administrator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WriteError {
    /// What failed, on what, what was not done.
    pub message: String,
    /// True if nothing else can succeed either (disk full, credentials gone): the run stops applying.
    pub fatal: bool,
}

/// Why a target could not be read. The texts are whole sentences for an administrator.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It could not be read, or not to the end.
    #[error("{0}")]
    Unreadable(String),
    /// The run was cancelled.
    #[error("the run was cancelled while reading the target; nothing was changed")]
    Cancelled,
}
