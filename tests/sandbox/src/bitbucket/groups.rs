//! Groups: made, deleted, shown.

use serde_json::Value;

use super::body::{self, answer, parameter};
use super::page::first_id;
use super::refusal::{Refusal, no_such_group, refused, refused_for};
use super::{Bitbucket, Outcome};
use crate::product::{Group, Id, Reply, Request, World};

/// The name is in the query.
pub(super) fn create(request: &Request, world: &mut World) -> Outcome {
    let name = parameter(request, "name")?;
    if world.group_named(name).is_some() {
        return Err(refused_for("name", 409, format!("A group with the name {name} already exists")));
    }
    let group = Group { name: name.to_owned(), ..Group::default() };
    let shown = body::group(&group);
    world.insert_group(group);
    Ok(answer(&shown))
}

impl Bitbucket {
    pub(super) fn delete_group(&self, request: &Request, world: &mut World) -> Outcome {
        let name = parameter(request, "name")?;
        let id = group_named(name, world)?;
        if world.group_named(&self.admin_group) == Some(id) {
            return Err(refused(409, format!("Without {name} you would lose your own permissions")));
        }
        let shown = shown(id, world);
        world.remove_group(id);
        Ok(answer(&shown))
    }

    pub(super) fn list_groups(&self, request: &Request, world: &World) -> Reply {
        self.page(request, asked_for(request, world), |id| shown(id, world))
    }

    /// `GET groups`: the names alone.
    pub(super) fn list_group_names(&self, request: &Request, world: &World) -> Reply {
        let name = |id| world.groups().get(&id).map_or(Value::Null, |group| group.name.as_str().into());
        self.page(request, asked_for(request, world), name)
    }
}

/// Groups from the asked start on that fit the filter.
pub(super) fn asked_for<'a>(request: &Request, world: &'a World) -> impl Iterator<Item = Id> + 'a {
    let filter = request.parameter("filter").unwrap_or_default().to_lowercase();
    let groups = world.groups().range(first_id(request)..);
    groups.filter(move |(_, group)| group.name.to_lowercase().contains(&filter)).map(|(id, _)| *id)
}

pub(super) fn shown(id: Id, world: &World) -> Value {
    world.groups().get(&id).map_or(Value::Null, body::group)
}

pub(super) fn group_named(name: &str, world: &World) -> Result<Id, Refusal> {
    world.group_named(name).ok_or_else(|| no_such_group(name))
}
