//! The data that flows through a run: snapshots of both sides and the ledger between them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::finding::{Finding, FindingKind};
pub use super::further::FurtherAttributes;
pub use super::ledger::{
    AlwaysGroup, Binding, Ledger, LedgerChange, LedgerGroup, LedgerUser, Origin, SourceAddress, Unanswered,
};

/// The id of a user or a group at the source. Okta's are 20 characters long and never change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SourceId(#[schemars(with = "String")] pub CompactString);

/// The id of a user or a group in the target, in whatever form the target has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TargetId(#[schemars(with = "String")] pub CompactString);

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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
    /// One value for each of [`SourceSnapshot::attribute_names`], in that order.
    pub attributes: Box<[AttributeValue]>,
}

/// The key of the connector file that decided that a user or group is out of scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ScopeRule {
    /// Okta's search for users does not find it.
    #[serde(rename = "source.okta.users.search")]
    UsersSearch,
    /// Okta's search for groups does not find it.
    #[serde(rename = "source.okta.groups.search")]
    GroupsSearch,
    /// It is not assigned to the Okta application.
    #[serde(rename = "source.okta.app")]
    App,
    /// The user's status.
    #[serde(rename = "scope.statuses")]
    Statuses,
    /// No pattern names the login.
    #[serde(rename = "scope.users.include")]
    UsersInclude,
    /// A pattern names the login.
    #[serde(rename = "scope.users.exclude")]
    UsersExclude,
    /// The user is in none of them.
    #[serde(rename = "scope.required_groups")]
    RequiredGroups,
    /// The user has not signed in for long.
    #[serde(rename = "inactive")]
    Inactive,
    /// No rename rule matches the group, and such groups are dropped.
    #[serde(rename = "groups.unmatched")]
    Unmatched,
    /// A pattern names the group.
    #[serde(rename = "groups.exclude")]
    GroupsExclude,
    /// No pattern names the group.
    #[serde(rename = "groups.include")]
    GroupsInclude,
}

impl ScopeRule {
    /// The key, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UsersSearch => "source.okta.users.search",
            Self::GroupsSearch => "source.okta.groups.search",
            Self::App => "source.okta.app",
            Self::Statuses => "scope.statuses",
            Self::UsersInclude => "scope.users.include",
            Self::UsersExclude => "scope.users.exclude",
            Self::RequiredGroups => "scope.required_groups",
            Self::Inactive => "inactive",
            Self::Unmatched => "groups.unmatched",
            Self::GroupsExclude => "groups.exclude",
            Self::GroupsInclude => "groups.include",
        }
    }
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
    /// When the source says that the members last changed, as it says it; empty where it does not.
    pub members_changed: CompactString,
    /// Where the members come from.
    pub members_from: MembersFrom,
    /// When the source says that the group itself last changed, as it says it; empty where it does not.
    pub changed: CompactString,
}

/// Where the members of a source group come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MembersFrom {
    /// Their list was not asked for: nobody wants it, or there is nobody in it.
    #[default]
    Nowhere,
    /// Their list was read in this run.
    List {
        /// Whether it holds all that the group's stamp stands for: it was read long enough after the last change.
        settled: bool,
    },
    /// They are those of an earlier run, and the source says that nothing has changed since.
    Cache {
        /// When they were read, by this host's clock.
        read: DateTime<Utc>,
    },
}

/// What is known of a record that a list did not show, by a question for it (RULES 17), or that the source's own part of
/// the scope leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The source answered that it does not exist (or not for this token).
    Gone,
    /// The source's own part of the connector's scope leaves it out: the rule says which.
    OutOfScope(ScopeRule),
    /// No usable answer: the text says why. Nothing may be concluded.
    Unknown(String),
}

