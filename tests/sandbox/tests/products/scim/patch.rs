//! PATCH of users.

use std::collections::BTreeMap;

use sandbox::product::User;
use sandbox::scim::{Dialect, PatchAnswer, Scim, UnknownAttributes};
use serde_json::{Value, json};

use super::{ENTERPRISE, Server, USER, full, id};

fn operation(op: &str, path: &str, value: Value) -> Value {
    json!([{ "op": op, "path": path, "value": value }])
}

/// Applies operations to a full user, and returns what it is afterwards.
async fn after(operations: Value) -> Value {
    let server = Server::of(Scim::reference()).await;
    let path = server.user(full("ann")).await;
    let answer = server.patch(&path, operations.clone()).await;
    assert_eq!(answer.status, 204, "{operations}: {answer:?}");
    server.get(&path).await.body
}

/// Sends operations that are refused, and checks that nothing happened.
async fn refused(operations: Value, kind: &str) {
    let server = Server::of(Scim::reference()).await;
    let path = server.user(full("ann")).await;
    let before = (server.get(&path).await.body, server.changes());
    server.patch(&path, operations).await.refused(400, kind);
    assert_eq!((server.get(&path).await.body, server.changes()), before);
}

#[tokio::test]
async fn patch_leaves_the_rest_alone() {
    let server = Server::of(Scim::reference()).await;
    let path = server.user(full("ann")).await;
    let before = server.get(&path).await.body;
    server.patch(&path, operation("replace", "active", json!(false))).await.ok(204);
    let mut expected = before.clone();
    expected["active"] = json!(false);
    let mut read = server.get(&path).await.body;
    read["meta"] = before["meta"].clone();
    assert_eq!(read, expected);
    server.stand_in.world(|world| {
        let user = &world.users()[&world.user_named("ann").unwrap()];
        assert_eq!((user.active, user.attributes["title"].clone()), (false, vec!["\"Doctor\"".to_owned()]));
    });
}

#[tokio::test]
async fn what_a_person_wrote_stays_to_the_letter() {
    let server = Server::of(Scim::reference()).await;
    let attributes = BTreeMap::from([
        ("title".to_owned(), vec!["plain text".to_owned()]),
        ("nickName".to_owned(), vec!["\"json\"".to_owned(), "second".to_owned()]),
    ]);
    let new = User { name: "ann".to_owned(), attributes: attributes.clone(), ..User::default() };
    let ann = server.stand_in.world(|world| world.insert_user(new));
    let path = format!("/Users/{}", server.stand_in.product(|scim| scim.id(ann)));
    let read = server.get(&path).await.body;
    assert_eq!(
        (&read["title"], &read["nickName"], &read["active"]),
        (&json!("plain text"), &json!("json"), &json!(false))
    );
    server.patch(&path, operation("replace", "active", json!(true))).await.ok(204);
    assert_eq!(server.stand_in.world(|world| world.users()[&ann].attributes.clone()), attributes);
    server.patch(&path, operation("replace", "title", json!("new"))).await.ok(204);
    assert_eq!(server.stand_in.world(|world| world.users()[&ann].attributes["title"].clone()), ["\"new\""]);
}

#[tokio::test]
async fn single_values_are_added_replaced_and_removed() {
    assert_eq!(after(operation("replace", "title", json!("Prof"))).await["title"], "Prof");
    assert_eq!(after(operation("add", "userType", json!("staff"))).await["userType"], "staff");
    assert_eq!(after(operation("replace", "TITLE", json!("x"))).await["title"], "x");
    assert_eq!(after(operation("replace", &format!("{USER}:title"), json!("x"))).await["title"], "x");
    assert_eq!(after(operation("replace", "externalId", json!("new"))).await["externalId"], "new");
    assert_eq!(after(operation("replace", "userName", json!("ANN2"))).await["userName"], "ANN2");
    for gone in [json!([{ "op": "remove", "path": "title" }]), operation("replace", "title", Value::Null)] {
        assert!(after(gone).await.get("title").is_none());
    }
    assert!(after(json!([{ "op": "remove", "path": "userType" }])).await.get("userType").is_none());
}

#[tokio::test]
async fn parts_are_written_by_dots() {
    let names = |user: Value| (user["name"]["givenName"].clone(), user["name"]["familyName"].clone());
    assert_eq!(
        names(after(operation("replace", "name.givenName", json!("G"))).await),
        (json!("G"), json!("Family"))
    );
    assert_eq!(
        names(after(operation("replace", "name", json!({ "givenName": "G" }))).await),
        (json!("G"), json!("Family"))
    );
    assert_eq!(
        names(after(operation("add", "name", json!({ "familyName": "F" }))).await),
        (json!("Given"), json!("F"))
    );
    assert_eq!(
        names(after(operation("remove", "name.givenName", Value::Null)).await),
        (Value::Null, json!("Family"))
    );
    assert_eq!(
        names(after(operation("replace", "name", json!({ "givenName": null }))).await),
        (Value::Null, json!("Family"))
    );
    let middle = after(operation("add", "name.middleName", json!("M"))).await;
    assert_eq!(middle["name"], json!({ "givenName": "Given", "familyName": "Family", "middleName": "M" }));
}

