//! What is kept of a user, and what comes with an application or about the token.

use serde_json::{Value, json};

use super::*;
use crate::sync::model::{AttributeValue, Status};

fn paths(paths: &[&str]) -> Vec<CompactString> {
    paths.iter().copied().map(Into::into).collect()
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::Text(text.into())
}

fn value(value: Value) -> AttributeValue {
    AttributeValue::Json(Box::new(value))
}

fn kept(body: &Value, wanted: &[&str]) -> Vec<AttributeValue> {
    assert!(wanted.is_sorted(), "{wanted:?}");
    let record = user(body.to_string().as_bytes(), &paths(wanted)).unwrap().unwrap();
    record.user.attributes.into_vec()
}

#[test]
fn exactly_what_the_paths_name_is_kept() {
    let profile = json!({ "login": "ann", "level": 7, "boss": null, "lastLogin": "a trap", "tags": ["a"], "Login": "x" });
    let body = json!({
        "id": "00u1", "status": "ACTIVE", "created": "2020-01-01T00:00:00.000Z", "lastLogin": null,
        "type": { "id": "oty1" }, "realmId": "guo1", "login": "a trap", "profile.login": "a trap",
        "profile": profile, "credentials": { "provider": { "name": "OKTA" } },
    });
    let none: [AttributeValue; 0] = [];
    assert_eq!(kept(&body, &[]), none);
    assert_eq!(kept(&body, &["profile.login"]), [text("ann")]);
    assert_eq!(
        kept(
            &body,
            &["profile.boss", "profile.lastLogin", "profile.level", "profile.loginName", "profile.tags"]
        ),
        [
            AttributeValue::Absent,
            text("a trap"),
            value(json!(7)),
            AttributeValue::Absent,
            value(json!(["a"]))
        ]
    );
    assert_eq!(
        kept(&body, &["created", "credentials", "lastLogin", "profile.login", "realmId", "type", "unknown"]),
        [
            text("2020-01-01T00:00:00.000Z"),
            value(json!({ "provider": { "name": "OKTA" } })),
            AttributeValue::Absent,
            text("ann"),
            text("guo1"),
            value(json!({ "id": "oty1" })),
            AttributeValue::Absent,
        ]
    );
    assert_eq!(kept(&body, &["profile"]), [value(profile.clone())]);
    assert_eq!(
        kept(
            &body,
            &["lastLogin", "profile", "profile.absent", "profile.boss", "profile.level", "profile.login"]
        ),
        [
            AttributeValue::Absent,
            value(profile),
            AttributeValue::Absent,
            AttributeValue::Absent,
            value(json!(7)),
            text("ann"),
        ],
        "the whole profile and parts of it"
    );
}

#[test]
fn names_that_sort_around_the_profile_are_not_taken_for_it() {
    let body = json!({ "id": "00u1", "profile-x": "before", "profile": { "a": "in" }, "profile0": "behind" });
    let wanted = ["profile-x", "profile.a", "profile0"];
    assert_eq!(kept(&body, &wanted), [text("before"), text("in"), text("behind")]);
}

#[test]
fn a_user_needs_a_profile_only_if_something_of_it_is_wanted() {
    let body = br#"{"id":"00u1","status":"ACTIVE","lastLogin":"2026-01-01T00:00:00.000Z"}"#;
    assert!(user(body, &paths(&["lastLogin"])).unwrap().is_ok());
    let odd = br#"{"id":"00u1","profile":7}"#;
    assert!(user(odd, &[]).unwrap().is_ok());
    for wanted in ["profile", "profile.login"] {
        for body in [&body[..], odd] {
            let broken = user(body, &paths(&[wanted])).unwrap().unwrap_err();
            assert_eq!((broken.id.as_deref(), broken.why), (Some("00u1"), "it has no profile"), "{wanted}");
        }
    }
}

