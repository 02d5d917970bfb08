//! Bitbucket Data Center: its client against its stand-in.

use crate::support::{Client, With, create, group, person, world};
use sandbox::bitbucket::{Bitbucket, Rights};
use sandbox::product::{Fault, FaultKind, Reply, Serving, StandIn, User, World};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use usersyncd::config::model::Product;
use usersyncd::sync::model::{GroupAttributes, Proof, TargetId, UserAttributes};
use usersyncd::target::{Named, Write, WriteError, Written};

mod faults;
mod life;

async fn start(product: Bitbucket, world: World) -> (StandIn<Bitbucket>, Client) {
    let stand = StandIn::start(product, world, Serving::default()).await.unwrap();
    let client = of(&stand);
    (stand, client)
}

fn of(stand: &StandIn<Bitbucket>) -> Client {
    let url = format!("{}{}", stand.url(), stand.product(|product| product.context.clone()));
    Client::new(Product::Bitbucket, &url, With::Password("usersyncd", "secret-password"))
}

async fn usual(users: &[&str]) -> (StandIn<Bitbucket>, Client) {
    start(Bitbucket::default(), world(users)).await
}

fn update(user: &Named, attributes: &UserAttributes) -> Write {
    Write::UpdateUser {
        user: user.clone(),
        source: None,
        before: person(&user.name),
        attributes: attributes.clone(),
    }
}

fn delete(user: &Named) -> Write {
    Write::DeleteUser { user: user.clone(), groups: vec![] }
}

fn add(group: &Named, added: &[Named]) -> Write {
    Write::ChangeMembers { group: group.clone(), added: added.to_vec(), removed: vec![] }
}

fn message(answer: Result<Written, WriteError>) -> String {
    let error = answer.unwrap_err();
    assert!(!error.fatal, "{error}");
    error.message
}

/// A user of the world as writes name it: ids of the stand-in are numbers, as Bitbucket's are.
fn named(stand: &StandIn<Bitbucket>, name: &str) -> Named {
    let id = stand.world(|world| world.user_named(name)).unwrap();
    Named { id: id.to_string().as_str().into(), name: name.into() }
}

fn staff() -> Named {
    Named { id: "staff".into(), name: "staff".into() }
}

fn changes(stand: &StandIn<Bitbucket>) -> u64 {
    stand.world(|world| world.changes)
}

fn members(stand: &StandIn<Bitbucket>) -> Vec<String> {
    stand.world(|world| world.member_names("staff")).unwrap()
}

/// A page of users with these ids.
fn page(ids: &[u64], next: Option<u64>) -> FaultKind {
    let user = |id: &u64| json!({ "id": id, "name": format!("user-{id}"), "active": true });
    let values: Vec<_> = ids.iter().map(user).collect();
    let body = json!({ "values": values, "isLastPage": next.is_none(), "nextPageStart": next });
    FaultKind::Answer(Reply::json(200, &body))
}

/// A group `staff`, and so many users.
async fn crowd(count: usize, product: Bitbucket) -> (StandIn<Bitbucket>, Client, Vec<Named>) {
    let mut world = world(&[]);
    world.add_group("staff");
    let names: Vec<String> = (0..count).map(|at| format!("user{at:04}")).collect();
    names.iter().for_each(|name| {
        world.add_user(name);
    });
    let (stand, client) = start(product, world).await;
    let users = names.iter().map(|name| named(&stand, name)).collect();
    (stand, client, users)
}
