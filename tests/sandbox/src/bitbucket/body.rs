//! Bodies: users, groups, and what is read from requests.

use serde_json::{Map, Value, json};

use super::Bitbucket;
use super::refusal::{Refusal, refused, refused_for};
use crate::product::{Group, Id, Reply, Request, User, World};

/// The type of every JSON answer.
pub(super) const JSON: &str = "application/json;charset=UTF-8";

const INTERNAL_DIRECTORY: &str = "Bitbucket Internal Directory";
const REMOTE_DIRECTORY: &str = "Remote Directory";

/// An answer with a JSON body.
pub(super) fn answer(body: &Value) -> Reply {
    Reply::with(200, JSON, body.to_string())
}

/// A group as lists and answers show it.
pub(super) fn group(group: &Group) -> Value {
    json!({ "name": group.name, "deletable": true })
}

/// The name of a user in addresses. Not published: how it is made; here, what would need encoding becomes `_`.
pub(super) fn slug(name: &str) -> String {
    let is_kept = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    name.to_lowercase().chars().map(|letter| if is_kept(letter) { letter } else { '_' }).collect()
}

impl Bitbucket {
    /// A user as everybody sees it.
    pub(super) fn user(&self, id: Id, user: &User, request: &Request) -> Value {
        let slug = slug(&user.name);
        let link = format!("{}{}/users/{slug}", request.origin(), self.context);
        json!({
            "name": user.name,
            "emailAddress": user.email,
            "id": id,
            "displayName": user.display_name,
            "active": user.active,
            "slug": slug,
            "type": "NORMAL",
            "links": { "self": [{ "href": link }] },
        })
    }

    /// A user as administrators see it.
    pub(super) fn detailed_user(&self, id: Id, user: &User, request: &Request) -> Value {
        let mut body = self.user(id, user, request);
        if let Some(fields) = body.as_object_mut() {
            let directory = if user.read_only { REMOTE_DIRECTORY } else { INTERNAL_DIRECTORY };
            fields.insert("directoryName".into(), directory.into());
            fields.insert("deletable".into(), (!user.read_only).into());
            fields.insert("mutableDetails".into(), (!user.read_only).into());
            fields.insert("mutableGroups".into(), self.has_mutable_groups(user).into());
            // Who never signed in has none.
            let last = user.attributes.get("lastAuthenticationTimestamp").and_then(|values| values.first());
            if let Some(last) = last.and_then(|last| last.parse::<u64>().ok()) {
                fields.insert("lastAuthenticationTimestamp".into(), last.into());
            }
        }
        body
    }

    pub(super) fn has_mutable_groups(&self, user: &User) -> bool {
        !self.mutable_groups_false.contains(&user.name)
    }
}

/// The directories. Not published: whether as an array, and the types' names.
pub(super) fn directories(request: &Request, world: &World) -> Reply {
    let mut directories = vec![directory(INTERNAL_DIRECTORY, "INTERNAL", true)];
    if world.users().values().any(|user| user.read_only) {
        directories.push(directory(REMOTE_DIRECTORY, "CONNECTOR", true));
    }
    if request.parameter("includeInactive") == Some("true") {
        directories.push(directory("Former Directory", "CONNECTOR", false));
    }
    answer(&directories.into())
}

fn directory(name: &str, kind: &str, active: bool) -> Value {
    json!({ "name": name, "type": kind, "description": "", "active": active })
}

/// The JSON object of a request. A field that the class does not have is refused.
pub(super) fn object(request: &Request, class: &str, fields: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let content_type = request.header("content-type").unwrap_or_default();
    if !content_type.to_ascii_lowercase().starts_with("application/json") {
        return Err(refused(415, "Unsupported Media Type"));
    }
    let Some(Value::Object(body)) = request.json() else {
        return Err(refused(400, "The request body is not a JSON object"));
    };
    match body.keys().find(|key| !fields.contains(&key.as_str())) {
        // Seen for `UserUpdate`. Not published: the status, and the packages of the other classes.
        Some(unknown) => Err(refused(
            400,
            format!(
                "Unrecognized field \"{unknown}\" (Class com.atlassian.stash.internal.rest.admin.{class}), \
                 not marked as ignorable"
            ),
        )),
        None => Ok(body),
    }
}

/// A text of a body; none if it is missing or null.
pub(super) fn text<'a>(
    body: &'a Map<String, Value>,
    field: &'static str,
) -> Result<Option<&'a str>, Refusal> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(refused_for(field, 400, format!("{field} must be a string"))),
    }
}

/// A text of a body that has to be there.
pub(super) fn required<'a>(body: &'a Map<String, Value>, field: &'static str) -> Result<&'a str, Refusal> {
    let given = text(body, field)?.filter(|text| !text.trim().is_empty());
    given.ok_or_else(|| refused_for(field, 400, format!("{field} is required")))
}

/// A list of texts of a body that has to be there, with something in it.
pub(super) fn required_list<'a>(
    body: &'a Map<String, Value>,
    field: &'static str,
) -> Result<Vec<&'a str>, Refusal> {
    let list = body.get(field).and_then(Value::as_array).filter(|list| !list.is_empty());
    let texts: Option<Vec<&str>> = list.and_then(|list| list.iter().map(Value::as_str).collect());
    texts.ok_or_else(|| refused_for(field, 400, format!("{field} must be a list of names")))
}

/// A parameter of the query that has to be there.
pub(super) fn parameter<'a>(request: &'a Request, name: &'static str) -> Result<&'a str, Refusal> {
    let given = request.parameter(name).filter(|value| !value.trim().is_empty());
    given.ok_or_else(|| refused_for(name, 400, format!("The {name} parameter is required")))
}

/// Encodes a name for a header.
pub(super) fn encode(text: &str) -> String {
    let mut coded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            coded.push(char::from(byte));
        } else {
            coded.push_str(&format!("%{byte:02X}"));
        }
    }
    coded
}
