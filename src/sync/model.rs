//! The data that flows through a run: snapshots of both sides and the ledger between them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

pub use super::finding::{Finding, FindingKind};

/// The id of a user or a group at the source. Okta's are 20 characters long and never change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub CompactString);

/// The id of a user or a group in the target, in whatever form the target has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetId(pub CompactString);

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for SourceId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<&str> for TargetId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// The life-cycle status of an Okta user (Okta Management API, schema `UserStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Created, not activated.
    Staged,
    /// Activated, has not set a password yet.
    Provisioned,
    /// The ordinary state.
    Active,
    /// Resetting the password.
    Recovery,
    /// Must change the password.
    PasswordExpired,
    /// Too many failed sign-ins.
    LockedOut,
    /// Suspended by an administrator.
    Suspended,
    /// Deactivated.
    Deprovisioned,
    /// A status that this version does not know: such a user is left alone (never a leaver).
    Unknown,
}

impl Status {
    /// All statuses that Okta documents, in the order of their names there.
    pub const KNOWN: [Status; 8] = [
        Status::Staged,
        Status::Provisioned,
        Status::Active,
        Status::Recovery,
        Status::PasswordExpired,
        Status::LockedOut,
        Status::Suspended,
        Status::Deprovisioned,
    ];

    /// Reads Okta's upper-case name; anything else is [`Status::Unknown`].
    #[must_use]
    pub fn from_okta(name: &str) -> Self {
        Self::KNOWN.into_iter().find(|status| status.as_str() == name).unwrap_or(Self::Unknown)
    }

    /// Okta's name for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "STAGED",
            Self::Provisioned => "PROVISIONED",
            Self::Active => "ACTIVE",
            Self::Recovery => "RECOVERY",
            Self::PasswordExpired => "PASSWORD_EXPIRED",
            Self::LockedOut => "LOCKED_OUT",
            Self::Suspended => "SUSPENDED",
            Self::Deprovisioned => "DEPROVISIONED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Whether a list was read to its end in this run. Nothing may be concluded from what is missing in one that was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Read to its end.
    Proven,
    /// Not read to its end, or not to be trusted; the text says why, as the end of a sentence.
    NotProven(String),
}

impl Proof {
    /// True for [`Proof::Proven`].
    #[must_use]
    pub fn is_proven(&self) -> bool {
        matches!(self, Self::Proven)
    }
}

/// The value of one profile attribute.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum AttributeValue {
    /// Absent or null.
    #[default]
    Absent,
    /// A string.
    Text(CompactString),
    /// A number, a boolean, an array or an object.
    Json(Box<serde_json::Value>),
}

impl AttributeValue {
    /// As a template would print it: absent is empty, text is trimmed, anything else prints as JSON (RULES 14).
    #[must_use]
    pub fn render(&self) -> CompactString {
        match self {
            Self::Absent => CompactString::default(),
            Self::Text(text) => CompactString::from(text.trim()),
            Self::Json(value) => CompactString::from(value.to_string()),
        }
    }
}

/// One user of the source, cut to what the connector's rules use.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceUser {
    /// Okta's id.
    pub id: SourceId,
    /// Life-cycle status.
    pub status: Status,
    /// Profile attributes, one for each of [`SourceSnapshot::attribute_names`], in that order.
    pub attributes: Box<[AttributeValue]>,
}

/// Where a source user stands in [`SourceSnapshot::people`]: members are kept as such numbers, not as ids.
pub type Person = u32;

/// One member of a source group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Who, as a position in [`SourceSnapshot::people`].
    pub person: Person,
    /// The status that the member list shows.
    pub status: Status,
}

/// One group of the source with its members.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceGroup {
    /// Okta's id.
    pub id: SourceId,
    /// `profile.name`.
    pub name: CompactString,
    /// `profile.description`, empty if there is none.
    pub description: CompactString,
    /// Okta's built-in `Everyone`, whose members are never requested: it is everybody in the user list.
    pub everyone: bool,
    /// The members, without doubles.
    pub members: Vec<Member>,
    /// Whether `members` is the whole list.
    pub members_proof: Proof,
}

/// What became of a record that a list did not show and that was then asked for by its id (RULES 17).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The source answered that it does not exist (or not for this token).
    Gone,
    /// No usable answer: the text says why. Nothing may be concluded.
    Unknown(String),
}

/// What one complete read of a source returned.
#[derive(Clone, Debug)]
pub struct SourceSnapshot {
    /// Which source it is. A ledger belongs to it.
    pub address: SourceAddress,
    /// The names of the profile attributes that were kept, sorted.
    pub attribute_names: Arc<[CompactString]>,
    /// Everybody named in the user list or in a member list.
    pub people: People,
    /// Users in any order, without doubles.
    pub users: Vec<SourceUser>,
    /// Whether `users` is the whole list.
    pub users_proof: Proof,
    /// Groups in any order, without doubles.
    pub groups: Vec<SourceGroup>,
    /// Whether `groups` is the whole list of groups.
    pub groups_proof: Proof,
    /// Users and groups whose record could not be read although its id could: they are left as they are.
    pub unreadable: BTreeSet<SourceId>,
    /// Users and groups that were absent from their list and then asked for by id.
    pub absences: BTreeMap<SourceId, Absence>,
    /// What a person should know about single records.
    pub findings: Vec<Finding>,
}

