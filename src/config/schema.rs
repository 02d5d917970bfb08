//! The JSON Schema of the connector file, for completion and checks in editors. It is made of the same table as the
//! checker, which decides.

use serde_json::{Map, Value, json};

use super::table::{CONNECTOR, Key, Kind, SECRET};
use super::values::ATTRIBUTE_PATTERN;
use crate::sync::mapping::DEFAULTS;

/// The schema of a connector file, in draft 2020-12.
#[must_use]
pub fn schema() -> Value {
    let mut schema = mapping(CONNECTOR, false);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A connector of usersyncd",
        "description": "A source, a target, and the rules between them.",
    });
    if let (Value::Object(schema), Value::Object(head)) = (&mut schema, head) {
        schema.extend(head);
    }
    schema
}

/// A mapping with some of `keys`, or with exactly one of them.
fn mapping(keys: &[Key], exactly_one: bool) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.required.is_some()).map(|key| key.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if exactly_one {
        schema["minProperties"] = json!(1);
        schema["maxProperties"] = json!(1);
    }
    schema
}

/// A default of the table as a value: most are texts.
pub(super) fn default_value(default: &str) -> Value {
    serde_json::from_str(default).unwrap_or_else(|_| json!(default))
}

fn property(key: &Key) -> Value {
    let mut schema = match key.kind {
        Kind::Section(keys) => mapping(keys, false),
        Kind::OneOf(keys) => mapping(keys, true),
        Kind::Secret => mapping(SECRET, true),
        Kind::Empty => json!({ "type": ["object", "null"], "maxProperties": 0 }),
        Kind::One(form) => form.schema(),
        Kind::Many(form) => json!({ "type": "array", "items": form.schema() }),
        Kind::Some(form, _) => json!({ "type": "array", "items": form.schema(), "minItems": 1 }),
        Kind::Each(form, _) => json!({
            "type": "object",
            "propertyNames": {
                "pattern": ATTRIBUTE_PATTERN,
                "not": { "enum": DEFAULTS.map(|(name, _)| name) },
            },
            "additionalProperties": form.schema(),
        }),
        Kind::Rules(keys) => json!({ "type": "array", "items": mapping(keys, false) }),
        Kind::OneOrSection(form, keys) => json!({ "anyOf": [form.schema(), mapping(keys, false)] }),
        Kind::Elsewhere(_) => json!({ "not": {} }),
    };
    if let Some(default) = key.default {
        schema["default"] = default_value(default);
    }
    schema["description"] = json!(key.about);
    schema
}
