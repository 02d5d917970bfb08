//! Documents from clients, brought into the form that the schema has: names in its spelling, values of its types.

use serde_json::{Map, Value};

use super::answer::{Outcome, Refusal};
use super::dialect::{Dialect, UnknownAttributes};
use super::schema::{Access, Attribute, Kind, Model, Schema, find};

/// A resource without `schemas`, `id` and `meta`.
pub(super) type Document = Map<String, Value>;

/// Takes in the body of a POST or PUT. What is read-only is left out, as RFC 7644, sections 3.3 and 3.5.1, say.
pub(super) fn resource(body: Value, model: &Model, dialect: &Dialect) -> Outcome<Document> {
    let Value::Object(body) = body else {
        return Err(Refusal::bad("invalidSyntax", "Input should be an object"));
    };
    let mut document = Document::new();
    for (name, value) in body {
        if name.eq_ignore_ascii_case("schemas") {
            names_schema(&value, model)?;
        } else if let Some(extension) = model.extension(&name) {
            insert(&mut document, extension.urn, self::extension(extension, value, dialect)?);
        } else if let Some(attribute) = model.find(&name) {
            if attribute.access != Access::ReadOnly {
                insert(&mut document, attribute.name, whole(attribute, value, dialect)?);
            }
        } else {
            unknown(&mut document, &name, value, dialect)?;
        }
    }
    for attribute in model.core.attributes.iter().filter(|attribute| attribute.required) {
        present(&document, attribute)?;
    }
    Ok(document)
}

/// Clients that name no schema are understood; those that name another are not.
fn names_schema(value: &Value, model: &Model) -> Outcome<()> {
    let named = value.as_array().is_some_and(|urns| {
        urns.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(model.core.urn))
    });
    let problem = format!("schemas must contain the base schema '{}'", model.core.urn);
    if named { Ok(()) } else { Err(Refusal::bad("invalidSyntax", problem)) }
}

/// Whether a required attribute has a value. An empty text is one.
pub(super) fn present(document: &Document, attribute: &Attribute) -> Outcome<()> {
    let name = attribute.name;
    let problem =
        || Refusal::value(format!("Field '{name}' is required but value is missing, null or empty"));
    document.get(name).map(drop).ok_or_else(problem)
}

fn insert(document: &mut Document, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        document.insert(name.to_owned(), value);
    }
}

fn unknown(document: &mut Document, name: &str, value: Value, dialect: &Dialect) -> Outcome<()> {
    match dialect.unknown_attributes {
        UnknownAttributes::Refused => {
            return Err(Refusal::bad("invalidSyntax", format!("Extra inputs are not permitted: {name}")));
        }
        UnknownAttributes::Dropped => {}
        UnknownAttributes::Kept => insert(document, name, Some(value).filter(|value| !value.is_null())),
    }
    Ok(())
}

/// All of an attribute; none if that leaves nothing (RFC 7643, section 2.5: null and an empty list are "unassigned").
pub(super) fn whole(attribute: &Attribute, value: Value, dialect: &Dialect) -> Outcome<Option<Value>> {
    match (attribute.many, value) {
        (_, Value::Null) => Ok(None),
        (true, Value::Array(values)) => {
            let entries: Outcome<Vec<_>> =
                values.into_iter().map(|value| entry(attribute, value, dialect)).collect();
            let entries: Vec<Value> = entries?.into_iter().flatten().collect();
            at_most_one_primary(attribute, &entries)?;
            Ok((!entries.is_empty()).then_some(Value::Array(entries)))
        }
        (true, _) => Err(Refusal::value(format!("Input should be a valid array: {}", attribute.name))),
        (false, value) => entry(attribute, value, dialect),
    }
}

fn at_most_one_primary(attribute: &Attribute, entries: &[Value]) -> Outcome<()> {
    let primary = entries.iter().filter(|entry| is_primary(entry)).count();
    if primary < 2 {
        return Ok(());
    }
    let name = attribute.name;
    Err(Refusal::value(format!(
        "Field '{name}' has {primary} items marked as primary, but only one is allowed"
    )))
}

/// Whether a value of several is marked as the primary one.
pub(super) fn is_primary(entry: &Value) -> bool {
    entry.get("primary").and_then(Value::as_bool).unwrap_or(false)
}

/// One value of an attribute.
pub(super) fn entry(attribute: &Attribute, value: Value, dialect: &Dialect) -> Outcome<Option<Value>> {
    let wrong =
        |expected: &str| Refusal::value(format!("Input should be a valid {expected}: {}", attribute.name));
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(None),
        (Kind::Complex, value) => object(attribute.name, value, &attribute.parts, dialect),
        (Kind::Boolean, value) => {
            boolean(&value, dialect).map(|yes| Some(yes.into())).ok_or_else(|| wrong("boolean"))
        }
        (Kind::Text | Kind::Binary | Kind::Reference(_), Value::String(text)) => Ok(Some(text.into())),
        _ => Err(wrong("string")),
    }
}

/// A boolean, also in the form that Microsoft's Entra sends it in.
pub(super) fn boolean(value: &Value, dialect: &Dialect) -> Option<bool> {
    match value {
        Value::Bool(yes) => Some(*yes),
        Value::String(text) if dialect.string_booleans => match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn object(name: &str, value: Value, parts: &[Attribute], dialect: &Dialect) -> Outcome<Option<Value>> {
    let Value::Object(given) = value else {
        return Err(Refusal::value(format!("Input should be an object: {name}")));
    };
    let mut taken = Document::new();
    for (part, value) in given {
        match find(parts, &part) {
            Some(known) if known.access == Access::ReadOnly => {}
            Some(known) => insert(&mut taken, known.name, whole(known, value, dialect)?),
            None => unknown(&mut taken, &part, value, dialect)?,
        }
    }
    Ok((!taken.is_empty()).then_some(Value::Object(taken)))
}

/// An extension as a whole. Clients send its URN along, as with a resource.
pub(super) fn extension(schema: &Schema, mut value: Value, dialect: &Dialect) -> Outcome<Option<Value>> {
    if let Value::Object(parts) = &mut value {
        parts.remove("schemas");
    }
    object(schema.name, value, &schema.attributes, dialect)
}
