//! User provisioning of Atlassian Cloud.

use std::collections::BTreeSet;

use sandbox::product::{Fault, FaultKind, World};
use sandbox::scim::Scim;
use serde_json::{Value, json};

use super::{ENTERPRISE, ERROR, Server, USER, full, id};

const ATLASSIAN: &str = "urn:scim:schemas:extension:atlassian-external:1.0";

async fn cloud() -> Server {
    Server::of(Scim::cloud()).await
}

#[tokio::test]
async fn refusals_of_access_have_their_own_form() {
    let server = cloud().await;
    for headers in [&[][..], &[("authorization", "Bearer wrong")]] {
        for path in ["/Users", "/Groups/x", "/ServiceProviderConfig"] {
            let answer = server.raw("GET", path, headers, None).await.ok(401);
            assert!(answer.body["error"].is_string() && answer.body["traceId"].is_string(), "{answer:?}");
            assert!(answer.body.get("schemas").is_none());
        }
    }
    server.stand_in.fault(Fault::on_any(FaultKind::Status(403)).times(1));
    let forbidden = server.get("/Users").await.ok(403);
    assert!(forbidden.body["error"].is_string() && forbidden.body["traceId"].is_string());
    for status in [404, 429, 500, 503] {
        server.stand_in.fault(Fault::on_any(FaultKind::Status(status)).times(1));
        server.get("/Users").await.refused(status, "");
    }
}

#[tokio::test]
async fn a_directory_has_an_id() {
    let server = cloud().await;
    for method in ["GET", "POST"] {
        for path in ["Users", "Groups"] {
            let other = format!(
                "{}/scim/directory/00000000-0000-0000-0000-000000000000/{path}",
                server.stand_in.url()
            );
            server.send(method, &other, &[], Some(&full("ann"))).await.refused(404, "");
        }
    }
    let (_, ann) = server.known_user("ann");
    let user = server.get(&format!("/Users/{ann}")).await.ok(200);
    let location = user.body["meta"]["location"].as_str().unwrap();
    assert!(location.contains("/scim/directory/") && location.ends_with(&ann), "{location}");
}

#[tokio::test]
async fn a_user_is_created_patched_and_told() {
    let server = cloud().await;
    let mut body = full("ann");
    body["department"] = json!("Sales");
    body["organization"] = json!("Org");
    body["userType"] = json!("dropped");
    let created = server.post("/Users", &body).await.ok(201);
    assert_eq!((&created.body["department"], created.body.get("userType")), (&json!("Sales"), None));
    assert!(created.body[ATLASSIAN]["atlassianAccountId"].is_string());
    assert_eq!(created.body[ENTERPRISE], json!({ "department": "Sales", "organization": "Org" }));
    assert_eq!(created.body["schemas"], json!([USER, ATLASSIAN, ENTERPRISE]));
    let path = format!("/Users/{}", created.id());
    let group = server.group("Group", &[id(&path)]).await;
    let patched =
        server.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }])).await.ok(200);
    assert_eq!((&patched.body["active"], &patched.body["title"]), (&json!(false), &json!("Doctor")));
    let membership = &patched.body["groups"][0];
    assert_eq!((&membership["value"], &membership["display"]), (&json!(id(&group)), &json!("Group")));
    let again =
        server.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }])).await.ok(200);
    assert_eq!(again.body, patched.body, "200 with a body also where nothing changes");
    let lower = json!({ "operations": [{ "op": "replace", "path": "active", "value": true }] });
    server.send("PATCH", &path, &[], Some(&lower)).await.ok(200);
    let read_only = json!([{ "op": "add", "path": "groups", "value": [{ "value": "x" }] }]);
    server.patch(&path, read_only).await.refused(400, "mutability");
    server.delete(&group).await.ok(204);
    assert_eq!(server.get(&path).await.body["groups"], json!([]));
}

#[tokio::test]
async fn put_clears_what_is_left_out() {
    let server = cloud().await;
    let path = server.user(full("ann")).await;
    let short = json!({ "userName": "ann", "emails": [{ "value": "ann@example.com", "primary": true }], "active": true });
    let put = server.put(&path, &short).await.ok(200);
    for gone in ["title", "nickName", "displayName", "name", "externalId"] {
        assert!(put.body.get(gone).is_none(), "{gone}");
    }
    server.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }])).await.ok(200);
    let mut silent = short.clone();
    silent.as_object_mut().unwrap().remove("active");
    assert_eq!(
        server.put(&path, &silent).await.ok(200).body["active"],
        json!(true),
        "a PUT without it never deactivates"
    );
}

