//! Who gets in, who may do what, and how refusals look.

use sandbox::confluence::{Confluence, ErrorForm, Rights};
use sandbox::product::{Fault, FaultKind, World};
use serde_json::json;

use super::client::{SignIn, receive};
use super::{new_user, refused, start, start_usual};

#[tokio::test]
async fn password_and_token_let_in_and_nothing_else() {
    let (_stand_in, client) = start_usual(World::default()).await;
    let cases = [
        (SignIn::Basic("usersyncd", "secret-password"), 200),
        (SignIn::Bearer("secret-token"), 200),
        (SignIn::Basic("usersyncd", "wrong"), 401),
        (SignIn::Basic("other", "secret-password"), 401),
        (SignIn::Basic("usersyncd", "secret-token"), 401),
        (SignIn::Bearer("secret-password"), 401),
        (SignIn::Nobody, 401),
    ];
    for (sign_in, status) in cases {
        let answer = client.signing_in(sign_in.clone()).get("/group").await;
        assert_eq!(answer.status, status, "{sign_in:?}");
    }
    let answer = client.signing_in(SignIn::Nobody).get("/group").await;
    assert!(serde_json::from_str::<serde_json::Value>(&answer.body).is_err(), "no JSON: {}", answer.body);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let confluence = Confluence { context: "/wiki/conf".to_owned(), ..Confluence::default() };
    let (stand_in, client) = start(confluence, World::default()).await;
    assert_eq!(client.get("/group").await.status, 200);
    for root in ["/rest/api", "/wiki/rest/api", "/other/conf/rest/api", "/wiki/conf/rest/other"] {
        assert_eq!(client.below(root).get("/group").await.status, 404, "{root}");
    }
    for (method, path) in [("GET", "/nothing"), ("PATCH", "/group"), ("GET", "/admin/user"), ("GET", "/")] {
        assert_eq!(refused(&client.send(method, path).await).0, 404, "{method} {path}");
    }
    // A client of others adds members by this call, which is documented nowhere.
    stand_in.world(|world| world.add_group("team"));
    let body = json!({ "name": "bob" });
    assert_eq!(client.send_json("POST", "/group/team/member", &body).await.status, 404);
    assert_eq!(stand_in.book().of("other"), 9);
}

#[tokio::test]
async fn rights_are_needed() {
    let world = || {
        let mut world = World::default();
        world.add_user("bob");
        world.add_group("team");
        world
    };
    let reads = [
        "/group",
        "/group/team",
        "/group/team/member",
        "/group/team/groupmember",
        "/user?username=bob",
        "/user/memberof?username=bob",
        "/user/current",
    ];
    let writes = [
        ("POST", "/admin/user", new_user("alice")),
        ("PUT", "/admin/user/bob", json!({ "fullName": "New" })),
        ("PUT", "/admin/user/bob/disable", json!(null)),
        ("PUT", "/admin/user/bob/enable", json!(null)),
        ("POST", "/admin/user/bob/password", json!({ "password": "p" })),
        ("DELETE", "/admin/user/bob", json!(null)),
        ("POST", "/admin/group", json!({ "name": "new" })),
        ("DELETE", "/admin/group/team", json!(null)),
        ("PUT", "/user/bob/group/team", json!(null)),
        ("DELETE", "/user/bob/group/team", json!(null)),
        ("GET", "/user/list", json!(null)),
        ("GET", "/admin/users/list/active", json!(null)),
    ];
    for (rights, reading) in [(Rights::Reader, 200), (Rights::Nobody, 403)] {
        let (stand_in, client) = start(Confluence { rights, ..Confluence::default() }, world()).await;
        for path in reads {
            assert_eq!(client.get(path).await.status, reading, "{path} as {rights:?}");
        }
        for (method, path, body) in &writes {
            let answer = client.send_json(method, path, body).await;
            assert_eq!(refused(&answer).0, 403, "{method} {path} as {rights:?}");
        }
        assert_eq!(stand_in.world(|world| world.clone()), world(), "nothing was written");
    }
}

