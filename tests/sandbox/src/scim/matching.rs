//! Filters: whether a resource is one that is looked for.

use std::cmp::Ordering;

use serde_json::Value;

use super::answer::{Outcome, Refusal};
use super::dialect::{Dialect, UnknownAttributes};
use super::filter::{Comparison, Filter, Name};
use super::intake::boolean;
use super::schema::{Attribute, Kind, Model, find};

/// Where the attributes of a filter are looked up.
#[derive(Clone, Copy)]
enum Scope<'a> {
    Resource(&'a Model),
    Parts(&'a [Attribute]),
}

/// A filter with the schema that it speaks of.
pub(super) struct Matcher<'a> {
    filter: &'a Filter,
    scope: Scope<'a>,
    dialect: &'a Dialect,
}

impl<'a> Matcher<'a> {
    /// A filter over resources; refused if it names an attribute that is in no schema.
    pub(super) fn resources(filter: &'a Filter, model: &'a Model, dialect: &'a Dialect) -> Outcome<Self> {
        Self { filter, scope: Scope::Resource(model), dialect }.checked()
    }

    /// A filter over the values of an attribute.
    pub(super) fn values(
        filter: &'a Filter,
        attribute: &'a Attribute,
        dialect: &'a Dialect,
    ) -> Outcome<Self> {
        Self { filter, scope: Scope::Parts(&attribute.parts), dialect }.checked()
    }

    fn checked(self) -> Outcome<Self> {
        if self.dialect.unknown_attributes == UnknownAttributes::Refused {
            self.known(self.filter, self.scope)?;
        }
        Ok(self)
    }

    fn known(&self, filter: &Filter, scope: Scope<'_>) -> Outcome<()> {
        match filter {
            Filter::And(left, right) | Filter::Or(left, right) => {
                self.known(left, scope)?;
                self.known(right, scope)
            }
            Filter::Not(inner) => self.known(inner, scope),
            Filter::Compare(name, ..) | Filter::Present(name) => attribute(name, scope).map(drop),
            Filter::Within(name, inner) => self.known(inner, Scope::Parts(&attribute(name, scope)?.parts)),
        }
    }

    /// Whether the filter fits.
    pub(super) fn fits(&self, value: &Value) -> bool {
        self.holds(self.filter, self.scope, value)
    }

    fn holds(&self, filter: &Filter, scope: Scope<'_>, value: &Value) -> bool {
        match filter {
            Filter::And(left, right) => self.holds(left, scope, value) && self.holds(right, scope, value),
            Filter::Or(left, right) => self.holds(left, scope, value) || self.holds(right, scope, value),
            Filter::Not(inner) => !self.holds(inner, scope, value),
            // An empty text is no value here.
            Filter::Present(name) => found(name, value).into_iter().any(|value| value != ""),
            Filter::Within(name, inner) => attribute(name, scope).is_ok_and(|attribute| {
                let scope = Scope::Parts(&attribute.parts);
                entries(name, value).into_iter().any(|entry| self.holds(inner, scope, entry))
            }),
            Filter::Compare(name, comparison, wanted) => {
                self.compares(name, *comparison, wanted, scope, value)
            }
        }
    }

    fn compares(
        &self,
        name: &Name,
        how: Comparison,
        wanted: &Value,
        scope: Scope<'_>,
        value: &Value,
    ) -> bool {
        let Ok(attribute) = attribute(name, scope) else { return false };
        let attribute = find(&attribute.parts, "value").unwrap_or(attribute);
        let found = found(name, value);
        let wanted = match attribute.kind {
            Kind::Boolean => boolean(wanted, self.dialect).map_or(wanted.clone(), Value::Bool),
            _ => wanted.clone(),
        };
        if wanted.is_null() {
            return (how == Comparison::Equal) == found.is_empty();
        }
        let exact = attribute.exact || self.dialect.exact_filters;
        let any = |how| found.iter().any(|value| compare(value, how, &wanted, exact));
        if how == Comparison::NotEqual { !any(Comparison::Equal) } else { any(how) }
    }
}

/// The attribute, or the part of one, that is named.
fn attribute<'a>(name: &Name, scope: Scope<'a>) -> Outcome<&'a Attribute> {
    let unknown =
        || Refusal::bad("invalidFilter", format!("'{}' is not an attribute of the schema", name.text()));
    let whole = match (scope, &name.urn) {
        (Scope::Parts(parts), None) => find(parts, &name.attribute),
        (Scope::Resource(model), None) => model.find(&name.attribute),
        (Scope::Resource(model), Some(urn)) if model.core.urn.eq_ignore_ascii_case(urn) => {
            model.find(&name.attribute)
        }
        (Scope::Resource(model), Some(urn)) => {
            model.extension(urn).and_then(|schema| find(&schema.attributes, &name.attribute))
        }
        (Scope::Parts(_), Some(_)) => None,
    };
    let whole = whole.ok_or_else(unknown)?;
    match &name.part {
        Some(part) => find(&whole.parts, part).ok_or_else(unknown),
        None => Ok(whole),
    }
}

/// Looks a member of an object up, without case.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    object
        .get(name)
        .or_else(|| object.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// The values of an attribute, several of them one by one.
fn entries<'a>(name: &Name, value: &'a Value) -> Vec<&'a Value> {
    // The attributes of the core schema are not under its URN.
    let extended = name.urn.as_ref().and_then(|urn| member(value, urn));
    match member(extended.unwrap_or(value), &name.attribute) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(values)) => values.iter().collect(),
        Some(value) => vec![value],
    }
}

/// The values that are compared: of complex ones, the part that is named, or their `value`.
fn found<'a>(name: &Name, value: &'a Value) -> Vec<&'a Value> {
    let part = name.part.as_deref();
    let entries = entries(name, value).into_iter();
    entries
        .filter_map(|entry| match (entry.is_object(), part) {
            (true, Some(part)) => member(entry, part),
            (true, None) => Some(member(entry, "value").unwrap_or(entry)),
            (false, _) => Some(entry),
        })
        .collect()
}

fn compare(value: &Value, how: Comparison, wanted: &Value, exact: bool) -> bool {
    let (Some(value), Some(wanted)) = (value.as_str(), wanted.as_str()) else {
        return how == Comparison::Equal && value == wanted;
    };
    let form = |text: &str| if exact { text.to_owned() } else { text.to_lowercase() };
    let (value, wanted) = (form(value), form(wanted));
    let order = value.cmp(&wanted);
    match how {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Contains => value.contains(&wanted),
        Comparison::StartsWith => value.starts_with(&wanted),
        Comparison::EndsWith => value.ends_with(&wanted),
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
    }
}