#[tokio::test]
async fn a_value_without_path_is_one_operation_for_each_key() {
    let dotted = json!([{ "op": "replace", "value": { "name.givenName": "G", "title": "T", "active": false, "emails[type eq \"work\"].value": "n@example.com" } }]);
    let user = after(dotted).await;
    assert_eq!(
        (&user["name"]["givenName"], &user["title"], &user["active"]),
        (&json!("G"), &json!("T"), &json!(false))
    );
    assert_eq!(user["emails"], json!([{ "value": "n@example.com", "type": "work", "primary": true }]));
    let nested = json!([{ "op": "add", "value": { "name": { "familyName": "F" }, "schemas": [USER] } }]);
    assert_eq!(after(nested).await["name"], json!({ "givenName": "Given", "familyName": "F" }));
    refused(json!([{ "op": "replace", "value": "x" }]), "invalidValue").await;
    refused(json!([{ "op": "replace", "value": { "title": "x", "foo": 1 } }]), "invalidValue").await;
    refused(json!([{ "op": "replace", "value": { "id": "other" } }]), "mutability").await;
    let server = Server::of(Scim::reference()).await;
    let path = server.user(full("ann")).await;
    let own = json!([{ "op": "replace", "value": { "id": id(&path), "title": "own" } }]);
    server.patch(&path, own).await.ok(204);
    assert_eq!(server.get(&path).await.body["title"], "own");
}

#[tokio::test]
async fn one_of_several_values_is_chosen_by_a_filter() {
    let work = r#"emails[type eq "work"]"#;
    let new = json!([{ "value": "new@example.com", "type": "work", "primary": true }]);
    assert_eq!(
        after(operation("replace", &format!("{work}.value"), json!("new@example.com"))).await["emails"],
        new
    );
    assert_eq!(after(operation("replace", work, json!({ "value": "new@example.com" }))).await["emails"], new);
    assert_eq!(
        after(operation(
            "replace",
            r#"emails[primary eq true and type eq "WORK"].value"#,
            json!("new@example.com")
        ))
        .await["emails"],
        new
    );
    assert_eq!(after(operation("replace", "emails.value", json!("new@example.com"))).await["emails"], new);
    assert!(after(json!([{ "op": "remove", "path": work }])).await.get("emails").is_none());
    let no_type = json!([{ "value": "ann@example.com", "primary": true }]);
    assert_eq!(after(json!([{ "op": "remove", "path": format!("{work}.type") }])).await["emails"], no_type);
    let home = r#"emails[type eq "home"]"#;
    for op in ["add", "replace"] {
        refused(operation(op, &format!("{home}.value"), json!("x@example.com")), "noTarget").await;
    }
    let untouched = after(json!([{ "op": "remove", "path": home }])).await;
    assert_eq!(untouched["emails"], full("ann")["emails"], "what is not there is removed already");
}

#[tokio::test]
async fn values_are_added_to_several() {
    let home = json!({ "value": "home@example.com", "type": "home" });
    let both = json!([full("ann")["emails"][0], home]);
    assert_eq!(after(operation("add", "emails", json!([home]))).await["emails"], both);
    assert_eq!(
        after(operation("add", "emails", home.clone())).await["emails"],
        both,
        "one alone is a list of one"
    );
    let twice = json!([{ "op": "add", "path": "emails", "value": [home] }, { "op": "add", "path": "emails", "value": [home] }]);
    assert_eq!(after(twice).await["emails"], both, "what is there already is not added");
    assert_eq!(after(operation("replace", "emails", json!([home]))).await["emails"], json!([home]));
    assert!(after(operation("replace", "emails", json!([]))).await.get("emails").is_none());
    let primary = json!({ "value": "p@example.com", "primary": true });
    let emails = after(operation("add", "emails", json!([primary]))).await["emails"].clone();
    assert_eq!(
        (&emails[0]["primary"], &emails[1]["primary"]),
        (&json!(false), &json!(true)),
        "only one is primary"
    );
}

