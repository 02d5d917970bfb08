//! What an operation of a report changes, read from its JSON document: for text and for the page. Pure.
//!
//! The documents are those of `sync::plan`, with members as ids and names, or those of the journal, with members as the
//! store names them. What a later version adds is shown as it stands, or left out; nothing here fails.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde_json::{Map, Value};

/// The attributes of users and groups in the order in which people expect them; others follow by name.
const USUAL_ORDER: [&str; 7] =
    ["name", "username", "email", "first_name", "last_name", "display_name", "description"];
/// What stands beside attributes in the documents of users and is none.
const NO_ATTRIBUTES: [&str; 3] = ["attributes", "groups", "managed"];
/// Whether an account can sign in.
const ACTIVE: &str = "active";

/// One thing that an operation changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Detail<'a> {
    /// An attribute. A side that does not exist, as before a creation, is none; one without this attribute is empty.
    Attribute { name: &'a str, before: Option<Cow<'a, str>>, after: Option<Cow<'a, str>> },
    /// A user that becomes a member of the group.
    Added(&'a str),
    /// A user that is a member no longer.
    Removed { name: &'a str, leaver: bool },
    /// A group that the account loses, or gets back, as it goes or comes.
    MemberOf { group: &'a str, gained: bool },
}

/// As in a plan: `email: a@example.com -> b@example.com`, `+ anna@example.com`. Names are not made harmless.
impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute { name, before, after } => {
                write!(f, "{name}: {} -> {}", shown(before.as_ref()), shown(after.as_ref()))
            }
            Self::Added(name) => write!(f, "+ {name}"),
            Self::Removed { name, leaver: true } => write!(f, "- leaver {name}"),
            Self::Removed { name, leaver: false } => write!(f, "- {name}"),
            Self::MemberOf { group, gained: true } => write!(f, "+ member of {group}"),
            Self::MemberOf { group, gained: false } => write!(f, "- member of {group}"),
        }
    }
}

/// A value, or that there is none.
pub(super) fn shown<'a>(value: Option<&'a Cow<'_, str>>) -> &'a str {
    value.map(AsRef::as_ref).filter(|value| !value.is_empty()).unwrap_or("(none)")
}

/// The operation's kind, for instance `create_user`; empty if it says none.
pub(super) fn kind(operation: &Value) -> &str {
    operation.get("kind").and_then(Value::as_str).unwrap_or_default()
}

/// Why it is done: one clause; empty if it does not say.
pub(super) fn why(operation: &Value) -> &str {
    operation.get("why").and_then(Value::as_str).unwrap_or_default()
}

/// What it changes, in the order of a plan: attributes, then who comes, goes, and goes as a leaver, each by name.
pub(super) fn details(operation: &Value) -> Vec<Detail<'_>> {
    let side = |name: &str| operation.get(name).and_then(Value::as_object);
    let (before, after) = (side("before"), side("after"));
    let members =
        |side: Option<&'_ Map<String, Value>>, list| side.is_some_and(|side| side.contains_key(list));
    if members(before, "removed") || members(after, "added") {
        return changed_members(operation, before, after);
    }
    let mut all = differences(before, after);
    for (side, gained) in [(before, false), (after, true)] {
        all.extend(groups(side).map(|group| Detail::MemberOf { group, gained }));
    }
    all
}

fn changed_members<'a>(
    operation: &'a Value,
    before: Option<&'a Map<String, Value>>,
    after: Option<&'a Map<String, Value>>,
) -> Vec<Detail<'a>> {
    let list = |side: Option<&'a Map<String, Value>>, name| {
        side.and_then(|side| side.get(name)).and_then(Value::as_array).into_iter().flatten()
    };
    let leavers: HashSet<&str> =
        operation.get("leavers").and_then(Value::as_array).into_iter().flatten().map(source).collect();
    let mut added: Vec<&str> = list(after, "added").map(name).collect();
    added.sort_unstable();
    let mut removed: Vec<(bool, &str)> =
        list(before, "removed").map(|member| (leavers.contains(source(member)), name(member))).collect();
    removed.sort_unstable();
    let removed = removed.into_iter().map(|(leaver, name)| Detail::Removed { name, leaver });
    added.into_iter().map(Detail::Added).chain(removed).collect()
}