/// Interned ids of source users: a [`Person`] is a position in it.
#[derive(Clone, Debug, Default)]
pub struct People {
    ids: Vec<SourceId>,
    positions: HashMap<SourceId, Person>,
}

impl People {
    /// The position of `id`, which is added if it is new.
    pub fn intern(&mut self, id: &str) -> Person {
        if let Some(person) = self.positions.get(id) {
            return *person;
        }
        let person = Person::try_from(self.ids.len()).unwrap_or(Person::MAX);
        let id = SourceId::from(id);
        self.ids.push(id.clone());
        self.positions.insert(id, person);
        person
    }

    /// The position of `id`, if it is known.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Person> {
        self.positions.get(id).copied()
    }

    /// The ids in the order of their positions.
    #[must_use]
    pub fn ids(&self) -> &[SourceId] {
        &self.ids
    }
}

impl std::borrow::Borrow<str> for SourceId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for TargetId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The attributes of a user as the target holds them. Empty means not set.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UserAttributes {
    /// The name to sign in with, unique in a target.
    pub username: CompactString,
    /// The e-mail address.
    pub email: CompactString,
    /// The given name.
    pub first_name: CompactString,
    /// The family name.
    pub last_name: CompactString,
    /// The full name as shown to others.
    pub display_name: CompactString,
}

/// The attributes of a group as the target holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupAttributes {
    /// The name, unique in a target.
    pub name: CompactString,
    /// A text for people, empty if there is none.
    pub description: CompactString,
}

/// One user of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetUser {
    /// The target's id.
    pub id: TargetId,
    /// Its attributes.
    pub attributes: UserAttributes,
    /// False for an account that cannot sign in.
    pub active: bool,
}

/// One group of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// The target's id.
    pub id: TargetId,
    /// Its attributes.
    pub attributes: GroupAttributes,
    /// Direct members, as positions in [`TargetSnapshot::users`], without doubles.
    pub members: Vec<u32>,
    /// Whether `members` is the whole list.
    pub members_proof: Proof,
}

/// What one complete read of a target returned. A target that could not be read to its end is an error, not a snapshot;
/// only single member lists may be unproven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetSnapshot {
    /// Users in any order, without doubles.
    pub users: Vec<TargetUser>,
    /// Groups in any order, without doubles.
    pub groups: Vec<TargetGroup>,
}

/// How an object came to be managed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// By us.
    Created,
    /// It existed, and the connector took it over.
    Adopted,
}

/// What the ledger remembers of a managed user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerUser {
    /// Its id in the target.
    pub target: TargetId,
    /// Its last known name in the target.
    pub username: CompactString,
    /// Created or adopted.
    pub origin: Origin,
    /// True while it is disabled because we disabled it: only then may we enable it (RULES 8).
    pub disabled_by_us: bool,
}

/// What the ledger remembers of a managed group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerGroup {
    /// Its id in the target.
    pub target: TargetId,
    /// Its last known name in the target.
    pub name: CompactString,
    /// Created or adopted.
    pub origin: Origin,
    /// How many managed memberships it had after the last run that looked (RULES 18).
    pub memberships: u64,
}

/// Which source a ledger belongs to: the org, by its id where that can be read, and where it was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceAddress {
    /// The org's own id; none where the credentials may not read it.
    pub id: Option<String>,
    /// Scheme, host and port.
    pub origin: String,
}

impl SourceAddress {
    /// Ids decide where both are known: an org may be reached under several names. Else the origin does.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (&self.id, &other.id) {
            (Some(one), Some(other)) => one == other,
            _ => self.origin == other.origin,
        }
    }

    /// The other one, with this one's id if the other's could not be read.
    #[must_use]
    pub fn with_id_of(&self, now: &Self) -> Self {
        Self { id: now.id.clone().or_else(|| self.id.clone()), origin: now.origin.clone() }
    }
}

impl fmt::Display for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{id} at {}", self.origin),
            None => f.write_str(&self.origin),
        }
    }
}

/// What a ledger belongs to (RULES 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The source org.
    pub source: SourceAddress,
    /// The target's address.
    pub target: String,
}

/// What the daemon remembers of what one connector manages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Absent until the first run has bound it.
    pub binding: Option<Binding>,
    /// Managed users.
    pub users: BTreeMap<SourceId, LedgerUser>,
    /// Managed groups. Where several source groups were merged into one, each has a row with the same target id.
    pub groups: BTreeMap<SourceId, LedgerGroup>,
    /// Operations that were sent in a run that never recorded the answers, oldest first.
    pub unanswered: Vec<Unanswered>,
}

/// An operation that was sent and whose answer was never recorded: it may or may not have been carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Its kind, as in the journal: `create_user` and so on.
    pub kind: String,
    /// The source's id.
    pub source: SourceId,
    /// The target's id, if it had one.
    pub target: Option<TargetId>,
    /// The name in the target before it, or of what it creates.
    pub name: CompactString,
    /// The username after it, for a rename.
    pub new_name: Option<CompactString>,
    /// Members that it removes.
    pub removed: Vec<SourceId>,
}
