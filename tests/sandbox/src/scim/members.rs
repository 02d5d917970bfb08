//! The members of a group while they are changed. Nothing of it is in the world until all of a request is known to be good.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::answer::{Outcome, Refusal};
use super::dialect::{Dialect, MemberDetails, UnknownMembers};
use super::draft::{Changes, Draft};
use super::intake::{self, Document};
use super::ledger::{Extras, Ledger, Member};
use super::matching::Matcher;
use super::operations::{Operation, Target, Verb};
use super::patch::carries_no_value;
use super::schema::{Access, Attribute, groups};
use crate::product::{Group, Id, World};

/// Whom ids stand for.
#[derive(Clone, Copy)]
pub(super) struct Directory<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) world: &'a World,
    pub(super) dialect: &'a Dialect,
}

/// The members of a group.
#[derive(Debug)]
pub(super) struct Roster<'a> {
    users: Draft<'a>,
    groups: Draft<'a>,
    extras: Extras,
}

/// What is to become of the members of a group.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) users: Changes,
    pub(super) groups: Changes,
    pub(super) extras: Extras,
}

/// The entries of a list of members.
pub(super) fn entries(value: Option<&Value>, dialect: &Dialect) -> Outcome<Vec<Document>> {
    let Some(attribute) = groups().find("members") else { return Ok(Vec::new()) };
    let list = match value {
        Some(Value::Array(_)) => value.cloned(),
        // One member alone is taken for a list of one.
        Some(one) => Some(Value::Array(vec![one.clone()])),
        None => None,
    };
    let whole = intake::whole(attribute, list.unwrap_or_default(), dialect).map_err(Refusal::in_a_value);
    let Some(Value::Array(entries)) = whole? else { return Ok(Vec::new()) };
    let objects = entries.into_iter().filter_map(|entry| match entry {
        Value::Object(entry) if entry.contains_key("value") => Some(entry),
        _ => None,
    });
    Ok(objects.collect())
}

fn id_of(entry: &Document) -> &str {
    entry.get("value").and_then(Value::as_str).unwrap_or_default()
}

/// How many members an operation is about, and how many it lists.
pub(super) fn size(operation: &Operation, target: &Target) -> (usize, usize) {
    let listed = operation.value.as_ref().map_or(0, |value| value.as_array().map_or(1, Vec::len));
    let filtered = target.filter.as_ref().map(|filter| filter.values().map_or(1, |values| values.len()));
    (filtered.unwrap_or(listed).max(1), listed)
}

impl Directory<'_> {
    /// Refuses members that do not exist, where a service does.
    pub(super) fn know(&self, entries: &[Document], status: u16) -> Outcome<()> {
        if self.dialect.unknown_members == UnknownMembers::Kept {
            return Ok(());
        }
        match entries.iter().find(|entry| self.ledger.user(id_of(entry), self.world).is_none()) {
            Some(entry) => Err(Refusal::new(status, "", format!("User '{}' does not exist", id_of(entry)))),
            None => Ok(()),
        }
    }
}

impl<'a> Roster<'a> {
    /// The members of a group as they are.
    pub(super) fn of(group: &'a Group, extras: Extras) -> Self {
        Self { users: Draft::of(&group.members), groups: Draft::of(&group.children), extras }
    }

    /// What is different from the group.
    pub(super) fn changed(self) -> Changed {
        Changed { users: self.users.changes(), groups: self.groups.changes(), extras: self.extras }
    }

    /// What is told of members, where nothing is to become of them.
    pub(super) fn extras(self) -> Extras {
        self.extras
    }

    /// Carries out an operation on members.
    pub(super) fn apply(
        &mut self,
        operation: &Operation,
        target: &Target,
        directory: Directory<'_>,
    ) -> Outcome<()> {
        let value = operation.value.as_ref().filter(|value| !value.is_null());
        let is_null = operation.value.is_some() && value.is_none();
        let verb = if is_null { Verb::Remove } else { operation.verb };
        match (verb, &target.filter, target.part) {
            (Verb::Add, None, None) => self.add(&entries(value, directory.dialect)?, directory),
            (Verb::Replace, None, None) => self.replace(&entries(value, directory.dialect)?, directory),
            (Verb::Remove, _, None) => self.remove(target, value, directory)?,
            _ => self.edit(target, value, directory)?,
        }
        Ok(())
    }

