//! The JSON of users, groups and pages, and how bodies and parameters are read.

use serde_json::{Map, Value, json};

use crate::product::{Group, Id, Request, User, World};

/// What is said of a user in lists.
pub(super) fn user(api: &str, id: Id, user: &User) -> Value {
    let avatar = |size: u32| format!("{}/secure/useravatar?size={size}", api.trim_end_matches("/rest/api/2"));
    json!({
        "self": format!("{api}/user?username={}", encode(&user.name)),
        "key": key(id),
        "name": user.name,
        "emailAddress": user.email,
        "avatarUrls": { "48x48": avatar(48), "24x24": avatar(24), "16x16": avatar(16), "32x32": avatar(32) },
        "displayName": user.display_name,
        "active": user.active,
        "deleted": false,
        "timeZone": "Etc/UTC",
        "locale": "en_US",
    })
}

/// What is said of a group in other things.
pub(super) fn group(api: &str, group: &Group) -> Value {
    json!({ "name": group.name, "self": format!("{api}/group?groupname={}", encode(&group.name)) })
}

/// A group with its users as Jira counts them there; `items` are the shown ones, from `start` on.
pub(super) fn group_with_users(
    api: &str,
    named: &Group,
    size: usize,
    start: usize,
    items: Vec<Value>,
) -> Value {
    let end = (start + items.len()).saturating_sub(1);
    let mut bean = group(api, named);
    bean["users"] =
        json!({ "size": size, "items": items, "max-results": 50, "start-index": start, "end-index": end });
    bean["expand"] = json!("users");
    bean
}

/// The key of a user: it stays when the user is renamed.
pub(super) fn key(id: Id) -> String {
    format!("JIRAUSER{}", 10_000 + id)
}

/// The user with a key.
pub(super) fn user_with_key(world: &World, key: &str) -> Option<Id> {
    let number: Id = key.strip_prefix("JIRAUSER")?.parse().ok()?;
    let id = number.checked_sub(10_000)?;
    world.users().contains_key(&id).then_some(id)
}

/// The body, if it is an object.
pub(super) fn object(request: &Request) -> Option<Map<String, Value>> {
    match request.json()? {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

/// A field with a text that is not blank; a blank one counts as left out.
pub(super) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str().filter(|text| !text.trim().is_empty())
}

/// A truth value: clients send `false`, `"false"` and `"False"`, and say that all of them work.
pub(super) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => Some(text.eq_ignore_ascii_case("true")),
        _ => None,
    }
}

/// A parameter that is a truth value.
pub(super) fn flag(request: &Request, name: &str, default: bool) -> bool {
    request.parameter(name).map_or(default, |value| value.eq_ignore_ascii_case("true"))
}

/// A parameter that is given and not blank.
pub(super) fn given<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.parameter(name).filter(|value| !value.trim().is_empty())
}

/// Whether `expand` asks for something.
pub(super) fn expands(request: &Request, what: &str) -> bool {
    request.parameter("expand").unwrap_or_default().split(',').any(|part| part.trim() == what)
}

/// Percent-encodes everything but unreserved letters (RFC 3986, section 2.3).
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
