//! Users: create, read, replace, delete.

use sandbox::scim::{Deletion, Dialect, Etags, Locations, Scim, UnknownAttributes};
use serde_json::{Value, json};

use super::{ENTERPRISE, GROUP, ODD, Server, USER, full, id};

#[tokio::test]
async fn a_user_is_created_and_read() {
    let server = Server::of(Scim::reference()).await;
    let created = server.post("/Users", &full("ann")).await.ok(201);
    assert_eq!(created.header("content-type"), "application/scim+json");
    let path = format!("/Users/{}", created.id());
    let location = format!("{}/scim/v2{path}", server.stand_in.url());
    assert_eq!(
        (created.header("location"), &created.body["meta"]["location"]),
        (location.as_str(), &json!(location))
    );
    assert_eq!(created.body["meta"]["resourceType"], "User");
    let read = server.get(&path).await.ok(200);
    assert_eq!(read.body, created.body);
    let Value::Object(sent) = full("ann") else { panic!("no object") };
    for (name, value) in sent {
        assert_eq!(read.body[&name], value, "{name}");
    }
    assert!(read.body.get("groups").is_none(), "neither server fills it");
    server.stand_in.world(|world| {
        let user = &world.users()[&world.user_named("ANN").unwrap()];
        assert_eq!((user.name.as_str(), user.email.as_str()), ("ann", "ann@example.com"));
        assert_eq!((user.first_name.as_str(), user.last_name.as_str()), ("Given", "Family"));
        assert_eq!(
            (user.display_name.as_str(), user.external_id.as_str(), user.active),
            ("ann A", "ext-ann", true)
        );
        assert_eq!(user.attributes["title"], ["\"Doctor\""]);
        assert_eq!(world.changes, 1);
    });
}

#[tokio::test]
async fn ids_look_like_uuids_and_stay() {
    let server = Server::of(Scim::reference()).await;
    let (_, first) = server.known_user("ann");
    let (_, second) = server.known_user("bob");
    assert_ne!(first, second);
    assert_eq!((first.len(), first.matches('-').count()), (36, 4));
    assert_eq!(server.get(&format!("/Users/{first}")).await.ok(200).body["userName"], "ann");
    for unknown in ["nope", "00000000-0000-4000-8000-000000000001", &first.to_uppercase(), "1"] {
        for (method, body) in [("GET", None), ("PUT", Some(full("x"))), ("DELETE", None)] {
            let answer = server.send(method, &format!("/Users/{unknown}"), &[], body.as_ref()).await;
            answer.refused(404, "");
        }
        server
            .patch(&format!("/Users/{unknown}"), json!([{ "op": "add", "path": "title", "value": "x" }]))
            .await
            .refused(404, "");
    }
    server.get(&format!("/Groups/{first}")).await.refused(404, "");
}

#[tokio::test]
async fn odd_names_survive() {
    let server = Server::of(Scim::reference()).await;
    for name in ODD {
        let path = server.user(full(name)).await;
        let read = server.get(&path).await.ok(200);
        assert_eq!(
            (&read.body["userName"], &read.body["externalId"]),
            (&json!(name), &json!(format!("ext-{name}")))
        );
        assert_eq!(server.find("/Users", &format!("userName eq {}", json!(name))).await, [name]);
        assert_eq!(
            server.find("/Users", &format!("externalId eq {}", json!(format!("ext-{name}")))).await,
            [name]
        );
    }
}

#[tokio::test]
async fn a_taken_name_is_refused_whatever_its_case() {
    for scim in [Scim::reference(), Scim::other(), Scim::cloud()] {
        let server = Server::of(scim).await;
        let ann = server.user(full("ann")).await;
        let bob = server.user(full("bob")).await;
        let changes = server.changes();
        server.post("/Users", &full("ANN")).await.refused(409, "uniqueness");
        server.put(&bob, &full("Ann")).await.refused(409, "uniqueness");
        let rename = json!([{ "op": "replace", "path": "title", "value": "x" }, { "op": "replace", "path": "userName", "value": "aNN" }]);
        server.patch(&bob, rename).await.refused(409, "uniqueness");
        assert_eq!(server.changes(), changes);
        let own = server.put(&ann, &full("ANN")).await.ok(200);
        assert_eq!(own.body["userName"], "ANN", "one's own name in another case is no other's");
    }
}