#[tokio::test]
async fn name_and_primary_address_are_required() {
    let server = cloud().await;
    let path = server.user(full("ann")).await;
    let changed = |change: fn(&mut Value)| {
        let mut body = full("new");
        change(&mut body);
        body
    };
    for wrong in [
        changed(|body| drop(body.as_object_mut().unwrap().remove("userName"))),
        changed(|body| body["userName"] = json!("")),
        changed(|body| drop(body.as_object_mut().unwrap().remove("emails"))),
        changed(|body| body["emails"] = json!([])),
        changed(|body| body["emails"] = json!([{ "value": "new@example.com" }])),
        changed(|body| body["emails"] = json!([{ "value": "new@other.example", "primary": true }])),
    ] {
        server.post("/Users", &wrong).await.refused(400, "invalidValue");
        server.put(&path, &wrong).await.refused(400, "invalidValue");
    }
    server.patch(&path, json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "ann@other.example" }])).await.refused(400, "invalidValue");
    server.patch(&path, json!([{ "op": "remove", "path": "emails" }])).await.refused(400, "mutability");
    assert_eq!(server.get(&path).await.body["emails"], full("ann")["emails"]);
}

#[tokio::test]
async fn domains_are_verified_or_all_are_welcome() {
    let mut outside = full("ann");
    outside["emails"][0]["value"] = json!("Ann@Other.Example");
    for (domains, status) in [(Some("example.com"), 400), (Some("OTHER.example"), 201), (None, 201)] {
        let mut scim = Scim::cloud();
        scim.dialect.verified_domains = domains.map(|domain| BTreeSet::from([domain.to_owned()]));
        let server = Server::of(scim).await;
        assert_eq!(server.post("/Users", &outside).await.status, status, "{domains:?}");
    }
}

#[tokio::test]
async fn a_managed_account_is_linked() {
    let mut scim = Scim::cloud();
    scim.managed_accounts = BTreeSet::from(["Ann@elsewhere.example".to_owned()]);
    let server = Server::of(scim).await;
    let mut known = full("ann");
    known["emails"][0]["value"] = json!("ann@Elsewhere.example");
    let ann = server.post("/Users", &known).await.ok(201);
    let bob = server.post("/Users", &full("bob")).await.ok(201);
    let linked = |name: &str| {
        let user = server.stand_in.world(|world| world.user_named(name).unwrap());
        server.stand_in.product(|scim| scim.linked_account(user).map(str::to_owned))
    };
    assert_eq!((linked("ann").as_deref(), linked("bob")), (Some("ann@elsewhere.example"), None));
    assert_ne!(ann.body[ATLASSIAN], bob.body[ATLASSIAN]);
}

#[tokio::test]
async fn a_deleted_user_is_deactivated_and_not_found_any_more() {
    let server = cloud().await;
    let (ann, bob) = (server.user(full("ann")).await, server.user(full("bob")).await);
    let group = server.group("Group", &[id(&ann), id(&bob)]).await;
    let account = server.get(&ann).await.body[ATLASSIAN].clone();
    server.delete(&ann).await.ok(204);
    let active = || server.stand_in.world(|world| world.users()[&world.user_named("ann").unwrap()].active);
    assert!(!active());
    for (method, body) in [("GET", None), ("PUT", Some(full("ann"))), ("DELETE", None)] {
        server.send(method, &ann, &[], body.as_ref()).await.refused(404, "");
    }
    server.patch(&ann, json!([{ "op": "replace", "path": "active", "value": true }])).await.refused(404, "");
    let all = server.get("/Users").await;
    assert_eq!((all.numbers(), all.each("userName")), ([1, 1, 1], vec!["bob".to_owned()]));
    for filter in ["userName eq \"ann\"", "externalId eq \"ext-ann\""] {
        assert!(server.find("/Users", filter).await.is_empty());
    }
    assert_eq!(server.get(&group).await.members(), [id(&bob)]);
    let add = |path: &str| json!([{ "op": "add", "path": "members", "value": [{ "value": id(path) }] }]);
    server.patch(&group, add(&ann)).await.refused(404, "");
    let again = server.user(full("ann")).await;
    assert_ne!(again, ann, "a new record");
    server.get(&ann).await.refused(404, "");
    assert_eq!(
        (server.get(&again).await.body[ATLASSIAN].clone(), active()),
        (account, true),
        "of the same account"
    );
    assert_eq!(server.get(&again).await.body["groups"], json!([]));
    server.patch(&group, add(&again)).await.ok(200);
    assert_eq!(
        server.stand_in.world(|world| (world.users().len(), world.member_names("Group").unwrap().len())),
        (2, 2)
    );
    server.delete(&again).await.ok(204);
    server.get(&again).await.refused(404, "");
}

#[tokio::test]
async fn a_page_has_at_most_a_hundred() {
    let mut world = World::default();
    for number in 0..250 {
        world.add_user(&format!("user{number}"));
        world.add_group(&format!("group{number}"));
    }
    let server = Server::start(Scim::cloud(), world).await;
    for path in ["/Users", "/Groups"] {
        assert_eq!(server.get(path).await.numbers(), [250, 1, 100]);
        assert_eq!(server.list(path, &[("count", "200")]).await.numbers(), [250, 1, 100]);
        assert_eq!(
            server.list(path, &[("count", "200"), ("startIndex", "201")]).await.numbers(),
            [250, 201, 50]
        );
        assert_eq!(server.list(path, &[("count", "7")]).await.numbers(), [250, 1, 7]);
        assert_eq!(server.list(path, &[("startIndex", "251")]).await.numbers(), [250, 251, 0]);
    }
}

