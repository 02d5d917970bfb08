//! What can be done with groups.

use serde_json::Value;

use super::Scim;
use super::answer::{Outcome, Refusal};
use super::dialect::{Limit, NewMembers};
use super::draft::Changes;
use super::intake::{self, Document};
use super::ledger::Extras;
use super::lists::projection;
use super::lookup::Keys;
use super::members::{self, Changed, Directory, Roster};
use super::operations::{self, Operation, Place, Target, Verb};
use super::projection::Projection;
use super::render::{View, group_document};
use super::user::{Attributes, kept_values};
use super::{body, patch, schema};
use crate::product::{Group, Id, Reply, Request, World};

/// An operation on members, with its target.
type MemberOperation = (Operation, Target);

impl Scim {
    fn known_group(&self, id: &str, world: &World) -> Outcome<Id> {
        self.ledger.group(id, world).ok_or_else(|| Refusal::missing("Group", id))
    }

    fn directory<'a>(&'a self, world: &'a World) -> Directory<'a> {
        Directory { ledger: &self.ledger, world, dialect: &self.dialect }
    }

    pub(super) fn read_group(&self, id: &str, request: &Request, world: &World) -> Outcome<Reply> {
        let id = self.known_group(id, world)?;
        let projection = projection(request, &self.dialect)?;
        let Some(group) = world.groups().get(&id) else { return Err(Refusal::of_status(404)) };
        if let Some(unchanged) = self.unchanged(request, || self.group_version(id, group)) {
            return Ok(unchanged);
        }
        Ok(View { scim: self, world, request }.group_reply(200, id, group, &projection))
    }

    pub(super) fn create_group(&mut self, request: &Request, world: &mut World) -> Outcome<Reply> {
        let projection = projection(request, &self.dialect)?;
        let mut document = intake::resource(body(request)?, schema::groups(), &self.dialect)?;
        // Not published: that an unknown member is refused here as in a PUT.
        let mut entries = self.whole_list(&mut document, world)?;
        match self.dialect.new_members {
            NewMembers::Refused if !entries.is_empty() => {
                return Err(Refusal::bad("invalidValue", "a group is created without members"));
            }
            NewMembers::Dropped => entries.clear(),
            NewMembers::Told | NewMembers::Untold | NewMembers::Refused => {}
        }
        self.acceptable_group(&document, None, world)?;
        let mut group = Group::default();
        let mut roster = Roster::of(&group, Extras::default());
        roster.replace(&entries, self.directory(world));
        let changed = roster.changed();
        write_own(&mut group, document, &Attributes::new());
        let (before, keys) = (world.changes, Keys::of_group(&group));
        let id = world.insert_group(group);
        self.lookup.group_changed(id, None, Some(keys), before, world);
        self.store_members(id, changed, world);
        if self.dialect.new_members == NewMembers::Untold {
            let silent = Group { members: Default::default(), ..world.groups()[&id].clone() };
            return Ok(View { scim: self, world, request }.group_reply(201, id, &silent, &projection));
        }
        self.tell_group(201, id, request, world, &projection)
    }

    pub(super) fn put_group(&mut self, id: &str, request: &Request, world: &mut World) -> Outcome<Reply> {
        let id = self.known_group(id, world)?;
        let projection = projection(request, &self.dialect)?;
        let Some(group) = world.groups().get(&id) else { return Err(Refusal::of_status(404)) };
        self.precondition(request, || self.group_version(id, group))?;
        let mut document = intake::resource(body(request)?, schema::groups(), &self.dialect)?;
        let entries = self.whole_list(&mut document, world).map_err(Refusal::plain)?;
        self.acceptable_group(&document, Some((id, group)), world)?;
        let mut roster = Roster::of(group, self.ledger.extras.get(&id).cloned().unwrap_or_default());
        roster.replace(&entries, self.directory(world));
        let changed = roster.changed();
        self.store_own(id, document, world);
        self.store_members(id, changed, world);
        self.tell_group(200, id, request, world, &projection)
    }