#[tokio::test]
async fn a_name_is_required_but_may_be_empty() {
    for scim in [Scim::reference(), Scim::other()] {
        let server = Server::of(scim).await;
        let ann = server.user(full("ann")).await;
        for body in [json!({ "schemas": [USER] }), json!({ "userName": null })] {
            server.post("/Users", &body).await.refused(400, "invalidValue");
            server.put(&ann, &body).await.refused(400, "invalidValue");
        }
        server.post("/Users", &json!({ "userName": "" })).await.ok(201);
        server.post("/Users", &json!({ "userName": "" })).await.refused(409, "uniqueness");
        assert_eq!(server.find("/Users", "userName pr").await, ["ann"], "an empty text is none");
    }
    let server = Server::with(|dialect| dialect.empty_user_names = false).await;
    server.post("/Users", &json!({ "userName": "" })).await.refused(400, "invalidValue");
}

#[tokio::test]
async fn put_clears_what_is_left_out() {
    for scim in [Scim::reference(), Scim::other()] {
        let server = Server::of(scim).await;
        let path = server.user(full("ann")).await;
        let put = server
            .put(&path, &json!({ "schemas": [USER], "userName": "ann2", "active": true }))
            .await
            .ok(200);
        for gone in ["title", "nickName", "displayName", "name", "emails", "externalId"] {
            assert!(put.body.get(gone).is_none(), "{gone}: {put:?}");
        }
        assert_eq!(put.body["userName"], "ann2");
        server.stand_in.world(|world| {
            let user = &world.users()[&world.user_named("ann2").unwrap()];
            assert!(
                user.attributes.is_empty() && user.email.is_empty() && user.display_name.is_empty(),
                "{user:?}"
            );
            assert_eq!(world.user_named("ann"), None);
        });
    }
}

#[tokio::test]
async fn a_password_is_kept_and_never_told() {
    let server = Server::with(|dialect| dialect.password_required = true).await;
    server.post("/Users", &full("ann")).await.refused(400, "invalidValue");
    let mut body = full("ann");
    body["password"] = json!("s3cret");
    let path = server.user(body).await;
    let password =
        || server.stand_in.world(|world| world.users()[&world.user_named("ann").unwrap()].password.clone());
    assert_eq!(password(), "s3cret");
    server.put(&path, &full("ann")).await.ok(200);
    assert_eq!(password(), "s3cret", "what is never told is not cleared");
    server.patch(&path, json!([{ "op": "replace", "path": "password", "value": "other" }])).await.ok(204);
    assert_eq!(password(), "other");
    assert!(!server.get(&path).await.body.to_string().contains("other"));
    let server = Server::of(Scim::reference()).await;
    server.post("/Users", &full("ann")).await.ok(201);
}

#[tokio::test]
async fn unknown_attributes_are_refused_dropped_or_kept() {
    let body = json!({ "userName": "ann", "foo": 1, "urn:x:y": { "a": 1 } });
    let parts = json!({ "userName": "bob", "emails": [{ "value": "b@example.com", "foo": 1 }] });
    for (unknown, status) in
        [(UnknownAttributes::Refused, 400), (UnknownAttributes::Dropped, 201), (UnknownAttributes::Kept, 201)]
    {
        let server = Server::with(|dialect| dialect.unknown_attributes = unknown).await;
        let answer = server.post("/Users", &body).await;
        let bob = server.post("/Users", &parts).await;
        assert_eq!((answer.status, bob.status), (status, status));
        match unknown {
            UnknownAttributes::Refused => answer.refused(400, "invalidSyntax"),
            UnknownAttributes::Dropped => {
                assert_eq!(
                    (&answer.body["foo"], &bob.body["emails"]),
                    (&Value::Null, &json!([{ "value": "b@example.com" }]))
                );
            }
            UnknownAttributes::Kept => {
                assert_eq!((&answer.body["foo"], &answer.body["urn:x:y"]), (&json!(1), &json!({ "a": 1 })))
            }
        }
    }
    assert_eq!(Dialect::other().unknown_attributes, UnknownAttributes::Dropped);
}

