//! The stand-in for Confluence Data Center answers as is published.

mod access;
pub(crate) mod client;
mod groups;
mod lists;
mod users;

use client::{Answer, Client};
use sandbox::confluence::Confluence;
use sandbox::product::{Serving, StandIn, World};
use serde_json::{Value, json};

/// A stand-in over a world, and a client below `/rest/api`.
async fn start(confluence: Confluence, world: World) -> (StandIn<Confluence>, Client) {
    let root = format!("{}/rest/api", confluence.context);
    let stand_in = StandIn::start(confluence, world, Serving::default()).await.unwrap();
    let client = Client::new(&stand_in, &root);
    (stand_in, client)
}

/// With everything as it is by default.
async fn start_usual(world: World) -> (StandIn<Confluence>, Client) {
    start(Confluence::default(), world).await
}

/// A user whom every rule allows.
fn new_user(name: &str) -> Value {
    json!({ "userName": name, "fullName": "New Person", "email": "new@example.com", "password": "long-enough" })
}

/// Status, and message of the short form of a refusal.
fn refused(answer: &Answer) -> (u16, String) {
    let body = answer.json();
    assert_eq!(body["statusCode"], answer.status, "{body}");
    assert!(body["reason"].is_string(), "{body}");
    (answer.status, body["message"].as_str().unwrap().to_owned())
}
