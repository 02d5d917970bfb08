//! PATCH: what operations make of a document.

use serde_json::{Map, Value};

use super::answer::{Outcome, Refusal};
use super::dialect::{Dialect, UnknownAttributes};
use super::intake::{self, Document, is_primary};
use super::matching::Matcher;
use super::operations::{Operation, Place, Target, Verb};
use super::schema::{Access, Attribute, Kind, Schema};

/// Applies an operation to a document.
pub(super) fn apply(document: &mut Document, operation: Operation, dialect: &Dialect) -> Outcome<()> {
    applied(document, operation, dialect).map_err(Refusal::in_a_value)
}

fn applied(document: &mut Document, operation: Operation, dialect: &Dialect) -> Outcome<()> {
    let Operation { verb, place, value } = operation;
    match place {
        Place::Unknown { name, by_path } => unknown(document, &name, by_path, verb, value, dialect),
        Place::Extension(schema) => extension(document, schema, verb, value, dialect),
        Place::Attribute(target) => {
            writable(document, &target, value.as_ref())?;
            let verb = if value == Some(Value::Null) { Verb::Remove } else { verb };
            match (target.extension, verb) {
                (None, Verb::Remove) => remove(document, &target, value.as_ref(), dialect),
                (None, _) => write(document, &target, verb, value.unwrap_or_default(), dialect),
                (Some(urn), _) => within(document, urn, |parts| match verb {
                    Verb::Remove => remove(parts, &target, value.as_ref(), dialect),
                    _ => write(parts, &target, verb, value.unwrap_or_default(), dialect),
                }),
            }
        }
    }
}

/// What is in no schema is treated as in a resource.
fn unknown(
    document: &mut Document,
    name: &str,
    by_path: bool,
    verb: Verb,
    value: Option<Value>,
    dialect: &Dialect,
) -> Outcome<()> {
    match (dialect.unknown_attributes, verb, value) {
        (UnknownAttributes::Refused, ..) => {
            let kind = if by_path { "invalidPath" } else { "invalidValue" };
            return Err(Refusal::bad(kind, format!("'{name}' is not an attribute of the schema")));
        }
        (UnknownAttributes::Dropped, ..) => {}
        (UnknownAttributes::Kept, Verb::Add | Verb::Replace, Some(value)) => {
            document.insert(name.to_owned(), value);
        }
        (UnknownAttributes::Kept, ..) => drop(document.remove(name)),
    }
    Ok(())
}

/// Adds to an extension, or replaces what is named of it: the other attributes stay.
fn extension(
    document: &mut Document,
    schema: &Schema,
    verb: Verb,
    value: Option<Value>,
    dialect: &Dialect,
) -> Outcome<()> {
    match value {
        Some(value) if verb != Verb::Remove && !value.is_null() => {
            let parts = intake::extension(schema, value, dialect)?;
            merge(document, schema.urn, parts);
        }
        _ => drop(document.remove(schema.urn)),
    }
    Ok(())
}

/// Changes the attributes of an extension; an empty one goes.
fn within(
    document: &mut Document,
    urn: &str,
    change: impl FnOnce(&mut Document) -> Outcome<()>,
) -> Outcome<()> {
    let mut parts = match document.remove(urn) {
        Some(Value::Object(parts)) => parts,
        _ => Map::new(),
    };
    change(&mut parts)?;
    if !parts.is_empty() {
        document.insert(urn.to_owned(), Value::Object(parts));
    }
    Ok(())
}

/// What is read-only cannot be written, except with the value that it has: clients send the `id` along.
fn writable(document: &Document, target: &Target, value: Option<&Value>) -> Outcome<()> {
    let is_same = value.is_some() && document.get(target.attribute.name) == value;
    match target.written().access {
        Access::ReadOnly if !is_same => Err(Refusal::mutability(target.written().name)),
        Access::Immutable => {
            Err(Refusal::bad("mutability", format!("'{}' is immutable", target.written().name)))
        }
        _ => Ok(()),
    }
}

fn write(
    document: &mut Document,
    target: &Target,
    verb: Verb,
    value: Value,
    dialect: &Dialect,
) -> Outcome<()> {
    if target.written().access == Access::ReadOnly {
        return Ok(());
    }
    let attribute = target.attribute;
    match (&target.filter, target.part, attribute.many) {
        (None, None, true) => several(document, attribute, verb, value, dialect),
        (None, None, false) if attribute.kind == Kind::Complex => {
            let cleared = nulls(&value);
            let parts = intake::entry(attribute, value, dialect)?;
            merge(document, attribute.name, parts);
            clear(document, attribute, &cleared);
            Ok(())
        }
        (None, None, false) => {
            put(document, attribute.name, intake::whole(attribute, value, dialect)?);
            Ok(())
        }
        (None, Some(part), false) => {
            let value = intake::whole(part, value, dialect)?;
            merge(
                document,
                attribute.name,
                value.map(|value| Map::from_iter([(part.name.to_owned(), value)]).into()),
            );
            Ok(())
        }
        (Some(_), ..) | (None, Some(_), true) => chosen(document, target, value, dialect),
    }
}

fn put(document: &mut Document, name: &str, value: Option<Value>) {
    match value {
        Some(value) => document.insert(name.to_owned(), value),
        None => document.remove(name),
    };
}

/// Writes parts of a complex attribute: the others stay (RFC 7644, section 3.5.2.3).
fn merge(document: &mut Document, name: &str, parts: Option<Value>) {
    match (document.get_mut(name), parts) {
        (Some(Value::Object(known)), Some(Value::Object(parts))) => known.extend(parts),
        (_, Some(parts)) => drop(document.insert(name.to_owned(), parts)),
        (_, None) => {}
    }
}

