//! What a target must offer (a reader, and apart from it a writer), and the targets there are, one folder each.
//!
//! A target decides nothing: it reads what is asked for to the end, and it does what an approved plan says. What it can do
//! is data ([`Capabilities`]), which the heart uses; nothing outside of this room asks which target it is.

mod account;
pub mod atlassian_cloud;
pub mod bitbucket;
mod capabilities;
pub mod confluence;
mod create_once;
pub mod crowd;
pub mod directory;
mod interest;
pub mod jira;
mod one_by_one;
mod password;
mod said;
pub mod scim;
mod server;

pub use capabilities::{Capabilities, Further, Listing, NameRules, Pace};
pub use interest::{Interest, Wanted};

use std::sync::Arc;

use async_trait::async_trait;
use compact_str::CompactString;

use crate::config::model::{Product, ServerSettings, TargetSettings};
use crate::http::Shared;
use crate::sync::model::{GroupAttributes, SourceId, TargetId, TargetSnapshot, UserAttributes};
use crate::sync::progress::RunControl;
use crate::sync::rules::Protected;

/// What the target of these settings can do; nothing is asked of it.
#[must_use]
pub fn capabilities_of(settings: &TargetSettings) -> Capabilities {
    match settings {
        TargetSettings::Directory => directory::CAPABILITIES,
        TargetSettings::Server(server) => match server.product {
            Product::Scim => scim::CAPABILITIES,
            Product::AtlassianCloud => atlassian_cloud::CAPABILITIES,
            Product::Crowd => crowd::CAPABILITIES,
            Product::Jira => jira::CAPABILITIES,
            Product::Confluence => confluence::CAPABILITIES,
            Product::Bitbucket => bitbucket::CAPABILITIES,
        },
    }
}

/// A product over the network as reader and writer.
#[must_use]
pub fn open(settings: &ServerSettings, shared: &Shared) -> (Arc<dyn Reader>, Arc<dyn Writer>) {
    match settings.product {
        Product::Scim => scim::open(settings, shared),
        Product::AtlassianCloud => atlassian_cloud::open(settings, shared),
        Product::Jira => jira::open(settings, shared),
        Product::Confluence => confluence::open(settings, shared),
        Product::Bitbucket => bitbucket::open(settings, shared),
        Product::Crowd => crowd::open(settings, shared),
    }
}

/// What a target let somebody do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The account that signed in, if the target says whose it is.
    pub account: Option<CompactString>,
    /// What could be read, as the object of a sentence.
    pub read: &'static str,
    /// What reading does not prove, as the begin of a sentence whose end is that only a write proves it.
    pub unproven: Option<&'static str>,
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
    async fn protected(&self, _control: &RunControl) -> Result<Protected, TargetError> {
        Ok(Protected::default())
    }
    /// Signs in and reads a little that needs rights which a sync needs, for `doctor`; writes nothing. The default is for
    /// what nobody can refuse.
    async fn try_out(&self, _control: &RunControl) -> Result<Rights, TargetError> {
        Ok(Rights::default())
    }
    /// Whether it reads everything, whatever is of interest.
    fn reads_everything(&self) -> bool {
        false
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
    /// How many batches may be under way at once. Some of them may wait for their turn to send.
    fn at_once(&self) -> usize {
        1
    }
}

/// A product that carries out one write with each call: what a [`Writer`] needs follows from it.
#[async_trait]
trait WriteOne: Reader {
    /// Carries out one write.
    async fn write_one(&self, write: &Write, control: &RunControl) -> Result<Written, WriteError>;
    /// How many writes wait for one of the lanes beside those that are under way, so that none is empty while answers are
    /// booked.
    fn waiting(&self) -> usize {
        self.capabilities().pace.at_once
    }
}

#[async_trait]
impl<Product: WriteOne> Writer for Product {
    async fn write(&self, batch: &[Write], control: &RunControl) -> Vec<Result<Written, WriteError>> {
        let mut answers = Vec::with_capacity(batch.len());
        for write in batch {
            answers.push(self.write_one(write, control).await);
        }
        answers
    }

    fn batch_size(&self) -> usize {
        1
    }

    fn at_once(&self) -> usize {
        self.capabilities().pace.at_once + self.waiting()
    }
}

/// An object of the target, by its id and by the name that it bears now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: TargetId,
    /// Its name: some APIs know nothing else.
    pub name: CompactString,
}

/// One change to one object, with all ids and names resolved.
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
        user: Named,
        /// The source's id, where the account is taken over: kept by targets that can.
        source: Option<SourceId>,
        /// What it was last seen to hold.
        before: UserAttributes,
        /// What it should hold.
        attributes: UserAttributes,
    },
    /// Enable or disable a user.
    SetActive {
        /// Whom.
        user: Named,
        /// True to enable.
        active: bool,
    },
    /// Delete a user, with its memberships. One that is not there is deleted already.
    DeleteUser {
        /// Whom.
        user: Named,
        /// The groups that it is known to be a member of.
        groups: Vec<Named>,
    },
    /// Create a group.
    CreateGroup {
        /// The source's id, kept by targets that can.
        source: SourceId,
        /// What it should hold.
        attributes: GroupAttributes,
        /// Who is to be in it from the beginning, where the target can ([`Written::Filled`] says so); else it is created empty.
        members: Vec<Named>,
    },
    /// Change a group's attributes.
    UpdateGroup {
        /// Which.
        group: Named,
        /// The source's id, where the group is taken over: kept by targets that can.
        source: Option<SourceId>,
        /// What it was last seen to hold.
        before: GroupAttributes,
        /// What it should hold.
        attributes: GroupAttributes,
    },
    /// Delete a group. One that is not there is deleted already; one that has members is not deleted.
    DeleteGroup {
        /// Which.
        group: Named,
    },
    /// Add and remove members of one group.
    ChangeMembers {
        /// Which group.
        group: Named,
        /// Who comes.
        added: Vec<Named>,
        /// Who goes.
        removed: Vec<Named>,
    },
}

/// What a write that succeeded returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// Done, or it was so already.
    Done,
    /// Created under this id, a group without members.
    Created(TargetId),
    /// Created under this id, a group with all the members that it was to have.
    Filled(TargetId),
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
    /// True if it was never sent: the run was cancelled before, or nothing could succeed any more.
    pub unsent: bool,
}

impl From<TargetError> for WriteError {
    /// Who cannot reach the target at all can write nothing.
    fn from(error: TargetError) -> Self {
        Self::fatal(error.to_string())
    }
}

impl WriteError {
    /// It was refused, and nothing was done; others may succeed.
    #[must_use]
    pub fn refused(message: String) -> Self {
        Self { message, fatal: false, uncertain: false, unsent: false }
    }

    /// It was not done, and nothing else can be either.
    #[must_use]
    pub fn fatal(message: String) -> Self {
        Self { message, fatal: true, uncertain: false, unsent: false }
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
