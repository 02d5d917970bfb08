//! The stand-in for Jira answers as is published.

mod access;
mod groups;
mod lists;
mod members;
mod seats;
mod users;

use reqwest::Method;
use reqwest::header::HeaderMap;
use sandbox::jira::{Jira, Version};
use sandbox::product::{Group, Serving, StandIn, User, World};
use serde_json::{Value, json};

/// Names as they are hard to put into an address.
const ODD_NAMES: [&str; 6] = ["with space", "a+b", "this & that", "x,y", "up/down", "züri 雪"];

/// A Jira that runs, and a client for it.
struct Site {
    jira: StandIn<Jira>,
    http: reqwest::Client,
    /// Where the API is.
    base: String,
}

/// An answer that was received to its end.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The only text of an error, with the place where it is.
    fn error(&self) -> (String, String) {
        let body = self.json();
        let (messages, errors) =
            (body["errorMessages"].as_array().unwrap(), body["errors"].as_object().unwrap());
        match (messages.as_slice(), errors.iter().collect::<Vec<_>>().as_slice()) {
            ([text], []) => ("errorMessages".to_owned(), text.as_str().unwrap().to_owned()),
            ([], [(field, text)]) => ((*field).clone(), text.as_str().unwrap().to_owned()),
            _ => panic!("not one error: {body}"),
        }
    }

    /// The names of the users in a list.
    fn names(&self) -> Vec<String> {
        let body = self.json();
        let list = body.as_array().or(body["values"].as_array()).or(body["groups"].as_array()).unwrap();
        list.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }
}

impl Site {
    async fn start(jira: Jira, world: World) -> Self {
        let path = format!("{}/rest/api/2", jira.context);
        let jira = StandIn::start(jira, world, Serving::default()).await.unwrap();
        let base = format!("{}{path}", jira.url());
        Self { jira, http: reqwest::Client::new(), base }
    }

    /// A Jira of the newest version over a world.
    async fn with(world: World) -> Self {
        Self::start(Jira::default(), world).await
    }

    /// Sends a request of the account.
    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let (account, password) = self.jira.product(|jira| (jira.account.clone(), jira.password.clone()));
        let request = self.request(method, path).basic_auth(account, Some(password));
        send(match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        })
        .await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, Some(body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask("PUT", path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, None).await
    }

    /// A request without credentials.
    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.base))
    }

    /// A copy of a user as the world has it.
    fn user(&self, name: &str) -> Option<User> {
        self.jira.world(|world| world.users().get(&world.user_named(name)?).cloned())
    }

    /// The names of a group's own members, sorted.
    fn members(&self, group: &str) -> Vec<String> {
        self.jira.world(|world| world.member_names(group)).unwrap()
    }
}

async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.text().await.unwrap() }
}

/// Percent-encodes a parameter.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A world with users `user0`, `user1` …
fn users(count: usize) -> World {
    let mut world = World::default();
    for number in 0..count {
        world.add_user(&format!("user{number}"));
    }
    world
}

/// A world with a group and its members.
fn group_of(group: &str, members: &[&str]) -> World {
    let mut world = World::default();
    let members = members.iter().map(|name| world.add_user(name)).collect();
    world.insert_group(Group { name: group.to_owned(), members, ..Group::default() });
    world
}

fn older(version: Version) -> Jira {
    Jira { version, ..Jira::default() }
}

/// The body that creates a user.
fn new_user(name: &str) -> Value {
    json!({ "name": name, "emailAddress": "new@example.com", "displayName": "New One", "applicationKeys": [] })
}
