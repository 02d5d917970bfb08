//! Confluence Data Center: its client against its stand-in.

use crate::support::{Client, With, create, group, person, world};
use sandbox::confluence::{Confluence, Rights, Version};
use sandbox::product::{Fault, FaultKind, Reply, Serving, StandIn, User, World};
use serde_json::json;
use usersyncd::config::model::Product;
use usersyncd::sync::model::{GroupAttributes, Proof, TargetId, UserAttributes};
use usersyncd::target::{Named, Write, WriteError, Written};

mod faults;
mod life;

async fn start(product: Confluence, world: World) -> (StandIn<Confluence>, Client) {
    let stand = StandIn::start(product, world, Serving::default()).await.unwrap();
    let client = of(&stand);
    (stand, client)
}

fn of(stand: &StandIn<Confluence>) -> Client {
    let url = format!("{}{}", stand.url(), stand.product(|product| product.context.clone()));
    Client::new(Product::Confluence, &url, With::Password("usersyncd", "secret-password"))
}

async fn usual(users: &[&str]) -> (StandIn<Confluence>, Client) {
    start(Confluence::default(), world(users)).await
}

fn update(user: &Named, before: &UserAttributes, attributes: &UserAttributes) -> Write {
    Write::UpdateUser {
        user: user.clone(),
        source: None,
        before: before.clone(),
        attributes: attributes.clone(),
    }
}

fn message(answer: Result<Written, WriteError>) -> String {
    let error = answer.unwrap_err();
    assert!(!error.fatal, "{error}");
    error.message
}

async fn named(client: &Client, name: &str) -> Named {
    let seen = client.read().await;
    let user = seen.snapshot.users.iter().find(|user| user.attributes.username == name).unwrap();
    Named { id: user.id.clone(), name: name.into() }
}

fn changes(stand: &StandIn<Confluence>) -> u64 {
    stand.world(|world| world.changes)
}

/// A page of users with these keys.
fn page(keys: &[&str], next: Option<&str>) -> FaultKind {
    let user = |key: &&str| json!({ "type": "known", "username": format!("user-{key}"), "userKey": key, "displayName": "", "status": "current" });
    let results: Vec<_> = keys.iter().map(user).collect();
    let links = next.map_or_else(|| json!({}), |next| json!({ "next": next }));
    FaultKind::Answer(Reply::json(200, &json!({ "results": results, "_links": links })))
}
