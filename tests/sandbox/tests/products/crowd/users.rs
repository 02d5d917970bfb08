//! Users, their passwords and their attributes.

use sandbox::product::User;
use serde_json::{Value, json};

use super::{ODD_NAMES, Server, ask, because, encoded, serve, tell};

fn stored(server: &Server, name: &str) -> User {
    server.world(|world| world.users()[&world.user_named(name).unwrap()].clone())
}

fn whole(name: &str) -> Value {
    json!({
        "name": name, "first-name": "Fay", "last-name": "Gray", "display-name": "Fay Gray",
        "email": "fay@example.com", "active": true, "password": {"value": "secret"},
    })
}

#[tokio::test]
async fn a_user_is_read_by_name_and_by_key() {
    let server = serve(&["Ann"], &[]).await;
    server.world(|world| {
        let id = world.user_named("ann").unwrap();
        let attribute = ("desk".to_owned(), vec!["7".to_owned(), "9".to_owned()]);
        world.change_user(id, |user| user.attributes.extend([attribute]));
    });
    let base = format!("{}/crowd/rest/usermanagement/1/user", server.url());
    let mut expected = json!({
        "expand": "attributes",
        "link": {"rel": "self", "href": format!("{base}?username=Ann")},
        "name": "Ann", "first-name": "First", "last-name": "Last", "display-name": "Ann shown",
        "email": "Ann@example.com", "active": true, "key": "1:00000000-0000-4000-8000-000000000001",
        "password": {"link": {"rel": "edit", "href": format!("{base}/password?username=Ann")}},
        "attributes": {"link": {"rel": "self", "href": format!("{base}/attribute?username=Ann")}, "attributes": []},
    });
    let read = ask(&server, "GET", "user?username=aNN").await;
    assert_eq!((read.status, read.json()), (200, expected.clone()), "case does not matter");
    let key = encoded(expected["key"].as_str().unwrap());
    assert_eq!(ask(&server, "GET", &format!("user?key={key}")).await.json(), expected);
    expected["attributes"]["attributes"] = json!([{
        "link": {"rel": "self", "href": format!("{base}/attribute?username=Ann&attributename=desk")},
        "name": "desk", "values": ["7", "9"],
    }]);
    assert_eq!(ask(&server, "GET", "user?username=Ann&expand=attributes").await.json(), expected);
    for path in
        ["user?username=bob", "user?key=1%3Anobody", "user?key=1:00000000-0000-4000-8000-000000000002"]
    {
        let refused = ask(&server, "GET", path).await;
        assert_eq!(refused.refused(), because(404, "USER_NOT_FOUND"), "{path}");
    }
    let unknown = ask(&server, "GET", "user?username=bob").await.json();
    assert_eq!(unknown["message"], "User <bob> does not exist");
    assert_eq!(ask(&server, "GET", "user").await.refused(), because(400, "ILLEGAL_ARGUMENT"));
}

#[tokio::test]
async fn a_user_is_created_whole() {
    let server = serve(&[], &[]).await;
    let mut body = whole("fay");
    body["attributes"] = json!({"attributes": [{"name": "id", "values": ["00u1"]}]});
    let created = tell(&server, "POST", "user", body).await;
    assert_eq!(created.status, 201, "{created:?}");
    let entity = created.json();
    assert_eq!((&entity["name"], &entity["email"]), (&json!("fay"), &json!("fay@example.com")));
    assert_eq!(entity["attributes"]["attributes"][0]["name"], "id");
    assert_eq!(entity["attributes"]["attributes"][0]["values"], json!(["00u1"]));
    assert!(!created.text.contains("secret"), "the password is not repeated");
    let expected = User {
        name: "fay".to_owned(),
        email: "fay@example.com".to_owned(),
        first_name: "Fay".to_owned(),
        last_name: "Gray".to_owned(),
        display_name: "Fay Gray".to_owned(),
        active: true,
        password: "secret".to_owned(),
        attributes: [("id".to_owned(), vec!["00u1".to_owned()])].into(),
        ..User::default()
    };
    assert_eq!(stored(&server, "fay"), expected);
}

#[tokio::test]
async fn a_user_that_is_there_or_lacks_something_is_refused_with_400() {
    let server = serve(&["Fay"], &[]).await;
    let without = |name: &str| {
        let mut body = whole("new");
        body.as_object_mut().unwrap().remove(name);
        body
    };
    let mut empty = whole("new");
    empty["password"]["value"] = json!("");
    for body in [whole("Fay"), whole("fAY"), whole(" "), without("name"), without("password"), empty] {
        let refused = tell(&server, "POST", "user", body.clone()).await;
        assert_eq!(refused.refused(), because(400, "INVALID_USER"), "{body}");
    }
    assert_eq!(server.world(|world| world.users().len()), 1);
    let unreadable = tell(&server, "POST", "user", json!([])).await;
    assert_eq!(unreadable.refused(), because(400, "ILLEGAL_ARGUMENT"));
}

