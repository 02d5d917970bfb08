//! Rebuilding a ledger that was lost, from the ids of the source that the target keeps (RULES 4). Pure.
//!
//! What is linked counts as adopted, since nothing says whether the connector made it: it is never deleted. (A group of
//! `groups.always` bears an id only if the connector made it.) An account that
//! is found disabled was disabled by somebody else, as far as anybody can tell: it is not enabled. What bears no id can be
//! linked by its name only, which is an adoption that somebody approves.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::desire::Desired;
use super::diff::Claims;
use super::model::{
    Absence, Ledger, LedgerChange, LedgerGroup, LedgerUser, Origin, SourceId, SourceSnapshot, TargetId,
    TargetSnapshot,
};
use super::plan::always_name;
use super::rules::Protected;
use crate::source::Questions;

/// What a hold of what is known by its name only is about.
pub const RELINK: &str = "relink";

/// Everything that a relink depends on.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// What the source showed, and what became of the ids that it was asked about.
    pub source: &'a SourceSnapshot,
    /// What the target should hold.
    pub desired: &'a Desired,
    /// What it holds.
    pub target: &'a TargetSnapshot,
    /// What is managed already.
    pub ledger: &'a Ledger,
    /// What other connectors manage there.
    pub claims: &'a Claims,
    /// What is never touched.
    pub protected: &'a Protected,
    /// Whether other connectors write to the same target: then whoever is not in this connector's scope may be theirs.
    pub shared: bool,
}

/// Whether something is a user or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A user.
    User,
    /// A group.
    Group,
}

/// An object of the target and the record of the source that it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Relinked {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name in the target.
    #[schemars(with = "String")]
    pub name: CompactString,
    /// Its id there.
    pub target: TargetId,
    /// The id of the source.
    pub source: SourceId,
    /// False if it is not in the connector's scope any more: the next sync treats it as one that left.
    pub in_scope: bool,
}

/// An object of the target that is not linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftAlone {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name in the target.
    #[schemars(with = "String")]
    pub name: CompactString,
    /// Why; the end of a sentence.
    pub reason: String,
}

/// What the ids that a target keeps say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ById {
    /// What is linked.
    pub linked: Vec<Relinked>,
    /// What carries an id and is not.
    pub left_alone: Vec<LeftAlone>,
    /// The same links for the ledger.
    pub changes: Vec<LedgerChange>,
}

/// Ids that the target keeps and that neither the ledger knows nor the source has shown: it is asked about them. Of accounts
/// that could not sign in it matters least, so they come last; no more than `at_most` of each kind.
#[must_use]
pub fn strangers(input: &Input<'_>, at_most: usize) -> Questions {
    let seen = Seen::of(input);
    let is_open = |kind: ObjectKind, source: &SourceId| {
        !input.ledger.users.contains_key(source)
            && !input.ledger.groups.contains_key(source)
            && always_name(source).is_none()
            && matches!(seen.known(kind, source), Known::NotAsked)
    };
    let mut users: Vec<(bool, &SourceId)> =
        input.target.users.iter().filter_map(|user| Some((!user.active, user.source.as_ref()?))).collect();
    users.sort();
    let users = users.into_iter().map(|(_, source)| source);
    let users = users.filter(|source| is_open(ObjectKind::User, source));
    let groups = input.target.groups.iter().filter_map(|group| group.source.as_ref());
    let groups = groups.filter(|source| is_open(ObjectKind::Group, source));
    Questions {
        users: users.take(at_most).cloned().collect(),
        groups: groups.take(at_most).cloned().collect(),
        ..Questions::default()
    }
}

/// Links what carries the id of a record that the source knows.
#[must_use]
pub fn by_id(input: &Input<'_>) -> ById {
    let mut found = ById::default();
    let users = input.target.users.iter().map(|user| Object {
        kind: ObjectKind::User,
        name: &user.attributes.username,
        target: &user.id,
        source: user.source.as_ref(),
        members: 0,
    });
    let groups = input.target.groups.iter().map(|group| Object {
        kind: ObjectKind::Group,
        name: &group.attributes.name,
        target: &group.id,
        source: group.source.as_ref(),
        members: group.members.len() as u64,
    });
    let objects: Vec<Object<'_>> = users.chain(groups).filter(|object| object.source.is_some()).collect();
    let mut carriers: BTreeMap<(ObjectKind, &SourceId), u32> = BTreeMap::new();
    for (kind, source) in objects.iter().filter_map(|object| Some((object.kind, object.source?))) {
        *carriers.entry((kind, source)).or_default() += 1;
    }
    let (managed, seen) = (Managed::of(input.ledger), Seen::of(input));
    for object in &objects {
        let Some(source) = object.source.filter(|_| !managed.targets.contains(&(object.kind, object.target)))
        else {
            continue;
        };
        let carried_by = carriers.get(&(object.kind, source)).copied().unwrap_or_default();
        match verdict(input, object, (source, carried_by), &managed, &seen) {
            Ok(in_scope) => {
                found.changes.push(object.change(source));
                found.linked.push(object.linked(source, in_scope));
            }
            Err(reason) => {
                found.left_alone.push(LeftAlone { kind: object.kind, name: object.name.clone(), reason });
            }
        }
    }
    found.linked.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
    found.left_alone.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
    found
}

