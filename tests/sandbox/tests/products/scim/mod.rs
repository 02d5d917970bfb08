//! The stand-in for SCIM services answers as RFC 7643 and 7644 say, as two public servers were seen to, and as
//! Atlassian's documentation says.

mod cloud;
mod discovery;
mod groups;
mod limits;
mod lists;
mod members;
mod patch;
mod users;

use reqwest::Url;
use reqwest::header::HeaderMap;
use sandbox::product::{Id, Serving, StandIn, World};
use sandbox::scim::{Dialect, Scim};
use serde_json::{Value, json};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Names that are hard to send.
pub(crate) const ODD: [&str; 6] =
    ["a b+c&d", "a,b/c\\d", "ä ö ü ß é", "日本語", "\"quoted\" (x) [y]", "100% <&> #?="];

/// An answer that was received to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Null where there is none.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id: {self:?}")).to_owned()
    }

    /// Checks that it is a refusal in the form of RFC 7644, section 3.12; an empty `scimType` means that there is none.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, kind: &str) {
        assert_eq!((self.status, self.kind()), (status, kind), "{self:?}");
        assert_eq!(self.body["schemas"], json!([ERROR]), "{self:?}");
        assert_eq!(self.body["status"], json!(status.to_string()), "the status is a text");
        assert!(self.body["detail"].is_string(), "{self:?}");
        assert_eq!(self.header("content-type"), "application/scim+json");
    }

    pub(crate) fn kind(&self) -> &str {
        self.body["scimType"].as_str().unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn ok(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// One attribute of each resource of a list.
    pub(crate) fn each(&self, name: &str) -> Vec<String> {
        let resources = self.body["Resources"].as_array().unwrap_or_else(|| panic!("no list: {self:?}"));
        resources.iter().map(|resource| resource[name].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// `totalResults`, `startIndex`, `itemsPerPage`.
    pub(crate) fn numbers(&self) -> [u64; 3] {
        ["totalResults", "startIndex", "itemsPerPage"].map(|name| self.body[name].as_u64().unwrap())
    }

    /// The ids of a group's members, as they come.
    pub(crate) fn members(&self) -> Vec<String> {
        let members = self.body["members"].as_array().into_iter().flatten();
        members.map(|member| member["value"].as_str().unwrap().to_owned()).collect()
    }
}

/// A service that is being served.
pub(crate) struct Server {
    pub(crate) stand_in: StandIn<Scim>,
    client: reqwest::Client,
    base: String,
}

impl Server {
    pub(crate) async fn start(scim: Scim, world: World) -> Self {
        let base = scim.base.clone();
        let stand_in = StandIn::start(scim, world, Serving::default()).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { stand_in, client, base }
    }

    pub(crate) async fn of(scim: Scim) -> Self {
        Self::start(scim, World::default()).await
    }

    /// A service that differs from the reference in one thing.
    pub(crate) async fn with(change: impl FnOnce(&mut Dialect)) -> Self {
        let mut dialect = Dialect::reference();
        change(&mut dialect);
        Self::of(Scim::new(dialect)).await
    }

    /// Sends a request with the accepted token.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let token = ("authorization", "Bearer secret-token");
        let text = body.map(Value::to_string);
        let headers = [&[token, ("content-type", "application/scim+json")], headers].concat();
        self.raw(method, path, &headers, text).await
    }

    /// Sends a request with these headers only; a path beyond the base, or a whole address.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let address = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{}{path}", self.stand_in.url(), self.base)
        };
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            sent.insert(reqwest::header::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let request = self.client.request(method.parse().unwrap(), address).headers(sent);
        let request = if let Some(body) = body { request.body(body) } else { request };
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(json!(text)) };
        Answer { status, headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await
    }

    /// GET with parameters, which are encoded.
    pub(crate) async fn list(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        let address = format!("{}{}{path}", self.stand_in.url(), self.base);
        self.get(Url::parse_with_params(&address, parameters).unwrap().as_str()).await
    }

    /// The names that a filter finds: user names, or names of groups.
    pub(crate) async fn find(&self, path: &str, filter: &str) -> Vec<String> {
        let answer = self.list(path, &[("filter", filter)]).await.ok(200);
        assert_eq!(answer.numbers()[0] as usize, answer.body["Resources"].as_array().unwrap().len());
        answer.each(if path == "/Users" { "userName" } else { "displayName" })
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[], Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Answer {
        self.send("PATCH", path, &[], Some(&json!({ "schemas": [PATCH], "Operations": operations }))).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], None).await
    }

    /// Creates a user and returns its path.
    pub(crate) async fn user(&self, body: Value) -> String {
        format!("/Users/{}", self.post("/Users", &body).await.ok(201).id())
    }

    /// Creates a group and returns its path.
    pub(crate) async fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        let body = json!({ "schemas": [GROUP], "displayName": name, "members": members });
        format!("/Groups/{}", self.post("/Groups", &body).await.ok(201).id())
    }

    /// A user in the world, by the id that the service gives it.
    pub(crate) fn known_user(&self, name: &str) -> (Id, String) {
        let id = self.stand_in.world(|world| world.add_user(name));
        (id, self.stand_in.product(|scim| scim.id(id)))
    }

    /// How often the world was changed.
    pub(crate) fn changes(&self) -> u64 {
        self.stand_in.world(|world| world.changes)
    }
}