#[tokio::test]
async fn an_update_overwrites_what_it_leaves_out() {
    let server = serve(&["ann"], &[]).await;
    server.world(|world| {
        let id = world.user_named("ann").unwrap();
        world.change_user(id, |user| user.attributes.extend([("a".to_owned(), vec!["b".to_owned()])]));
    });
    let before = stored(&server, "ann");
    let body =
        json!({"name": "ann", "email": "new@example.com", "active": true, "password": {"value": "new"}});
    tell(&server, "PUT", "user?username=ann", body).await.is_done(204);
    let empty = String::new;
    let expected = User {
        email: "new@example.com".to_owned(),
        first_name: empty(),
        last_name: empty(),
        display_name: empty(),
        ..before
    };
    assert_eq!(stored(&server, "ann"), expected, "password and attributes have resources of their own");
}

#[tokio::test]
async fn what_was_read_can_be_sent_back_with_one_thing_changed() {
    let server = serve(&["ann"], &[]).await;
    let before = stored(&server, "ann");
    for active in [false, true] {
        let mut entity = ask(&server, "GET", "user?username=ann&expand=attributes").await.json();
        entity["active"] = json!(active);
        tell(&server, "PUT", "user?username=ann", entity).await.is_done(204);
        assert_eq!(stored(&server, "ann"), User { active, ..before.clone() });
        let listed = ask(&server, "GET", "search?entity-type=user&expand=user").await.json();
        assert_eq!(listed["users"][0]["active"], active, "also an inactive user is listed");
    }
}

#[tokio::test]
async fn an_update_names_the_same_user_twice() {
    let server = serve(&["ann", "bob"], &[]).await;
    for name in [json!("bob"), json!("other"), json!(""), Value::Null] {
        let refused = tell(&server, "PUT", "user?username=ann", json!({"name": name, "active": true})).await;
        assert_eq!(refused.refused(), because(400, "INVALID_USER"), "{name}");
    }
    assert_eq!(stored(&server, "ann").email, "ann@example.com", "nothing was done");
    let unknown = tell(&server, "PUT", "user?username=eve", json!({"name": "eve"})).await;
    assert_eq!(unknown.refused(), because(404, "USER_NOT_FOUND"));
}

#[tokio::test]
async fn a_user_is_deleted_with_its_memberships() {
    let server = serve(&["ann", "bob"], &["g"]).await;
    tell(&server, "POST", "group/user/direct?groupname=g", json!({"name": "ann"})).await.is_done(201);
    ask(&server, "DELETE", "user?username=ann").await.is_done(204);
    assert_eq!(ask(&server, "DELETE", "user?username=ann").await.refused(), because(404, "USER_NOT_FOUND"));
    assert_eq!(ask(&server, "GET", "group/user/direct?groupname=g").await.names(), [""; 0]);
    assert_eq!(server.world(|world| world.users().len()), 1);
}

#[tokio::test]
async fn a_user_is_renamed_and_keeps_its_key() {
    let server = serve(&["ann", "bob"], &["g"]).await;
    tell(&server, "POST", "group/user/direct?groupname=g", json!({"name": "ann"})).await.is_done(201);
    let key = ask(&server, "GET", "user?username=ann").await.json()["key"].clone();
    let renamed = tell(&server, "POST", "user/rename?username=ann", json!({"new-name": "anna"})).await;
    assert_eq!((renamed.status, &renamed.json()["name"]), (200, &json!("anna")));
    assert_eq!(renamed.json()["key"], key);
    assert_eq!(ask(&server, "GET", "user?username=ann").await.status, 404);
    assert_eq!(ask(&server, "GET", "group/user/direct?groupname=g").await.names(), ["anna"]);
    let other_case = tell(&server, "POST", "user/rename?username=anna", json!({"new-name": "Anna"})).await;
    assert_eq!((other_case.status, &other_case.json()["name"]), (200, &json!("Anna")));
    for name in ["BOB", " ", ""] {
        let refused = tell(&server, "POST", "user/rename?username=anna", json!({"new-name": name})).await;
        assert_eq!(refused.refused(), because(400, "INVALID_USER"), "{name}");
    }
    let unknown = tell(&server, "POST", "user/rename?username=eve", json!({"new-name": "eva"})).await;
    assert_eq!(unknown.refused(), because(404, "USER_NOT_FOUND"));
}

