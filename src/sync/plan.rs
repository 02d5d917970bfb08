//! A plan: the ordered operations that turn what is into what should be. Data only.

use std::borrow::Cow;

use compact_str::CompactString;
use serde_json::{Value, json};

use super::desire::Reason;
use super::model::{Finding, GroupAttributes, LedgerGroup, LedgerUser, SourceId, TargetId, UserAttributes};
use super::report::{Counts, NotProven};

/// What turns the target into what it should be, and everything a person wants to know about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Everybody named in a membership operation, sorted by source id; operations hold positions in it.
    pub people: Vec<PlanPerson>,
    /// In the order in which they are applied.
    pub operations: Vec<Operation>,
    /// Corrections of the ledger alone, which change nothing in the target.
    pub ledger_changes: Vec<LedgerChange>,
    /// What percentages are taken of.
    pub bases: Bases,
    /// Counts of what needs no operation: unchanged and filtered.
    pub counts: Counts,
    /// What a person should know about single records.
    pub findings: Vec<Finding>,
    /// Lists that were not read to their end, and how many removals do not exist because of it.
    pub not_proven: Vec<NotProven>,
    /// True if the ledger was empty: a first run has no limit on creates.
    pub first_run: bool,
}

/// Somebody named in a membership operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanPerson {
    /// The source's id.
    pub source: SourceId,
    /// The target's id; none if this plan creates the account.
    pub target: Option<TargetId>,
    /// The name in the target.
    pub username: CompactString,
}

/// What percentages of limits are taken of (RULES 20), counted before the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bases {
    /// Active users that the connector manages.
    pub active_users: u64,
    /// Managed groups that have managed members.
    pub groups_with_members: u64,
}

/// One change to one user or one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The source's id; of a merged group the first one.
    pub source: SourceId,
    /// The target's id; none before it is created.
    pub target: Option<TargetId>,
    /// The name in the target before the operation, or of what is created.
    pub name: CompactString,
    /// What changes.
    pub change: Change,
    /// Why; one clause.
    pub why: Reason,
    /// False if it removes something whose absence was concluded from a list alone and still has to be confirmed: such
    /// an operation is held, never applied.
    pub confirmed: bool,
}

/// What an operation changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Creates an active user.
    CreateUser {
        /// With these attributes.
        after: UserAttributes,
    },
    /// Changes attributes of a user; a new username is a rename.
    UpdateUser {
        /// As the target has them.
        before: UserAttributes,
        /// As it should.
        after: UserAttributes,
    },
    /// Enables a user that we disabled.
    EnableUser,
    /// Creates a group without members.
    CreateGroup {
        /// With these attributes.
        after: GroupAttributes,
        /// All source groups that it stands for.
        sources: Vec<SourceId>,
    },
    /// Changes attributes of a group.
    UpdateGroup {
        /// As the target has them.
        before: GroupAttributes,
        /// As it should.
        after: GroupAttributes,
    },
    /// Adds and removes members of a group; positions in [`Plan::people`], sorted.
    ChangeMembers {
        /// Who comes.
        added: Vec<u32>,
        /// Who goes.
        removed: Vec<u32>,
        /// How many managed members it has before.
        before: u64,
        /// True if the group itself has left the source: then everybody managed goes.
        group_left: bool,
    },
    /// Disables a user that left.
    DisableUser,
}

/// A correction of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerChange {
    /// Puts or replaces a user.
    PutUser(SourceId, LedgerUser),
    /// Puts or replaces a group.
    PutGroup(SourceId, LedgerGroup),
    /// Forgets a group of the source that is no longer linked to the target's.
    ForgetGroup(SourceId),
}

impl Change {
    /// Operations are applied in this order: who must exist first, who loses access last.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Self::CreateUser { .. } => 0,
            Self::UpdateUser { .. } => 1,
            Self::EnableUser => 2,
            Self::CreateGroup { .. } => 3,
            Self::UpdateGroup { .. } => 4,
            Self::ChangeMembers { group_left: false, .. } => 5,
            Self::ChangeMembers { group_left: true, .. } => 6,
            Self::DisableUser => 7,
        }
    }

    /// The name as in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CreateUser { .. } => "create_user",
            Self::UpdateUser { before, after } if before.username != after.username => "rename_user",
            Self::UpdateUser { .. } => "update_user",
            Self::EnableUser => "enable_user",
            Self::CreateGroup { .. } => "create_group",
            Self::UpdateGroup { before, after } if before.name != after.name => "rename_group",
            Self::UpdateGroup { .. } => "update_group",
            Self::ChangeMembers { group_left: false, .. } => "change_members",
            Self::ChangeMembers { group_left: true, .. } => "empty_group",
            Self::DisableUser => "disable_user",
        }
    }
}

impl Operation {
    /// In words: `create user anna@example.com`.
    #[must_use]
    pub fn summary(&self) -> String {
        let name = &self.name;
        match &self.change {
            Change::CreateUser { .. } => format!("create user {name}"),
            Change::UpdateUser { before, after } if before.username != after.username => {
                format!("rename user {name} to {}", after.username)
            }
            Change::UpdateUser { .. } => format!("update user {name}"),
            Change::EnableUser => format!("enable user {name}"),
            Change::DisableUser => format!("disable user {name}"),
            Change::CreateGroup { .. } => format!("create group {name}"),
            Change::UpdateGroup { before, after } if before.name != after.name => {
                format!("rename group {name} to {}", after.name)
            }
            Change::UpdateGroup { .. } => format!("update group {name}"),
            Change::ChangeMembers { removed, group_left: true, .. } => {
                format!("empty group {name} ({} members)", removed.len())
            }
            Change::ChangeMembers { added, removed, .. } => {
                format!("change members of group {name} (+{} -{})", added.len(), removed.len())
            }
        }
    }

