//! Users are made, changed, disabled, deleted and read.

use std::collections::BTreeMap;

use sandbox::confluence::{Confluence, Version};
use sandbox::product::{User, World};
use serde_json::{Value, json};

use super::{new_user, refused, start, start_usual};

#[tokio::test]
async fn a_user_is_created_with_a_password() {
    let (stand_in, client) = start_usual(World::default()).await;
    let answer = client.send_json("POST", "/admin/user", &new_user("zoë_1")).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let body = answer.json();
    let key = body["userKey"].as_str().unwrap();
    assert_eq!((key.len(), &key[..4]), (32, "4028"));
    assert!(key.bytes().all(|digit| digit.is_ascii_hexdigit()));
    assert_eq!(body.as_object().unwrap().len(), 1, "nothing but the key: {body}");
    let user = stand_in.world(|world| world.users()[&world.user_named("zoë_1").unwrap()].clone());
    let expected = User {
        name: "zoë_1".to_owned(),
        display_name: "New Person".to_owned(),
        email: "new@example.com".to_owned(),
        password: "long-enough".to_owned(),
        active: true,
        ..User::default()
    };
    assert_eq!(user, expected);
    assert_eq!(stand_in.product(|confluence| confluence.mails_sent), 0);
    let read = client.get(&format!("/user?key={key}")).await;
    assert_eq!((read.status, &read.json()["username"]), (200, &json!("zoë_1")));
}

#[tokio::test]
async fn a_user_is_created_with_a_mail_instead_of_a_password() {
    let (stand_in, client) = start_usual(World::default()).await;
    let mut body = new_user("bob");
    body["notifyViaEmail"] = json!(true);
    let both = client.send_json("POST", "/admin/user", &body).await;
    assert!(refused(&both).1.contains("password should not be specified"), "{}", both.body);
    body.as_object_mut().unwrap().remove("password");
    assert_eq!(client.send_json("POST", "/admin/user", &body).await.status, 201);
    assert_eq!(stand_in.product(|confluence| confluence.mails_sent), 1);
}

#[tokio::test]
async fn every_rule_for_new_users_is_kept() {
    let (stand_in, client) = start_usual(World::default()).await;
    let against: [(&str, Value); 27] = [
        ("userName", json!("")),
        ("userName", json!("  ")),
        ("userName", Value::Null),
        ("userName", json!("back\\slash")),
        ("userName", json!("com,ma")),
        ("userName", json!("pl+us")),
        ("userName", json!("les<s")),
        ("userName", json!("mor>e")),
        ("userName", json!("quo'te")),
        ("userName", json!("quo\"te")),
        ("userName", json!("white space")),
        ("userName", json!("white\tspace")),
        ("userName", json!("anonymous")),
        ("userName", json!("Upper")),
        ("userName", json!("Über")),
        ("userName", json!(7)),
        ("fullName", json!(" ")),
        ("fullName", Value::Null),
        ("fullName", json!("A < B")),
        ("fullName", json!("A > B")),
        ("fullName", json!("anonymous")),
        ("email", json!("nobody")),
        ("email", json!("@example.com")),
        ("email", json!("two words@example.com")),
        ("email", Value::Null),
        ("password", json!("")),
        ("password", Value::Null),
    ];
    for (field, value) in against {
        let mut body = new_user("bob");
        body[field] = value.clone();
        let answer = client.send_json("POST", "/admin/user", &body).await;
        let (status, message) = refused(&answer);
        assert_eq!(status, 400, "{field} {value}");
        assert!(message.contains(field), "{field} {value}: {message}");
    }
    assert!(stand_in.world(|world| world.users().is_empty()));
    // What looks odd and is allowed.
    for name in ["a&b", "sla/sh", "non-äscii", "someone@example.com", "semi;colon", "per%cent"] {
        let answer = client.send_json("POST", "/admin/user", &new_user(name)).await;
        assert_eq!(answer.status, 201, "{name}: {}", answer.body);
    }
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let (_stand_in, client) = start_usual(World::default()).await;
    assert_eq!(client.send_json("POST", "/admin/user", &json!(["bob"])).await.status, 400);
    let request = client.request("POST", "/admin/user").header("content-type", "application/json");
    assert_eq!(super::client::receive(request.body("{")).await.status, 400);
    let request = client.request("PUT", "/admin/user/bob").header("content-type", "text/xml");
    assert_eq!(super::client::receive(request.body("{}")).await.status, 415);
}

