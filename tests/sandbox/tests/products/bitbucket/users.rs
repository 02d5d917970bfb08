//! Users are made, changed, renamed, deleted and read.

use std::collections::BTreeSet;

use sandbox::bitbucket::Bitbucket;
use sandbox::product::{User, World};
use serde_json::{Value, json};

use super::{names, new_user, refused, start, start_usual};

#[tokio::test]
async fn a_user_is_created_by_the_query_alone() {
    let (stand_in, client) = start_usual(World::default()).await;
    let path = new_user("zo%C3%AB%2C+%2F%26%2B") + "&addToDefaultGroup=false&notify=false";
    let answer = client.send("POST", &path).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    let user = stand_in.world(|world| world.users().values().next().unwrap().clone());
    let expected = User {
        name: "zoë, /&+".to_owned(),
        email: "new+tag@example.com".to_owned(),
        display_name: "New Person".to_owned(),
        password: "p&w".to_owned(),
        active: true,
        ..User::default()
    };
    assert_eq!(user, expected);
    assert!(stand_in.world(|world| world.groups().is_empty()));
    assert_eq!(stand_in.product(|bitbucket| bitbucket.mails_sent), 0);
}

#[tokio::test]
async fn what_is_missing_in_the_query_is_named() {
    let (stand_in, client) = start_usual(World::default()).await;
    for (parameter, cut) in [
        ("name", "name=bob"),
        ("emailAddress", "emailAddress=new%2Btag%40example.com"),
        ("displayName", "displayName=New+Person"),
        ("password", "password=p%26w"),
    ] {
        let blank = format!("{parameter}=+");
        for instead in ["x=y", blank.as_str()] {
            let answer = client.send("POST", &new_user("bob").replace(cut, instead)).await;
            let (status, context, message) = refused(&answer);
            assert_eq!((status, context), (400, json!(parameter)), "{instead}");
            assert!(message.contains(parameter), "{message}");
        }
    }
    // Nothing of a body is read.
    let body = json!({ "name": "bob", "emailAddress": "b@example.com", "displayName": "B", "password": "p" });
    assert_eq!(refused(&client.send_json("POST", "/admin/users", &body).await).0, 400);
    assert!(stand_in.world(|world| world.users().is_empty()));
}

#[tokio::test]
async fn a_mail_replaces_the_password() {
    let (stand_in, client) = start_usual(World::default()).await;
    let without_password = new_user("bob").replace("&password=p%26w", "");
    assert_eq!(client.send("POST", &format!("{without_password}&notify=false")).await.status, 400);
    assert_eq!(client.send("POST", &format!("{without_password}&notify=true")).await.status, 204);
    assert_eq!(stand_in.product(|bitbucket| bitbucket.mails_sent), 1);
}

#[tokio::test]
async fn a_new_user_joins_the_default_group_unless_told_otherwise() {
    let (stand_in, client) = start_usual(World::default()).await;
    for (name, parameter) in
        [("one", ""), ("two", "&addToDefaultGroup=true"), ("three", "&addToDefaultGroup=false")]
    {
        client.send("POST", &(new_user(name) + parameter)).await;
    }
    assert_eq!(stand_in.world(|world| world.member_names("stash-users")).unwrap(), ["one", "two"]);
    stand_in.product(|bitbucket| bitbucket.default_group = "everybody".to_owned());
    client.send("POST", &new_user("four")).await;
    assert_eq!(stand_in.world(|world| world.member_names("everybody")).unwrap(), ["four"]);
}

#[tokio::test]
async fn a_taken_name_is_a_conflict() {
    let mut world = World::default();
    world.add_user("Bob");
    let (stand_in, client) = start_usual(world).await;
    let (status, context, _) = refused(&client.send("POST", &new_user("bob")).await);
    assert_eq!((status, context), (409, json!("name")));
    assert_eq!(stand_in.world(|world| world.users().len()), 1);
}

#[tokio::test]
async fn without_a_seat_no_user_is_created() {
    let mut world = World::default();
    world.add_user("one");
    let gone = world.add_user("two");
    let (stand_in, client) = start(Bitbucket { seats: Some(2), ..Bitbucket::default() }, world).await;
    assert_eq!(refused(&client.send("POST", &new_user("three")).await).0, 403);
    stand_in.world(|world| world.change_user(gone, |user| user.active = false));
    assert_eq!(client.send("POST", &new_user("three")).await.status, 204);
    assert_eq!(client.send("POST", &new_user("four")).await.status, 403);
    assert!(stand_in.world(|world| world.user_named("four").is_none()));
}

