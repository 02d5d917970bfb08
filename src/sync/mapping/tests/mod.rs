//! Tests of templates.

mod bounds;
mod faults;
mod filters;
mod properties;
mod values;

use std::collections::BTreeSet;

use compact_str::CompactString;
use serde_json::{Value, json};

use super::*;
use crate::sync::model::Status;

/// A user with what a source would keep of it for these paths.
fn kept(user: &Value, paths: &BTreeSet<CompactString>) -> (Vec<CompactString>, SourceUser) {
    let attribute = |path: &CompactString| {
        let pointer = format!("/{}", path.replace('.', "/"));
        match user.pointer(&pointer) {
            None | Some(Value::Null) => AttributeValue::Absent,
            Some(Value::String(text)) => AttributeValue::Text(text.as_str().into()),
            Some(other) => AttributeValue::Json(Box::new(other.clone())),
        }
    };
    let attributes = paths.iter().map(attribute).collect();
    let text = |name: &str| user[name].as_str().unwrap_or_default();
    let kept = SourceUser { id: text("id").into(), status: Status::from_okta(text("status")), attributes };
    (paths.iter().cloned().collect(), kept)
}

/// What a template yields for a user.
fn try_render(template: &str, user: &Value) -> Result<String, String> {
    let template = Template::compile(template).unwrap_or_else(|fault| panic!("{template}: {fault:?}"));
    let (names, user) = kept(user, &template.paths());
    template.render(UserView { names: &names, user: &user }).map(String::from)
}

fn render(template: &str, user: &Value) -> String {
    try_render(template, user).unwrap_or_else(|problem| panic!("{template}: {problem}"))
}

/// One Okta user with a value of every kind.
fn ada() -> Value {
    json!({
        "id": "00u1", "status": "ACTIVE", "created": "2026-01-01T00:00:00.000Z", "lastLogin": null,
        "type": { "id": "oty1" }, "credentials": { "provider": { "type": "OKTA", "name": "OKTA" } },
        "profile": {
            "login": "Ada.Lovelace@Example.com", "email": "ada@example.com", "firstName": " Ada ",
            "lastName": "Lovelace", "displayName": "  ", "nickName": "", "secondEmail": null,
            "manager": true, "contractor": false, "level": 3, "zero": 0, "rate": 1.5, "whole": 2.0,
            "teams": ["red", "blue", "red-admins"], "none": [], "mixed": ["a", null, 1, true],
            "address": { "city": "London", "zip": null },
        },
    })
}