#[tokio::test]
async fn a_taken_name_is_a_conflict() {
    let mut world = World::default();
    world.add_user("Bob");
    let (stand_in, client) = start_usual(world).await;
    let answer = client.send_json("POST", "/admin/user", &new_user("bob")).await;
    assert_eq!(refused(&answer).0, 409, "names are compared without case");
    assert_eq!(stand_in.world(|world| world.users().len()), 1);
}

#[tokio::test]
async fn without_a_seat_no_user_is_created() {
    let mut world = World::default();
    world.add_user("one");
    let gone = world.add_user("two");
    let (stand_in, client) = start(Confluence { seats: Some(2), ..Confluence::default() }, world).await;
    let answer = client.send_json("POST", "/admin/user", &new_user("three")).await;
    assert_eq!(refused(&answer).0, 402);
    stand_in.world(|world| world.change_user(gone, |user| user.active = false));
    let answer = client.send_json("POST", "/admin/user", &new_user("three")).await;
    assert_eq!(answer.status, 201, "a disabled user takes no seat");
    assert_eq!(client.send_json("POST", "/admin/user", &new_user("four")).await.status, 402);
    stand_in.product(|confluence| confluence.seats = None);
    assert_eq!(client.send_json("POST", "/admin/user", &new_user("four")).await.status, 201);
}

#[tokio::test]
async fn a_default_group_can_be_switched_on() {
    let (stand_in, client) = start_usual(World::default()).await;
    client.send_json("POST", "/admin/user", &new_user("one")).await;
    assert!(stand_in.world(|world| world.groups().is_empty()));
    stand_in.product(|confluence| confluence.default_group = Some("confluence-users".to_owned()));
    for name in ["two", "three"] {
        client.send_json("POST", "/admin/user", &new_user(name)).await;
    }
    let members = stand_in.world(|world| world.member_names("confluence-users"));
    assert_eq!(members.unwrap(), ["three", "two"]);
}

#[tokio::test]
async fn name_and_address_are_changed() {
    let mut world = World::default();
    let id = world.insert_user(User {
        name: "bob".to_owned(),
        email: "old@example.com".to_owned(),
        display_name: "Old Name".to_owned(),
        active: true,
        ..User::default()
    });
    let (stand_in, client) = start_usual(world).await;
    let seen = || {
        stand_in.world(|world| (world.users()[&id].display_name.clone(), world.users()[&id].email.clone()))
    };
    let change = json!({ "fullName": "New Name", "email": "new@example.com" });
    let answer = client.send_json("PUT", "/admin/user/bob", &change).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(seen(), ("New Name".to_owned(), "new@example.com".to_owned()));
    client.send_json("PUT", "/admin/user/bob", &json!({ "email": "newer@example.com" })).await;
    assert_eq!(seen(), ("New Name".to_owned(), "newer@example.com".to_owned()));
    for against in
        [json!({}), json!({ "fullName": "" }), json!({ "fullName": "a<b" }), json!({ "email": "x" })]
    {
        let answer = client.send_json("PUT", "/admin/user/bob", &against).await;
        assert_eq!(refused(&answer).0, 400, "{against}");
    }
    assert_eq!(client.send_json("PUT", "/admin/user/alice", &change).await.status, 404);
    assert_eq!(seen(), ("New Name".to_owned(), "newer@example.com".to_owned()));
    stand_in.product(|confluence| confluence.updated_status = 200);
    assert_eq!(client.send_json("PUT", "/admin/user/bob", &change).await.status, 200);
}

#[tokio::test]
async fn disabling_and_enabling_twice_is_no_mistake() {
    let mut world = World::default();
    let id = world.add_user("odd name, with/slash&amp");
    let (stand_in, client) = start_usual(world).await;
    for (action, active) in [("disable", false), ("disable", false), ("enable", true), ("enable", true)] {
        let path = format!("/admin/user/odd%20name%2C%20with%2Fslash%26amp/{action}");
        let answer = client.send("PUT", &path).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{action}");
        assert_eq!(stand_in.world(|world| world.users()[&id].active), active);
    }
    for action in ["disable", "enable"] {
        let answer = client.send("PUT", &format!("/admin/user/nobody/{action}")).await;
        assert_eq!(refused(&answer).0, 404);
    }
}

#[tokio::test]
async fn passwords_are_set() {
    let mut world = World::default();
    let id = world.add_user("bob");
    let (stand_in, client) = start_usual(world).await;
    let body = json!({ "password": "another" });
    let answer = client.send_json("POST", "/admin/user/bob/password", &body).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(stand_in.world(|world| world.users()[&id].password.clone()), "another");
    for against in [json!({}), json!({ "password": " " })] {
        assert_eq!(client.send_json("POST", "/admin/user/bob/password", &against).await.status, 400);
    }
    assert_eq!(client.send_json("POST", "/admin/user/alice/password", &body).await.status, 404);
}