    /// What changes, one line each: `email: a@example.com -> b@example.com`, `+ anna@example.com`.
    #[must_use]
    pub fn details(&self, people: &[PlanPerson]) -> Vec<String> {
        match &self.change {
            Change::CreateUser { after } => {
                differences(&user_fields(&UserAttributes::default()), &user_fields(after))
            }
            Change::UpdateUser { before, after } => differences(&user_fields(before), &user_fields(after)),
            Change::EnableUser => vec!["active: no -> yes".to_owned()],
            Change::DisableUser => vec!["active: yes -> no".to_owned()],
            Change::CreateGroup { after, .. } => {
                differences(&group_fields(&GroupAttributes::default()), &group_fields(after))
            }
            Change::UpdateGroup { before, after } => differences(&group_fields(before), &group_fields(after)),
            Change::ChangeMembers { added, removed, .. } => {
                let lines = |sign: &'static str, who: &[u32]| -> Vec<String> {
                    let mut names: Vec<&str> =
                        named(who, people).map(|person| person.username.as_str()).collect();
                    names.sort_unstable();
                    names.into_iter().map(|name| format!("{sign} {name}")).collect()
                };
                let mut all = lines("+", added);
                all.extend(lines("-", removed));
                all
            }
        }
    }

    /// The operation as JSON, with before and after; members as ids of both sides and names.
    #[must_use]
    pub fn document(&self, people: &[PlanPerson]) -> Value {
        let members = |who: &[u32]| -> Value {
            named(who, people)
                .map(|person| {
                    json!({ "source": person.source, "target": person.target, "username": person.username })
                })
                .collect()
        };
        let (before, after) = match &self.change {
            Change::CreateUser { after } => (Value::Null, json!(after)),
            Change::UpdateUser { before, after } => (json!(before), json!(after)),
            Change::EnableUser => (json!({ "active": false }), json!({ "active": true })),
            Change::DisableUser => (json!({ "active": true }), json!({ "active": false })),
            Change::CreateGroup { after, .. } => (Value::Null, json!(after)),
            Change::UpdateGroup { before, after } => (json!(before), json!(after)),
            Change::ChangeMembers { added, removed, .. } => {
                (json!({ "removed": members(removed) }), json!({ "added": members(added) }))
            }
        };
        json!({
            "kind": self.change.kind(),
            "source": self.source,
            "target": self.target,
            "name": self.name,
            "before": before,
            "after": after,
            "why": self.why,
        })
    }
}

fn named<'a>(who: &'a [u32], people: &'a [PlanPerson]) -> impl Iterator<Item = &'a PlanPerson> {
    who.iter().filter_map(|position| people.get(*position as usize))
}

fn user_fields(attributes: &UserAttributes) -> [(&'static str, &CompactString); 5] {
    [
        ("username", &attributes.username),
        ("email", &attributes.email),
        ("first_name", &attributes.first_name),
        ("last_name", &attributes.last_name),
        ("display_name", &attributes.display_name),
    ]
}

fn group_fields(attributes: &GroupAttributes) -> [(&'static str, &CompactString); 2] {
    [("name", &attributes.name), ("description", &attributes.description)]
}

fn differences(
    before: &[(&'static str, &CompactString)],
    after: &[(&'static str, &CompactString)],
) -> Vec<String> {
    before
        .iter()
        .zip(after)
        .filter(|(before, after)| before.1 != after.1)
        .map(|(before, after)| {
            let was: Cow<'_, str> =
                if before.1.is_empty() { "(none)".into() } else { before.1.as_str().into() };
            let will: Cow<'_, str> =
                if after.1.is_empty() { "(none)".into() } else { after.1.as_str().into() };
            format!("{}: {was} -> {will}", before.0)
        })
        .collect()
}

/// An operation as the journal keeps it: members as bare source ids, so that a run with millions of them stays small.
#[derive(serde::Serialize)]
struct JournalForm<'a, B: serde::Serialize, A: serde::Serialize> {
    kind: &'static str,
    source: &'a SourceId,
    target: Option<&'a TargetId>,
    name: &'a str,
    before: B,
    after: A,
    why: &'a str,
}

impl Operation {
    /// The operation as the journal keeps it: as [`Operation::document`], but members are bare source ids.
    #[must_use]
    pub fn journal_text(&self, people: &[PlanPerson]) -> String {
        let Change::ChangeMembers { added, removed, .. } = &self.change else {
            return self.document(people).to_string();
        };
        let ids = |who| named(who, people).map(|person| &person.source).collect::<Vec<_>>();
        let form = JournalForm {
            kind: self.change.kind(),
            source: &self.source,
            target: self.target.as_ref(),
            name: &self.name,
            before: std::collections::BTreeMap::from([("removed", ids(removed))]),
            after: std::collections::BTreeMap::from([("added", ids(added))]),
            why: &self.why,
        };
        serde_json::to_string(&form).unwrap_or_default()
    }
}
