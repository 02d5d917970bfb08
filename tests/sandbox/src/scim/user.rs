//! Users: the world's record as a document of SCIM, and back.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::dialect::Dialect;
use super::intake::{Document, is_primary};
use crate::product::User;

/// Further attributes in the world.
pub(super) type Attributes = BTreeMap<String, Vec<String>>;

/// Kept in place of `active` where it was never said.
const NEVER_SAID: &str = "null";

/// A user's attributes, without `schemas`, `id`, `meta` and what others wrote about it.
pub(super) fn document(user: &User, dialect: &Dialect) -> Document {
    let mut document = Document::new();
    for (name, values) in &user.attributes {
        let value = values.first().map(|value| attribute(value)).filter(|value| !value.is_null());
        if let Some(value) = value {
            document.insert(name.clone(), value);
        }
    }
    document.insert("userName".to_owned(), user.name.clone().into());
    let texts = [("externalId", &user.external_id), ("displayName", &user.display_name)];
    for (name, value) in texts.into_iter().filter(|(_, value)| !value.is_empty()) {
        document.insert(name.to_owned(), value.clone().into());
    }
    if !user.active || dialect.default_active || !user.attributes.contains_key("active") {
        document.insert("active".to_owned(), user.active.into());
    }
    name(&mut document, user);
    emails(&mut document, user);
    document
}

/// The value of a further attribute: JSON, or a plain text that a person wrote into the world.
pub(super) fn attribute(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn name(document: &mut Document, user: &User) {
    let mut name = match document.remove("name") {
        Some(Value::Object(name)) => name,
        _ => Map::new(),
    };
    let parts = [("givenName", &user.first_name), ("familyName", &user.last_name)];
    for (part, value) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
        name.insert(part.to_owned(), value.clone().into());
    }
    if !name.is_empty() {
        document.insert("name".to_owned(), Value::Object(name));
    }
}

/// The list of a user that has one address and nothing special about it.
fn one_email(address: &str) -> Value {
    json!([{ "value": address, "type": "work", "primary": true }])
}

/// The addresses as they were given; the world's own one is the truth about the main one.
fn emails(document: &mut Document, user: &User) {
    let mut emails = match document.remove("emails") {
        Some(emails) => emails,
        None if user.email.is_empty() => return,
        None => one_email(&user.email),
    };
    if let Some(main) = emails.as_array_mut().and_then(|entries| main_of(entries)) {
        let address = main.get("value").and_then(Value::as_str).unwrap_or_default();
        if let (true, Value::Object(main)) = (address != user.email, main) {
            main.insert("value".to_owned(), user.email.clone().into());
        }
    }
    document.insert("emails".to_owned(), emails);
}

/// The primary address, else the first one.
fn main_of(entries: &mut [Value]) -> Option<&mut Value> {
    let place = entries.iter().position(is_primary).unwrap_or(0);
    entries.get_mut(place)
}

/// The address that is marked as primary.
pub(super) fn primary_email(document: &Document) -> Option<&str> {
    let entries = document.get("emails")?.as_array()?;
    entries.iter().find(|entry| is_primary(entry))?.get("value")?.as_str()
}

/// All addresses of a user.
pub(super) fn emails_of(user: &User) -> Vec<String> {
    let mut document = Document::new();
    if let Some(text) = user.attributes.get("emails").and_then(|values| values.first()) {
        document.insert("emails".to_owned(), attribute(text));
    }
    emails(&mut document, user);
    let entries = document.get("emails").and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(|entry| entry.get("value")?.as_str().map(str::to_owned)).collect()
}