    /// Adds members. Who was there before stays as before; who is twice in the list is twice in the group, where a service
    /// keeps lists as they are given (seen with scim2-server 0.8.3).
    fn add(&mut self, new: &[Document], directory: Directory<'_>) {
        let mut seen = BTreeSet::new();
        let loose = self.extras.loose.len();
        for entry in new {
            let text = id_of(entry);
            match (self.known(text, directory), directory.ledger.member(text, directory.world)) {
                (Some(id), _) if seen.contains(&id) => self.keep_copy(entry, directory.dialect),
                (Some(id), _) => {
                    let is_same = directory.dialect.member_details == MemberDetails::Known
                        || self.entry(id, text) == *entry;
                    self.add_again(entry, is_same, loose, directory.dialect);
                }
                (None, Member::Unknown) => self.add_again(entry, false, loose, directory.dialect),
                (None, Member::User(id)) => {
                    self.users.insert(id);
                    self.describe(id, entry, directory.dialect);
                    seen.insert(id);
                }
                (None, Member::Group(id)) => {
                    self.groups.insert(id);
                    self.describe(id, entry, directory.dialect);
                    seen.insert(id);
                }
            }
        }
    }

    /// The list of members from now on.
    pub(super) fn replace(&mut self, new: &[Document], directory: Directory<'_>) {
        self.users.clear();
        self.groups.clear();
        let before = std::mem::take(&mut self.extras);
        self.add(new, directory);
        let is_same = before.details == self.extras.details && before.loose == self.extras.loose;
        self.extras.revision = before.revision + u64::from(!is_same);
    }

    /// The member of that id, be it still a user or not.
    fn known(&self, text: &str, directory: Directory<'_>) -> Option<Id> {
        directory.ledger.read(text).filter(|id| self.users.contains(*id) || self.groups.contains(*id))
    }

    /// Adds an entry of a member that is there already, or of one that does not exist. Entries that differ in anything are
    /// two (seen with scim2-server 0.8.3).
    fn add_again(&mut self, entry: &Document, is_there: bool, loose: usize, dialect: &Dialect) {
        let is_there = is_there || self.extras.loose.iter().take(loose).any(|known| known == entry);
        if dialect.duplicate_members || !is_there {
            self.extras.loose.push(entry.clone());
            self.extras.revision += 1;
        }
    }

    fn keep_copy(&mut self, entry: &Document, dialect: &Dialect) {
        if dialect.member_details == MemberDetails::AsGiven {
            self.extras.loose.push(entry.clone());
            self.extras.revision += 1;
        }
    }

    fn describe(&mut self, id: Id, entry: &Document, dialect: &Dialect) {
        let mut details = entry.clone();
        details.remove("value");
        if dialect.member_details == MemberDetails::AsGiven && !details.is_empty() {
            self.extras.details.insert(id, details);
            self.extras.revision += 1;
        }
    }

    /// The entry of a member as it was given.
    fn entry(&self, id: Id, shown: &str) -> Document {
        let mut entry = self.extras.details.get(&id).cloned().unwrap_or_default();
        entry.insert("value".to_owned(), shown.into());
        entry
    }

    fn remove(&mut self, target: &Target, value: Option<&Value>, directory: Directory<'_>) -> Outcome<()> {
        if value.is_some() && !directory.dialect.removal_by_value {
            return Err(carries_no_value());
        }
        let listed = value.map(|value| entries(Some(value), directory.dialect)).transpose()?;
        let listed = listed.as_ref().map(|listed| listed.iter().map(id_of).collect());
        match (&target.filter, listed) {
            (None, None) => self.replace(&[], directory),
            (None, Some(ids)) => self.remove_ids(&ids, directory),
            (Some(filter), _) => match filter.values() {
                Some(ids) => self.remove_ids(&ids.into_iter().collect(), directory),
                None => self.remove_matching(target, directory)?,
            },
        }
        Ok(())
    }