#[tokio::test]
async fn seats_can_depend_on_groups() {
    let bitbucket = Bitbucket {
        seats: Some(1),
        licensed_groups: BTreeSet::from(["stash-users".to_owned()]),
        ..Bitbucket::default()
    };
    let (stand_in, client) = start(bitbucket, World::default()).await;
    for name in ["one", "two", "three"] {
        assert_eq!(client.send("POST", &(new_user(name) + "&addToDefaultGroup=false")).await.status, 204);
    }
    assert_eq!(client.send("POST", &new_user("four")).await.status, 204);
    assert_eq!(client.send("POST", &new_user("five")).await.status, 403);
    stand_in.world(|world| world.add_group("others"));
    let add = |group: &str, users: Value| json!({ "group": group, "users": users });
    let path = "/admin/groups/add-users";
    assert_eq!(client.send_json("POST", path, &add("stash-users", json!(["one"]))).await.status, 403);
    assert_eq!(client.send_json("POST", path, &add("stash-users", json!(["four"]))).await.status, 200);
    assert_eq!(client.send_json("POST", path, &add("others", json!(["one", "two"]))).await.status, 200);
    stand_in.product(|bitbucket| bitbucket.seats = Some(2));
    assert_eq!(client.send_json("POST", path, &add("STASH-USERS", json!(["one", "two"]))).await.status, 403);
    assert_eq!(client.send_json("POST", path, &add("STASH-USERS", json!(["one"]))).await.status, 200);
    assert_eq!(stand_in.world(|world| world.member_names("stash-users")).unwrap(), ["four", "one"]);
}

#[tokio::test]
async fn details_are_changed() {
    let mut world = World::default();
    let id = world.add_user("bob");
    let (stand_in, client) = start_usual(world).await;
    let body = json!({ "name": "BOB", "displayName": "Bob Ö", "email": "b@example.com" });
    let answer = client.send_json("PUT", "/admin/users", &body).await;
    let shown = answer.json();
    assert_eq!((answer.status, &shown["id"], &shown["name"]), (200, &json!(id), &json!("bob")));
    assert_eq!((&shown["displayName"], &shown["emailAddress"]), (&json!("Bob Ö"), &json!("b@example.com")));
    client.send_json("PUT", "/admin/users", &json!({ "name": "bob", "email": "c@example.com" })).await;
    let user = stand_in.world(|world| world.users()[&id].clone());
    assert_eq!((user.display_name.as_str(), user.email.as_str()), ("Bob Ö", "c@example.com"));
    for (body, status, context) in [
        (json!({ "displayName": "B" }), 400, json!("name")),
        (json!({ "name": "bob", "displayName": " " }), 400, json!("displayName")),
        (json!({ "name": "bob", "email": 7 }), 400, json!("email")),
        (json!({ "name": "alice", "displayName": "A" }), 404, Value::Null),
    ] {
        let (seen, about, _) = refused(&client.send_json("PUT", "/admin/users", &body).await);
        assert_eq!((seen, about), (status, context), "{body}");
    }
    assert_eq!(stand_in.world(|world| world.users()[&id].clone()), user);
}

#[tokio::test]
async fn an_unknown_field_is_refused() {
    let mut world = World::default();
    world.add_user("bob");
    world.add_group("team");
    let (stand_in, client) = start_usual(world).await;
    let before = stand_in.world(|world| world.clone());
    let body = json!({ "name": "bob", "displayName": "New", "active": false });
    let (status, _, message) = refused(&client.send_json("PUT", "/admin/users", &body).await);
    assert_eq!(status, 400);
    let start = "Unrecognized field \"active\" (Class com.atlassian.stash.internal.rest.admin.UserUpdate)";
    assert!(message.starts_with(start), "{message}");
    for (method, path, body) in [
        ("POST", "/admin/users/rename", json!({ "name": "bob", "newName": "b", "more": 1 })),
        (
            "PUT",
            "/admin/users/credentials",
            json!({ "name": "bob", "password": "p", "passwordConfirm": "p", "more": 1 }),
        ),
        ("POST", "/admin/groups/add-users", json!({ "group": "team", "users": ["bob"], "more": 1 })),
        ("POST", "/admin/users/add-groups", json!({ "user": "bob", "groups": ["team"], "more": 1 })),
        ("POST", "/admin/users/remove-group", json!({ "context": "bob", "itemName": "team", "more": 1 })),
        ("POST", "/admin/groups/remove-user", json!({ "context": "team", "itemName": "bob", "more": 1 })),
    ] {
        let (status, _, message) = refused(&client.send_json(method, path, &body).await);
        assert_eq!(status, 400, "{path}");
        assert!(message.starts_with("Unrecognized field \"more\""), "{path}: {message}");
    }
    assert_eq!(stand_in.world(|world| world.clone()), before);
}