/// The user that a document describes. What a document never tells stays as it was.
pub(super) fn user(mut document: Document, before: &User, dialect: &Dialect) -> User {
    let mut user = User { read_only: before.read_only, password: before.password.clone(), ..User::default() };
    user.name = text(&mut document, "userName");
    user.external_id = text(&mut document, "externalId");
    user.display_name = text(&mut document, "displayName");
    if document.contains_key("password") {
        user.password = text(&mut document, "password");
    }
    match document.remove("active").as_ref().and_then(Value::as_bool) {
        Some(active) => user.active = active,
        None => {
            user.active = true;
            if !dialect.default_active {
                user.attributes.insert("active".to_owned(), vec![NEVER_SAID.to_owned()]);
            }
        }
    }
    if let Some(Value::Object(mut name)) = document.remove("name") {
        user.first_name = text(&mut name, "givenName");
        user.last_name = text(&mut name, "familyName");
        if !name.is_empty() {
            document.insert("name".to_owned(), Value::Object(name));
        }
    }
    if let Some(Value::Array(mut emails)) = document.remove("emails") {
        let main = main_of(&mut emails).and_then(|main| main.get("value")?.as_str().map(str::to_owned));
        user.email = main.unwrap_or_default();
        let emails = Value::Array(emails);
        if emails != one_email(&user.email) {
            document.insert("emails".to_owned(), emails);
        }
    }
    user.attributes.extend(kept_values(document, &before.attributes));
    user
}

/// Further attributes as the world has them. What has the same value stays to the letter as it was.
pub(super) fn kept_values(document: Document, before: &Attributes) -> Attributes {
    let value_before = |name: &String| before.get(name).filter(|values| !values.is_empty());
    let values = document.into_iter().map(|(name, value)| match value_before(&name) {
        Some(values) if values.first().map(|text| attribute(text)).as_ref() == Some(&value) => {
            (name, values.clone())
        }
        _ => (name, vec![value.to_string()]),
    });
    values.collect()
}

/// Takes a text out of a document; an empty one if there is none.
fn text(document: &mut Document, name: &str) -> String {
    match document.remove(name) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back_and_forth(document: Value, dialect: &Dialect) -> Value {
        let Value::Object(given) = document else { panic!("no object") };
        let user = user(given, &User::default(), dialect);
        Value::Object(super::document(&user, dialect))
    }

    #[test]
    fn a_document_survives_the_world() {
        for document in [
            json!({ "userName": "ann" }),
            json!({ "userName": "ann", "active": false, "externalId": "1", "displayName": "Ann", "title": "Dr \"x\"",
                    "name": { "givenName": "Ann", "familyName": "A", "middleName": "M" } }),
            json!({ "userName": "ann", "active": true, "emails": [{ "value": "ann@example.com", "type": "work", "primary": true }] }),
            json!({ "userName": "ann", "emails": [{ "value": "a@example.com" }, { "value": "b@example.com", "primary": true }] }),
            json!({ "userName": "ann", "emails": [{ "type": "work" }], "name": { "formatted": "Ann" } }),
        ] {
            assert_eq!(back_and_forth(document.clone(), &Dialect::reference()), document);
        }
    }

    #[test]
    fn one_plain_address_needs_no_further_attribute() {
        let document = json!({ "emails": [{ "value": "ann@example.com", "type": "work", "primary": true }], "active": true });
        let Value::Object(document) = document else { panic!("no object") };
        let user = user(document, &User::default(), &Dialect::reference());
        assert_eq!((user.email.as_str(), user.attributes.len()), ("ann@example.com", 0));
    }

    #[test]
    fn what_a_person_writes_into_the_world_is_told() {
        let dialect = Dialect::reference();
        let given = json!({ "emails": [{ "value": "a@example.com" }, { "value": "b@example.com", "primary": true }] });
        let Value::Object(given) = given else { panic!("no object") };
        let mut user = user(given, &User::default(), &dialect);
        assert_eq!(user.email, "b@example.com");
        user.email = "new@example.com".to_owned();
        user.active = false;
        user.attributes.insert("title".to_owned(), vec!["not json".to_owned()]);
        let document = document(&user, &dialect);
        assert_eq!(
            document.get("emails"),
            Some(&json!([{ "value": "a@example.com" }, { "value": "new@example.com", "primary": true }]))
        );
        assert_eq!(
            (document.get("active"), document.get("title")),
            (Some(&json!(false)), Some(&json!("not json")))
        );
        assert_eq!(emails_of(&user), ["a@example.com", "new@example.com"]);
    }
}
