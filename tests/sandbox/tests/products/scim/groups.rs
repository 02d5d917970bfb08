//! Groups: create, read, replace, rename, delete.

use sandbox::scim::{Dialect, Scim};
use serde_json::{Value, json};

use super::{GROUP, ODD, Server, full, id};

#[tokio::test]
async fn a_group_is_created_read_and_deleted() {
    let server = Server::of(Scim::reference()).await;
    let ann = server.user(full("ann")).await;
    let body = json!({ "schemas": [GROUP], "displayName": "Group", "externalId": "g1", "members": [{ "value": id(&ann) }] });
    let created = server.post("/Groups", &body).await.ok(201);
    let path = format!("/Groups/{}", created.id());
    let read = server.get(&path).await.ok(200);
    assert_eq!(read.body, created.body);
    assert_eq!(
        (&read.body["displayName"], &read.body["externalId"], &read.body["schemas"]),
        (&json!("Group"), &json!("g1"), &json!([GROUP]))
    );
    assert_eq!(
        (read.members(), &read.body["meta"]["resourceType"]),
        (vec![id(&ann).to_owned()], &json!("Group"))
    );
    assert_eq!(server.stand_in.world(|world| world.member_names("group")), Some(vec!["ann".to_owned()]));
    assert_eq!(server.delete(&path).await.ok(204).body, Value::Null);
    for (method, body) in [("GET", None), ("DELETE", None), ("PUT", Some(body))] {
        server.send(method, &path, &[], body.as_ref()).await.refused(404, "");
    }
    server.patch(&path, json!([{ "op": "remove", "path": "members" }])).await.refused(404, "");
    server.get(&format!("/Users/{}", id(&path))).await.refused(404, "");
}

#[tokio::test]
async fn groups_need_a_name_and_may_share_it_or_not() {
    for (unique, status) in [(false, 201), (true, 409)] {
        let server = Server::with(|dialect| dialect.unique_group_names = unique).await;
        let first = server.group("Group", &[]).await;
        assert_eq!(server.post("/Groups", &json!({ "displayName": "gROUP" })).await.status, status);
        let other = server.group("Other", &[]).await;
        let answer =
            server.patch(&other, json!([{ "op": "replace", "path": "displayName", "value": "group" }])).await;
        assert_eq!(answer.status, if unique { 409 } else { 204 });
        server.put(&first, &json!({ "displayName": "GROUP" })).await.ok(200);
        for nameless in [json!({ "schemas": [GROUP] }), json!({ "displayName": null })] {
            server.post("/Groups", &nameless).await.refused(400, "invalidValue");
            server.put(&first, &nameless).await.refused(400, "invalidValue");
        }
    }
    assert!(!Dialect::reference().unique_group_names && Dialect::other().unique_group_names);
}

#[tokio::test]
async fn a_name_that_is_shared_already_hinders_nothing_else() {
    let server = Server::of(Scim::other()).await;
    let groups = server.stand_in.world(|world| [world.add_group("Group"), world.add_group("Group")]);
    let (_, ann) = server.known_user("ann");
    for group in groups {
        let path = format!("/Groups/{}", server.stand_in.product(|scim| scim.id(group)));
        server
            .patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": ann }] }]))
            .await
            .ok(200);
    }
}

#[tokio::test]
async fn groups_of_one_name_are_both_found() {
    let server = Server::of(Scim::reference()).await;
    let (first, second) = (server.group("Group", &[]).await, server.group("Group", &[]).await);
    let found = server.list("/Groups", &[("filter", "displayName eq \"Group\"")]).await;
    assert_eq!(found.each("id"), [id(&first), id(&second)]);
    server.delete(&first).await.ok(204);
    let found = server.list("/Groups", &[("filter", "displayName eq \"Group\"")]).await;
    assert_eq!(found.each("id"), [id(&second)]);
}

#[tokio::test]
async fn a_group_is_renamed() {
    let server = Server::of(Scim::reference()).await;
    let ann = server.user(full("ann")).await;
    let path = server.group("Group", &[id(&ann)]).await;
    for name in ODD {
        server.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": name }])).await.ok(204);
        assert_eq!(server.find("/Groups", &format!("displayName eq {}", json!(name))).await, [name]);
    }
    assert!(server.find("/Groups", "displayName eq \"Group\"").await.is_empty());
    let own = json!([{ "op": "replace", "value": { "id": id(&path), "displayName": "By Okta" } }]);
    server.patch(&path, own).await.ok(204);
    let read = server.get(&path).await;
    assert_eq!((&read.body["displayName"], read.members()), (&json!("By Okta"), vec![id(&ann).to_owned()]));
    server
        .patch(&path, json!([{ "op": "replace", "value": { "id": "x", "displayName": "Y" } }]))
        .await
        .refused(400, "mutability");
    server.patch(&path, json!([{ "op": "remove", "path": "displayName" }])).await.refused(400, "mutability");
    let server = Server::with(|dialect| dialect.fixed_group_names = true).await;
    let path = server.group("Group", &[]).await;
    server
        .patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "New" }]))
        .await
        .refused(400, "mutability");
    server.put(&path, &json!({ "displayName": "New" })).await.refused(400, "mutability");
    server.put(&path, &json!({ "displayName": "Group", "externalId": "g" })).await.ok(200);
}

