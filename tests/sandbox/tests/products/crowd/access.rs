//! Who may ask, what is refused to whom, and how it is said.

use std::collections::BTreeSet;

use sandbox::crowd::{Crowd, Format, Permission};
use sandbox::product::{Fault, FaultKind};
use serde_json::json;

use super::{ask, ask_xml, because, client, request, send, serve, start, tell, user, world};

#[tokio::test]
async fn wrong_and_missing_credentials_are_refused_in_plain_text() {
    let server = serve(&["ann"], &[]).await;
    let address = format!("{}/crowd/rest/usermanagement/1/user?username=ann", server.url());
    let asked = || client().get(&address).header("accept", "application/json");
    for request in [
        asked(),
        asked().basic_auth("usersyncd", Some("wrong")),
        asked().basic_auth("other", Some("secret-password")),
        asked().bearer_auth("secret-password"),
    ] {
        let refused = send(request).await;
        assert_eq!((refused.status, refused.header("x-embedded-crowd-version")), (401, "Crowd/7.1.0"));
        assert!(refused.header("content-type").starts_with("text/plain"), "{refused:?}");
        assert!(refused.header("www-authenticate").starts_with("Basic "), "{refused:?}");
    }
    let right = send(asked().basic_auth("usersyncd", Some("secret-password"))).await;
    assert_eq!(right.status, 200);
    assert_eq!(server.book().lines.len(), 5);
}

#[tokio::test]
async fn an_address_can_be_denied() {
    let server = serve(&["ann"], &[]).await;
    server.product(|crowd| crowd.address_denied = true);
    let refused = ask(&server, "GET", "user?username=ann").await;
    assert_eq!((refused.status, refused.header("x-embedded-crowd-version")), (403, "Crowd/7.1.0"));
    assert!(!refused.text.contains("APPLICATION_PERMISSION_DENIED"), "{refused:?}");
    server.product(|crowd| crowd.address_denied = false);
    assert_eq!(ask(&server, "GET", "user?username=ann").await.status, 200);
}

#[tokio::test]
async fn every_answer_bears_the_version_unless_it_is_left_out() {
    let server = serve(&["ann"], &[]).await;
    let paths = ["user?username=ann", "user?username=nobody", "nowhere", "group/membership", "config/cookie"];
    for path in paths {
        assert_eq!(
            ask(&server, "GET", path).await.header("x-embedded-crowd-version"),
            "Crowd/7.1.0",
            "{path}"
        );
    }
    server.fault(Fault::on_any(FaultKind::Status(500)).times(1));
    let failed = ask(&server, "GET", "user?username=ann").await;
    assert_eq!((failed.status, failed.header("x-embedded-crowd-version")), (500, "Crowd/7.1.0"));
    server.product(|crowd| crowd.version = Some("Crowd/5.1.0".to_owned()));
    assert_eq!(ask(&server, "GET", paths[0]).await.header("x-embedded-crowd-version"), "Crowd/5.1.0");
    server.product(|crowd| crowd.version = None);
    for path in paths {
        let answer = ask(&server, "GET", path).await;
        assert!(!answer.headers.contains_key("x-embedded-crowd-version"), "{path}");
    }
}