#[test]
fn the_users_of_an_application_are_those_that_come_embedded() {
    let assignment = |id: &str, embedded: Value| {
        json!({ "id": id, "externalId": null, "scope": "GROUP", "status": "ACTIVE", "profile": { "login": "a trap" },
            "credentials": { "userName": "a trap" }, "_embedded": embedded, "_links": { "user": {} } })
    };
    let ann = json!({ "id": "00u1", "status": "SUSPENDED", "profile": { "login": "ann" } });
    let good = app_user(
        assignment("00u1", json!({ "x": 1, "user": ann })).to_string().as_bytes(),
        &paths(&["profile.login"]),
    );
    let good = good.unwrap().unwrap();
    assert_eq!(
        (good.user.id.0.as_str(), good.user.status, &*good.user.attributes),
        ("00u1", Status::Suspended, &[text("ann")][..])
    );

    let without = "the assignment to the application came without its user";
    let table = [
        (assignment("00u1", json!({ "user": ann })), Ok("00u1")),
        (assignment("00u1", json!({})), Err((Some("00u1"), without))),
        (assignment("00u1", json!(null)), Err((Some("00u1"), without))),
        (assignment("00u1", json!("user")), Err((Some("00u1"), without))),
        (assignment("00u1", json!([{ "user": ann }])), Err((Some("00u1"), without))),
        (json!({ "id": "00u1" }), Err((Some("00u1"), without))),
        (assignment("00u1", json!({ "user": null })), Err((Some("00u1"), "it is not an object"))),
        (assignment("00u1", json!({ "user": { "id": "00u1" } })), Err((Some("00u1"), "it has no profile"))),
        (
            assignment("00u2", json!({ "user": ann })),
            Err((Some("00u2"), "the user that came with the assignment has another id")),
        ),
        (json!({ "_embedded": { "user": ann } }), Err((None, "it has no id"))),
        (json!(null), Err((None, "it is not an object"))),
    ];
    for (odd, expected) in table {
        let page = json!([odd, assignment("00u1", json!({ "user": ann }))]).to_string();
        let page = app_users(page.as_bytes(), &paths(&["profile.login"])).unwrap();
        let read = page[0].as_ref().map(|record| record.user.id.0.as_str());
        assert_eq!(read.map_err(|broken| (broken.id.as_deref(), broken.why)), expected, "{odd}");
        assert_eq!(page[1].as_ref().unwrap(), &good, "{odd}");
    }
}

#[test]
fn ids_are_all_that_is_read_of_an_assignment() {
    let page = ids(br#"[{"id":"00g1","priority":0,"profile":{"id":"x"}},{"priority":1}]"#).unwrap();
    assert_eq!(page[0].as_deref(), Ok("00g1"));
    assert!(page[1].is_err());
    assert_eq!(only_id(br#"{"priority":1,"id":"00g1"}"#).as_deref(), Ok("00g1"));
    assert!(only_id(b"[]").is_err() && only_id(b"{}").is_err());
}

#[test]
fn the_login_is_found_whatever_else_is_kept() {
    for (body, expected) in [
        (r#"{"id":"00u1","profile":{"email":"x","login":"a\u006en"}}"#, Some("ann")),
        (r#"{"profile":{}}"#, None),
        (r#"{"profile":null}"#, None),
        (r#"{"profile":{"login":7}}"#, None),
        ("[]", None),
    ] {
        assert_eq!(login(body.as_bytes()).as_deref(), expected, "{body}");
    }
}

#[test]
fn the_token_says_whose_it_is_and_what_its_roles_are_called() {
    let me = principal(br#"{"id":"00u1","status":"ACTIVE","profile":{"login":"admin","x":1}}"#).unwrap();
    assert_eq!((me.id.as_str(), me.login.as_str()), ("00u1", "admin"));
    assert!(principal(b"[]").is_err());
    let body =
        br#"[{"id":"ra1","label":"Read-only Administrator","type":"READ_ONLY_ADMIN"},{"type":"CUSTOM"},{}]"#;
    assert_eq!(roles(body).unwrap(), ["Read-only Administrator", "CUSTOM"]);
    assert!(roles(b"{}").is_err());
}

#[test]
fn the_schema_names_base_and_custom_attributes() {
    let body = br##"{"id":"https://x/meta/schemas/user/default","definitions":{
        "base":{"id":"#base","properties":{"login":{"title":"Username"}},"required":["login"]},
        "custom":{"id":"#custom","properties":{"costCenter":{"type":"string"}}}},"properties":{"profile":{}}}"##;
    let known = profile_attributes(body).unwrap();
    assert_eq!(known.iter().map(String::as_str).collect::<Vec<_>>(), ["costCenter", "login"]);
    let without_custom = br#"{"definitions":{"base":{"properties":{"login":{}}}}}"#;
    assert_eq!(profile_attributes(without_custom).unwrap().len(), 1);
    assert!(profile_attributes(b"{}").is_err());
}