#[tokio::test]
async fn a_user_is_renamed_and_stays_the_same() {
    let mut world = World::default();
    let (id, group) = (world.add_user("bob"), world.add_group("team"));
    world.add_user("taken");
    world.add_member(group, id);
    let (stand_in, client) = start_usual(world).await;
    let rename = |name: &str, new: &str| json!({ "name": name, "newName": new });
    let answer = client.send_json("POST", "/admin/users/rename", &rename("bob", "bob/by & co")).await;
    let shown = answer.json();
    assert_eq!((answer.status, &shown["id"], &shown["name"]), (200, &json!(id), &json!("bob/by & co")));
    assert_eq!(stand_in.world(|world| world.member_names("team")).unwrap(), ["bob/by & co"]);
    let to_case =
        client.send_json("POST", "/admin/users/rename", &rename("bob/by & co", "Bob/by & co")).await;
    assert_eq!(to_case.status, 200, "only the case is another");
    for (body, status) in [
        (rename("bob", "bobby"), 404),
        (rename("Bob/by & co", "TAKEN"), 400),
        (rename("Bob/by & co", ""), 400),
        (json!({ "newName": "bobby" }), 400),
    ] {
        let answer = client.send_json("POST", "/admin/users/rename", &body).await;
        assert_eq!(refused(&answer).0, status, "{body}");
    }
}

#[tokio::test]
async fn passwords_are_set() {
    let mut world = World::default();
    let id = world.add_user("bob");
    let (stand_in, client) = start_usual(world).await;
    let body =
        |name: &str, confirm: &str| json!({ "name": name, "password": "new", "passwordConfirm": confirm });
    let path = "/admin/users/credentials";
    let answer = client.send_json("PUT", path, &body("bob", "new")).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(stand_in.world(|world| world.users()[&id].password.clone()), "new");
    assert_eq!(refused(&client.send_json("PUT", path, &body("bob", "other")).await).0, 400);
    assert_eq!(refused(&client.send_json("PUT", path, &json!({ "name": "bob" })).await).0, 400);
    assert_eq!(refused(&client.send_json("PUT", path, &body("alice", "new")).await).0, 404);
}

#[tokio::test]
async fn a_user_is_deleted_and_shown_once_more() {
    let mut world = World::default();
    let (id, group) = (world.add_user("a+b, c/ä&"), world.add_group("team"));
    world.add_member(group, id);
    world.add_user("usersyncd");
    let (stand_in, client) = start_usual(world).await;
    let path = "/admin/users?name=a%2Bb%2C%20c%2F%C3%A4%26";
    let answer = client.send("DELETE", path).await;
    assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(id)));
    assert_eq!(stand_in.world(|world| world.member_names("team")).unwrap().len(), 0);
    assert_eq!(refused(&client.send("DELETE", path).await).0, 404);
    assert_eq!(refused(&client.send("DELETE", "/admin/users").await).0, 400);
    assert_eq!(refused(&client.send("DELETE", "/admin/users?name=UserSyncD").await).0, 409);
    assert_eq!(stand_in.world(|world| world.users().len()), 1);
}

