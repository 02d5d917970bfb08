//! Who gets in, who may do what, and what is refused for other reasons.

use sandbox::bitbucket::{Bitbucket, Rights};
use sandbox::product::{Fault, FaultKind, World};
use serde_json::{Value, json};

use super::{new_user, pair, refused, start, start_usual};
use crate::confluence::client::{SignIn, receive};

const AUTHORISATION: &str = "com.atlassian.bitbucket.AuthorisationException";

const READS: [&str; 9] = [
    "/admin/users",
    "/admin/users?filter=bob",
    "/admin/groups",
    "/admin/groups/more-members?context=team",
    "/admin/groups/more-non-members?context=team",
    "/admin/users/more-members?context=bob",
    "/users",
    "/users/bob",
    "/groups",
];

fn writes() -> [(&'static str, String, Value); 14] {
    [
        ("POST", new_user("alice"), Value::Null),
        ("PUT", "/admin/users".to_owned(), json!({ "name": "bob", "displayName": "New" })),
        ("POST", "/admin/users/rename".to_owned(), json!({ "name": "bob", "newName": "bobby" })),
        (
            "PUT",
            "/admin/users/credentials".to_owned(),
            json!({ "name": "bob", "password": "p", "passwordConfirm": "p" }),
        ),
        ("DELETE", "/admin/users?name=bob".to_owned(), Value::Null),
        ("POST", "/admin/groups?name=new".to_owned(), Value::Null),
        ("DELETE", "/admin/groups?name=team".to_owned(), Value::Null),
        ("POST", "/admin/groups/add-users".to_owned(), json!({ "group": "team", "users": ["bob"] })),
        ("POST", "/admin/users/add-groups".to_owned(), json!({ "user": "bob", "groups": ["team"] })),
        ("POST", "/admin/users/add-group".to_owned(), pair("bob", "team")),
        ("POST", "/admin/groups/add-user".to_owned(), pair("team", "bob")),
        ("POST", "/admin/users/remove-group".to_owned(), pair("bob", "team")),
        ("POST", "/admin/groups/remove-user".to_owned(), pair("team", "bob")),
        ("GET", "/admin/user-directories".to_owned(), Value::Null),
    ]
}

fn world() -> World {
    let mut world = World::default();
    world.add_user("bob");
    world.add_group("team");
    world
}

#[tokio::test]
async fn only_the_password_lets_administrate() {
    let (stand_in, client) = start_usual(world()).await;
    let cases = [
        (SignIn::Basic("usersyncd", "secret-password"), 200, 200),
        (SignIn::Bearer("secret-token"), 401, 200),
        (SignIn::Bearer("secret-password"), 401, 401),
        (SignIn::Basic("usersyncd", "wrong"), 401, 401),
        (SignIn::Basic("usersyncd", "secret-token"), 401, 401),
        (SignIn::Basic("bob", "secret-password"), 401, 401),
        (SignIn::Nobody, 401, 401),
    ];
    for (sign_in, administration, other) in cases {
        let client = client.signing_in(sign_in.clone());
        for path in READS {
            let expected = if path.starts_with("/admin/") { administration } else { other };
            let answer = client.get(path).await;
            assert_eq!(answer.status, expected, "{path} by {sign_in:?}");
            if expected == 401 {
                refused(&answer);
                assert_eq!(answer.header("x-ausername"), None);
            } else {
                assert_eq!(answer.header("x-ausername"), Some("usersyncd"));
            }
        }
    }
    let before = stand_in.world(|world| world.clone());
    let bearer = client.signing_in(SignIn::Bearer("secret-token"));
    for (method, path, body) in writes() {
        let answer = bearer.send_json(method, &path, &body).await;
        assert_eq!(refused(&answer).0, 401, "{path}");
        assert_eq!(answer.json()["errors"][0]["exceptionName"], AUTHORISATION);
    }
    assert_eq!(stand_in.world(|world| world.clone()), before);
}

#[tokio::test]
async fn without_the_permission_it_is_401_too() {
    for (rights, reading) in [(Rights::Licensed, 200), (Rights::Unlicensed, 401)] {
        let (stand_in, client) = start(Bitbucket { rights, ..Bitbucket::default() }, world()).await;
        for path in READS {
            assert_eq!(client.get(path).await.status, reading, "{path} as {rights:?}");
        }
        for (method, path, body) in writes() {
            let answer = client.send_json(method, &path, &body).await;
            let (status, context, message) = refused(&answer);
            assert_eq!((status, context), (401, Value::Null), "{method} {path} as {rights:?}");
            assert_eq!(message, "You are not permitted to access this resource");
            assert_eq!(answer.json()["errors"][0]["exceptionName"], AUTHORISATION);
        }
        assert_eq!(stand_in.world(|world| world.clone()), world(), "nothing was written");
    }
}

#[tokio::test]
async fn an_administrator_may_do_everything() {
    for (method, path, body) in writes() {
        let mut world = world();
        let (bob, team) = (world.user_named("bob").unwrap(), world.group_named("team").unwrap());
        if path.contains("/remove-") {
            world.add_member(team, bob);
        }
        let (_stand_in, client) = start_usual(world).await;
        let answer = client.send_json(method, &path, &body).await;
        assert!(answer.status == 200 || answer.status == 204, "{method} {path}: {}", answer.body);
    }
}

#[tokio::test]
async fn both_versions_and_a_context_path_are_there_and_nothing_else() {
    let bitbucket = Bitbucket { context: "/code".to_owned(), ..Bitbucket::default() };
    let (stand_in, client) = start(bitbucket, world()).await;
    for (root, status) in [
        ("/code/rest/api/latest", 200),
        ("/code/rest/api/1.0", 200),
        ("/code/rest/api/2.0", 404),
        ("/code/rest/api", 404),
        ("/rest/api/latest", 404),
    ] {
        assert_eq!(client.below(root).get("/admin/users").await.status, status, "{root}");
    }
    for (method, path) in
        [("GET", "/admin"), ("PUT", "/admin/groups"), ("POST", "/users"), ("GET", "/projects")]
    {
        assert_eq!(refused(&client.send(method, path).await).0, 404, "{method} {path}");
    }
    assert_eq!(stand_in.book().of("other"), 7);
}

#[tokio::test]
async fn a_request_that_a_form_could_send_is_refused() {
    let (stand_in, client) = start_usual(World::default()).await;
    let post = || client.request("POST", "/admin/groups?name=g");
    let answer = receive(post()).await;
    assert_eq!((answer.status, answer.body.as_str()), (403, "XSRF check failed"));
    for kind in ["text/plain", "application/x-www-form-urlencoded; charset=UTF-8", "multipart/form-data"] {
        assert_eq!(receive(post().header("content-type", kind)).await.status, 403, "{kind}");
    }
    assert_eq!(receive(client.request("DELETE", "/admin/groups?name=g")).await.status, 404, "only POST");
    assert_eq!(receive(post().header("x-atlassian-token", "no-check")).await.status, 200);
    stand_in.product(|bitbucket| bitbucket.xsrf_check = false);
    assert_eq!(receive(client.request("POST", "/admin/groups?name=h")).await.status, 200);
    let body = client.request("POST", "/admin/groups/add-users").body("{}");
    assert_eq!(receive(body).await.status, 415, "a body has to be called JSON");
}

#[tokio::test]
async fn a_bucket_limits_requests() {
    let bitbucket = Bitbucket { bucket: Some((3, 0)), ..Bitbucket::default() };
    let (stand_in, client) = start(bitbucket, world()).await;
    let stranger = client.signing_in(SignIn::Nobody);
    assert_eq!(stranger.get("/admin/users").await.status, 401, "strangers take nothing out of it");
    for _ in 0..3 {
        assert_eq!(client.get("/admin/users").await.status, 200);
    }
    let answer = client.send("DELETE", "/admin/users?name=bob").await;
    assert_eq!((refused(&answer).0, answer.header("retry-after")), (429, Some("60")));
    for (name, value) in [("limit", "3"), ("remaining", "0"), ("interval-seconds", "1"), ("fillrate", "0")] {
        assert_eq!(answer.header(&format!("x-ratelimit-{name}")), Some(value), "{name}");
    }
    assert!(stand_in.world(|world| world.user_named("bob").is_some()), "nothing was done");
    stand_in.product(|bitbucket| bitbucket.limit_headers = false);
    let answer = client.get("/admin/users").await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, None));
    assert_eq!(answer.header("x-ratelimit-limit"), None);
    stand_in.product(|bitbucket| bitbucket.bucket = None);
    assert_eq!(client.get("/admin/users").await.status, 200);
}

