//! Writes bodies as JSON.

use serde_json::{Value, json};

use super::entity::{Attributes, Detail, Links, Owner, View};
use crate::product::{Group, Id, User};

/// A body of the API.
pub(super) fn body(view: &View<'_>, links: &Links) -> Value {
    match view {
        View::User(id, entity, detail) => user(links, *id, entity, *detail),
        View::Group(entity, detail) => group(links, entity, *detail),
        View::Users(users, detail) => {
            let users = users.iter().map(|(id, entity)| user(links, *id, entity, *detail));
            json!({ "expand": "user", "users": users.collect::<Vec<_>>() })
        }
        View::Groups(groups, detail) => {
            let groups = groups.iter().map(|entity| group(links, entity, *detail));
            json!({ "expand": "group", "groups": groups.collect::<Vec<_>>() })
        }
        View::Attributes(owner, values) => attributes(links, *owner, values, true),
        View::Cookie => json!({ "domain": ".localhost", "secure": false, "name": "crowd.token_key" }),
        View::Session(open) => json!({
            "expand": "user",
            "token": open.token,
            "user": user(links, open.id, open.user, open.detail),
            "link": link("self", &links.session(open.token)),
        }),
    }
}

fn link(relation: &str, address: &str) -> Value {
    json!({ "rel": relation, "href": address })
}

fn user(links: &Links, id: Id, user: &User, detail: Detail) -> Value {
    let link_of = link("self", &links.user(&user.name));
    if detail == Detail::Name {
        return json!({ "link": link_of, "name": user.name });
    }
    let owner = Owner::User(&user.name);
    json!({
        "expand": "attributes",
        "link": link_of,
        "name": user.name,
        "first-name": user.first_name,
        "last-name": user.last_name,
        "display-name": user.display_name,
        "email": user.email,
        "active": user.active,
        "key": super::entity::key(id),
        "password": { "link": link("edit", &links.password(&user.name)) },
        "attributes": attributes(links, owner, &user.attributes, detail == Detail::Attributes),
    })
}

fn group(links: &Links, group: &Group, detail: Detail) -> Value {
    let link_of = link("self", &links.group(&group.name));
    if detail == Detail::Name {
        return json!({ "link": link_of, "name": group.name });
    }
    let owner = Owner::Group(&group.name);
    json!({
        "expand": "attributes",
        "link": link_of,
        "name": group.name,
        "description": group.description,
        "type": "GROUP",
        "active": true,
        "attributes": attributes(links, owner, &group.attributes, detail == Detail::Attributes),
    })
}

fn attributes(links: &Links, owner: Owner<'_>, attributes: &Attributes, expanded: bool) -> Value {
    let attribute = |(name, values): (&String, &Vec<String>)| json!({ "link": link("self", &links.attribute(owner, name)), "name": name, "values": values });
    let shown = attributes.iter().filter(|_| expanded).map(attribute);
    json!({ "link": link("self", &links.attributes(owner)), "attributes": shown.collect::<Vec<_>>() })
}