#[tokio::test]
async fn attributes_are_those_of_the_schema() {
    let server = Server::of(Scim::reference()).await;
    let spelled = server.post("/Users", &json!({ "USERNAME": "ann", "DisplayName": "Ann", "id": "mine", "meta": {}, "groups": [{ "value": "x" }] })).await.ok(201);
    assert_eq!((&spelled.body["userName"], &spelled.body["displayName"]), (&json!("ann"), &json!("Ann")));
    assert!(spelled.id() != "mine" && spelled.body.get("groups").is_none());
    let kept =
        server.stand_in.world(|world| world.users()[&world.user_named("ann").unwrap()].attributes.clone());
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["active"], "nothing of what is read-only");
    for wrong in [
        json!({ "userName": 5 }),
        json!({ "userName": "x", "emails": "x@example.com" }),
        json!({ "userName": "x", "emails": [{ "value": 5 }] }),
        json!({ "userName": "x", "name": "X" }),
        json!({ "userName": "x", "active": "maybe" }),
        json!({ "userName": "x", "emails": [{ "value": "a@example.com", "primary": true }, { "value": "b@example.com", "primary": true }] }),
    ] {
        server.post("/Users", &wrong).await.refused(400, "invalidValue");
    }
    server
        .post("/Users", &json!({ "userName": "x", "schemas": [GROUP] }))
        .await
        .refused(400, "invalidSyntax");
    let two =
        json!([{ "value": "a@example.com" }, { "value": "b@example.com", "primary": true, "type": "home" }]);
    let path = server.user(json!({ "userName": "two", "emails": two })).await;
    assert_eq!(server.get(&path).await.body["emails"], two);
    let email = server.stand_in.world(|world| world.users()[&world.user_named("two").unwrap()].email.clone());
    assert_eq!(email, "b@example.com", "the primary one");
}

#[tokio::test]
async fn booleans_as_texts_are_a_matter_of_taste() {
    for (accepted, status) in [(true, 201), (false, 400)] {
        let server = Server::with(|dialect| dialect.string_booleans = accepted).await;
        let answer = server.post("/Users", &json!({ "userName": "ann", "active": "False" })).await;
        assert_eq!(answer.status, status);
        let path = server.user(json!({ "userName": "bob", "active": false })).await;
        let answer =
            server.patch(&path, json!([{ "op": "Replace", "path": "active", "value": "True" }])).await;
        let active = server.get(&path).await.body["active"] == json!(true);
        assert_eq!((answer.status, active), if accepted { (204, true) } else { (400, false) });
    }
    assert!(Dialect::reference().string_booleans && !Dialect::other().string_booleans);
}

#[tokio::test]
async fn active_that_was_never_said_is_told_or_not() {
    for (shown, expected) in [(false, Value::Null), (true, json!(true))] {
        let server = Server::with(|dialect| dialect.default_active = shown).await;
        let path = server.user(json!({ "userName": "ann" })).await;
        assert_eq!(server.get(&path).await.body["active"], expected);
        server.patch(&path, json!([{ "op": "replace", "value": { "active": false } }])).await.ok(204);
        assert_eq!(server.get(&path).await.body["active"], json!(false));
    }
    assert!(!Dialect::reference().default_active && Dialect::other().default_active);
}

#[tokio::test]
async fn the_enterprise_extension_is_a_part_or_not() {
    let body = json!({ "schemas": [USER, ENTERPRISE], "userName": "ann", ENTERPRISE: { "department": "Sales", "manager": { "value": "1" } } });
    let server = Server::of(Scim::reference()).await;
    let created = server.post("/Users", &body).await.ok(201);
    assert_eq!(
        (&created.body[ENTERPRISE], &created.body["schemas"]),
        (&body[ENTERPRISE], &json!([USER, ENTERPRISE]))
    );
    assert_eq!(server.find("/Users", &format!("{ENTERPRISE}:department eq \"sales\"")).await, ["ann"]);
    let server = Server::with(|dialect| dialect.enterprise = false).await;
    server.post("/Users", &body).await.refused(400, "invalidSyntax");
}

#[tokio::test]
async fn deletion_leaves_memberships_or_takes_them_along() {
    for (deletion, left) in [(Deletion::LeavesMemberships, 2), (Deletion::Clean, 1)] {
        let server = Server::with(|dialect| dialect.deletion = deletion).await;
        let (ann, bob) = (server.user(full("ann")).await, server.user(full("bob")).await);
        let group = server.group("Group", &[id(&ann), id(&bob)]).await;
        let changes = server.changes();
        let deleted = server.delete(&ann).await.ok(204);
        assert_eq!(deleted.body, Value::Null);
        assert_eq!(server.changes(), changes + 1);
        server.get(&ann).await.refused(404, "");
        server.delete(&ann).await.refused(404, "");
        let members = server.get(&group).await.members();
        assert_eq!((members.len(), members.contains(&id(&ann).to_owned())), (left, left == 2));
        assert_eq!(server.find("/Users", "userName pr").await, ["bob"]);
        let again = server.user(full("ann")).await;
        assert_ne!(again, ann, "a new user is another one");
        let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", id(&ann)) }]);
        server.patch(&group, remove).await.ok(204);
        assert_eq!(server.get(&group).await.members(), [id(&bob)], "a dangling id can be removed");
    }
}

