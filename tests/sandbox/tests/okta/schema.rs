//! Answers against the schema that Okta publishes.
//!
//! The schema is not part of this repository: it is looked for beside it, or in the directory that the environment variable
//! `USERSYNCD_SPEC_DIR` names. It requires nearly no field and lacks a few that the service returns
//! (`credentials.emails`, `_links.owners`), so unknown fields pass and the fields that a client needs are checked here.

use std::path::PathBuf;

use sandbox::okta::{NewUser, Okta, Options, Status};
use serde_json::{Value, json};

use crate::client::get;

/// The published schema, or nothing (and a word about it) where it is not at hand.
fn published() -> Option<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/spec");
    let directory = std::env::var_os("USERSYNCD_SPEC_DIR").map_or(beside, PathBuf::from);
    let file = directory.join("okta-management-subset.openapi.yaml");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("skipped: {} is not there; set USERSYNCD_SPEC_DIR", file.display());
        return None;
    };
    Some(serde_yaml::from_str(&text).unwrap())
}

/// Checks a value against the subset of JSON Schema that the published file uses; returns what is wrong.
fn check(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target =
            root.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference} dangles"));
        return check(root, target, value, at, wrong);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        check(root, part, value, at, wrong);
    }
    if let Some(parts) = schema["anyOf"].as_array() {
        let fits = |part: &Value| {
            let mut wrong = Vec::new();
            check(root, part, value, at, &mut wrong);
            wrong.is_empty()
        };
        if !parts.iter().any(fits) {
            wrong.push(format!("{at}: none of anyOf fits {value}"));
        }
    }
    if value.is_null() {
        if schema["type"].is_string() && schema["nullable"] != true {
            wrong.push(format!("{at}: null"));
        }
        return;
    }
    let right = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !right {
        wrong.push(format!("{at}: {value} is no {}", schema["type"]));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        wrong.push(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    if let Some(text) = value.as_str() {
        let length = text.chars().count() as u64;
        if schema["maxLength"].as_u64().is_some_and(|most| length > most) {
            wrong.push(format!("{at}: {value} is too long"));
        }
        if schema["minLength"].as_u64().is_some_and(|least| length < least) {
            wrong.push(format!("{at}: {value} is too short"));
        }
        if schema["format"] == "date-time" && chrono::DateTime::parse_from_rfc3339(text).is_err() {
            wrong.push(format!("{at}: {value} is no time"));
        }
        if schema["format"] == "email" && !text.contains('@') {
            wrong.push(format!("{at}: {value} is no e-mail address"));
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(present) = value.get(name) {
            check(root, property, present, &format!("{at}.{name}"), wrong);
        }
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            wrong.push(format!("{at}.{name}: missing"));
        }
    }
    for (number, element) in value.as_array().into_iter().flatten().enumerate() {
        check(root, &schema["items"], element, &format!("{at}[{number}]"), wrong);
    }
}

/// The schema of an operation's answer; 404 and 403 point to a shared response in places.
fn schema_of<'a>(root: &'a Value, path: &str, status: u16) -> &'a Value {
    let mut answer = &root["paths"][path]["get"]["responses"][status.to_string()];
    if let Some(reference) = answer["$ref"].as_str() {
        answer = root.pointer(reference.trim_start_matches('#')).unwrap();
    }
    let schema = &answer["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{path} {status} is not in the schema");
    schema
}

#[tokio::test]
async fn answers_are_as_published() {
    let Some(root) = published() else { return };
    let okta = Okta::start(Options { users: 400, groups: 60, memberships: 900, ..Options::default() })
        .await
        .unwrap();
    for status in Status::ALL {
        okta.org().add_user(NewUser::new(&format!("{status}@example.com")).status(status));
    }
    let user = okta.org().user_id_by_login("active@example.com").unwrap();
    let group = okta.org().groups().into_iter().find(|group| group.kind == "APP_GROUP").unwrap().id;
    okta.org().add_member(&group, &user);
    let app = okta.org().add_app("Jira");
    okta.org().assign_group(&app, &group);
    for (asked, path, status) in [
        ("/api/v1/users".to_owned(), "/api/v1/users", 200),
        ("/api/v1/users?search=status+pr".to_owned(), "/api/v1/users", 200),
        ("/api/v1/users?fields=id,status,profile:(login)".to_owned(), "/api/v1/users", 200),
        (format!("/api/v1/users/{user}"), "/api/v1/users/{id}", 200),
        ("/api/v1/users/nobody".to_owned(), "/api/v1/users/{id}", 404),
        (format!("/api/v1/users/{user}/groups"), "/api/v1/users/{id}/groups", 200),
        ("/api/v1/users/nobody/groups".to_owned(), "/api/v1/users/{id}/groups", 404),
        ("/api/v1/groups?expand=stats".to_owned(), "/api/v1/groups", 200),
        (format!("/api/v1/groups/{group}"), "/api/v1/groups/{groupId}", 200),
        ("/api/v1/groups/nothing".to_owned(), "/api/v1/groups/{groupId}", 404),
        (format!("/api/v1/groups/{group}/users"), "/api/v1/groups/{groupId}/users", 200),
        ("/api/v1/groups/nothing/users".to_owned(), "/api/v1/groups/{groupId}/users", 404),
        (format!("/api/v1/apps/{app}/users?expand=user"), "/api/v1/apps/{appId}/users", 200),
        ("/api/v1/apps/nothing/users".to_owned(), "/api/v1/apps/{appId}/users", 404),
        (format!("/api/v1/apps/{app}/groups?expand=group"), "/api/v1/apps/{appId}/groups", 200),
        ("/api/v1/apps/nothing/groups".to_owned(), "/api/v1/apps/{appId}/groups", 404),
        ("/api/v1/users/me".to_owned(), "/api/v1/users/{id}", 200),
    ] {
        let answer = get(&okta, &asked).await;
        assert_eq!(answer.status, status, "{asked}");
        let mut wrong = Vec::new();
        check(&root, schema_of(&root, path, status), &answer.json(), "", &mut wrong);
        // Where nothing is provisioned there is no such id, though the schema allows no null there.
        wrong.retain(|problem| !problem.ends_with(".externalId: null"));
        assert!(wrong.is_empty(), "{asked}: {wrong:#?}");
        assert!(answer.body.len() > 20, "{asked} has something to check");
    }
    okta.org().update_profile(&user, "title", "Clerk");
    okta.org().set_status(&user, Status::Deprovisioned);
    okta.org().delete_group(&group);
    // The published examples of the org and of the log have null where the schema does not allow it; so has the service.
    for (asked, path) in [("/api/v1/org", "/api/v1/org"), ("/api/v1/logs?limit=1000", "/api/v1/logs")] {
        let answer = get(&okta, asked).await;
        let mut wrong = Vec::new();
        check(&root, schema_of(&root, path, 200), &answer.json(), "", &mut wrong);
        wrong.retain(|problem| !problem.ends_with(": null"));
        assert!(wrong.is_empty(), "{asked}: {wrong:#?}");
        assert!(answer.body.len() > 20, "{asked} has something to check");
    }
}

