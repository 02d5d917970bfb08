//! What a source must offer, and the sources there are: [`okta`]. [`sharing`] lets several connectors read as one;
//! [`cache`] is what earlier reads showed.
//!
//! A source only reads. It knows nothing of targets, plans or the store.

pub mod cache;
pub mod okta;
pub mod sharing;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use std::collections::BTreeSet;

use crate::config::model::ServiceApp;
use crate::sync::model::{SourceAddress, SourceId, SourceSnapshot};
use crate::sync::progress::RunControl;
use cache::CachedLists;

/// What one read must bring.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// Paths of what to keep of a user beside id and status, sorted: `lastLogin`, `profile.login`, or `profile` for the
    /// whole profile. All else is neither asked for nor kept.
    pub attributes: Arc<[CompactString]>,
    /// Whether the members of a group of that name are wanted. A group that is not wanted is listed without members
    /// (proven, empty) and costs no request.
    pub wants_members: GroupFilter,
    /// Whether the members of a group of that name decide about the scope of users: such a list is read whatever Okta
    /// counts (RULES 17).
    pub decides: GroupFilter,
    /// Groups in which the ledger has memberships: an empty one of these is read even if Okta counts 0 (RULES 18).
    pub groups_with_memberships: BTreeSet<SourceId>,
    /// Member lists as they were when they were last read to their end. One that has not changed since is not read again;
    /// one that changed although its stamp did not is read once more.
    pub member_lists: Arc<CachedLists>,
}

impl ReadRequest {
    /// Nothing beside ids and statuses, and no members.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            attributes: Arc::default(),
            wants_members: GroupFilter::none(),
            decides: GroupFilter::none(),
            groups_with_memberships: BTreeSet::new(),
            member_lists: Arc::default(),
        }
    }
}

/// Decides by name whether the members of a group are wanted.
#[derive(Clone)]
pub struct GroupFilter(pub Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl GroupFilter {
    /// No group at all.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(|_| false))
    }
}

impl std::fmt::Debug for GroupFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GroupFilter")
    }
}

/// Records that the lists did not show although the ledger, or a member list, says they should exist, and users who would
/// be changed because no member list has them (RULES 12, 17).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// Ids of users.
    pub users: BTreeSet<SourceId>,
    /// Ids of groups.
    pub groups: BTreeSet<SourceId>,
    /// Ids of users who are to be asked for their groups.
    pub own_groups: BTreeSet<SourceId>,
}

/// From where on changes are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// Users and groups that say that they changed at this time, by the source's clock, or later.
    Time(DateTime<Utc>),
    /// The entries of the source's log from this place on.
    Log(LogPlace),
}

/// A place in the source's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPlace {
    /// What was logged at this time or later.
    Time(DateTime<Utc>),
    /// As the source named it when it was read last.
    Next(String),
}

/// What a read of changes found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// They are in the snapshot.
    Read(ChangesRead),
    /// Too much changed, or too long ago, to be read one by one: the end of a sentence that says which.
    NeedsFullRead(String),
}

/// What changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangesRead {
    /// What the source's clock showed before changes were asked for, if it did.
    pub began: Option<DateTime<Utc>>,
    /// Users who are not as the snapshot had them.
    pub users: BTreeSet<SourceId>,
    /// Groups that are not, or whose members are not.
    pub groups: BTreeSet<SourceId>,
    /// Who and what was asked for by id, since the log named it: what these answers say of being gone may be concluded.
    pub asked: BTreeSet<SourceId>,
    /// Where the log is to be read on.
    pub log: Option<String>,
    /// Why some of it is not known, as the end of a sentence: the next read has to begin where this one did.
    pub incomplete: Option<String>,
}

/// Where users, groups and memberships are read.
#[async_trait]
pub trait Source: Send + Sync {
    /// Which source it is: what a ledger belongs to (RULES 1).
    async fn address(&self, control: &RunControl) -> Result<SourceAddress, SourceError>;

    /// Reads all users, groups and members.
    ///
    /// A list that began and could not be read to its end is [`crate::sync::model::Proof::NotProven`] in the snapshot.
    /// An error means that nothing usable came: refused credentials, no answer to the very first requests, an answer
    /// that is not the source's, or cancellation.
    async fn read(&self, request: &ReadRequest, control: &RunControl) -> Result<SourceSnapshot, SourceError>;