/// The source's id of a member: itself, or that of an object.
fn source(member: &Value) -> &str {
    member.as_str().or_else(|| member.get("source")?.as_str()).unwrap_or_default()
}

/// The name of a member. Whom the ledger no longer knows has none, and is shown by its id.
fn name(member: &Value) -> &str {
    let name = member.get("username").and_then(Value::as_str).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| source(member))
}

/// The groups of an account, by name.
fn groups(side: Option<&Map<String, Value>>) -> impl Iterator<Item = &str> {
    let groups = side.and_then(|side| side.get("groups")).and_then(Value::as_array).into_iter().flatten();
    groups.filter_map(|group| group.as_str().or_else(|| group.get("name")?.as_str()))
}

/// One for each attribute that differs.
fn differences<'a>(
    before: Option<&'a Map<String, Value>>,
    after: Option<&'a Map<String, Value>>,
) -> Vec<Detail<'a>> {
    let mut names: Vec<&str> = [before, after].into_iter().flatten().flat_map(attribute_names).collect();
    if before.is_none() || after.is_none() {
        // Whether an account that goes could sign in is no change of an attribute.
        let is_attribute =
            |side: &Map<String, Value>| further(side).is_some_and(|all| all.contains_key(ACTIVE));
        let keep = [before, after].into_iter().flatten().any(is_attribute);
        names.retain(|name| keep || *name != ACTIVE);
    }
    names.sort_by_key(|name| {
        (USUAL_ORDER.iter().position(|usual| usual == name).unwrap_or(USUAL_ORDER.len()), *name)
    });
    names.dedup();
    let detail = |name: &'a str| {
        let value = |side: Option<&'a Map<String, Value>>| side.map(|side| value(side, name));
        let (before, after) = (value(before), value(after));
        let differs = before.as_deref().unwrap_or_default() != after.as_deref().unwrap_or_default();
        differs.then_some(Detail::Attribute { name, before, after })
    };
    names.into_iter().filter_map(detail).collect()
}

fn attribute_names(side: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let own = side.keys().filter(|name| !NO_ATTRIBUTES.contains(&name.as_str()));
    own.chain(further(side).into_iter().flat_map(Map::keys)).map(String::as_str)
}

fn further(side: &Map<String, Value>) -> Option<&Map<String, Value>> {
    side.get("attributes")?.as_object()
}

