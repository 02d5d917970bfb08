//! `fields=id,status,profile:(login,email)`: what is asked for, and the id always.

use std::fmt;

use hyper::body::Bytes;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::record::{put, quote};

/// Which fields of a record are wanted.
#[derive(Debug, Default)]
pub(crate) struct Projection {
    top: Vec<String>,
    profile: Vec<String>,
}

impl Projection {
    /// Reads the value of `fields`. `profile` without parentheses is the whole of it, even beside `profile:(…)`.
    pub(crate) fn parse(fields: &str) -> Self {
        let mut projection = Self::default();
        let mut rest = fields;
        while !rest.is_empty() {
            let (item, after) = match rest.strip_prefix("profile:(") {
                Some(inner) => {
                    let (list, after) = inner.split_once(')').unwrap_or((inner, ""));
                    let names = list.split(',').map(|name| name.trim().to_owned());
                    projection.profile.extend(names.filter(|name| !name.is_empty()));
                    ("", after.strip_prefix(',').unwrap_or(after))
                }
                None => rest.split_once(',').unwrap_or((rest, "")),
            };
            if !item.trim().is_empty() {
                projection.top.push(item.trim().to_owned());
            }
            rest = after.trim_start();
        }
        projection
    }

    /// The record with nothing but what is wanted, in its own order; what is no object stays as it is.
    pub(crate) fn cut(&self, record: &Bytes) -> Bytes {
        let mut json = Vec::with_capacity(record.len());
        let copier = Copier { keep: |name: &str| self.keep(name), into: &mut json };
        match serde_json::Deserializer::from_slice(record).deserialize_map(copier) {
            Ok(()) => Bytes::from(json),
            Err(_) => record.clone(),
        }
    }
}

/// What to do with one entry.
enum Keep<'a> {
    Whole,
    /// An object of which only these entries are wanted.
    Part(&'a [String]),
    Nothing,
}

impl Projection {
    fn keep(&self, name: &str) -> Keep<'_> {
        match self.top.iter().any(|top| top == name) || name == "id" {
            true => Keep::Whole,
            false if name == "profile" && !self.profile.is_empty() => Keep::Part(&self.profile),
            false => Keep::Nothing,
        }
    }
}

/// Copies the wanted entries of an object. Whole lists of users pass through here, so the others are only skipped.
struct Copier<'a, K> {
    keep: K,
    into: &'a mut Vec<u8>,
}

impl<'de, 'a, K: Fn(&str) -> Keep<'a>> Visitor<'de> for Copier<'_, K> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        put(self.into, "{");
        let mut first = true;
        while let Some(name) = map.next_key::<String>()? {
            let keep = (self.keep)(&name);
            if let Keep::Nothing = keep {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            put(self.into, if first { "" } else { "," });
            first = false;
            quote(&name, self.into);
            put(self.into, ":");
            match keep {
                Keep::Part(names) => map.next_value_seed(Part { names, into: self.into })?,
                _ => put(self.into, &map.next_value::<Value>()?.to_string()),
            }
        }
        put(self.into, "}");
        Ok(())
    }
}

/// An object within the record, of which only some entries are wanted.
struct Part<'a> {
    names: &'a [String],
    into: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let keep = |name: &str| match self.names.iter().any(|wanted| wanted == name) {
            true => Keep::Whole,
            false => Keep::Nothing,
        };
        deserializer.deserialize_map(Copier { keep, into: self.into })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projection_keeps_the_id_and_the_order() {
        let record = Bytes::from_static(
            br#"{"id":"1","status":"ACTIVE","type":{},"profile":{"login":"a","email":"b","x":1}}"#,
        );
        let cut = |fields: &str| Projection::parse(fields).cut(&record);
        assert_eq!(
            cut("status,profile:(login, x),nothing"),
            r#"{"id":"1","status":"ACTIVE","profile":{"login":"a","x":1}}"#
        );
        assert_eq!(cut("id"), r#"{"id":"1"}"#);
        let whole = r#"{"id":"1","profile":{"email":"b","login":"a","x":1}}"#;
        assert_eq!(cut("profile"), whole);
        assert_eq!(cut("profile:(x),profile"), whole, "the whole profile wins");
        assert_eq!(cut("profile:(none)"), r#"{"id":"1","profile":{}}"#);
    }
}