    /// The members that a whole group is sent with. Without the key there are none.
    fn whole_list(&self, document: &mut Document, world: &World) -> Outcome<Vec<Document>> {
        let entries = members::entries(document.remove("members").as_ref(), &self.dialect)?;
        within(entries.len(), self.dialect.members_per_request)?;
        self.directory(world).know(&entries, 400)?;
        Ok(entries)
    }

    fn acceptable_group(
        &self,
        document: &Document,
        this: Option<(Id, &Group)>,
        world: &World,
    ) -> Outcome<()> {
        let name = document.get("displayName").and_then(Value::as_str).unwrap_or_default();
        if self.dialect.fixed_group_names && this.is_some_and(|(_, group)| group.name != name) {
            // Not published: that this is 400.
            return Err(Refusal::bad("mutability", "'displayName' is immutable"));
        }
        let is_new = this.is_none_or(|(_, group)| group.name != name);
        let holder = world.group_named(name).filter(|id| this.is_none_or(|(this, _)| this != *id));
        if self.dialect.unique_group_names && is_new && holder.is_some() {
            return Err(Refusal::taken(format!("A group '{name}' exists")));
        }
        Ok(())
    }

    pub(super) fn patch_group(&mut self, id: &str, request: &Request, world: &mut World) -> Outcome<Reply> {
        let id = self.known_group(id, world)?;
        let projection = projection(request, &self.dialect)?;
        let Some(group) = world.groups().get(&id) else { return Err(Refusal::of_status(404)) };
        self.precondition(request, || self.group_version(id, group))?;
        let operations = operations::read(&body(request)?, schema::groups(), &self.dialect)?;
        let (about_members, own) = parted(operations);
        self.allowed(&about_members, world)?;
        let mut document = group_document(group);
        document.insert("id".to_owned(), self.ledger.shown(id).into());
        for operation in own {
            patch::apply(&mut document, operation, &self.dialect)?;
        }
        document.remove("id");
        self.acceptable_group(&document, Some((id, group)), world)?;
        let revision = self.revision(id);
        let members = self.changed_members(id, group, &about_members, world)?;
        let mut changed = self.store_own(id, document, world);
        changed |= self.store_members(id, members, world);
        changed |= self.revision(id) != revision;
        if !self.is_silent(changed, &projection) {
            return self.tell_group(200, id, request, world, &projection);
        }
        let Some(group) = world.groups().get(&id) else { return Err(Refusal::of_status(500)) };
        let view = View { scim: self, world, request };
        Ok(view.headers(Reply::empty(204), "Groups", id, || self.group_version(id, group)))
    }

    /// Whether changes of members are few enough, and about members that exist.
    fn allowed(&self, operations: &[MemberOperation], world: &World) -> Outcome<()> {
        let sizes = operations.iter().map(|(operation, target)| members::size(operation, target));
        let (changes, listed) = sizes.fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
        within(listed, self.dialect.members_per_request)?;
        within(changes, self.dialect.member_changes_per_patch)?;
        // Not published: whether the removal of somebody who does not exist is refused too.
        let whole = |target: &Target| target.filter.is_none() && target.part.is_none();
        for (operation, _) in
            operations.iter().filter(|(operation, target)| operation.verb != Verb::Remove && whole(target))
        {
            self.directory(world).know(&members::entries(operation.value.as_ref(), &self.dialect)?, 404)?;
        }
        Ok(())
    }

    /// The members after some operations. If one of them fails, nothing has happened.
    fn changed_members(
        &mut self,
        id: Id,
        group: &Group,
        operations: &[MemberOperation],
        world: &World,
    ) -> Outcome<Changed> {
        // Details are moved, since copying those of a large group for each small change would take its time. One operation
        // alone changes nothing when it fails.
        let extras = self.ledger.extras.remove(&id).unwrap_or_default();
        let kept = (operations.len() > 1).then(|| extras.clone());
        let mut roster = Roster::of(group, extras);
        for (operation, target) in operations {
            if let Err(refusal) = roster.apply(operation, target, self.directory(world)) {
                self.keep_extras(id, kept.unwrap_or_else(|| roster.extras()));
                return Err(refusal);
            }
        }
        Ok(roster.changed())
    }