/// The names of the parts that are null.
fn nulls(value: &Value) -> Vec<String> {
    let parts = value.as_object().into_iter().flatten();
    parts.filter(|(_, part)| part.is_null()).map(|(name, _)| name.clone()).collect()
}

/// Takes parts of a complex attribute away, and the attribute with the last one.
fn clear(document: &mut Document, attribute: &Attribute, parts: &[String]) {
    if let Some(Value::Object(known)) = document.get_mut(attribute.name) {
        known.retain(|name, _| !parts.iter().any(|part| part.eq_ignore_ascii_case(name)));
        if known.is_empty() {
            document.remove(attribute.name);
        }
    }
}

/// Adds to the values of an attribute, or replaces all of them.
fn several(
    document: &mut Document,
    attribute: &Attribute,
    verb: Verb,
    value: Value,
    dialect: &Dialect,
) -> Outcome<()> {
    // One value alone is taken for a list of one.
    let value = if value.is_array() { value } else { Value::Array(vec![value]) };
    let new = intake::whole(attribute, value, dialect)?;
    if verb == Verb::Replace {
        put(document, attribute.name, new);
        return Ok(());
    }
    let Some(Value::Array(new)) = new else { return Ok(()) };
    let mut values = match document.remove(attribute.name) {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    };
    if new.iter().any(is_primary) {
        values.iter_mut().for_each(no_longer_primary);
    }
    for entry in new {
        if !values.contains(&entry) {
            values.push(entry);
        }
    }
    document.insert(attribute.name.to_owned(), Value::Array(values));
    Ok(())
}

/// Only one value is the primary one: when a new one is, the old one is not any more (RFC 7644, section 3.5.2).
fn no_longer_primary(entry: &mut Value) {
    if let Some(primary) = entry.get_mut("primary").filter(|primary| **primary == Value::Bool(true)) {
        *primary = Value::Bool(false);
    }
}

/// Which values of an attribute are meant.
fn selected(target: &Target, values: &[Value], dialect: &Dialect) -> Outcome<Vec<bool>> {
    let Some(filter) = &target.filter else { return Ok(vec![true; values.len()]) };
    let matcher = Matcher::values(filter, target.attribute, dialect)?;
    Ok(values.iter().map(|value| matcher.fits(value)).collect())
}

/// Writes to the values that a filter chooses, or to all of them.
fn chosen(document: &mut Document, target: &Target, value: Value, dialect: &Dialect) -> Outcome<()> {
    let attribute = target.attribute;
    let nothing =
        || Refusal::bad("noTarget", format!("no value of '{}' matches the path filter", attribute.name));
    let Some(Value::Array(values)) = document.get_mut(attribute.name) else { return Err(nothing()) };
    let selected = selected(target, values, dialect)?;
    if !selected.contains(&true) {
        return Err(nothing());
    }
    let parts = match target.part {
        Some(part) => {
            let value = intake::whole(part, value, dialect)?;
            Some(Map::from_iter([(part.name.to_owned(), value.unwrap_or_default())]).into())
        }
        None => intake::entry(attribute, value, dialect)?,
    };
    let Some(Value::Object(parts)) = parts else { return Ok(()) };
    if is_primary(&Value::Object(parts.clone())) {
        values.iter_mut().for_each(no_longer_primary);
    }
    let entries = values.iter_mut().zip(selected).filter(|(_, selected)| *selected);
    for (entry, _) in entries {
        if let Value::Object(entry) = entry {
            entry.extend(parts.clone());
        }
    }
    Ok(())
}

fn remove(document: &mut Document, target: &Target, value: Option<&Value>, dialect: &Dialect) -> Outcome<()> {
    let attribute = target.attribute;
    if target.written().required && target.filter.is_none() {
        return Err(Refusal::bad("mutability", "required attribute cannot be removed"));
    }
    let value = value.filter(|value| !value.is_null());
    if value.is_some() && !dialect.removal_by_value {
        return Err(carries_no_value());
    }
    let Some(mut known) = document.remove(attribute.name) else { return Ok(()) };
    match (&mut known, target.part) {
        (Value::Array(values), part) => {
            let mut selected = selected(target, values, dialect)?;
            if let (Some(value), None) = (value, part) {
                let named = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                selected
                    .iter_mut()
                    .zip(values.iter())
                    .for_each(|(yes, entry)| *yes &= is_named(entry, named));
            }
            let mut selected = selected.into_iter();
            values.retain_mut(|entry| !(selected.next().unwrap_or(false) && ends(entry, part)));
        }
        (entry, part) => {
            if ends(entry, part) {
                return Ok(());
            }
        }
    }
    if known != Value::Array(Vec::new()) {
        document.insert(attribute.name.to_owned(), known);
    }
    Ok(())
}

/// The refusal of a `remove` that has values.
pub(super) fn carries_no_value() -> Refusal {
    Refusal::value("a remove operation carries no value, a filter in the path selects what to remove")
}

/// Whether an entry is one of those that are to go: it is compared by `value`, which is what clients send.
fn is_named(entry: &Value, named: &[Value]) -> bool {
    named
        .iter()
        .any(|named| named == entry || named.get("value").is_some_and(|id| entry.get("value") == Some(id)))
}

/// Takes a part of an entry away; true if nothing is left of the entry.
fn ends(entry: &mut Value, part: Option<&Attribute>) -> bool {
    match (entry, part) {
        (Value::Object(parts), Some(part)) => {
            parts.remove(part.name);
            parts.is_empty()
        }
        _ => true,
    }
}