/// An attribute as people read it; empty if it is not there.
fn value<'a>(side: &'a Map<String, Value>, name: &str) -> Cow<'a, str> {
    let own = || side.get(name).filter(|_| !NO_ATTRIBUTES.contains(&name));
    match further(side).and_then(|further| further.get(name)).or_else(own) {
        None | Some(Value::Null) => Cow::Borrowed(""),
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(Value::Bool(true)) => Cow::Borrowed("yes"),
        Some(Value::Bool(false)) => Cow::Borrowed("no"),
        Some(other) => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sync::model::{GroupAttributes, LedgerUser, SourceId, TargetId, UserAttributes};
    use crate::sync::plan::{Change, NamedGroup, Operation, PlanPerson, Standing, Tie};

    fn lines(operation: &Value) -> Vec<String> {
        details(operation).iter().map(ToString::to_string).collect()
    }

    fn person(name: &str, further: &[(&str, &str)]) -> UserAttributes {
        UserAttributes {
            username: name.into(),
            email: format!("{name}@example.com").into(),
            first_name: "First".into(),
            last_name: String::new().into(),
            display_name: name.to_uppercase().into(),
            attributes: further.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        }
    }

    fn group(name: &str, description: &str) -> GroupAttributes {
        GroupAttributes { name: name.into(), description: description.into() }
    }

    fn people() -> Vec<PlanPerson> {
        ["zoe", "bob", "carl", "anna"]
            .iter()
            .enumerate()
            .map(|(number, name)| PlanPerson {
                source: SourceId(format!("00u{number}").into()),
                target: None,
                username: (*name).into(),
            })
            .collect()
    }

    /// Every way to change something, with what differs and what does not.
    fn changes() -> Vec<Change> {
        let before = person("anna", &[("team", "red"), ("desk", "4")]);
        let after = person("ann", &[("desk", "4"), ("floor", "2")]);
        let (left, sources) = (group("old", ""), vec![SourceId::from("00g1")]);
        let members = |tie| Change::ChangeMembers {
            added: vec![0, 1],
            removed: vec![2],
            leavers: vec![3],
            before: 9,
            tie,
        };
        let managed = LedgerUser::created(TargetId::from("1"), "anna".into());
        vec![
            Change::CreateUser { after: after.clone() },
            Change::UpdateUser { before: before.clone(), after: after.clone() },
            Change::AdoptUser { before: before.clone(), after: before.clone() },
            Change::RestoreUser { before: after.clone(), after: before.clone() },
            Change::EnableUser,
            Change::DisableUser,
            Change::AnonymizeUser { before: before.clone(), after: UserAttributes::default() },
            Change::DeleteUser {
                before,
                active: true,
                groups: vec![NamedGroup { name: "staff".into(), id: TargetId::from("7") }],
                managed: Box::new(managed),
            },
            Change::CreateGroup { after: group("new", "for all"), sources: sources.clone() },
            Change::UpdateGroup { before: left.clone(), after: group("new", "for all") },
            Change::AdoptGroup {
                before: left.clone(),
                after: left.clone(),
                sources: sources.clone(),
                members: 1,
            },
            Change::DeleteGroup { before: left, sources },
            members(Tie::Synced),
            members(Tie::Left),
        ]
    }

    #[test]
    fn documents_say_the_same_as_the_plan_they_come_from() {
        let people = people();
        for change in changes() {
            let operation = Operation {
                source: SourceId::from("00u"),
                target: None,
                name: "x".into(),
                change,
                why: "it is so".into(),
                standing: Standing::Sound,
            };
            let (mut wanted, kind_wanted) = (operation.details(&people), operation.change.kind());
            let document = operation.document(&people);
            let mut seen = lines(&document);
            // Further attributes that are gone come last in a plan and by name here.
            wanted.sort();
            seen.sort();
            assert_eq!(seen, wanted, "{kind_wanted}");
            assert_eq!((kind(&document), why(&document)), (kind_wanted, "it is so"));
            assert!(kind_wanted.starts_with("adopt") || !seen.is_empty(), "{kind_wanted} has no details");
        }
    }

    #[test]
    fn members_of_the_journal_are_named_as_far_as_they_are_known() {
        let journal = json!({
            "kind": "change_members",
            "before": { "removed": [
                { "source": "00u4", "username": "dora" },
                { "source": "00u3", "username": "bob" },
                { "source": "00u2", "username": null },
            ] },
            "after": { "added": [{ "source": "00u9", "username": "zoe" }, "00u8"] },
            "leavers": ["00u3"],
            "tie": "synced",
        });
        assert_eq!(lines(&journal), ["+ 00u8", "+ zoe", "- 00u2", "- dora", "- leaver bob"]);
    }

    #[test]
    fn attributes_stand_in_the_usual_order_and_a_missing_side_is_no_empty_one() {
        let create = json!({ "before": null, "after": {
            "display_name": "Anna", "username": "anna", "email": "", "attributes": { "team": "red" },
        } });
        assert_eq!(
            details(&create),
            [("username", "anna"), ("display_name", "Anna"), ("team", "red")]
                .map(|(name, after)| { Detail::Attribute { name, before: None, after: Some(after.into()) } })
        );
        let update = json!({ "before": { "email": "a" }, "after": { "email": "" } });
        assert_eq!(lines(&update), ["email: a -> (none)"]);
    }

    #[test]
    fn what_is_not_understood_does_no_harm() {
        for odd in
            [json!(null), json!([]), json!({}), json!({ "before": 1, "after": "x", "kind": 3, "why": [] })]
        {
            assert_eq!((lines(&odd).len(), kind(&odd), why(&odd)), (0, "", ""), "{odd}");
        }
        let odd = json!({ "before": null, "after": { "limit": 5, "tags": ["a"], "removed": 1 } });
        assert_eq!(lines(&odd), ["limit: (none) -> 5", "removed: (none) -> 1", "tags: (none) -> [\"a\"]"]);
        let odd = json!({ "after": { "added": [1, {}, { "username": "" }] } });
        assert_eq!(lines(&odd), ["+ ", "+ ", "+ "]);
    }
}