#[tokio::test]
async fn the_enterprise_extension_is_written_by_its_urn() {
    let department = format!("{ENTERPRISE}:department");
    assert_eq!(
        after(operation("add", &department, json!("Sales"))).await[ENTERPRISE],
        json!({ "department": "Sales" })
    );
    let pathless = json!([{ "op": "add", "value": { department.as_str(): "Sales", ENTERPRISE: { "costCenter": "1" } } }]);
    assert_eq!(after(pathless).await[ENTERPRISE], json!({ "department": "Sales", "costCenter": "1" }));
    let manager = after(operation("add", &format!("{ENTERPRISE}:manager.value"), json!("1"))).await;
    assert_eq!(manager[ENTERPRISE], json!({ "manager": { "value": "1" } }));
    let gone = json!([
        { "op": "add", "path": ENTERPRISE, "value": { "department": "Sales" } },
        { "op": "remove", "path": department },
    ]);
    let user = after(gone).await;
    assert_eq!((user.get(ENTERPRISE), &user["schemas"]), (None, &json!([USER])));
    refused(
        operation("add", "urn:ietf:params:scim:schemas:extension:enterprise:2.1:User:department", json!("x")),
        "invalidPath",
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_done_is_refused() {
    for (operations, kind) in [
        (json!([]), "invalidValue"),
        (operation("move", "title", json!("x")), "invalidValue"),
        (json!([{ "op": "replace", "path": "title" }]), "invalidValue"),
        (json!([{ "op": "remove" }]), "noTarget"),
        (json!([{ "op": "remove", "path": "userName" }]), "mutability"),
        (operation("replace", "userName", Value::Null), "mutability"),
        (operation("replace", "userName", json!(5)), "invalidValue"),
        (operation("replace", "id", json!("x")), "mutability"),
        (operation("replace", "meta.location", json!("x")), "mutability"),
        (operation("add", "groups", json!([{ "value": "x" }])), "mutability"),
        (operation("replace", "foo", json!("x")), "invalidPath"),
        (operation("replace", "name.foo", json!("x")), "invalidPath"),
        (operation("replace", "emails[", json!("x")), "invalidPath"),
        (operation("replace", "active", json!("maybe")), "invalidValue"),
        (operation("replace", "emails[foo eq \"x\"].value", json!("x")), "invalidFilter"),
    ] {
        refused(operations, kind).await;
    }
}

#[tokio::test]
async fn all_operations_happen_or_none() {
    let several = json!([
        { "op": "replace", "path": "title", "value": "changed" },
        { "op": "add", "path": "emails", "value": [{ "value": "x@example.com" }] },
        { "op": "replace", "path": "emails[type eq \"none\"].value", "value": "x" },
    ]);
    refused(several, "noTarget").await;
    let several = json!([{ "op": "remove", "path": "title" }, { "op": "add", "path": "title", "value": "again" }, { "op": "replace", "path": "name.givenName", "value": "G" }]);
    let user = after(several).await;
    assert_eq!((&user["title"], &user["name"]["givenName"]), (&json!("again"), &json!("G")));
}

#[tokio::test]
async fn unknown_attributes_are_dropped_or_kept_where_they_are_not_refused() {
    for (unknown, kept) in [(UnknownAttributes::Dropped, Value::Null), (UnknownAttributes::Kept, json!(1))] {
        let server = Server::with(|dialect| dialect.unknown_attributes = unknown).await;
        let path = server.user(full("ann")).await;
        server.patch(&path, json!([{ "op": "add", "path": "foo", "value": 1 }, { "op": "add", "value": { "title": "x" } }])).await.ok(204);
        let user = server.get(&path).await.body;
        assert_eq!((&user["foo"], &user["title"]), (&kept, &json!("x")));
        server.patch(&path, json!([{ "op": "remove", "path": "foo" }])).await.ok(204);
        assert!(server.get(&path).await.body.get("foo").is_none());
    }
}

#[tokio::test]
async fn the_answer_depends_on_the_service() {
    let statuses = async |answer| {
        let server = Server::with(|dialect| dialect.patch_answer = answer).await;
        let path = server.user(full("ann")).await;
        let changed = server.patch(&path, operation("replace", "title", json!("x"))).await;
        if changed.status == 200 {
            assert_eq!(changed.body, server.get(&path).await.body);
        } else {
            assert_eq!(changed.body, Value::Null);
        }
        let same = server.patch(&path, operation("replace", "title", json!("x"))).await;
        (changed.status, same.status)
    };
    assert_eq!(statuses(PatchAnswer::NoContent).await, (204, 204));
    assert_eq!(statuses(PatchAnswer::Resource).await, (200, 200));
    assert_eq!(statuses(PatchAnswer::ResourceIfChanged).await, (200, 204));
    let server = Server::of(Scim::reference()).await;
    let path = server.user(full("ann")).await;
    let body = json!({ "Operations": operation("replace", "title", json!("y")) });
    let asked = server.send("PATCH", &format!("{path}?attributes=title"), &[], Some(&body)).await.ok(200);
    assert_eq!((&asked.body["title"], asked.body.get("userName")), (&json!("y"), None), "who asks gets it");
}

#[tokio::test]
async fn the_case_of_words_is_a_matter_of_taste() {
    for (accepted, status) in [(true, 204), (false, 400)] {
        let server = Server::with(|dialect| {
            dialect.capitalised_operations = accepted;
            dialect.lower_case_operations = accepted;
        })
        .await;
        let path = server.user(full("ann")).await;
        assert_eq!(server.patch(&path, operation("Replace", "title", json!("x"))).await.status, status);
        let lower = json!({ "operations": operation("replace", "title", json!("y")) });
        let answer = server.send("PATCH", &path, &[], Some(&lower)).await;
        assert_eq!(answer.status, status);
        if !accepted {
            answer.refused(400, "invalidValue");
        }
    }
    let (reference, other) = (Dialect::reference(), Dialect::other());
    assert!(reference.capitalised_operations && other.capitalised_operations);
    assert!(reference.lower_case_operations && !other.lower_case_operations);
}

#[tokio::test]
async fn filters_in_paths_and_patch_itself_can_be_unknown() {
    let server = Server::with(|dialect| dialect.filter_paths = false).await;
    let path = server.user(full("ann")).await;
    server
        .patch(&path, operation("replace", "emails[type eq \"work\"].value", json!("x")))
        .await
        .refused(400, "invalidPath");
    server
        .patch(&path, json!([{ "op": "replace", "value": { "emails[type eq \"work\"].value": "x" } }]))
        .await
        .refused(400, "invalidPath");
    server.patch(&path, operation("replace", "name.givenName", json!("x"))).await.ok(204);
    let server = Server::with(|dialect| dialect.patch = false).await;
    let path = server.user(full("ann")).await;
    let group = server.group("Group", &[]).await;
    for path in [&path, &group] {
        server.patch(path, operation("replace", "displayName", json!("x"))).await.refused(501, "");
    }
    assert_eq!(server.get("/ServiceProviderConfig").await.body["patch"], json!({ "supported": false }));
    server.put(&group, &json!({ "displayName": "by PUT" })).await.ok(200);
}

#[tokio::test]
async fn removal_with_values_is_understood_or_not() {
    let operations = operation("remove", "emails", json!([{ "value": "ann@example.com" }]));
    refused(operations.clone(), "invalidValue").await;
    let server = Server::with(|dialect| dialect.removal_by_value = true).await;
    let path = server.user(full("ann")).await;
    server
        .patch(&path, operation("remove", "emails", json!([{ "value": "other@example.com" }])))
        .await
        .ok(204);
    assert!(server.get(&path).await.body.get("emails").is_some());
    server.patch(&path, operations).await.ok(204);
    assert!(server.get(&path).await.body.get("emails").is_none());
}

#[tokio::test]
async fn requests_are_counted_by_what_they_are_about() {
    let server = Server::of(Scim::other()).await;
    let path = server.user(full("ann")).await;
    let group = server.group("Group", &[]).await;
    for operations in [
        operation("replace", "active", json!(false)),
        json!([{ "op": "replace", "value": { "active": true } }]),
        operation("replace", "userName", json!("bob")),
        operation("replace", "title", json!("x")),
    ] {
        server.patch(&path, operations).await;
    }
    server.put(&path, &full("ann")).await.ok(200);
    server.get(&path).await.ok(200);
    server.get("/Users").await.ok(200);
    server.patch(&group, operation("add", "members", json!([{ "value": id(&path) }]))).await.ok(200);
    server
        .patch(&group, json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", id(&path)) }]))
        .await
        .ok(200);
    server.patch(&group, json!([{ "op": "replace", "value": { "members": [] } }])).await.ok(204);
    server.patch(&group, operation("replace", "displayName", json!("New"))).await.ok(200);
    server.put(&group, &json!({ "displayName": "New" })).await.ok(200);
    server.get(&group).await.ok(200);
    server.get("/Groups").await.ok(200);
    server.delete(&path).await.ok(204);
    server.delete(&group).await.ok(204);
    server.get("/ServiceProviderConfig").await.ok(200);
    server.get("/Schemas").await.ok(200);
    let book = server.stand_in.book();
    for (operation, times) in [
        ("create user", 1),
        ("disable user", 1),
        ("enable user", 1),
        ("rename user", 1),
        ("update user", 2),
        ("read user", 1),
        ("list users", 1),
        ("delete user", 1),
        ("create group", 1),
        ("change members", 3),
        ("update group", 2),
        ("read group", 1),
        ("list groups", 1),
        ("delete group", 1),
        ("read configuration", 1),
        ("other", 1),
    ] {
        assert_eq!(book.of(operation), times, "{operation}: {:?}", book.requests);
    }
}