#[tokio::test]
async fn refusals_have_two_forms() {
    let confluence = Confluence { error_form: ErrorForm::WithData, ..Confluence::default() };
    let (stand_in, client) = start(confluence, World::default()).await;
    let long = client.get("/user?username=bob").await;
    let body = long.json();
    assert_eq!((long.status, &body["statusCode"]), (404, &json!(404)));
    assert_eq!(body["data"]["successful"], false);
    assert!(body["data"]["errors"][0]["message"]["translation"].as_str().unwrap().contains("bob"));
    assert!(body["message"].as_str().unwrap().contains("NotFoundException: No user found"));
    assert_eq!(body.get("reason"), None);
    stand_in.product(|confluence| confluence.error_form = ErrorForm::Short);
    let short = client.get("/user?username=bob").await.json();
    let expected =
        json!({ "statusCode": 404, "message": "No user found with username : bob", "reason": "Not Found" });
    assert_eq!(short, expected);
}

#[tokio::test]
async fn a_request_that_a_form_could_send_is_refused() {
    let (stand_in, client) = start_usual(World::default()).await;
    let post = || client.request("POST", "/admin/group").body(r#"{"name":"g"}"#);
    for kind in ["text/plain", "application/x-www-form-urlencoded; charset=UTF-8", "multipart/form-data"] {
        assert_eq!(receive(post().header("content-type", kind)).await.status, 403, "{kind}");
    }
    assert_eq!(refused(&receive(post()).await), (403, "XSRF check failed".to_owned()));
    assert_eq!(receive(client.request("PUT", "/user/bob/group/g")).await.status, 404, "only POST is checked");
    let allowed = post().header("x-atlassian-token", "no-check");
    assert_eq!(receive(allowed).await.status, 415, "past the check");
    stand_in.product(|confluence| confluence.xsrf_check = false);
    assert_eq!(receive(post()).await.status, 415);
}

#[tokio::test]
async fn an_encoded_slash_can_be_refused() {
    let mut world = World::default();
    world.add_group("a/b");
    let (stand_in, client) = start_usual(world).await;
    assert_eq!(client.get("/group/a%2Fb").await.status, 200);
    stand_in.product(|confluence| confluence.refuse_encoded_slash = true);
    for path in ["/group/a%2Fb", "/group/a%2fb/member"] {
        assert_eq!(client.get(path).await.status, 400, "{path}");
    }
    assert_eq!(client.get("/user?username=a%2Fb").await.status, 404, "in a query it is no matter");
}

#[tokio::test]
async fn faults_are_worded_as_confluence_does() {
    let (stand_in, client) = start_usual(World::default()).await;
    stand_in.fault(Fault::on("list groups", FaultKind::TooManyRequests(Some("3".to_owned()))).times(1));
    let answer = client.get("/group").await;
    assert_eq!((refused(&answer).0, answer.header("retry-after")), (429, Some("3")));
    for name in
        ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-interval-seconds", "x-ratelimit-fillrate"]
    {
        assert!(answer.header(name).is_some(), "{name}");
    }
    for status in [402, 500, 503] {
        stand_in.fault(Fault::on("list groups", FaultKind::Status(status)).times(1));
        assert_eq!(refused(&client.get("/group").await).0, status);
    }
    assert_eq!(client.get("/group").await.status, 200);
}

#[tokio::test]
async fn every_request_has_a_name() {
    let (stand_in, client) = start_usual(World::default()).await;
    let requests = [
        ("POST", "/admin/user", "create user"),
        ("PUT", "/admin/user/bob", "update user"),
        ("PUT", "/admin/user/bob/enable", "enable user"),
        ("PUT", "/admin/user/bob/disable", "disable user"),
        ("DELETE", "/admin/user/bob", "delete user"),
        ("POST", "/admin/user/bob/password", "set password"),
        ("GET", "/user?username=bob", "read user"),
        ("GET", "/user/current", "read account"),
        ("GET", "/user/list", "list users"),
        ("GET", "/admin/users/list/active", "list active users"),
        ("GET", "/user/memberof?username=bob", "list groups of user"),
        ("POST", "/admin/group", "create group"),
        ("DELETE", "/admin/group/team", "delete group"),
        ("GET", "/group", "list groups"),
        ("GET", "/group/team", "read group"),
        ("GET", "/group/team/member", "list members"),
        ("GET", "/group/team/groupmember", "list child groups"),
        ("PUT", "/user/bob/group/team", "add member"),
        ("DELETE", "/user/bob/group/team", "remove member"),
        ("GET", "/longtask/one", "read task"),
        ("GET", "/space", "other"),
    ];
    for (method, path, operation) in requests {
        client.send(method, path).await;
        assert_eq!(stand_in.book().of(operation), 1, "{method} {path}");
    }
}