#[tokio::test]
async fn versions_are_checked_told_or_left_out() {
    let server = Server::of(Scim::reference()).await;
    let path = server.user(full("ann")).await;
    let read = server.get(&path).await;
    let stale = read.header("etag").to_owned();
    assert!(stale.starts_with("W/\"") && read.body["meta"]["version"] == json!(stale), "{read:?}");
    assert_eq!(server.send("GET", &path, &[("if-none-match", &stale)], None).await.status, 304);
    let change = json!({ "Operations": [{ "op": "replace", "path": "title", "value": "x" }] });
    let changed = server.send("PATCH", &path, &[("if-match", &stale)], Some(&change)).await.ok(204);
    assert_ne!(changed.header("etag"), stale);
    for (method, body) in [("PATCH", Some(&change)), ("PUT", Some(&full("ann"))), ("DELETE", None)] {
        server.send(method, &path, &[("if-match", &stale)], body).await.refused(412, "");
    }
    server.send("PATCH", &path, &[("if-match", "*")], Some(&change)).await.ok(204);
    let current = server.get(&path).await.header("etag").to_owned();
    server.stand_in.world(|world| {
        let ann = world.user_named("ann").unwrap();
        world.change_user(ann, |user| user.last_name = "Changed".to_owned())
    });
    server.send("DELETE", &path, &[("if-match", &current)], None).await.refused(412, "");

    let server = Server::of(Scim::other()).await;
    let path = server.user(full("ann")).await;
    let read = server.get(&path).await;
    assert!(read.header("etag").starts_with("W/\"") && read.body["meta"].get("version").is_none());
    server.send("PATCH", &path, &[("if-match", "W/\"stale\"")], Some(&change)).await.ok(200);

    let server = Server::with(|dialect| dialect.etags = Etags::Off).await;
    let path = server.user(full("ann")).await;
    let read = server.get(&path).await;
    assert!(read.header("etag").is_empty() && read.body["meta"].get("version").is_none());
}

#[tokio::test]
async fn locations_are_absolute_or_relative() {
    let server = Server::with(|dialect| dialect.locations = Locations::Relative).await;
    let created = server.post("/Users", &full("ann")).await.ok(201);
    assert_eq!(created.header("location"), "");
    assert_eq!(created.body["meta"]["location"], json!(format!("/scim/v2/Users/{}", created.id())));
    assert_eq!(
        (Dialect::reference().locations, Dialect::other().locations),
        (Locations::Absolute, Locations::Relative)
    );
}

#[tokio::test]
async fn a_part_of_a_user_can_be_asked_for() {
    let server = Server::of(Scim::reference()).await;
    let path = server.user(full("ann")).await;
    let keys = |body: &Value| -> Vec<String> { body.as_object().unwrap().keys().cloned().collect() };
    let only = server.list(&path, &[("attributes", "USERNAME,name.givenName,emails.value")]).await.ok(200);
    assert_eq!(keys(&only.body), ["emails", "id", "name", "schemas", "userName"]);
    assert_eq!(
        (&only.body["name"], &only.body["emails"]),
        (&json!({ "givenName": "Given" }), &json!([{ "value": "ann@example.com" }]))
    );
    let only = server.list(&path, &[("attributes", &format!("{USER}:userName"))]).await;
    assert_eq!(keys(&only.body), ["id", "schemas", "userName"]);
    let without = server
        .list(&path, &[("excludedAttributes", "emails,id,userName, name.givenName,meta,title,nickName")])
        .await;
    assert_eq!(keys(&without.body), ["active", "displayName", "externalId", "id", "name", "schemas"]);
    assert_eq!(without.body["name"], json!({ "familyName": "Family" }));
    for path in [&path, "/Users"] {
        let both = server.list(path, &[("attributes", "userName"), ("excludedAttributes", "emails")]).await;
        both.refused(400, "invalidValue");
    }
    let server = Server::with(|dialect| dialect.projection = false).await;
    let path = server.user(full("ann")).await;
    let all =
        server.list(&path, &[("attributes", "userName"), ("excludedAttributes", "emails")]).await.ok(200);
    assert_eq!(all.body, server.get(&path).await.body);
}
