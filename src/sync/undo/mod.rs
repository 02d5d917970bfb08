//! The way back from a run: the inverse of what it applied, as far as that is still as the run left it (RULES 26). Pure.

mod groups;
mod members;
mod users;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::diff::Claims;
use super::model::{Ledger, SourceId, TargetGroup, TargetId, TargetSnapshot, TargetUser};
use super::plan::{Change, Operation, Plan, PlanPerson, Standing};
use super::report::Stale;
use super::rules::Protected;
use crate::target::Capabilities;

/// An operation as the journal has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The target's id, of what was created too.
    pub target: Option<TargetId>,
    /// In words.
    pub summary: String,
    /// As JSON, with before and after.
    pub operation: Value,
    /// `applied`, `partial` and so on; none if the answer was never recorded.
    pub result: Option<String>,
    /// The members that a `partial` membership operation did not change.
    pub left_out: Vec<SourceId>,
}

/// How a run would be undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undo {
    /// The inverse of what it did.
    pub plan: Plan,
    /// What is no longer as the run left it, and stays as it is.
    pub stale: Vec<Stale>,
    /// What cannot be as it was, one sentence each.
    pub losses: Vec<String>,
}

/// What the inverse is made from.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    /// The target now.
    pub target: &'a TargetSnapshot,
    /// What is managed now.
    pub ledger: &'a Ledger,
    /// What the target can do.
    pub capabilities: Capabilities,
    /// What is never touched.
    pub protected: &'a Protected,
    /// What other connectors manage in the target.
    pub claims: &'a Claims,
    /// What later runs did to the same accounts and memberships.
    pub later: &'a Later,
}

/// What runs after the one to be undone did: whatever they changed again is not as that run left it, though it may look so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Later {
    /// Accounts that were enabled or disabled.
    pub accounts: BTreeSet<TargetId>,
    /// Memberships that came or went: the group, and whose.
    pub memberships: BTreeSet<(TargetId, SourceId)>,
}

/// Makes the inverse of what a run did.
#[must_use]
pub fn invert(done: &[Done], present: &Present<'_>) -> Undo {
    let mut inverse = Inverse::new(present);
    // What comes back comes first: memberships need to know of it.
    let rank = |done: &&Done| match done.operation.get("kind").and_then(Value::as_str) {
        Some("delete_group") => 0,
        Some("delete_user") => 1,
        _ => 2,
    };
    let mut ordered: Vec<&Done> = done.iter().collect();
    ordered.sort_by_key(rank);
    for done in ordered {
        match done.result.as_deref() {
            Some("applied" | "partial") => inverse.add(done),
            None | Some("unanswered") => inverse
                .stale(&done.summary, "whether it was carried out is not known; the next run finds out"),
            _ => {}
        }
    }
    inverse.finish()
}

/// The inverse in the making.
struct Inverse<'a> {
    present: &'a Present<'a>,
    users: HashMap<&'a TargetId, (u32, &'a TargetUser)>,
    groups: HashMap<&'a TargetId, &'a TargetGroup>,
    /// Groups of every account, by its position.
    groups_of: HashMap<u32, BTreeSet<&'a TargetId>>,
    operations: Vec<Operation>,
    /// Who is named in memberships, and the account; none for one that is created anew.
    people: BTreeMap<SourceId, (Option<TargetId>, compact_str::CompactString)>,
    memberships: BTreeMap<members::Which, members::Back>,
    /// Accounts and groups that the run created, which are looked at when it is known which memberships go.
    created: Vec<Created>,
    /// Groups that come back, by their first source id, with the id that they had.
    groups_anew: BTreeMap<SourceId, TargetId>,
    undo: Undo,
}

/// What the run created.
struct Created {
    source: SourceId,
    target: TargetId,
    summary: String,
    operation: Value,
}

type Reason = &'static str;

impl<'a> Inverse<'a> {
    fn new(present: &'a Present<'a>) -> Self {
        let target = present.target;
        let mut groups_of: HashMap<u32, BTreeSet<&TargetId>> = HashMap::new();
        for group in &target.groups {
            for member in &group.members {
                groups_of.entry(*member).or_default().insert(&group.id);
            }
        }
        Self {
            present,
            users: (0u32..).zip(&target.users).map(|(at, user)| (&user.id, (at, user))).collect(),
            groups: target.groups.iter().map(|group| (&group.id, group)).collect(),
            groups_of,
            operations: Vec::new(),
            people: BTreeMap::new(),
            memberships: BTreeMap::new(),
            created: Vec::new(),
            groups_anew: BTreeMap::new(),
            undo: Undo::default(),
        }
    }