#[tokio::test]
async fn a_deleted_user_is_gone_at_once_by_default() {
    let mut world = World::default();
    let (user, group) = (world.add_user("bob"), world.add_group("team"));
    world.add_member(group, user);
    let (stand_in, client) = start_usual(world).await;
    let answer = client.send("DELETE", "/admin/user/bob").await;
    assert_eq!(answer.status, 202);
    let task = answer.json()["id"].as_str().unwrap().to_owned();
    assert!(stand_in.world(|world| world.user_named("bob").is_none()));
    assert_eq!(stand_in.world(|world| world.member_names("team")).unwrap().len(), 0);
    assert_eq!(client.get("/user?username=bob").await.status, 404);
    assert_eq!(client.send("DELETE", "/admin/user/bob").await.status, 404);
    let task = client.get(&format!("/longtask/{task}")).await;
    assert_eq!((task.status, &task.json()["percentageComplete"]), (200, &json!(100)));
    assert_eq!(client.get("/longtask/unknown").await.status, 404);
}

#[tokio::test]
async fn a_deleted_user_can_outlive_some_requests() {
    let mut world = World::default();
    world.add_user("bob");
    let (stand_in, client) = start(Confluence { deletion_after: 3, ..Confluence::default() }, world).await;
    let answer = client.send("DELETE", "/admin/user/bob").await;
    assert_eq!(answer.status, 202);
    let status = answer.json()["links"]["status"].as_str().unwrap().to_owned();
    assert_eq!(client.get("/user?username=bob").await.status, 200);
    assert_eq!(client.send("DELETE", "/admin/user/bob").await.status, 202, "asking again puts nothing off");
    assert!(stand_in.world(|world| world.user_named("bob").is_some()));
    let task = client.below("").get(&status).await;
    assert_eq!(task.json()["successful"], json!(false));
    assert!(stand_in.world(|world| world.user_named("bob").is_none()));
    assert_eq!(client.get("/user?username=bob").await.status, 404);
    assert_eq!(client.below("").get(&status).await.json()["successful"], json!(true));
    assert_eq!(client.send_json("POST", "/admin/user", &new_user("bob")).await.status, 201);
}

#[tokio::test]
async fn a_user_is_read_by_name_and_by_key() {
    let mut world = World::default();
    let id = world.add_user("bob");
    world.change_user(id, |user| user.display_name = "Bob Builder".to_owned());
    let (stand_in, client) = start_usual(world).await;
    let by_name = client.get("/user?username=BOB").await;
    assert_eq!(by_name.status, 200);
    let body = by_name.json();
    let key = body["userKey"].as_str().unwrap().to_owned();
    assert_eq!((&body["type"], &body["username"]), (&json!("known"), &json!("bob")));
    assert_eq!(body["displayName"], "Bob Builder");
    assert_eq!(body["profilePicture"]["isDefault"], true);
    assert_eq!(body["_links"]["self"], format!("{}/rest/api/user?key={key}", stand_in.url()));
    assert_eq!((body.get("status"), &body["_expandable"]), (None, &json!({ "status": "" })));
    assert_eq!(client.get(&format!("/user?key={key}")).await.json(), body);
    for against in ["/user?username=alice", "/user?key=4028d6768851c890ffffffffffffffff", "/user?key=bob"] {
        assert_eq!(refused(&client.get(against).await).0, 404, "{against}");
    }
    assert_eq!(refused(&client.get("/user").await).0, 400);
}

#[tokio::test]
async fn the_key_stays_when_everything_else_changes() {
    let mut world = World::default();
    let id = world.add_user("bob");
    let (stand_in, client) = start_usual(world).await;
    let key = client.get("/user?username=bob").await.json()["userKey"].clone();
    stand_in.world(|world| world.change_user(id, |user| user.name = "robert".to_owned()));
    assert_eq!(client.get("/user?username=robert").await.json()["userKey"], key);
}

#[tokio::test]
async fn the_status_is_shown_only_when_it_is_asked_for() {
    let mut world = World::default();
    world.add_user("bob");
    let gone = world.add_user("gone");
    world.change_user(gone, |user| user.active = false);
    let (_stand_in, client) = start_usual(world).await;
    for (name, status) in [("bob", "current"), ("gone", "deactivated")] {
        let body = client.get(&format!("/user?username={name}&expand=status")).await.json();
        assert_eq!((&body["status"], &body["_expandable"]), (&json!(status), &json!({})), "{name}");
        let body = client.get(&format!("/user?username={name}&expand=other,%20status")).await.json();
        assert_eq!(body["status"], status, "among others");
        let body = client.get(&format!("/user?username={name}&expand=statuses")).await.json();
        assert_eq!(body.get("status"), None);
    }
}

