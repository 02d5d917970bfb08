//! Operations as people, programs and the journal see them. The journal holds what an undo needs.

use serde_json::{Value, json};

use super::{Change, Operation, PlanPerson, Tie};
use crate::sync::model::{GroupAttributes, SourceId, TargetId, UserAttributes};

impl Operation {
    /// What changes, one line each: `email: a@example.com -> b@example.com`, `+ anna@example.com`.
    #[must_use]
    pub fn details(&self, people: &[PlanPerson]) -> Vec<String> {
        match &self.change {
            Change::CreateUser { after } | Change::RecreateUser { after, .. } => {
                differences(&user_fields(&UserAttributes::default()), &user_fields(after))
            }
            Change::UpdateUser { before, after }
            | Change::ReleaseUser { before, after }
            | Change::AdoptUser { before, after }
            | Change::RestoreUser { before, after }
            | Change::AnonymizeUser { before, after } => {
                differences(&user_fields(before), &user_fields(after))
            }
            Change::DeleteUser { before, groups, .. } => {
                let mut lines = differences(&user_fields(before), &user_fields(&UserAttributes::default()));
                lines.extend(groups.iter().map(|group| format!("- member of {}", group.name)));
                lines
            }
            Change::EnableUser => vec!["active: no -> yes".to_owned()],
            Change::DisableUser => vec!["active: yes -> no".to_owned()],
            Change::CreateGroup { after, .. } => {
                differences(&group_fields(&GroupAttributes::default()), &group_fields(after))
            }
            Change::UpdateGroup { before, after }
            | Change::ReleaseGroup { before, after, .. }
            | Change::AdoptGroup { before, after, .. } => {
                differences(&group_fields(before), &group_fields(after))
            }
            Change::DeleteGroup { before, .. } => {
                differences(&group_fields(before), &group_fields(&GroupAttributes::default()))
            }
            Change::ChangeMembers { added, removed, leavers, .. } => {
                let lines = |sign: &'static str, who: &[u32]| -> Vec<String> {
                    let mut names: Vec<&str> =
                        named(who, people).map(|person| person.username.as_str()).collect();
                    names.sort_unstable();
                    names.into_iter().map(|name| format!("{sign} {name}")).collect()
                };
                let mut all = lines("+", added);
                all.extend(lines("-", removed));
                all.extend(lines("- leaver", leavers));
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
            Change::UpdateUser { before, after }
            | Change::ReleaseUser { before, after }
            | Change::AdoptUser { before, after }
            | Change::RestoreUser { before, after }
            | Change::AnonymizeUser { before, after } => (json!(before), json!(after)),
            Change::DeleteUser { before, active, groups, managed } => {
                let mut before = json!(before);
                before["active"] = json!(active);
                before["groups"] = json!(groups);
                before["managed"] = json!(managed);
                (before, Value::Null)
            }
            Change::RecreateUser { after, active, managed } => {
                let mut after = json!(after);
                after["active"] = json!(active);
                after["managed"] = json!(managed);
                (Value::Null, after)
            }
            Change::EnableUser => (json!({ "active": false }), json!({ "active": true })),
            Change::DisableUser => (json!({ "active": true }), json!({ "active": false })),
            Change::CreateGroup { after, .. } => (Value::Null, json!(after)),
            Change::UpdateGroup { before, after }
            | Change::ReleaseGroup { before, after, .. }
            | Change::AdoptGroup { before, after, .. } => (json!(before), json!(after)),
            Change::DeleteGroup { before, .. } => (json!(before), Value::Null),
            Change::ChangeMembers { added, removed, leavers, .. } => {
                let gone: Vec<u32> = removed.iter().chain(leavers).copied().collect();
                (json!({ "removed": members(&gone) }), json!({ "added": members(added) }))
            }
        };
        let mut document = json!({
            "kind": self.change.kind(),
            "source": self.source,
            "target": self.target,
            "name": self.name,
            "before": before,
            "after": after,
            "why": self.why,
        });
        match &self.change {
            Change::CreateGroup { sources, .. }
            | Change::AdoptGroup { sources, .. }
            | Change::ReleaseGroup { sources, .. }
            | Change::DeleteGroup { sources, .. } => document["sources"] = json!(sources),
            Change::ChangeMembers { leavers, tie, .. } => {
                document["tie"] = json!(tie);
                document["leavers"] = members(leavers);
            }
            _ => {}
        }
        document
    }
}

fn named<'a>(who: &'a [u32], people: &'a [PlanPerson]) -> impl Iterator<Item = &'a PlanPerson> {
    who.iter().filter_map(|position| people.get(*position as usize))
}

type Fields<'a> = Vec<(&'a str, &'a str)>;

fn user_fields(attributes: &UserAttributes) -> Fields<'_> {
    let mut fields: Fields<'_> = vec![
        ("username", &attributes.username),
        ("email", &attributes.email),
        ("first_name", &attributes.first_name),
        ("last_name", &attributes.last_name),
        ("display_name", &attributes.display_name),
    ];
    fields.extend(attributes.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    fields
}

fn group_fields(attributes: &GroupAttributes) -> Fields<'_> {
    vec![("name", &attributes.name), ("description", &attributes.description)]
}

/// One line for each field that differs; a field that one side does not have is empty there.
fn differences(before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<String> {
    let value = |fields: &[(&str, &str)], name: &str| {
        let found = fields.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned()).unwrap_or_default()
    };
    let only_after = after.iter().filter(|(name, _)| !before.iter().any(|(known, _)| known == name));
    let shown = |value: String| if value.is_empty() { "(none)".to_owned() } else { value };
    before
        .iter()
        .chain(only_after)
        .map(|(name, _)| (name, value(before, name), value(after, name)))
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| format!("{name}: {} -> {}", shown(before), shown(after)))
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
    /// Who of the removed goes for having left.
    leavers: Vec<&'a SourceId>,
    tie: Tie,
    why: &'a str,
}

impl Operation {
    /// The operation as the journal keeps it: as [`Operation::document`], but members are bare source ids.
    #[must_use]
    pub fn journal_text(&self, people: &[PlanPerson]) -> String {
        let Change::ChangeMembers { added, removed, leavers, tie, .. } = &self.change else {
            return self.document(people).to_string();
        };
        let ids = |who| named(who, people).map(|person| &person.source).collect::<Vec<_>>();
        let mut gone = ids(removed);
        gone.extend(ids(leavers));
        let form = JournalForm {
            kind: self.change.kind(),
            source: &self.source,
            target: self.target.as_ref(),
            name: &self.name,
            before: std::collections::BTreeMap::from([("removed", gone)]),
            after: std::collections::BTreeMap::from([("added", ids(added))]),
            leavers: ids(leavers),
            tie: *tie,
            why: &self.why,
        };
        serde_json::to_string(&form).unwrap_or_default()
    }
}
