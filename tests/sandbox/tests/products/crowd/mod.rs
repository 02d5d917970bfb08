//! The stand-in for Crowd answers as is published.

mod access;
mod forms;
mod groups;
mod memberships;
mod nesting;
mod paging;
mod search;
mod sessions;
mod users;

use reqwest::header::HeaderMap;
use sandbox::crowd::Crowd;
use sandbox::product::{Serving, StandIn, World};
use serde_json::Value;

/// Names that must survive the way into a query parameter and back.
const ODD_NAMES: [&str; 6] = ["with space", "a+b", "r&d", "last, first", "up/down", "zoë ☃"];

type Server = StandIn<Crowd>;

async fn start(crowd: Crowd, world: World) -> Server {
    StandIn::start(crowd, world, Serving::default()).await.unwrap()
}

/// The documented Crowd, over a world of these users and groups.
async fn serve(users: &[&str], groups: &[&str]) -> Server {
    start(Crowd::default(), world(users, groups)).await
}

fn world(users: &[&str], groups: &[&str]) -> World {
    let mut world = World::default();
    for name in users {
        world.insert_user(user(name));
    }
    for name in groups {
        world.insert_group(group(name));
    }
    world
}

fn user(name: &str) -> sandbox::product::User {
    sandbox::product::User {
        name: name.to_owned(),
        email: format!("{name}@example.com"),
        first_name: "First".to_owned(),
        last_name: "Last".to_owned(),
        display_name: format!("{name} shown"),
        active: true,
        password: "old".to_owned(),
        ..Default::default()
    }
}

fn group(name: &str) -> sandbox::product::Group {
    sandbox::product::Group { name: name.to_owned(), description: "old".to_owned(), ..Default::default() }
}

/// Percent-encodes as a careful client does.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let code = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(code).collect()
}

/// An answer that was received to its end.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_str(&self.text).unwrap()
    }

    /// The body in XML, without its declaration.
    #[track_caller]
    fn xml(&self) -> &str {
        assert_eq!(self.header("content-type"), "application/xml", "{self:?}");
        self.text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>").unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The status and the reason of a refusal.
    #[track_caller]
    fn refused(&self) -> (u16, String) {
        let body = self.json();
        assert!(body["message"].is_string(), "{body}");
        (self.status, body["reason"].as_str().unwrap().to_owned())
    }

    /// The names in a list of users or groups.
    #[track_caller]
    fn names(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{self:?}");
        let body = self.json();
        let list = body.get("users").or_else(|| body.get("groups")).unwrap().as_array().unwrap();
        list.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    }

    /// That it was done, with nothing to say about it.
    #[track_caller]
    fn is_done(&self, status: u16) {
        assert_eq!((self.status, self.text.as_str()), (status, ""), "{self:?}");
    }
}

/// A refusal as [`Answer::refused`] shows it.
fn because(status: u16, reason: &str) -> (u16, String) {
    (status, reason.to_owned())
}

fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    builder.pool_max_idle_per_host(0).tls_certs_only([]).build().unwrap()
}

/// A request with the right credentials to a path below `/crowd/rest/usermanagement/1/`.
fn request(server: &Server, method: &str, path: &str) -> reqwest::RequestBuilder {
    let address = format!("{}/crowd/rest/usermanagement/1/{path}", server.url());
    client().request(method.parse().unwrap(), address).basic_auth("usersyncd", Some("secret-password"))
}

async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

/// Asks in JSON.
async fn ask(server: &Server, method: &str, path: &str) -> Answer {
    send(request(server, method, path).header("accept", "application/json")).await
}

/// Sends JSON and asks for it.
async fn tell(server: &Server, method: &str, path: &str, body: Value) -> Answer {
    let request = request(server, method, path).header("accept", "application/json");
    send(request.header("content-type", "application/json").body(body.to_string())).await
}

/// Asks in XML.
async fn ask_xml(server: &Server, path: &str) -> Answer {
    send(request(server, "GET", path).header("accept", "application/xml")).await
}

/// Sends XML and asks for it.
async fn tell_xml(server: &Server, method: &str, path: &str, body: &str) -> Answer {
    let request = request(server, method, path).header("accept", "application/xml");
    send(request.header("content-type", "application/xml").body(body.to_owned())).await
}