#[tokio::test]
async fn put_without_members_empties_the_group() {
    for scim in [Scim::reference(), Scim::other(), Scim::cloud()] {
        let server = Server::of(scim).await;
        let (ann, bob) = (server.user(full("ann")).await, server.user(full("bob")).await);
        let path = server.group("Group", &[id(&ann)]).await;
        let changes = server.changes();
        let both = json!({ "displayName": "Group", "externalId": "g", "members": [{ "value": id(&ann) }, { "value": id(&bob) }] });
        assert_eq!(server.put(&path, &both).await.ok(200).members().len(), 2);
        assert_eq!(server.changes(), changes + 2, "externalId and one membership");
        let none = server.put(&path, &json!({ "displayName": "Group" })).await.ok(200);
        assert!(none.members().is_empty() && none.body.get("externalId").is_none());
        assert_eq!(server.changes(), changes + 5);
        assert_eq!(server.get(&path).await.body, none.body);
    }
}

#[tokio::test]
async fn no_members_are_an_empty_list_or_no_key() {
    for (shown, expected) in [(true, Some(json!([]))), (false, None)] {
        let server = Server::with(|dialect| dialect.empty_members = shown).await;
        let created = server.post("/Groups", &json!({ "displayName": "Group" })).await.ok(201);
        assert_eq!(created.body.get("members"), expected.as_ref());
    }
    assert!(!Dialect::reference().empty_members && Dialect::other().empty_members);
}

#[tokio::test]
async fn versions_of_groups_follow_their_members() {
    let server = Server::of(Scim::reference()).await;
    let (ann, bob) = (server.user(full("ann")).await, server.user(full("bob")).await);
    let path = server.group("Group", &[]).await;
    let add = |path: &str| json!({ "Operations": [{ "op": "add", "path": "members", "value": [{ "value": id(path) }] }] });
    let stale = server.get(&path).await.header("etag").to_owned();
    let added = server.send("PATCH", &path, &[("if-match", &stale)], Some(&add(&ann))).await.ok(204);
    for (method, body) in
        [("PATCH", Some(add(&bob))), ("PUT", Some(json!({ "displayName": "Group" }))), ("DELETE", None)]
    {
        server.send(method, &path, &[("if-match", &stale)], body.as_ref()).await.refused(412, "");
    }
    let current = added.header("etag").to_owned();
    assert_eq!(server.send("GET", &path, &[("if-none-match", &current)], None).await.status, 304);
    server.stand_in.world(|world| {
        let (group, bob, ann) =
            (world.group_named("Group"), world.user_named("bob"), world.user_named("ann"));
        world.add_member(group.unwrap(), bob.unwrap());
        world.remove_member(group.unwrap(), ann.unwrap());
    });
    server.send("PATCH", &path, &[("if-match", &current)], Some(&add(&ann))).await.refused(412, "");
    assert_eq!(server.send("GET", &path, &[("if-none-match", &current)], None).await.status, 200);
}

#[tokio::test]
async fn members_can_be_left_out() {
    let server = Server::of(Scim::reference()).await;
    let ann = server.user(full("ann")).await;
    let path = server.group("Group", &[id(&ann)]).await;
    assert!(server.list(&path, &[("excludedAttributes", "members")]).await.body.get("members").is_none());
    assert!(
        server.list("/Groups", &[("excludedAttributes", "members")]).await.body["Resources"][0]
            .get("members")
            .is_none()
    );
    assert_eq!(server.list(&path, &[("attributes", "members.value")]).await.members(), [id(&ann)]);
    assert_eq!(server.get("/Groups").await.body["Resources"][0]["members"], json!([{ "value": id(&ann) }]));
    let server = Server::with(|dialect| dialect.members_in_lists = false).await;
    let ann = server.user(full("ann")).await;
    let path = server.group("Group", &[id(&ann)]).await;
    assert!(server.get("/Groups").await.body["Resources"][0].get("members").is_none());
    assert_eq!(server.get(&path).await.members(), [id(&ann)]);
    assert_eq!(server.find("/Groups", &format!("members.value eq \"{}\"", id(&ann))).await, ["Group"]);
}