#[tokio::test]
async fn a_missing_permission_refuses_its_kind_of_change_and_no_other() {
    use Permission::{
        CreateGroup, CreateUser, DeleteGroup, DeleteUser, UpdateGroup, UpdateGroupAttributes, UpdateUser,
        UpdateUserAttributes,
    };
    let new_user = json!({"name": "new", "password": {"value": "x"}, "active": true});
    let changes = [
        (CreateUser, "POST", "user", new_user),
        (UpdateUser, "PUT", "user?username=ann", json!({"name": "ann", "active": true})),
        (UpdateUser, "PUT", "user/password?username=ann", json!({"value": "new"})),
        (UpdateUser, "POST", "user/rename?username=bob", json!({"new-name": "bert"})),
        (UpdateUserAttributes, "POST", "user/attribute?username=ann", json!({"attributes": []})),
        (UpdateUserAttributes, "DELETE", "user/attribute?username=ann&attributename=a", json!({})),
        (CreateGroup, "POST", "group", json!({"name": "new", "type": "GROUP"})),
        (UpdateGroup, "PUT", "group?groupname=g", json!({"name": "g", "type": "GROUP"})),
        (UpdateGroup, "POST", "group/user/direct?groupname=g", json!({"name": "ann"})),
        (UpdateGroup, "DELETE", "group/user/direct?groupname=g&username=ann", json!({})),
        (UpdateGroup, "POST", "user/group/direct?username=ann", json!({"name": "g"})),
        (UpdateGroup, "POST", "group/child-group/direct?groupname=g", json!({"name": "h"})),
        (UpdateGroup, "DELETE", "group/child-group/direct?groupname=g&child-groupname=h", json!({})),
        (UpdateGroupAttributes, "POST", "group/attribute?groupname=g", json!({"attributes": []})),
        (UpdateGroupAttributes, "DELETE", "group/attribute?groupname=g&attributename=a", json!({})),
        (DeleteUser, "DELETE", "user?username=ann", json!({})),
        (DeleteGroup, "DELETE", "group?groupname=g", json!({})),
    ];
    let all: BTreeSet<Permission> = changes.iter().map(|(permission, ..)| *permission).collect();
    let server = serve(&["ann", "bob"], &["g", "h"]).await;
    for (permission, method, path, body) in changes {
        let before = server.world(|world| world.clone());
        server.product(|crowd| crowd.denied = BTreeSet::from([permission]));
        let refused = tell(&server, method, path, body.clone()).await.refused();
        assert_eq!(refused, because(403, "APPLICATION_PERMISSION_DENIED"), "{method} {path}");
        assert_eq!(server.world(|world| world.clone()), before, "{method} {path}");
        server.product(|crowd| crowd.denied = all.iter().copied().filter(|it| *it != permission).collect());
        let done = tell(&server, method, path, body).await;
        assert!((200..300).contains(&done.status), "{method} {path}: {done:?}");
    }
    server.product(|crowd| crowd.denied = all);
    assert_eq!(ask(&server, "GET", "user?username=bert").await.status, 200, "reading is no change");
}

#[tokio::test]
async fn users_in_a_directory_that_is_read_only_cannot_be_changed() {
    let mut world = world(&["ann"], &["g"]);
    let read_only = sandbox::product::User { read_only: true, ..user("eve") };
    world.insert_user(read_only.clone());
    let server = start(Crowd::default(), world).await;
    for (method, path, body) in [
        ("PUT", "user?username=eve", json!({"name": "eve"})),
        ("DELETE", "user?username=eve", json!({})),
        ("POST", "user/rename?username=eve", json!({"new-name": "eva"})),
        ("PUT", "user/password?username=eve", json!({"value": "new"})),
        ("POST", "user/attribute?username=eve", json!({"attributes": [{"name": "a", "values": ["b"]}]})),
    ] {
        let refused = tell(&server, method, path, body).await.refused();
        assert_eq!(refused, because(403, "APPLICATION_PERMISSION_DENIED"), "{method} {path}");
    }
    let eve = server.world(|world| world.users()[&world.user_named("eve").unwrap()].clone());
    assert_eq!(eve, read_only);
    let added = tell(&server, "POST", "group/user/direct?groupname=g", json!({"name": "eve"})).await;
    added.is_done(201);
}

