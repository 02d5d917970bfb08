//! What a service tells about itself.

use sandbox::scim::Scim;
use serde_json::{Value, json};

use super::{ENTERPRISE, GROUP, Server, USER};

#[tokio::test]
async fn the_configuration_says_what_is_supported() {
    for (scim, etag, most, open) in [
        (Scim::reference(), true, 1000, true),
        (Scim::other(), false, 0, false),
        (Scim::cloud(), false, 100, false),
    ] {
        let server = Server::of(scim).await;
        let body = server.get("/ServiceProviderConfig").await.ok(200).body;
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]));
        for (name, supported) in [
            ("patch", true),
            ("bulk", false),
            ("filter", true),
            ("changePassword", false),
            ("sort", false),
            ("etag", etag),
        ] {
            assert_eq!(body[name]["supported"], json!(supported), "{name}");
        }
        assert_eq!(
            (&body["filter"]["maxResults"], &body["authenticationSchemes"][0]["type"]),
            (&json!(most), &json!("oauthbearertoken"))
        );
        let without_token = server.raw("GET", "/ServiceProviderConfig", &[], None).await;
        assert_eq!(without_token.status, if open { 200 } else { 401 });
        assert_eq!(server.raw("GET", "/Schemas", &[], None).await.status, 401);
    }
}

#[tokio::test]
async fn resource_types_are_told() {
    let server = Server::of(Scim::reference()).await;
    let all = server.get("/ResourceTypes").await.ok(200);
    assert_eq!((all.numbers(), all.each("id")), ([2, 1, 2], vec!["User".to_owned(), "Group".to_owned()]));
    let user = server.get("/ResourceTypes/User").await.ok(200).body;
    assert_eq!(user, all.body["Resources"][0]);
    assert_eq!((&user["endpoint"], &user["schema"]), (&json!("/Users"), &json!(USER)));
    assert_eq!(user["schemaExtensions"], json!([{ "schema": ENTERPRISE, "required": false }]));
    server.get("/ResourceTypes/Nothing").await.refused(404, "");
    server.list("/ResourceTypes", &[("filter", "name eq \"User\"")]).await.refused(403, "");
    let server = Server::with(|dialect| dialect.enterprise = false).await;
    assert_eq!(server.get("/ResourceTypes/User").await.body["schemaExtensions"], json!([]));
}

fn attribute<'a>(schema: &'a Value, name: &str) -> &'a Value {
    schema["attributes"].as_array().unwrap().iter().find(|attribute| attribute["name"] == name).unwrap()
}

#[tokio::test]
async fn schemas_are_told() {
    let server = Server::of(Scim::reference()).await;
    assert_eq!(server.get("/Schemas").await.ok(200).each("id"), [USER, ENTERPRISE, GROUP]);
    let user = server.get(&format!("/Schemas/{USER}")).await.ok(200).body;
    let name = attribute(&user, "userName");
    for (property, value) in [
        ("type", json!("string")),
        ("required", json!(true)),
        ("uniqueness", json!("server")),
        ("caseExact", json!(false)),
        ("multiValued", json!(false)),
        ("mutability", json!("readWrite")),
        ("returned", json!("default")),
    ] {
        assert_eq!(name[property], value, "{property}");
    }
    let password = attribute(&user, "password");
    assert_eq!((&password["mutability"], &password["returned"]), (&json!("writeOnly"), &json!("never")));
    assert_eq!(
        (&attribute(&user, "emails")["multiValued"], &attribute(&user, "groups")["mutability"]),
        (&json!(true), &json!("readOnly"))
    );
    assert_eq!(attribute(&user, "emails")["subAttributes"].as_array().map(Vec::len), Some(4));
    server.get("/Schemas/urn:nothing").await.refused(404, "");
    let server = Server::of(Scim::cloud()).await;
    let user = server.get(&format!("/Schemas/{USER}")).await.ok(200).body;
    assert_eq!(attribute(&user, "department")["type"], json!("string"));
    assert!(user["attributes"].as_array().unwrap().iter().all(|attribute| attribute["name"] != "password"));
}