#[tokio::test]
async fn faults_are_worded_as_bitbucket_does() {
    let (stand_in, client) = start_usual(World::default()).await;
    stand_in.fault(Fault::on("list groups", FaultKind::TooManyRequests(Some("3".to_owned()))).times(1));
    let answer = client.get("/admin/groups").await;
    assert_eq!((refused(&answer).0, answer.header("retry-after")), (429, Some("3")));
    assert_eq!(answer.headers.get_all("retry-after").iter().count(), 1);
    for status in [401, 403, 500, 503] {
        stand_in.fault(Fault::on("list groups", FaultKind::Status(status)).times(1));
        assert_eq!(refused(&client.get("/admin/groups").await).0, status);
    }
    assert_eq!(client.get("/admin/groups").await.status, 200);
}

#[tokio::test]
async fn every_request_has_a_name() {
    let (stand_in, client) = start_usual(World::default()).await;
    let requests = [
        ("GET", "/admin/users", "list users"),
        ("GET", "/admin/users?filter=bob", "read user"),
        ("POST", "/admin/users", "create user"),
        ("PUT", "/admin/users", "update user"),
        ("POST", "/admin/users/rename", "rename user"),
        ("PUT", "/admin/users/credentials", "set password"),
        ("DELETE", "/admin/users?name=bob", "delete user"),
        ("GET", "/users", "find users"),
        ("GET", "/admin/groups", "list groups"),
        ("GET", "/admin/groups?filter=team", "read group"),
        ("GET", "/groups", "list group names"),
        ("POST", "/admin/groups", "create group"),
        ("DELETE", "/admin/groups", "delete group"),
        ("GET", "/admin/groups/more-members", "list members"),
        ("GET", "/admin/groups/more-non-members", "list non-members"),
        ("GET", "/admin/users/more-members", "list groups of user"),
        ("GET", "/admin/users/more-non-members", "list other groups of user"),
        ("POST", "/admin/groups/add-users", "add member"),
        ("POST", "/admin/users/remove-group", "remove member"),
        ("GET", "/admin/user-directories", "list directories"),
        ("GET", "/projects", "other"),
    ];
    for (method, path, operation) in requests {
        client.send(method, path).await;
        assert_eq!(stand_in.book().of(operation), 1, "{method} {path}");
    }
    client.get("/users/bob").await;
    for path in ["/admin/users/add-groups", "/admin/users/add-group", "/admin/groups/add-user"] {
        client.send("POST", path).await;
    }
    client.send("POST", "/admin/groups/remove-user").await;
    let book = stand_in.book();
    assert_eq!((book.of("read user"), book.of("add member"), book.of("remove member")), (2, 4, 2));
}