#[test]
fn the_check_finds_mistakes() {
    let root = json!({ "components": { "schemas": { "status": { "type": "string", "enum": ["ACTIVE"] } } } });
    let schema = json!({ "type": "object", "required": ["id"], "properties": {
        "status": { "$ref": "#/components/schemas/status" }, "when": { "type": "string", "format": "date-time" },
        "list": { "type": "array", "items": { "type": "integer" } }, "maybe": { "type": "string", "nullable": true },
    } });
    let good = json!({ "id": 1, "status": "ACTIVE", "when": "2026-01-01T00:00:00.000Z", "list": [1], "maybe": null });
    let mut wrong = Vec::new();
    check(&root, &schema, &good, "", &mut wrong);
    assert_eq!(wrong, [""; 0]);
    let bad = json!({ "status": "active", "when": "today", "list": [1, "2", null], "maybe": 7 });
    check(&root, &schema, &bad, "", &mut wrong);
    assert_eq!(wrong.len(), 6, "{wrong:#?}");
}

#[tokio::test]
async fn what_a_client_needs_is_there() {
    let options = Options { users: 60, groups: 30, memberships: 200, apps: 1, ..Options::default() };
    let okta = Okta::start(options).await.unwrap();
    let text =
        |record: &Value, field: &str| assert!(record[field].is_string(), "{field} is missing in {record}");
    for user in get(&okta, "/api/v1/users").await.json().as_array().unwrap() {
        for field in ["id", "status", "created", "lastUpdated"] {
            text(user, field);
        }
        for field in ["login", "email", "firstName", "lastName"] {
            text(&user["profile"], field);
        }
        assert_eq!(user["id"].as_str().unwrap().len(), 20);
        assert!(user["_links"]["self"]["href"].is_string());
        assert_eq!(user["_links"].as_object().unwrap().len(), 1, "lists have the self link only");
        assert!(user["credentials"]["emails"].is_array(), "more than the schema knows");
    }
    for group in get(&okta, "/api/v1/groups").await.json().as_array().unwrap() {
        for field in ["id", "created", "lastUpdated", "lastMembershipUpdated", "type"] {
            text(group, field);
        }
        text(&group["profile"], "name");
        assert!(group["_links"]["owners"].is_object());
    }
    let app = okta.org().app_id_by_label("Jira").unwrap();
    for user in get(&okta, &format!("/api/v1/apps/{app}/users")).await.json().as_array().unwrap() {
        for field in ["id", "created", "lastUpdated", "scope", "status", "statusChanged"] {
            text(user, field);
        }
        text(&user["credentials"], "userName");
        assert!(user["profile"].is_object() && user["_links"]["user"]["href"].is_string());
    }
    for group in get(&okta, &format!("/api/v1/apps/{app}/groups")).await.json().as_array().unwrap() {
        text(group, "id");
        text(group, "lastUpdated");
        assert!(group["priority"].is_u64() && group["profile"].is_object());
        assert!(group["_links"]["group"]["href"].is_string());
    }
    okta.org().add_member(&okta.org().add_group("team"), &okta.org().add_user(NewUser::new("x@example.com")));
    let log = get(&okta, "/api/v1/logs").await.json();
    assert_eq!(log.as_array().unwrap().len(), 4);
    for event in log.as_array().unwrap() {
        for field in ["uuid", "published", "eventType", "severity", "displayMessage", "version"] {
            text(event, field);
        }
        for field in ["id", "type", "alternateId", "displayName"] {
            text(&event["actor"], field);
            event["target"].as_array().unwrap().iter().for_each(|target| text(target, field));
        }
        assert_eq!(event["outcome"]["result"], "SUCCESS");
        text(&event["transaction"], "id");
    }
    let org = get(&okta, "/api/v1/org").await.json();
    assert_eq!((&org["id"], &org["status"]), (&json!(okta.org().id()), &json!("ACTIVE")));
    text(&org, "subdomain");
}