#[tokio::test]
async fn users_are_shown_in_full_to_administrators() {
    let mut world = World::default();
    let id = world.insert_user(User {
        name: "jane.doe@example.com".to_owned(),
        email: "jane@example.com".to_owned(),
        display_name: "Jane Doe".to_owned(),
        active: true,
        attributes: [("lastAuthenticationTimestamp".to_owned(), vec!["1368145580548".to_owned()])].into(),
        ..User::default()
    });
    world.insert_user(User { name: "far".to_owned(), read_only: true, ..User::default() });
    let bitbucket = Bitbucket {
        context: "/bitbucket".to_owned(),
        mutable_groups_false: BTreeSet::from(["far".to_owned()]),
        ..Bitbucket::default()
    };
    let (stand_in, client) = start(bitbucket, world).await;
    let page = client.get("/admin/users").await.json();
    let link = format!("{}/bitbucket/users/jane.doe_example.com", stand_in.url());
    let expected = json!({
        "name": "jane.doe@example.com", "emailAddress": "jane@example.com", "id": id, "displayName": "Jane Doe",
        "active": true, "slug": "jane.doe_example.com", "type": "NORMAL",
        "directoryName": "Bitbucket Internal Directory", "deletable": true,
        "lastAuthenticationTimestamp": 1_368_145_580_548_u64, "mutableDetails": true, "mutableGroups": true,
        "links": { "self": [{ "href": link }] },
    });
    assert_eq!(page["values"][0], expected);
    let far = &page["values"][1];
    for (field, value) in [
        ("active", json!(false)),
        ("deletable", json!(false)),
        ("mutableDetails", json!(false)),
        ("mutableGroups", json!(false)),
        ("directoryName", json!("Remote Directory")),
    ] {
        assert_eq!(far[field], value, "{field}");
    }
    assert_eq!(far.get("lastAuthenticationTimestamp"), None, "who never signed in has none");
}

#[tokio::test]
async fn users_are_read_by_slug() {
    let mut world = World::default();
    for name in ["Bob", "zoë/x", "under_score"] {
        world.add_user(name);
    }
    let (_stand_in, client) = start_usual(world).await;
    for (slug, name) in [("bob", "Bob"), ("zo__x", "zoë/x"), ("under_score", "under_score")] {
        let answer = client.get(&format!("/users/{slug}")).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["name"], &body["slug"]), (200, &json!(name), &json!(slug)));
        assert_eq!(body.get("mutableDetails"), None, "not in full");
    }
    for slug in ["alice", "Bob", "b_b"] {
        let answer = client.get(&format!("/users/{slug}")).await;
        assert_eq!(refused(&answer).0, 404, "{slug}");
        let class = answer.json()["errors"][0]["exceptionName"].clone();
        assert_eq!(class, "com.atlassian.bitbucket.user.NoSuchUserException");
    }
}

#[tokio::test]
async fn users_are_found_by_group() {
    let mut world = World::default();
    let (bob, alice) = (world.add_user("bob"), world.add_user("alice"));
    world.add_user("other");
    let group = world.add_group("team");
    world.add_member(group, bob);
    world.add_member(group, alice);
    let (_stand_in, client) = start_usual(world).await;
    assert_eq!(names(&client.get("/users?group=team").await.json()), ["bob", "alice"]);
    assert_eq!(names(&client.get("/users?group=team&filter=ALI").await.json()), ["alice"]);
    assert_eq!(names(&client.get("/users?group=none").await.json()), [""; 0]);
    assert_eq!(names(&client.get("/users").await.json()), ["bob", "alice", "other"]);
}

#[tokio::test]
async fn users_of_another_directory_refuse_changes() {
    let mut world = World::default();
    world.insert_user(User { name: "far".to_owned(), active: true, read_only: true, ..User::default() });
    world.add_group("team");
    let (stand_in, client) = start_usual(world).await;
    for (method, path, body, status) in [
        ("PUT", "/admin/users", json!({ "name": "far", "displayName": "New" }), 400),
        ("POST", "/admin/users/rename", json!({ "name": "far", "newName": "near" }), 400),
        (
            "PUT",
            "/admin/users/credentials",
            json!({ "name": "far", "password": "p", "passwordConfirm": "p" }),
            400,
        ),
        ("DELETE", "/admin/users?name=far", Value::Null, 403),
    ] {
        let answer = client.send_json(method, path, &body).await;
        assert_eq!(refused(&answer).0, status, "{method} {path}");
    }
    let add = json!({ "group": "team", "users": ["far"] });
    assert_eq!(client.send_json("POST", "/admin/groups/add-users", &add).await.status, 200);
    assert_eq!(stand_in.world(|world| world.member_names("team")).unwrap(), ["far"]);
}