    /// How often changed what is told of the members of a group.
    fn revision(&self, id: Id) -> u64 {
        self.ledger.extras.get(&id).map_or(0, |extras| extras.revision)
    }

    fn keep_extras(&mut self, id: Id, extras: Extras) {
        if extras.revision > 0 {
            self.ledger.extras.insert(id, extras);
        }
    }

    /// Gives a group the attributes of a document; true if one was different.
    fn store_own(&mut self, id: Id, document: Document, world: &mut World) -> bool {
        let Some(group) = world.groups().get(&id) else { return false };
        // Without its members: copying these for each small change would take its time.
        let before = Group {
            name: group.name.clone(),
            external_id: group.external_id.clone(),
            attributes: group.attributes.clone(),
            ..Group::default()
        };
        let mut after = Group::default();
        write_own(&mut after, document, &before.attributes);
        if after == before {
            return false;
        }
        let (old, new, changes) = (Keys::of_group(&before), Keys::of_group(&after), world.changes);
        world.change_group(id, |group| {
            (group.name, group.external_id, group.attributes) =
                (after.name, after.external_id, after.attributes);
        });
        self.lookup.group_changed(id, Some(&old), Some(new), changes, world);
        true
    }

    /// Writes the members of a group, each change for itself; true if there was one.
    fn store_members(&mut self, id: Id, changed: Changed, world: &mut World) -> bool {
        let (users, children, changes) = (changed.users, changed.groups, world.changes);
        for user in &users.gone {
            world.remove_member(id, *user);
        }
        for user in &users.new {
            world.add_member(id, *user);
        }
        if !children.is_empty() {
            world.change_group(id, |group| {
                group.children.retain(|child| !children.gone.contains(child));
                group.children.extend(&children.new);
            });
        }
        self.lookup.members_changed(id, &users, changes, world);
        self.keep_extras(id, changed.extras);
        !users.is_empty() || !children.is_empty()
    }

    fn tell_group(
        &self,
        status: u16,
        id: Id,
        request: &Request,
        world: &World,
        projection: &Projection,
    ) -> Outcome<Reply> {
        let group = world.groups().get(&id).ok_or_else(|| Refusal::of_status(500))?;
        Ok(View { scim: self, world, request }.group_reply(status, id, group, projection))
    }

    pub(super) fn delete_group(&mut self, id: &str, request: &Request, world: &mut World) -> Outcome<Reply> {
        let id = self.known_group(id, world)?;
        let Some(group) = world.groups().get(&id) else { return Err(Refusal::of_status(404)) };
        self.precondition(request, || self.group_version(id, group))?;
        let (keys, changes) = (Keys::of_group(group), world.changes);
        let left = Changes { gone: group.members.iter().copied().collect(), new: Vec::new() };
        world.remove_group(id);
        self.ledger.extras.remove(&id);
        self.lookup.group_changed(id, Some(&keys), None, changes, world);
        self.lookup.members_changed(id, &left, world.changes, world);
        Ok(Reply::empty(204))
    }
}

/// Parts the operations on members from those on the group's own attributes.
fn parted(operations: Vec<Operation>) -> (Vec<MemberOperation>, Vec<Operation>) {
    let (mut about_members, mut own) = (Vec::new(), Vec::new());
    for operation in operations {
        match &operation.place {
            Place::Attribute(target) if target.attribute.name == "members" => {
                let target = target.clone();
                about_members.push((operation, target));
            }
            _ => own.push(operation),
        }
    }
    (about_members, own)
}

/// Refuses what exceeds a limit.
fn within(number: usize, limit: Option<Limit>) -> Outcome<()> {
    match limit {
        Some(limit) if number > limit.most => {
            let detail = format!("{number} members exceed the limit of {}", limit.most);
            Err(Refusal::new(limit.status, if limit.status == 400 { "tooMany" } else { "" }, detail))
        }
        _ => Ok(()),
    }
}

/// Gives a group the attributes of a document in place of its own.
fn write_own(group: &mut Group, mut document: Document, before: &Attributes) {
    let mut text = |name| match document.remove(name) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    (group.name, group.external_id) = (text("displayName"), text("externalId"));
    group.attributes = kept_values(document, before);
}