#[tokio::test]
async fn filters_are_single_comparisons() {
    let server = cloud().await;
    server.user(full("ann")).await;
    server.group("Group", &[]).await;
    assert_eq!(server.find("/Users", "userName eq \"ann\"").await, ["ann"]);
    assert_eq!(server.find("/Users", "externalId eq \"ext-ann\"").await, ["ann"]);
    assert!(server.find("/Users", "externalId eq \"EXT-ann\"").await.is_empty(), "compared with case");
    assert_eq!(server.find("/Groups", "displayName eq \"Group\"").await, ["Group"]);
    for (path, filter) in [
        ("/Users", "userName sw \"a\""),
        ("/Users", "userName pr"),
        ("/Users", "displayName eq \"ann A\""),
        ("/Users", "emails.value eq \"ann@example.com\""),
        ("/Users", "userName eq \"ann\" and externalId eq \"ext-ann\""),
        ("/Users", "id eq \"x\""),
        ("/Users", ""),
        ("/Groups", "externalId eq \"x\""),
        ("/Groups", "members.value eq \"x\""),
        ("/Groups", "displayName co \"G\""),
    ] {
        server.list(path, &[("filter", filter)]).await.refused(400, "invalidFilter");
    }
}

#[tokio::test]
async fn both_parameters_of_attributes_exclude_each_other() {
    let server = cloud().await;
    let path = server.user(full("ann")).await;
    for path in [&path, "/Users"] {
        server
            .list(path, &[("attributes", "userName"), ("excludedAttributes", "emails")])
            .await
            .refused(400, "invalidValue");
    }
    let only = server.list(&path, &[("attributes", "userName")]).await.ok(200);
    assert_eq!((&only.body["userName"], only.body.get("emails")), (&json!("ann"), None));
    let body = full("bob");
    let created = server.send("POST", "/Users?excludedAttributes=emails", &[], Some(&body)).await.ok(201);
    assert!(created.body.get("emails").is_none());
}

#[tokio::test]
async fn a_group_keeps_its_name() {
    let server = cloud().await;
    let path = server.group("Group", &[]).await;
    server
        .patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "New" }]))
        .await
        .refused(400, "mutability");
    let put = server.put(&path, &json!({ "displayName": "New" })).await.ok(400);
    assert_eq!(put.body["schemas"], json!([ERROR]));
    assert_eq!(server.get(&path).await.body["displayName"], "Group");
    server.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "Group" }])).await.ok(200);
    server.post("/Groups", &json!({ "displayName": "Group" })).await.refused(409, "uniqueness");
    server.delete(&path).await.ok(204);
    server.group("Group", &[]).await;
}

#[tokio::test]
async fn members_are_users_that_exist() {
    let server = cloud().await;
    let ann = server.user(full("ann")).await;
    let (group, child) = (server.group("Group", &[id(&ann)]).await, server.group("Child", &[]).await);
    for unknown in ["nobody", id(&child)] {
        let add = json!([
            { "op": "remove", "path": "members" },
            { "op": "add", "path": "members", "value": [{ "value": id(&ann) }, { "value": unknown }] },
        ]);
        server.patch(&group, add).await.refused(404, "");
        let put = server
            .put(&group, &json!({ "displayName": "Group", "members": [{ "value": unknown }] }))
            .await
            .ok(400);
        assert!(put.body.get("schemas").is_none(), "a form of its own: {put:?}");
        server
            .post("/Groups", &json!({ "displayName": "New", "members": [{ "value": unknown }] }))
            .await
            .refused(400, "");
        assert_eq!(server.get(&group).await.members(), [id(&ann)]);
    }
}

#[tokio::test]
async fn a_patch_of_members_answers_with_the_whole_group() {
    let server = cloud().await;
    let ann = server.user(full("ann")).await;
    let group = server.group("Group", &[]).await;
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id(&ann), "display": "x" }] }]);
    let added = server.patch(&group, add.clone()).await.ok(200);
    let member = &added.body["members"][0];
    assert_eq!(
        (&member["type"], &member["value"], &member["display"]),
        (&json!("User"), &json!(id(&ann)), &json!("ann"))
    );
    assert!(member["$ref"].as_str().unwrap().ends_with(&ann));
    assert_eq!((&added.body["displayName"], added.id()), (&json!("Group"), id(&group).to_owned()));
    let add_again = add.clone();
    assert_eq!(server.patch(&group, add).await.ok(200).body, added.body);
    let removed = server
        .patch(&group, json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", id(&ann)) }]))
        .await
        .ok(200);
    assert_eq!(removed.body["members"], json!([]));
    server.patch(&group, add_again).await.ok(200);
    let listed = json!([{ "op": "remove", "path": "members", "value": [{ "value": id(&ann) }] }]);
    assert_eq!(server.patch(&group, listed).await.ok(200).body["members"], json!([]));
}
