//! The schema of users: the standard attributes, and the custom ones that this org has come to know.

use std::collections::BTreeMap;

use hyper::body::Bytes;
use serde_json::{Map, Value, json};

use super::clock::stamp;
use super::id::Id;
use super::record::Profile;

/// When the org began and its schema with it: 2019-01-01.
const BEGAN: i64 = 1_546_300_800;

/// The 31 standard attributes by name, with title and greatest length (0: none is published).
#[rustfmt::skip] // a table
const STANDARD: [(&str, &str, u32); 31] = [
    ("city", "City", 128), ("costCenter", "Cost Center", 0), ("countryCode", "Country code", 2),
    ("department", "Department", 0), ("displayName", "Display name", 0), ("division", "Division", 0),
    ("email", "Primary email", 100), ("employeeNumber", "Employee number", 0), ("firstName", "First name", 50),
    ("honorificPrefix", "Honorific prefix", 0), ("honorificSuffix", "Honorific suffix", 0), ("lastName", "Last name", 50),
    ("locale", "Locale", 0), ("login", "Username", 100), ("manager", "Manager", 0), ("managerId", "ManagerId", 0),
    ("middleName", "Middle name", 0), ("mobilePhone", "Mobile phone", 100), ("nickName", "Nickname", 0),
    ("organization", "Organization", 0), ("postalAddress", "Postal Address", 4096),
    ("preferredLanguage", "Preferred language", 0), ("primaryPhone", "Primary phone", 100), ("profileUrl", "Profile Url", 0),
    ("secondEmail", "Secondary email", 100), ("state", "State", 128), ("streetAddress", "Street address", 1024),
    ("timezone", "Time zone", 0), ("title", "Title", 0), ("userType", "User type", 0), ("zipCode", "Zip code", 50),
];

/// The attributes nobody may lack.
const REQUIRED: [&str; 4] = ["email", "firstName", "lastName", "login"];

/// What was seen of custom attributes: name and an example, null where no other value has come yet.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    custom: BTreeMap<String, Value>,
}

impl Schema {
    /// Takes up an attribute, unless it is a standard one or known with its type.
    pub(crate) fn learn(&mut self, name: &str, value: &Value) {
        if STANDARD.binary_search_by_key(&name, |(standard, ..)| standard).is_ok() {
            return;
        }
        match self.custom.get_mut(name) {
            Some(known) if known.is_null() => *known = value.clone(),
            Some(_) => {}
            None => {
                self.custom.insert(name.to_owned(), value.clone());
            }
        }
    }

    /// Takes up every attribute of a profile.
    pub(crate) fn learn_all(&mut self, profile: &Profile) {
        profile.0.iter().for_each(|(name, value)| self.learn(name, value));
    }

    /// The JSON of the schema.
    pub(crate) fn render(&self, id: &str, type_id: Id, base: &str) -> Bytes {
        let base_properties: Map<String, Value> =
            STANDARD.iter().map(|standard| (standard.0.to_owned(), standard_property(standard))).collect();
        let custom: Map<String, Value> = self
            .custom
            .iter()
            .map(|(name, example)| (name.clone(), custom_property(name, example)))
            .collect();
        let href = format!("{base}/api/v1/meta/schemas/user/{id}");
        let schema = json!({
            "id": href, "$schema": "http://json-schema.org/draft-04/schema#", "name": "user", "title": "User",
            "description": "Okta user profile template with default permission settings",
            "created": stamp(BEGAN), "lastUpdated": stamp(BEGAN), "type": "object",
            "definitions": {
                "custom": { "id": "#custom", "type": "object", "properties": custom, "required": [] },
                "base": { "id": "#base", "type": "object", "properties": base_properties, "required": REQUIRED },
            },
            "properties": {
                "profile": { "allOf": [{ "$ref": "#/definitions/custom" }, { "$ref": "#/definitions/base" }] },
            },
            "_links": {
                "self": { "href": href, "rel": "self", "method": "GET" },
                "type": { "href": format!("{base}/api/v1/meta/types/user/{type_id}"), "rel": "type", "method": "GET" },
            },
        });
        Bytes::from(schema.to_string())
    }
}

/// The id of the schema of a user type.
pub(crate) fn schema_id(type_id: Id) -> String {
    format!("osc{}", &type_id.as_str()[3..])
}

fn standard_property((name, title, longest): &(&str, &str, u32)) -> Value {
    let mut property = property(title);
    property["type"] = "string".into();
    if *longest > 0 {
        property["maxLength"] = (*longest).into();
    }
    if REQUIRED.contains(name) {
        property["required"] = true.into();
    }
    property
}

fn custom_property(name: &str, example: &Value) -> Value {
    let mut property = property(name);
    property["type"] = type_of(example).into();
    if let Value::Array(elements) = example {
        property["items"] = json!({ "type": elements.first().map_or("string", type_of) });
    }
    property
}

fn property(title: &str) -> Value {
    json!({
        "title": title, "mutability": "READ_WRITE", "scope": "NONE", "master": { "type": "PROFILE_MASTER" },
        "permissions": [{ "principal": "SELF", "action": "READ_ONLY" }],
    })
}

/// The word of a JSON value's type; what has no value yet is taken for text.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::Null | Value::String(_) => "string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_attributes_are_in_order() {
        assert!(STANDARD.is_sorted_by_key(|(name, ..)| *name), "they are searched");
    }

    #[test]
    fn the_first_value_that_is_not_null_decides_the_type() {
        let mut schema = Schema::default();
        for (name, value) in [
            ("city", json!(7)),
            ("costs", Value::Null),
            ("costs", json!(1.5)),
            ("costs", json!("text")),
            ("tags", json!([1])),
        ] {
            schema.learn(name, &value);
        }
        let types: Vec<(&str, &str)> =
            schema.custom.iter().map(|(name, example)| (name.as_str(), type_of(example))).collect();
        assert_eq!(types, [("costs", "number"), ("tags", "array")]);
    }
}