#[tokio::test]
async fn no_answer_shows_an_address() {
    let mut world = World::default();
    let (user, group) = (world.add_user("usersyncd"), world.add_group("team"));
    world.add_member(group, user);
    let (_stand_in, client) = start_usual(world).await;
    for path in [
        "/user?username=usersyncd&expand=status,email",
        "/user/current?expand=email",
        "/user/list?expand=status,email",
        "/admin/users/list/active?expand=status,email",
        "/group/team/member?expand=status,email",
    ] {
        let answer = client.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.contains("usersyncd"), "{path}");
        assert!(!answer.body.contains("@example.com") && !answer.body.contains("\"email"), "{path}");
    }
}

#[tokio::test]
async fn the_account_is_told() {
    let (stand_in, client) = start_usual(World::default()).await;
    let outside = client.get("/user/current").await.json();
    assert_eq!((&outside["username"], &outside["type"]), (&json!("usersyncd"), &json!("known")));
    let id = stand_in.world(|world| world.add_user("usersyncd"));
    stand_in.world(|world| world.change_user(id, |user| user.display_name = "Sync".to_owned()));
    let inside = client.get("/user/current?expand=status").await.json();
    assert_eq!((&inside["displayName"], &inside["status"]), (&json!("Sync"), &json!("current")));
    assert_ne!(inside["userKey"], outside["userKey"]);
}

#[tokio::test]
async fn users_of_a_directory_that_is_only_read_cannot_be_written() {
    let mut world = World::default();
    world.insert_user(User { name: "far".to_owned(), active: true, read_only: true, ..User::default() });
    let group = world.add_group("team");
    let (stand_in, client) = start_usual(world).await;
    let writes = BTreeMap::from([
        ("PUT /admin/user/far", json!({ "fullName": "New" })),
        ("PUT /admin/user/far/disable", Value::Null),
        ("POST /admin/user/far/password", json!({ "password": "p" })),
        ("DELETE /admin/user/far", Value::Null),
    ]);
    for (request, body) in writes {
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(refused(&client.send_json(method, path, &body).await).0, 403, "{request}");
    }
    assert_eq!(client.send("PUT", "/user/far/group/team").await.status, 204, "groups are local");
    assert_eq!(stand_in.world(|world| world.groups()[&group].members.len()), 1);
}

#[tokio::test]
async fn each_version_has_its_endpoints() {
    let world = || {
        let mut world = World::default();
        world.add_user("bob");
        world.add_group("team");
        world.add_group("other");
        world
    };
    use Version::{V7_19, V8_2, V8_4, V9_2, V9_3};
    let endpoints: [(&str, Value, Version); 19] = [
        ("POST /admin/user", new_user("alice"), V8_4),
        ("PUT /admin/user/bob", json!({ "fullName": "New" }), V9_2),
        ("PUT /admin/user/bob/disable", Value::Null, V8_2),
        ("PUT /admin/user/bob/enable", Value::Null, V8_2),
        ("POST /admin/user/bob/password", json!({ "password": "p" }), V8_4),
        ("POST /admin/group", json!({ "type": "group", "name": "new" }), V8_2),
        ("DELETE /admin/group/other", Value::Null, V8_2),
        ("GET /group", Value::Null, V7_19),
        ("GET /group/team", Value::Null, V7_19),
        ("GET /group/team/member", Value::Null, V7_19),
        ("GET /group/team/groupmember", Value::Null, V7_19),
        ("PUT /user/bob/group/team", Value::Null, V8_2),
        ("DELETE /user/bob/group/team", Value::Null, V8_2),
        ("GET /user?username=bob", Value::Null, V7_19),
        ("GET /user/current", Value::Null, V7_19),
        ("GET /user/list", Value::Null, V8_4),
        ("GET /user/memberof?username=bob", Value::Null, V7_19),
        ("GET /admin/users/list/active", Value::Null, V9_3),
        ("DELETE /admin/user/bob", Value::Null, V8_2),
    ];
    for version in [V7_19, V8_2, V8_4, V9_2, V9_3] {
        let (_stand_in, client) = start(Confluence { version, ..Confluence::default() }, world()).await;
        for (endpoint, body, since) in &endpoints {
            let (method, path) = endpoint.split_once(' ').unwrap();
            let answer = client.send_json(method, path, body).await;
            assert_eq!(answer.status != 404, version >= *since, "{endpoint} on {version:?}: {}", answer.body);
            assert!(answer.status < 300 || answer.status == 404, "{endpoint}: {}", answer.body);
        }
    }
}