    fn remove_ids(&mut self, ids: &BTreeSet<&str>, directory: Directory<'_>) {
        for id in ids.iter().filter_map(|text| directory.ledger.read(text)) {
            self.forget(id);
        }
        self.keep_loose(|entry| !ids.contains(id_of(entry)));
    }

    fn forget(&mut self, id: Id) {
        self.users.remove(id);
        self.groups.remove(id);
        self.extras.revision += u64::from(self.extras.details.remove(&id).is_some());
    }

    fn keep_loose(&mut self, stays: impl FnMut(&Document) -> bool) {
        let before = self.extras.loose.len();
        self.extras.loose.retain(stays);
        self.extras.revision += u64::from(self.extras.loose.len() != before);
    }

    fn remove_matching(&mut self, target: &Target, directory: Directory<'_>) -> Outcome<()> {
        let (ids, loose) = self.matching(target, directory)?;
        ids.into_iter().for_each(|id| self.forget(id));
        let mut loose = loose.into_iter();
        self.keep_loose(|_| !loose.next().unwrap_or(false));
        Ok(())
    }

    /// Which members a path means, and which of the loose entries.
    fn matching(&self, target: &Target, directory: Directory<'_>) -> Outcome<(Vec<Id>, Vec<bool>)> {
        let all = self.users.ids().into_iter().chain(self.groups.ids());
        let Some(filter) = &target.filter else {
            return Ok((all.collect(), vec![true; self.extras.loose.len()]));
        };
        let matcher = Matcher::values(filter, target.attribute, directory.dialect)?;
        let fits = |entry: Document| matcher.fits(&Value::Object(entry));
        let ids = all.filter(|id| fits(self.entry(*id, &directory.ledger.shown(*id)))).collect();
        Ok((ids, self.extras.loose.iter().map(|entry| fits(entry.clone())).collect()))
    }

    /// Writes what is told of members, which is `display` alone: the rest is immutable.
    fn edit(&mut self, target: &Target, value: Option<&Value>, directory: Directory<'_>) -> Outcome<()> {
        let parts = edited(target, value, directory.dialect)?;
        let (ids, loose) = self.matching(target, directory)?;
        if ids.is_empty() && !loose.contains(&true) {
            if value.is_none() {
                return Ok(());
            }
            return Err(Refusal::bad("noTarget", "no value of 'members' matches the path filter"));
        }
        if directory.dialect.member_details == MemberDetails::Known {
            return Ok(());
        }
        let details = &mut self.extras.details;
        for id in ids {
            let known = details.entry(id).or_default();
            write(known, &parts);
            if known.is_empty() {
                details.remove(&id);
            }
        }
        let entries = self.extras.loose.iter_mut().zip(loose).filter(|(_, meant)| *meant);
        entries.for_each(|(entry, _)| write(entry, &parts));
        self.extras.revision += 1;
        Ok(())
    }
}

/// The parts to write; a part without a value goes.
fn edited(
    target: &Target,
    value: Option<&Value>,
    dialect: &Dialect,
) -> Outcome<Vec<(&'static str, Option<Value>)>> {
    let immutable = |part: &Attribute| Refusal::bad("mutability", format!("'{}' is immutable", part.name));
    let given = match (target.part, value) {
        (Some(part), value) => Map::from_iter([(part.name.to_owned(), value.cloned().unwrap_or_default())]),
        (None, Some(Value::Object(parts))) => parts.clone(),
        (None, _) => return Err(Refusal::value("Input should be an object: members")),
    };
    let known = target.attribute.parts.iter();
    let known = known.filter_map(|part| given.get(part.name).map(|value| (part, value.clone())));
    known
        .map(|(part, value)| match part.access {
            Access::Immutable => Err(immutable(part)),
            _ => Ok((part.name, intake::whole(part, value, dialect)?)),
        })
        .collect()
}

fn write(entry: &mut Document, parts: &[(&'static str, Option<Value>)]) {
    for (name, value) in parts {
        match value {
            Some(value) => entry.insert((*name).to_owned(), value.clone()),
            None => entry.remove(*name),
        };
    }
}
