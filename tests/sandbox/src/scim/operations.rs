//! PATCH: what its operations ask for (RFC 7644, section 3.5.2).

use serde_json::Value;

use super::answer::{Outcome, Refusal};
use super::dialect::Dialect;
use super::filter::{Filter, Path};
use super::schema::{Attribute, Model, Schema, find};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    Remove,
    Replace,
}

/// An operation on one place.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) verb: Verb,
    pub(super) place: Place,
    /// None where there is no value at all, which is another thing than null.
    pub(super) value: Option<Value>,
}

/// What an operation is about.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// All of an extension.
    Extension(&'static Schema),
    /// An attribute.
    Attribute(Target),
    /// Something that is in no schema.
    Unknown {
        name: String,
        /// False where it was a key of a value without path.
        by_path: bool,
    },
}

/// An attribute as a path names it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The URN that it is under, if it belongs to an extension.
    pub(super) extension: Option<&'static str>,
    pub(super) attribute: &'static Attribute,
    pub(super) filter: Option<Filter>,
    pub(super) part: Option<&'static Attribute>,
}

impl Target {
    /// What is written: the part, or the attribute itself.
    pub(super) fn written(&self) -> &'static Attribute {
        self.part.unwrap_or(self.attribute)
    }
}

/// Reads the operations of a PATCH. An operation without path becomes one for each key of its value.
pub(super) fn read(body: &Value, model: &'static Model, dialect: &Dialect) -> Outcome<Vec<Operation>> {
    let mut operations = Vec::new();
    for operation in list(body, dialect)? {
        let verb = verb(operation, dialect)?;
        let value = operation.get("value").cloned();
        match operation.get("path").filter(|path| !path.is_null()) {
            Some(path) => {
                let path = path.as_str().ok_or_else(|| Refusal::bad("invalidPath", "A path is a string"))?;
                let place = place(path, true, model, dialect)?;
                has_value(verb, value.as_ref())?;
                operations.push(Operation { verb, place, value });
            }
            None => without_path(&mut operations, verb, value, model, dialect)?,
        }
    }
    Ok(operations)
}

/// The operations as they were sent.
pub(super) fn list<'a>(body: &'a Value, dialect: &Dialect) -> Outcome<&'a [Value]> {
    let named = body.get("Operations");
    let lower = || body.get("operations").filter(|_| dialect.lower_case_operations);
    let list = named.or_else(lower).and_then(Value::as_array).filter(|list| !list.is_empty());
    list.map(Vec::as_slice).ok_or_else(|| Refusal::value("Operations holds one or more operations"))
}

fn verb(operation: &Value, dialect: &Dialect) -> Outcome<Verb> {
    let word = operation.get("op").and_then(Value::as_str).unwrap_or_default();
    let form = if dialect.capitalised_operations { word.to_ascii_lowercase() } else { word.to_owned() };
    match form.as_str() {
        "add" => Ok(Verb::Add),
        "remove" => Ok(Verb::Remove),
        "replace" => Ok(Verb::Replace),
        _ => Err(Refusal::value(format!("'{word}' is not a PATCH operation: add, remove or replace"))),
    }
}

fn has_value(verb: Verb, value: Option<&Value>) -> Outcome<()> {
    if verb == Verb::Remove || value.is_some() {
        return Ok(());
    }
    Err(Refusal::value("value is required for add and replace operations"))
}

fn without_path(
    operations: &mut Vec<Operation>,
    verb: Verb,
    value: Option<Value>,
    model: &'static Model,
    dialect: &Dialect,
) -> Outcome<()> {
    if verb == Verb::Remove {
        return Err(Refusal::bad("noTarget", "Remove operation requires a path"));
    }
    has_value(verb, value.as_ref())?;
    let Some(Value::Object(values)) = value else {
        return Err(Refusal::value("the value written to '' must be an object"));
    };
    for (key, value) in values {
        if !key.eq_ignore_ascii_case("schemas") {
            let place = place(&key, false, model, dialect)?;
            operations.push(Operation { verb, place, value: Some(value) });
        }
    }
    Ok(())
}

/// Finds out what a path means, or a key of a value that has none: these may be dotted, or have a filter.
fn place(text: &str, by_path: bool, model: &'static Model, dialect: &Dialect) -> Outcome<Place> {
    if let Some(schema) = model.extension(text) {
        return Ok(Place::Extension(schema));
    }
    let path = Path::read(text).ok_or_else(|| Refusal::bad("invalidPath", format!("'{text}' is no path")))?;
    if path.filter.is_some() && !dialect.filter_paths {
        return Err(Refusal::bad("invalidPath", format!("Filters are not supported in paths: '{text}'")));
    }
    let unknown = Place::Unknown { name: text.to_owned(), by_path };
    let (extension, attribute) = match &path.name.urn {
        Some(urn) if !urn.eq_ignore_ascii_case(model.core.urn) => match model.extension(urn) {
            Some(schema) => (Some(schema.urn), find(&schema.attributes, &path.name.attribute)),
            None => return Ok(unknown),
        },
        _ => (None, model.find(&path.name.attribute)),
    };
    let Some(attribute) = attribute else { return Ok(unknown) };
    let part = match &path.name.part {
        Some(part) => match find(&attribute.parts, part) {
            Some(part) => Some(part),
            None => return Ok(unknown),
        },
        None => None,
    };
    Ok(Place::Attribute(Target { extension, attribute, filter: path.filter, part }))
}

/// Whether a PATCH of a group is about its members, without a closer look: requests are counted by that.
pub(super) fn touches(body: &Value, attribute: &str) -> bool {
    let named = body.get("Operations").or_else(|| body.get("operations")).and_then(Value::as_array);
    let begins = |text: &str| {
        let (name, _) = text.split_once(['[', '.']).unwrap_or((text, ""));
        name.eq_ignore_ascii_case(attribute)
    };
    named.into_iter().flatten().any(|operation| match operation.get("path").and_then(Value::as_str) {
        Some(path) => begins(path),
        None => operation
            .get("value")
            .and_then(Value::as_object)
            .is_some_and(|value| value.keys().any(|key| begins(key))),
    })
}

/// The value of a PATCH that is about this attribute and nothing else.
pub(super) fn only(body: &Value, attribute: &str) -> Option<Value> {
    let named = body.get("Operations").or_else(|| body.get("operations")).and_then(Value::as_array)?;
    let [operation] = named.as_slice() else { return None };
    let value = operation.get("value")?;
    match (operation.get("path").and_then(Value::as_str), value) {
        (Some(path), value) if path.eq_ignore_ascii_case(attribute) => Some(value.clone()),
        (None, Value::Object(values)) if values.len() == 1 => values.get(attribute).cloned(),
        _ => None,
    }
}