#[tokio::test]
async fn the_context_path_can_be_another_or_none() {
    for (context, prefix) in [("/crowd", "/crowd"), ("", ""), ("/sign/in/", "/sign/in")] {
        let crowd = Crowd { context: context.to_owned(), ..Crowd::default() };
        let server = start(crowd, world(&["ann"], &[])).await;
        for version in ["1", "latest"] {
            let path = format!("{prefix}/rest/usermanagement/{version}/user?username=ann");
            let asked = client().get(format!("{}{path}", server.url()));
            let asked = asked.basic_auth("usersyncd", Some("secret-password"));
            let answer = send(asked.header("accept", "application/json")).await;
            assert_eq!(answer.status, 200, "{path}");
            let own = format!("{}{prefix}/rest/usermanagement/1/user?username=ann", server.url());
            assert_eq!(answer.json()["link"], json!({"rel": "self", "href": own}));
        }
    }
    let server = start(Crowd { context: String::new(), ..Crowd::default() }, world(&["ann"], &[])).await;
    assert_eq!(ask(&server, "GET", "user?username=ann").await.status, 404, "it is not under /crowd");
}

#[tokio::test]
async fn what_there_is_not_is_404_and_what_cannot_be_done_405() {
    let server = serve(&["ann"], &["g"]).await;
    for path in
        ["event", "event/1234567890123456789:12", "non-existent/location", "group/user/deep?groupname=g"]
    {
        assert_eq!(ask(&server, "GET", path).await.status, 404, "{path}");
    }
    for (method, path) in [
        ("PATCH", "user?username=ann"),
        ("PUT", "user/attribute?username=ann"),
        ("GET", "user/rename?username=ann"),
        ("POST", "group/user/nested?groupname=g"),
        ("DELETE", "search?entity-type=user"),
    ] {
        assert_eq!(
            tell(&server, method, path, json!({"attributes": []})).await.status,
            405,
            "{method} {path}"
        );
    }
    assert_eq!(server.book().of("other"), 9);
}

#[tokio::test]
async fn faults_are_answered_as_the_product_would() {
    let server = serve(&["ann"], &[]).await;
    let path = "user?username=ann";
    server.fault(Fault::on("read user", FaultKind::TooManyRequests(Some("7".to_owned()))).times(1));
    let limited = ask(&server, "GET", path).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "7"));
    for name in ["limit", "remaining", "interval-seconds", "fillrate"] {
        assert!(limited.headers.contains_key(format!("x-ratelimit-{name}")), "{name}");
    }
    server.fault(Fault::on("read user", FaultKind::TooManyRequests(None)).times(1));
    assert!(!ask(&server, "GET", path).await.headers.contains_key("retry-after"));
    server.fault(Fault::on("read user", FaultKind::Status(500)).times(1));
    assert_eq!(ask(&server, "GET", path).await.refused(), because(500, "OPERATION_FAILED"));
    server.fault(Fault::on("read user", FaultKind::Status(403)).times(1));
    assert_eq!(ask(&server, "GET", path).await.refused(), because(403, "APPLICATION_PERMISSION_DENIED"));
    server.product(|crowd| crowd.fault_format = Format::Xml);
    server.fault(Fault::on("read user", FaultKind::Status(500)).times(1));
    let failed = ask_xml(&server, path).await;
    assert_eq!(
        failed.xml(),
        "<error><reason>OPERATION_FAILED</reason><message>The operation failed</message></error>"
    );
    for (kind, status) in
        [(FaultKind::Status(401), 401), (FaultKind::Status(503), 503), (FaultKind::Maintenance, 503)]
    {
        server.fault(Fault::on("read user", kind).times(1));
        assert_eq!(ask(&server, "GET", path).await.status, status);
    }
    assert_eq!(ask(&server, "GET", path).await.status, 200);
}

#[tokio::test]
async fn a_lost_answer_does_not_undo_the_change() {
    let server = serve(&[], &[]).await;
    server.fault(Fault::on("create user", FaultKind::LostAnswer).times(1));
    let body = json!({"name": "new", "password": {"value": "x"}, "active": true}).to_string();
    let sent = request(&server, "POST", "user").header("content-type", "application/json").body(body);
    assert!(sent.send().await.is_err(), "no answer comes");
    assert_eq!(ask(&server, "GET", "user?username=new").await.status, 200);
}