/// The id at the end of a path.
pub(crate) fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// A user as clients send it.
pub(crate) fn full(name: &str) -> Value {
    json!({
        "schemas": [USER], "userName": name, "externalId": format!("ext-{name}"), "displayName": format!("{name} A"),
        "name": { "givenName": "Given", "familyName": "Family" }, "active": true,
        "emails": [{ "value": format!("{name}@example.com"), "type": "work", "primary": true }],
        "title": "Doctor", "nickName": "Nick",
    })
}

#[tokio::test]
async fn both_public_servers_want_a_token() {
    for scim in [Scim::reference(), Scim::other()] {
        let server = Server::of(scim).await;
        for authorization in
            [None, Some("Bearer wrong"), Some("Basic c2VjcmV0LXRva2VuOg=="), Some("secret-token")]
        {
            for (method, path) in
                [("GET", "/Users"), ("POST", "/Groups"), ("GET", "/Schemas"), ("PATCH", "/Users/1")]
            {
                let headers: Vec<_> =
                    authorization.map(|value| ("authorization", value)).into_iter().collect();
                let answer = server.raw(method, path, &headers, None).await;
                answer.refused(401, "");
                assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"SCIM\"");
            }
        }
        server.get("/Users").await.ok(200);
    }
}

#[tokio::test]
async fn the_base_is_a_setting() {
    let mut scim = Scim::reference();
    scim.base = "/a/b c/v2/".to_owned();
    let server = Server::of(scim).await;
    let address = |path: &str| format!("{}{path}", server.stand_in.url());
    server.get(&address("/a/b%20c/v2/Users")).await.ok(200);
    for path in ["/scim/v2/Users", "/Users", "/a/b%20c/Users", "/a/b%20c/v2"] {
        server.get(&address(path)).await.refused(404, "");
    }
}

#[tokio::test]
async fn what_is_no_endpoint_is_refused() {
    let server = Server::of(Scim::reference()).await;
    server.get("/Nothing").await.refused(404, "");
    server.get("/Users/1/2").await.refused(404, "");
    for (method, path) in [
        ("DELETE", "/Users"),
        ("PATCH", "/Groups"),
        ("POST", "/ServiceProviderConfig"),
        ("PUT", "/Schemas"),
        ("POST", "/Users/1"),
    ] {
        server.send(method, path, &[], None).await.refused(405, "");
    }
    for (method, path) in [("GET", "/Me"), ("POST", "/Bulk")] {
        server.send(method, path, &[], Some(&json!({}))).await.refused(501, "");
    }
}

#[tokio::test]
async fn a_body_has_to_be_json() {
    let server = Server::of(Scim::reference()).await;
    let token = ("authorization", "Bearer secret-token");
    let body = json!({ "userName": "ann" }).to_string();
    for (kind, status) in
        [("text/plain", 415), ("application/xml", 415), ("application/json; charset=utf-8", 201)]
    {
        let answer = server.raw("POST", "/Users", &[token, ("content-type", kind)], Some(body.clone())).await;
        assert_eq!(answer.status, status, "{kind}: {answer:?}");
    }
    for text in ["", "{", "[]", "\"text\""] {
        let headers = [token, ("content-type", "application/scim+json")];
        server.raw("POST", "/Users", &headers, Some(text.to_owned())).await.refused(400, "invalidSyntax");
    }
}
