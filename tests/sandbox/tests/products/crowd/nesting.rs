//! Groups in groups.

use sandbox::crowd::Crowd;
use serde_json::json;

use super::{Server, ask, because, serve, start, tell, world};

/// `top` holds `middle`, that holds `low`; a user in each.
async fn nested() -> Server {
    let server = serve(&["ann", "bob", "cid"], &["top", "middle", "low", "apart"]).await;
    for (group, user) in [("top", "ann"), ("middle", "bob"), ("low", "cid"), ("low", "ann")] {
        let path = format!("group/user/direct?groupname={group}");
        tell(&server, "POST", &path, json!({"name": user})).await.is_done(201);
    }
    for (parent, child) in [("top", "middle"), ("middle", "low")] {
        let path = format!("group/child-group/direct?groupname={parent}");
        tell(&server, "POST", &path, json!({"name": child})).await.is_done(201);
    }
    server
}

#[tokio::test]
async fn direct_and_nested_lists_differ() {
    let server = nested().await;
    for (path, direct, nested) in [
        ("group/user/*?groupname=top", vec!["ann"], vec!["ann", "bob", "cid"]),
        ("group/user/*?groupname=low", vec!["ann", "cid"], vec!["ann", "cid"]),
        ("user/group/*?username=cid", vec!["low"], vec!["top", "middle", "low"]),
        ("user/group/*?username=bob", vec!["middle"], vec!["top", "middle"]),
        ("group/child-group/*?groupname=top", vec!["middle"], vec!["middle", "low"]),
        ("group/child-group/*?groupname=apart", vec![], vec![]),
        ("group/parent-group/*?groupname=low", vec!["middle"], vec!["top", "middle"]),
        ("group/parent-group/*?groupname=top", vec![], vec![]),
    ] {
        assert_eq!(ask(&server, "GET", &path.replace('*', "direct")).await.names(), direct, "{path}");
        assert_eq!(ask(&server, "GET", &path.replace('*', "nested")).await.names(), nested, "{path}");
    }
    let expanded = ask(&server, "GET", "group/child-group/direct?groupname=top&expand=group").await.json();
    assert_eq!(expanded["groups"][0]["description"], "old");
    for path in ["group/child-group/direct?groupname=x", "group/parent-group/nested?groupname=x"] {
        assert_eq!(ask(&server, "GET", path).await.refused(), because(404, "GROUP_NOT_FOUND"), "{path}");
    }
}

#[tokio::test]
async fn a_circle_is_refused() {
    let server = nested().await;
    for (parent, child) in [("low", "top"), ("low", "middle"), ("top", "top")] {
        let path = format!("group/child-group/direct?groupname={parent}");
        let refused = tell(&server, "POST", &path, json!({"name": child})).await;
        assert_eq!(refused.refused(), because(400, "INVALID_MEMBERSHIP"), "{child} in {parent}");
    }
    let shortcut =
        tell(&server, "POST", "group/child-group/direct?groupname=top", json!({"name": "low"})).await;
    shortcut.is_done(201);
}

#[tokio::test]
async fn a_child_is_refused_where_it_is_unknown_or_there_already() {
    let server = nested().await;
    for (parent, child, status, reason) in [
        ("top", "x", 400, "GROUP_NOT_FOUND"),
        ("x", "top", 404, "GROUP_NOT_FOUND"),
        ("top", "middle", 409, "MEMBERSHIP_ALREADY_EXISTS"),
    ] {
        let path = format!("group/child-group/direct?groupname={parent}");
        let refused = tell(&server, "POST", &path, json!({"name": child})).await;
        assert_eq!(refused.refused(), because(status, reason), "{child} in {parent}");
    }
}

#[tokio::test]
async fn a_child_is_taken_out() {
    let server = nested().await;
    let path = "group/child-group/direct?groupname=top";
    ask(&server, "DELETE", &format!("{path}&child-groupname=middle")).await.is_done(204);
    assert_eq!(ask(&server, "GET", path).await.names(), [""; 0]);
    for (child, reason) in [("middle", "MEMBERSHIP_NOT_FOUND"), ("x", "GROUP_NOT_FOUND")] {
        let refused = ask(&server, "DELETE", &format!("{path}&child-groupname={child}")).await;
        assert_eq!(refused.refused(), because(404, reason), "{child}");
    }
    let operations = server.book().requests;
    assert_eq!((operations["add child group"], operations["remove child group"]), (2, 3));
}

#[tokio::test]
async fn a_directory_may_not_know_nested_groups() {
    let crowd = Crowd { nested_groups: false, ..Crowd::default() };
    let server = start(crowd, world(&[], &["top", "low"])).await;
    let refused =
        tell(&server, "POST", "group/child-group/direct?groupname=top", json!({"name": "low"})).await;
    assert_eq!(refused.refused(), because(400, "NESTED_GROUPS_NOT_SUPPORTED"));
}