/// What one complete read of a source returned.
#[derive(Clone, Debug)]
pub struct SourceSnapshot {
    /// Which source it is. A ledger belongs to it.
    pub address: SourceAddress,
    /// What the source's own clock showed before its lists were read, if it did.
    pub began: Option<DateTime<Utc>>,
    /// Paths of what was kept of each user beside id and status, sorted: `lastLogin`, `profile.login`, or `profile` for
    /// the whole profile.
    pub attribute_names: Arc<[CompactString]>,
    /// Everybody named in the user list or in a member list.
    pub people: People,
    /// Users in any order, without doubles.
    pub users: Vec<SourceUser>,
    /// Whether `users` is the whole list.
    pub users_proof: Proof,
    /// True if the connector asks for a part of the org's users only (a search, an application): a member of a group who
    /// is not in `users` is then nothing strange.
    pub users_narrowed: bool,
    /// True if only one user and its own groups were read.
    pub of_one_user: bool,
    /// Some if only what changed was read, and the rest is as it was known: whom and what the source was asked about since
    /// its log named them. Of all others, absence says nothing (RULES 22).
    pub of_changes: Option<BTreeSet<SourceId>>,
    /// Groups in any order, without doubles.
    pub groups: Vec<SourceGroup>,
    /// Whether `groups` is the whole list of groups.
    pub groups_proof: Proof,
    /// Users and groups whose record could not be read although its id could: they are left as they are.
    pub unreadable: BTreeSet<SourceId>,
    /// What is known of users and groups that are absent from their list, or that the source's own part of the scope
    /// leaves out.
    pub absences: BTreeMap<SourceId, Absence>,
    /// Users who were asked for their groups: that no member list has them is not all that is known.
    pub own_groups_asked: BTreeSet<SourceId>,
    /// What a person should know about single records.
    pub findings: Vec<Finding>,
}

/// Interned ids of source users: a [`Person`] is a position in it.
#[derive(Clone, Debug, Default)]
pub struct People {
    ids: Vec<SourceId>,
    /// Positions of the ids, by their hash.
    positions: HashTable<Person>,
    hasher: DefaultHashBuilder,
}

impl People {
    /// People in this order; who comes twice has the last of the places.
    #[must_use]
    pub fn of(ids: &[SourceId]) -> Self {
        let mut people = Self {
            ids: ids.to_vec(),
            positions: HashTable::with_capacity(ids.len()),
            hasher: DefaultHashBuilder::default(),
        };
        for (person, id) in (0..).zip(ids) {
            match people.entry(&id.0) {
                Entry::Occupied(mut known) => *known.get_mut() = person,
                Entry::Vacant(place) => drop(place.insert(person)),
            }
        }
        people
    }

    /// The position of `id`, which is added if it is new.
    pub fn intern(&mut self, id: &str) -> Person {
        let person = Person::try_from(self.ids.len()).unwrap_or(Person::MAX);
        match self.entry(id) {
            Entry::Occupied(known) => return *known.get(),
            Entry::Vacant(place) => drop(place.insert(person)),
        }
        self.ids.push(SourceId::from(id));
        person
    }

    /// The position of `id`, if it is known.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Person> {
        let bears_it = |person: &Person| bears(&self.ids, *person, id);
        self.positions.find(self.hasher.hash_one(id), bears_it).copied()
    }

    fn entry(&mut self, id: &str) -> Entry<'_, Person> {
        let Self { ids, positions, hasher } = self;
        let hash = |person: &Person| ids.get(*person as usize).map_or(0, |id| hasher.hash_one(id.0.as_str()));
        positions.entry(hasher.hash_one(id), |person| bears(ids, *person, id), hash)
    }

    /// The ids in the order of their positions.
    #[must_use]
    pub fn ids(&self) -> &[SourceId] {
        &self.ids
    }
}

fn bears(ids: &[SourceId], person: Person, id: &str) -> bool {
    ids.get(person as usize).is_some_and(|known| known.0 == id)
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
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct UserAttributes {
    /// The name to sign in with, unique in a target.
    #[schemars(with = "String")]
    pub username: CompactString,
    /// The e-mail address.
    #[schemars(with = "String")]
    pub email: CompactString,
    /// The given name.
    #[schemars(with = "String")]
    pub first_name: CompactString,
    /// The family name.
    #[schemars(with = "String")]
    pub last_name: CompactString,
    /// The full name as shown to others.
    #[schemars(with = "String")]
    pub display_name: CompactString,
    /// Further attributes by name, as `mapping.attributes` names them. What is not named there is left as it is.
    #[serde(default, skip_serializing_if = "FurtherAttributes::is_empty")]
    pub attributes: FurtherAttributes,
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
    /// The source's id that is stored with it, if there is one.
    pub source: Option<SourceId>,
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
    /// The source's id that is stored with it, if there is one.
    pub source: Option<SourceId>,
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
