//! What a target must offer (a reader, and apart from it a writer), and the targets there are, one folder each.
//!
//! A target decides nothing: it reads what is asked for to the end, and it does what an approved plan says. What it can do
//! is data ([`Capabilities`]), which the heart uses; nothing outside of this room asks which target it is.

mod capabilities;
pub mod directory;
mod interest;

pub use capabilities::{Capabilities, Listing, NameRules, Pace};
pub use interest::{Interest, Wanted};

use async_trait::async_trait;

use crate::sync::model::{GroupAttributes, SourceId, TargetId, TargetSnapshot, UserAttributes};
use crate::sync::progress::RunControl;
use crate::sync::rules::Protected;

/// Reads a target.
#[async_trait]
pub trait Reader: Send + Sync {
    /// Where the target is; a ledger belongs to it (RULES 1). Two connectors with an equal address share an apply lock.
    fn address(&self) -> String;
    /// What it can do.
    fn capabilities(&self) -> Capabilities;
    /// What is never touched there, whatever the connector file says: the account that the daemon signs in with, and the
    /// groups of administrators (RULES 7).
    async fn protected(&self, _control: &RunControl) -> Result<Protected, TargetError> {
        Ok(Protected::default())
    }
    /// Reads users, groups and members, to the end or not at all; at least those of interest.
    async fn read(&self, interest: &Interest, control: &RunControl) -> Result<TargetSnapshot, TargetError>;
}

/// Writes a target.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Carries out one batch and answers once per write, in the same order. Each write is idempotent in effect: what is
    /// already so is done. What is answered as done is durable.
    async fn write(&self, batch: &[Write], control: &RunControl) -> Vec<Result<Written, WriteError>>;
    /// How many writes a batch may hold.
    fn batch_size(&self) -> usize;
    /// How many batches may be under way at once.
    fn at_once(&self) -> usize {
        1
    }
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
    /// True if the target may have carried it out all the same: no answer came. The next run looks.
    pub uncertain: bool,
}

impl WriteError {
    /// It was refused, and nothing was done; others may succeed.
    #[must_use]
    pub fn refused(message: String) -> Self {
        Self { message, fatal: false, uncertain: false }
    }

    /// It was not done, and nothing else can be either.
    #[must_use]
    pub fn fatal(message: String) -> Self {
        Self { message, fatal: true, uncertain: false }
    }
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