    /// Reads what changed since an earlier read, and puts it into the snapshot that holds what was known then: users and groups
    /// that changed or came, with the members of groups whose membership changed. Who is not named in a list of changes is as
    /// it was; nothing is concluded from absence. What the log names and a question finds gone has an entry in
    /// [`SourceSnapshot::absences`].
    ///
    /// Errors are those of [`Source::read`]; a list that began and could not be read to its end is
    /// [`ChangesRead::incomplete`].
    async fn read_changes(
        &self,
        snapshot: &mut SourceSnapshot,
        since: &Since,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<Changes, SourceError>;

    /// Asks for single records by id, with the question that defined the scope (RULES 17), and puts the answers into the
    /// snapshot: who is there is added to its lists (a group with its members), who is not, or is not in the source's own
    /// part of the scope, gets an entry in [`SourceSnapshot::absences`]. A user whom the source's own part of the scope
    /// leaves out is added to the list all the same where its status says more than that: deactivated, or not known.
    ///
    /// Of a user whose own groups are in question, those that decide ([`ReadRequest::decides`]) and that no list showed are
    /// asked for and added likewise. Where its groups cannot be read, or say what the lists do not, an entry in
    /// [`SourceSnapshot::absences`] says that nothing is known of it. Who was asked is in
    /// [`SourceSnapshot::own_groups_asked`].
    async fn confirm(
        &self,
        snapshot: &mut SourceSnapshot,
        questions: &Questions,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<(), SourceError>;

    /// Reads one user, by id or login, and the groups that it is a member of.
    ///
    /// The snapshot holds the user if it exists, whatever its status, and its groups, each with it as the only member. Its
    /// `groups_proof` says whether the list of the user's groups was read to its end. Its `users_proof` is always proven:
    /// the answer is whole for the one who was asked for, and says nothing about anybody else. Where the source's own part
    /// of the scope (a search, an application) leaves out the user or a group, an entry in [`SourceSnapshot::absences`]
    /// says so; where that is not known, the entry says that. A user that does not exist is no error: then `users` is empty,
    /// and `absences` has an entry for what was asked, as it was asked. An answer about somebody else (neither this id, nor
    /// this login whatever its case) is an error.
    async fn read_user(
        &self,
        id_or_login: &str,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<SourceSnapshot, SourceError>;

    /// Reads the list of groups, and the members of those that the request wants; no user. For a run about one user that has
    /// to know whether other groups exist.
    async fn read_groups(
        &self,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<SourceSnapshot, SourceError>;

    /// Looks at what the credentials show, for `check --online`: all users and groups, without members.
    async fn inspect(&self, request: &ReadRequest, control: &RunControl) -> Result<Inspection, SourceError>;
}

/// What the credentials show of a source.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Whose credentials they are, such as a login; the error is the end of a sentence that says why it is not known.
    pub principal: Result<String, String>,
    /// Names of the administrator roles behind the credentials; the error says why they are not known.
    pub roles: Result<Vec<String>, String>,
    /// If they are those of a service app: its scopes.
    pub scopes: Option<Scopes>,
    /// All users and groups that can be seen; no group has members.
    pub snapshot: SourceSnapshot,
    /// Of the wanted profile attributes, those that users of this source cannot have; the error says why that is not known.
    pub unknown_attributes: Result<Vec<CompactString>, String>,
}

/// What a service app may be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Those that the connector's file names.
    pub requested: Vec<String>,
    /// Those of them that are not granted.
    pub missing: Vec<String>,
}

impl Scopes {
    /// What it means that a scope is not granted, and what to do about it.
    #[must_use]
    pub fn lacking(scope: &str) -> (String, &'static str) {
        let without = match scope {
            ServiceApp::ORG => "; without it nobody notices if another org is behind the same domain one day",
            _ => "",
        };
        let what = format!("the service app is not granted {scope}, which the connector file names{without}");
        (what, "Grant it under Applications > the app > Okta API Scopes")
    }
}

/// Why a source could not be read at all. The texts are whole sentences for an administrator.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SourceError {
    /// A secret, or the file of certificate authorities, that could not be read.
    #[error("{0}")]
    Secret(String),
    /// 401 or 403: the credentials or the rights behind them. Or a search that the source does not understand, or an
    /// application that it does not have: what the connector's file asks for.
    #[error("{0}")]
    Refused(String),
    /// No connection, no answer in time, or only server errors.
    #[error("{0}")]
    Unreachable(String),
    /// An answer that the source does not give: a proxy's page, another service.
    #[error("{0}")]
    NotTheSource(String),
    /// The run was cancelled.
    #[error("the run was cancelled while reading; nothing was changed")]
    Cancelled,
}

impl SourceError {
    /// A short name for metrics and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Secret(_) => "secret",
            Self::Refused(_) => "refused",
            Self::Unreachable(_) => "unreachable",
            Self::NotTheSource(_) => "not_the_source",
            Self::Cancelled => "cancelled",
        }
    }
}
