//! The client of crowd reads to the end or not at all, and writes so that twice is once.

mod access;
mod creating;
mod groups;
mod members;
mod reading;
mod users;

use std::collections::BTreeMap;

use sandbox::crowd::Crowd;
use sandbox::product::{Reply, Serving, StandIn, World};
use serde_json::{Value, json};
use usersyncd::config::model::Product;
use usersyncd::sync::model::TargetId;
use usersyncd::target::{Named, WriteError, Written};

use crate::support::{Client, With};

/// Names that must survive the way there and back, also in XML.
const ODD_NAMES: [&str; 8] =
    ["with space", "a+b", "r&d <x>", "last, first", "up/down", "100%25", "zoë ☃", "\"q\" 'q'"];

type Server = StandIn<Crowd>;

/// A stand-in over a world, with a client of it.
async fn start(crowd: Crowd, world: World) -> (Server, Client) {
    let context = crowd.context.clone();
    let server = StandIn::start(crowd, world, Serving::default()).await.unwrap();
    let client = client(&server, &context);
    (server, client)
}

fn client(server: &Server, context: &str) -> Client {
    let url = format!("{}{context}", server.url());
    Client::new(Product::Crowd, &url, With::Password("usersyncd", "secret-password"))
}

/// The documented Crowd, over a world of these users and groups.
async fn serve(users: &[&str], groups: &[&str]) -> (Server, Client) {
    start(Crowd::default(), world(users, groups)).await
}

fn world(users: &[&str], groups: &[&str]) -> World {
    let mut world = World::default();
    users.iter().for_each(|name| {
        world.add_user(name);
    });
    groups.iter().for_each(|name| {
        world.add_group(name);
    });
    world
}

/// What was asked since the last look, by operation.
fn asked(server: &Server) -> BTreeMap<&'static str, u64> {
    let requests = server.book().requests;
    server.forget();
    requests
}

fn counts<const N: usize>(of: [(&'static str, u64); N]) -> BTreeMap<&'static str, u64> {
    of.into()
}

/// How often the world was really changed.
fn changes(server: &Server) -> u64 {
    server.world(|world| world.changes)
}

/// An answer of Crowd that a fault gives.
fn answer(status: u16, body: &Value) -> Reply {
    Reply::json(status, body).header("x-embedded-crowd-version", "Crowd/7.1.0")
}

fn refusal(status: u16, reason: &str, message: &str) -> Reply {
    answer(status, &json!({ "reason": reason, "message": message }))
}

/// An object as the run would name it.
fn named(id: &str, name: &str) -> Named {
    Named { id: TargetId::from(id), name: name.into() }
}

/// The text of a refusal that stops nothing else.
#[track_caller]
fn refused(answer: Result<Written, WriteError>) -> String {
    let error = answer.unwrap_err();
    assert!(!error.fatal && !error.uncertain, "{error:?}");
    error.message
}

/// That a text says all of this.
#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
    assert!(!text.contains("secret-password"), "{text}");
}