    /// The inverse of one operation.
    fn add(&mut self, done: &Done) {
        let kind = done.operation.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let made = match kind.as_str() {
            "create_user" | "recreate_user" | "create_group" => self.remember_created(done),
            "update_user" | "rename_user" | "restore_user" | "anonymize_user" => {
                self.change_user_back(done, &kind)
            }
            "adopt_user" => self.release_user(done),
            "release_user" => self.adopt_user_again(done),
            "enable_user" => self.set_active_back(done, false),
            "disable_user" => self.set_active_back(done, true),
            "delete_user" => self.recreate_user(done),
            "update_group" | "rename_group" => self.change_group_back(done),
            "adopt_group" => self.release_group(done),
            "release_group" => self.adopt_group_again(done),
            "delete_group" => self.recreate_group(done),
            "change_members" | "empty_group" => self.change_members_back(done),
            _ => Err("this version does not know how to undo it"),
        };
        if let Err(reason) = made {
            self.stale(&done.summary, reason);
        }
    }

    fn stale(&mut self, summary: &str, reason: &str) {
        self.undo.stale.push(Stale { summary: summary.to_owned(), reason: reason.to_owned() });
    }

    fn remember_created(&mut self, done: &Done) -> Result<(), Reason> {
        let (source, target) = ids(done)?;
        self.created.push(Created {
            source,
            target,
            summary: done.summary.clone(),
            operation: done.operation.clone(),
        });
        Ok(())
    }

    fn push(&mut self, source: &SourceId, target: Option<&TargetId>, name: &str, change: Change) {
        self.operations.push(Operation {
            source: source.clone(),
            target: target.cloned(),
            name: name.into(),
            change,
            why: std::borrow::Cow::Borrowed("undone"),
            standing: Standing::Sound,
        });
    }

    /// The account, if the connector still manages it for that user.
    fn managed_user(&self, source: &SourceId, target: &TargetId) -> Result<(u32, &'a TargetUser), Reason> {
        let (at, user) = self.users.get(target).ok_or("the account is gone")?;
        let known = self.present.ledger.users.get(source).is_some_and(|user| user.target == *target);
        if !known {
            return Err("the connector does not manage the account any more");
        }
        self.check_account(target, &user.attributes.username)?;
        Ok((*at, *user))
    }

    /// Whether the connector may change an account of that name.
    fn check_account(&self, target: &TargetId, name: &str) -> Result<(), Reason> {
        if self.present.claims.users.contains_key(target) {
            return Err("another connector manages the account");
        }
        if self.present.protected.users.matches(name) { Err("the account is protected") } else { Ok(()) }
    }

    /// What was created goes last, when nothing of it is left that the run did not do; then the operations are put in order.
    fn finish(mut self) -> Undo {
        for created in std::mem::take(&mut self.created) {
            let is_group = created.operation.get("kind").and_then(Value::as_str) == Some("create_group");
            let undone = if is_group {
                self.remove_created_group(&created)
            } else {
                self.remove_created_user(&created)
            };
            if let Err(reason) = undone {
                self.stale(&created.summary, reason);
            }
        }
        self.finish_memberships();
        let mut undo = self.undo;
        undo.plan.people = self
            .people
            .into_iter()
            .map(|(source, (target, username))| PlanPerson { source, target, username })
            .collect();
        undo.plan.operations = self.operations;
        undo.plan.operations.sort_by(|one, other| {
            (one.change.rank(), &one.name, &one.source).cmp(&(
                other.change.rank(),
                &other.name,
                &other.source,
            ))
        });
        undo.losses.sort();
        undo.losses.dedup();
        undo
    }
}

/// The ids of both sides.
fn ids(done: &Done) -> Result<(SourceId, TargetId), Reason> {
    let source = part::<SourceId>(&done.operation, "source")?;
    let target = done.target.clone().ok_or("the journal has no id for it")?;
    Ok((source, target))
}

/// One part of an operation's JSON.
fn part<T: DeserializeOwned>(operation: &Value, key: &str) -> Result<T, Reason> {
    let value = operation.get(key).cloned().unwrap_or(Value::Null);
    serde_json::from_value(value).map_err(|_| "the journal's entry cannot be read")
}