#[tokio::test]
async fn a_password_is_set() {
    let server = serve(&["ann"], &[]).await;
    tell(&server, "PUT", "user/password?username=ann", json!({"value": "new"})).await.is_done(204);
    assert_eq!(stored(&server, "ann").password, "new");
    let empty = tell(&server, "PUT", "user/password?username=ann", json!({})).await;
    assert_eq!(empty.refused(), because(400, "INVALID_CREDENTIAL"));
    let unknown = tell(&server, "PUT", "user/password?username=eve", json!({"value": "new"})).await;
    assert_eq!(unknown.refused(), because(404, "USER_NOT_FOUND"));
}

#[tokio::test]
async fn attributes_of_users_and_groups_are_merged_by_name() {
    let server = serve(&["ann"], &["g"]).await;
    for (path, unknown, reason) in [
        ("user/attribute?username=ann", "user/attribute?username=eve", "USER_NOT_FOUND"),
        ("group/attribute?groupname=g", "group/attribute?groupname=h", "GROUP_NOT_FOUND"),
    ] {
        let first =
            json!({"attributes": [{"name": "a", "values": ["1", "2"]}, {"name": "b", "values": ["3"]}]});
        tell(&server, "POST", path, first).await.is_done(204);
        let second =
            json!({"attributes": [{"name": "a", "values": ["4"]}, {"name": "r&d", "values": ["5"]}]});
        tell(&server, "POST", path, second).await.is_done(204);
        let read = ask(&server, "GET", path).await.json();
        let own = format!("{}/crowd/rest/usermanagement/1/{path}", server.url());
        assert_eq!(read["link"], json!({"rel": "self", "href": own}));
        let pairs: Vec<(Value, Value)> = read["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|attribute| (attribute["name"].clone(), attribute["values"].clone()))
            .collect();
        let expected = [("a", json!(["4"])), ("b", json!(["3"])), ("r&d", json!(["5"]))];
        assert_eq!(pairs, expected.map(|(name, values)| (json!(name), values)));
        let link = &read["attributes"][2]["link"]["href"];
        assert_eq!(link, &json!(format!("{own}&attributename=r%26d")));
        ask(&server, "DELETE", &format!("{path}&attributename=r%26d")).await.is_done(204);
        ask(&server, "DELETE", &format!("{path}&attributename=a")).await.is_done(204);
        let left = ask(&server, "GET", path).await.json();
        assert_eq!(left["attributes"].as_array().unwrap().len(), 1);
        assert_eq!(ask(&server, "DELETE", path).await.refused(), because(400, "ILLEGAL_ARGUMENT"));
        for method in ["GET", "POST", "DELETE"] {
            let refused = tell(&server, method, unknown, json!({"attributes": []})).await;
            assert_eq!(refused.refused(), because(404, reason), "{method} {unknown}");
        }
    }
}

#[tokio::test]
async fn odd_names_are_kept_as_they_are() {
    let server = serve(&[], &[]).await;
    for name in ODD_NAMES {
        let created = tell(&server, "POST", "user", whole(name)).await;
        assert_eq!((created.status, &created.json()["name"]), (201, &json!(name)));
        let path = format!("user?username={}", encoded(name));
        let read = ask(&server, "GET", &path).await.json();
        assert_eq!(read["name"], name);
        let link = read["link"]["href"].as_str().unwrap();
        assert!(link.ends_with(&format!("/{path}")), "{link}");
        tell(&server, "PUT", &path, whole(name)).await.is_done(204);
        let new = format!("{name}2");
        let rename = format!("user/rename?username={}", encoded(name));
        assert_eq!(tell(&server, "POST", &rename, json!({"new-name": new})).await.json()["name"], new);
        ask(&server, "DELETE", &format!("user?username={}", encoded(&new))).await.is_done(204);
    }
    let plus = format!("user?username={}", "with+space");
    assert_eq!(tell(&server, "POST", "user", whole("with space")).await.status, 201);
    assert_eq!(
        ask(&server, "GET", &plus).await.json()["name"],
        "with space",
        "a plus is a space, as in a form"
    );
    let operations: Vec<_> = server.book().requests.into_iter().collect();
    let expected =
        [("create user", 7), ("delete user", 6), ("read user", 7), ("rename user", 6), ("update user", 6)];
    assert_eq!(operations, expected);
}
