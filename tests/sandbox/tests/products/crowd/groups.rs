//! Groups.

use serde_json::json;

use super::{ODD_NAMES, ask, because, encoded, serve, tell};

#[tokio::test]
async fn a_group_is_read() {
    let server = serve(&[], &["Staff"]).await;
    let base = format!("{}/crowd/rest/usermanagement/1/group", server.url());
    let mut expected = json!({
        "expand": "attributes",
        "link": {"rel": "self", "href": format!("{base}?groupname=Staff")},
        "name": "Staff", "description": "old", "type": "GROUP", "active": true,
        "attributes": {"link": {"rel": "self", "href": format!("{base}/attribute?groupname=Staff")}, "attributes": []},
    });
    let read = ask(&server, "GET", "group?groupname=sTAFF").await;
    assert_eq!((read.status, read.json()), (200, expected.clone()), "case does not matter");
    let attribute = json!({"attributes": [{"name": "a", "values": ["b"]}]});
    tell(&server, "POST", "group/attribute?groupname=Staff", attribute).await.is_done(204);
    assert_eq!(ask(&server, "GET", "group?groupname=Staff").await.json(), expected);
    expected["attributes"]["attributes"] = json!([{
        "link": {"rel": "self", "href": format!("{base}/attribute?groupname=Staff&attributename=a")},
        "name": "a", "values": ["b"],
    }]);
    assert_eq!(ask(&server, "GET", "group?groupname=Staff&expand=attributes").await.json(), expected);
    let unknown = ask(&server, "GET", "group?groupname=x").await;
    assert_eq!(unknown.refused(), because(404, "GROUP_NOT_FOUND"));
    assert_eq!(unknown.json()["message"], "Group <x> does not exist");
    assert_eq!(ask(&server, "GET", "group").await.refused(), because(400, "ILLEGAL_ARGUMENT"));
}

#[tokio::test]
async fn a_group_is_created_once() {
    let server = serve(&[], &[]).await;
    let body = json!({"name": "Staff", "description": "All of us", "type": "GROUP", "active": true});
    let created = tell(&server, "POST", "group", body.clone()).await;
    assert_eq!((created.status, &created.json()["description"]), (201, &json!("All of us")));
    let other_case = json!({"name": "sTAFF", "type": "GROUP"});
    let nameless = json!({"name": "", "type": "GROUP"});
    let other_type = json!({"name": "new", "type": "LEGACY_ROLE"});
    for body in [body, other_case, nameless, other_type] {
        let refused = tell(&server, "POST", "group", body.clone()).await;
        assert_eq!(refused.refused(), because(400, "INVALID_GROUP"), "{body}");
    }
    assert_eq!(server.world(|world| world.groups().len()), 1);
}

#[tokio::test]
async fn a_group_is_changed_but_not_renamed() {
    let server = serve(&[], &["g", "h"]).await;
    let described = |name: &str| json!({"name": name, "description": "new", "type": "GROUP", "active": true});
    let changed = tell(&server, "PUT", "group?groupname=g", described("g")).await;
    assert_eq!((changed.status, &changed.json()["description"]), (200, &json!("new")));
    let renamed = tell(&server, "PUT", "group?groupname=h", described("i")).await;
    assert_eq!(renamed.refused(), because(400, "INVALID_GROUP"));
    let unknown = tell(&server, "PUT", "group?groupname=i", described("i")).await;
    assert_eq!(unknown.refused(), because(404, "GROUP_NOT_FOUND"));
    let descriptions: Vec<String> =
        server.world(|world| world.groups().values().map(|group| group.description.clone()).collect());
    assert_eq!(descriptions, ["new", "old"]);
    server.product(|crowd| crowd.group_update_without_body = true);
    tell(&server, "PUT", "group?groupname=g", json!({"name": "g", "type": "GROUP"})).await.is_done(204);
    assert_eq!(ask(&server, "GET", "group?groupname=g").await.json()["description"], "", "it was left out");
}

#[tokio::test]
async fn a_group_is_deleted_with_its_memberships() {
    let server = serve(&["ann"], &["g", "h"]).await;
    tell(&server, "POST", "group/user/direct?groupname=g", json!({"name": "ann"})).await.is_done(201);
    tell(&server, "POST", "group/child-group/direct?groupname=h", json!({"name": "g"})).await.is_done(201);
    ask(&server, "DELETE", "group?groupname=g").await.is_done(204);
    assert_eq!(ask(&server, "DELETE", "group?groupname=g").await.refused(), because(404, "GROUP_NOT_FOUND"));
    assert_eq!(ask(&server, "GET", "user/group/direct?username=ann").await.names(), [""; 0]);
    assert_eq!(ask(&server, "GET", "group/child-group/direct?groupname=h").await.names(), [""; 0]);
}

#[tokio::test]
async fn odd_names_are_kept_as_they_are() {
    let server = serve(&["ann"], &[]).await;
    for name in ODD_NAMES {
        assert_eq!(tell(&server, "POST", "group", json!({"name": name, "type": "GROUP"})).await.status, 201);
        let path = format!("group?groupname={}", encoded(name));
        assert_eq!(ask(&server, "GET", &path).await.json()["name"], name);
        assert_eq!(tell(&server, "PUT", &path, json!({"name": name})).await.status, 200);
        let members = format!("group/user/direct?groupname={}", encoded(name));
        tell(&server, "POST", &members, json!({"name": "ann"})).await.is_done(201);
        assert_eq!(ask(&server, "GET", "user/group/direct?username=ann").await.names(), [name]);
        ask(&server, "DELETE", &path).await.is_done(204);
    }
    let operations: Vec<_> = server.book().requests.into_iter().collect();
    let expected =
        ["add member", "create group", "delete group", "list groups of user", "read group", "update group"];
    assert_eq!(operations, expected.map(|operation| (operation, 6)));
}