/// Whether an object may be linked, and then whether it is in scope; else why not.
fn verdict(
    input: &Input<'_>,
    object: &Object<'_>,
    (source, carried_by): (&SourceId, u32),
    managed: &Managed<'_>,
    seen: &Seen<'_>,
) -> Result<bool, String> {
    let (claims, protected) = match object.kind {
        ObjectKind::User => (&input.claims.users, &input.protected.users),
        ObjectKind::Group => (&input.claims.groups, &input.protected.groups),
    };
    if let Some(connector) = claims.get(object.target) {
        return Err(format!("it is managed by the connector {connector}"));
    }
    if protected.matches(object.name) {
        return Err("it is protected".to_owned());
    }
    if carried_by > 1 {
        return Err(format!(
            "{carried_by} of its kind carry the id {source}, so that none of them can be told to be it"
        ));
    }
    if managed.sources.contains(&(object.kind, source)) {
        return Err(format!("it carries the id {source}, and another one is managed for that"));
    }
    if let Some(name) = always_name(source) {
        let wanted =
            object.kind == ObjectKind::Group && input.desired.always.iter().any(|known| known == name);
        return if wanted { Ok(true) } else { Err("groups.always does not name it".to_owned()) };
    }
    match seen.known(object.kind, source) {
        Known::InScope => Ok(true),
        Known::OutOfScope if input.shared => Err(format!(
            "it carries the id {source}, which is not in scope, and may belong to another connector that has this target"
        )),
        Known::OutOfScope => Ok(false),
        Known::Gone => Err(format!("it carries the id {source}, which the source does not know")),
        Known::Unclear(reason) => Err(format!("it carries the id {source}, and {reason}")),
        Known::NotAsked => Err(format!(
            "it carries the id {source}; there are so many such ids that the source was not asked about this one"
        )),
    }
}

/// What the source says about an id.
enum Known<'a> {
    InScope,
    OutOfScope,
    Gone,
    Unclear(&'a str),
    NotAsked,
}

/// Ids that the source has shown.
struct Seen<'a> {
    /// In scope, or nothing may be concluded: the next sync leaves it as it is.
    stays: BTreeSet<(ObjectKind, &'a SourceId)>,
    out_of_scope: BTreeSet<(ObjectKind, &'a SourceId)>,
    unreadable: &'a BTreeSet<SourceId>,
    absences: &'a BTreeMap<SourceId, Absence>,
}

impl<'a> Seen<'a> {
    fn of(input: &Input<'a>) -> Self {
        let desired = input.desired;
        let user = |id: &'a SourceId| (ObjectKind::User, id);
        let group = |id: &'a SourceId| (ObjectKind::Group, id);
        let users = desired.users.iter().map(|user| &user.id).chain(&desired.users_left_alone).map(user);
        let groups = desired.groups.iter().flat_map(|group| &group.sources);
        let groups = groups.chain(&desired.groups_left_alone).map(group);
        let users_out = desired.users_out_of_scope.keys().map(user);
        Self {
            stays: users.chain(groups).collect(),
            out_of_scope: users_out.chain(desired.groups_out_of_scope.keys().map(group)).collect(),
            unreadable: &input.source.unreadable,
            absences: &input.source.absences,
        }
    }

    fn known(&self, kind: ObjectKind, source: &SourceId) -> Known<'a> {
        if self.stays.contains(&(kind, source)) || self.unreadable.contains(source) {
            return Known::InScope;
        }
        if self.out_of_scope.contains(&(kind, source)) {
            return Known::OutOfScope;
        }
        match self.absences.get(source) {
            // A search that does not find an id does not say that there is such a user.
            Some(Absence::OutOfScope(_)) => {
                Known::Unclear("the source was asked for a part of its records only, without it")
            }
            Some(Absence::Gone) => Known::Gone,
            Some(Absence::Unknown(reason)) => Known::Unclear(reason),
            None => Known::NotAsked,
        }
    }
}

/// What the ledger has, by both ids.
struct Managed<'a> {
    targets: BTreeSet<(ObjectKind, &'a TargetId)>,
    sources: BTreeSet<(ObjectKind, &'a SourceId)>,
}

impl<'a> Managed<'a> {
    fn of(ledger: &'a Ledger) -> Self {
        let users = ledger.users.iter().map(|(source, user)| (ObjectKind::User, source, &user.target));
        let groups = ledger.groups.iter().map(|(source, group)| (ObjectKind::Group, source, &group.target));
        let always = ledger.always.values().map(|group| (ObjectKind::Group, &group.target));
        let all: Vec<_> = users.chain(groups).collect();
        Self {
            targets: all.iter().map(|(kind, _, target)| (*kind, *target)).chain(always).collect(),
            sources: all.iter().map(|(kind, source, _)| (*kind, *source)).collect(),
        }
    }
}

/// A user or a group of the target.
struct Object<'a> {
    kind: ObjectKind,
    name: &'a CompactString,
    target: &'a TargetId,
    source: Option<&'a SourceId>,
    members: u64,
}

impl Object<'_> {
    fn change(&self, source: &SourceId) -> LedgerChange {
        let (target, name) = (self.target.clone(), self.name.clone());
        match (self.kind, always_name(source)) {
            (ObjectKind::Group, Some(always)) => {
                LedgerChange::PutAlways { name: always.into(), target, created: true }
            }
            (ObjectKind::Group, None) => {
                // Never 0, so that the source's list is read whatever it counts (RULES 18).
                let memberships = self.members.max(1);
                let group = LedgerGroup { target, name, origin: Origin::Adopted, memberships };
                LedgerChange::PutGroup(source.clone(), group)
            }
            (ObjectKind::User, _) => {
                let user = LedgerUser { origin: Origin::Adopted, ..LedgerUser::created(target, name) };
                LedgerChange::PutUser(source.clone(), user)
            }
        }
    }

    fn linked(&self, source: &SourceId, in_scope: bool) -> Relinked {
        Relinked {
            kind: self.kind,
            name: self.name.clone(),
            target: self.target.clone(),
            source: source.clone(),
            in_scope,
        }
    }
}
