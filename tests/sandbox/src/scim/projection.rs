//! `attributes` and `excludedAttributes`: which part of a resource is told (RFC 7644, section 3.9).

use serde_json::{Map, Value};

use super::answer::{Outcome, Refusal};
use super::dialect::Dialect;
use super::intake::Document;
use super::schema::{GROUP, USER};

/// Which attributes a client wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Projection {
    /// All of them.
    #[default]
    All,
    /// Only these.
    Only(Vec<String>),
    /// All but these.
    Without(Vec<String>),
}

/// These are told in any case.
const ALWAYS: [&str; 2] = ["id", "schemas"];

impl Projection {
    /// Reads both parameters.
    pub(super) fn read(only: Option<&str>, without: Option<&str>, dialect: &Dialect) -> Outcome<Self> {
        match (only.map(names), without.map(names)) {
            _ if !dialect.projection => Ok(Self::All),
            (Some(_), Some(_)) => {
                Err(Refusal::value("'attributes' and 'excludedAttributes' are mutually exclusive"))
            }
            (Some(only), None) if !only.is_empty() => Ok(Self::Only(only)),
            (None, Some(without)) if !without.is_empty() => Ok(Self::Without(without)),
            _ => Ok(Self::All),
        }
    }

    /// Whether anything of an attribute is told.
    pub(super) fn shows(&self, attribute: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|name| head(name).eq_ignore_ascii_case(attribute)),
            Self::Without(names) => !names.iter().any(|name| name.eq_ignore_ascii_case(attribute)),
        }
    }

    /// The part of a resource that is told.
    pub(super) fn of(&self, resource: Document) -> Document {
        match self {
            Self::All => resource,
            Self::Only(names) => only(resource, names),
            Self::Without(names) => names.iter().fold(resource, |resource, name| without(resource, name)),
        }
    }
}

/// The names in a parameter, without the URNs of the core schemas.
fn names(text: &str) -> Vec<String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    names
        .map(|name| {
            let core = [USER, GROUP].into_iter().find_map(|urn| name.strip_prefix(urn)?.strip_prefix(':'));
            core.unwrap_or(name).to_owned()
        })
        .collect()
}

/// The name of an attribute, without its part. The dots of a URN are none of a part.
fn head(name: &str) -> &str {
    if name.contains(':') { name } else { name.split_once('.').map_or(name, |(head, _)| head) }
}

/// What follows the name of an attribute: a part after a dot, an attribute of an extension after a colon.
fn rest<'a>(name: &'a str, attribute: &str) -> Option<&'a str> {
    let (head, rest) = name.split_at_checked(attribute.len())?;
    let sign = if attribute.contains(':') { ':' } else { '.' };
    head.eq_ignore_ascii_case(attribute).then(|| rest.strip_prefix(sign)).flatten()
}

fn only(resource: Document, names: &[String]) -> Document {
    let mut shown = Map::new();
    for (attribute, value) in resource {
        let is_whole = ALWAYS.contains(&attribute.as_str())
            || names.iter().any(|name| name.eq_ignore_ascii_case(&attribute));
        let parts: Vec<&str> = names.iter().filter_map(|name| rest(name, &attribute)).collect();
        if is_whole {
            shown.insert(attribute, value);
        } else if !parts.is_empty() {
            let is_named = |part: &str| parts.iter().any(|name| name.eq_ignore_ascii_case(part));
            let value = retain(value, &is_named);
            shown.insert(attribute, value);
        }
    }
    shown
}

fn without(mut resource: Document, name: &str) -> Document {
    let is_meant = |attribute: &String| !ALWAYS.contains(&attribute.as_str());
    let attributes: Vec<String> = resource.keys().filter(|attribute| is_meant(attribute)).cloned().collect();
    for attribute in attributes {
        if attribute.eq_ignore_ascii_case(name) {
            resource.remove(&attribute);
        } else if let Some(part) = rest(name, &attribute)
            && let Some(value) = resource.remove(&attribute)
        {
            let value = retain(value, &|known| !known.eq_ignore_ascii_case(part));
            resource.insert(attribute, value);
        }
    }
    resource
}

/// Keeps some parts of a value, or of each of several.
fn retain(value: Value, keep: &dyn Fn(&str) -> bool) -> Value {
    match value {
        Value::Object(parts) => parts.into_iter().filter(|(part, _)| keep(part)).collect(),
        Value::Array(values) => values.into_iter().map(|value| retain(value, keep)).collect(),
        other => other,
    }
}
