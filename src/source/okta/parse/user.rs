//! Users, cut to the wanted attributes while they are parsed.

use std::fmt;

use compact_str::CompactString;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::lenient::{Text, skip_seq};
use super::page::{Record, records, single};
use super::{Broken, Records};
use crate::sync::model::{AttributeValue, SourceId, SourceUser, Status};

/// A user as read.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct UserRecord {
    /// The user, cut to the wanted attributes.
    pub(in super::super) user: SourceUser,
    /// The name of the status where this version does not know it.
    pub(in super::super) unknown_status: Option<CompactString>,
}

/// Reads a page of `GET /api/v1/users`, keeping the attributes of these names (sorted). The error is a part of a sentence.
pub(in super::super) fn users(body: &[u8], wanted: &[CompactString]) -> Result<Records<UserRecord>, String> {
    records(body, Users { wanted })
}

/// Reads the answer of `GET /api/v1/users/{id}`. The error is a part of a sentence.
pub(in super::super) fn user(
    body: &[u8],
    wanted: &[CompactString],
) -> Result<Result<UserRecord, Broken>, String> {
    single(body, Users { wanted })
}

#[derive(Clone, Copy)]
struct Users<'n> {
    wanted: &'n [CompactString],
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    Id,
    Status,
    Profile,
    #[serde(other)]
    Other,
}

impl<'de> Record<'de> for Users<'_> {
    type Value = UserRecord;

    fn read<A: MapAccess<'de>>(self, mut fields: A) -> Result<Result<UserRecord, Broken>, A::Error> {
        let (mut id, mut status, mut attributes) = (Text::default(), Text::default(), None);
        while let Some(field) = fields.next_key()? {
            match field {
                Field::Id => id = fields.next_value()?,
                Field::Status => status = fields.next_value()?,
                Field::Profile => attributes = fields.next_value_seed(Profile { wanted: self.wanted })?,
                Field::Other => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        let Some(id) = id.0.filter(|id| !id.is_empty()) else {
            return Ok(Err(Broken { id: None, why: "it has no id" }));
        };
        let Some(attributes) = attributes else {
            return Ok(Err(Broken { id: Some(id.into()), why: "it has no profile" }));
        };
        let name = status.0.unwrap_or_default();
        let status = Status::from_okta(&name);
        let unknown_status = (status == Status::Unknown).then(|| CompactString::from(name.as_ref()));
        let user = SourceUser { id: SourceId(id.into()), status, attributes };
        Ok(Ok(UserRecord { user, unknown_status }))
    }
}

/// The profile object: one value for each wanted name; None if it is no object.
struct Profile<'n> {
    wanted: &'n [CompactString],
}

impl<'de> DeserializeSeed<'de> for Profile<'_> {
    type Value = Option<Box<[AttributeValue]>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Profile<'_> {
    type Value = Option<Box<[AttributeValue]>>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a profile")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values: Box<[AttributeValue]> = self.wanted.iter().map(|_| AttributeValue::Absent).collect();
        while let Some(place) = map.next_key_seed(Name { wanted: self.wanted })? {
            match place.and_then(|place| values.get_mut(place)) {
                Some(value) => *value = map.next_value::<Attribute>()?.0,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Some(values))
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Self::Value, A::Error> {
        skip_seq(array)?;
        Ok(None)
    }
}

/// An attribute's name: its place among the wanted ones.
struct Name<'n> {
    wanted: &'n [CompactString],
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an attribute")
    }
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.wanted.binary_search_by(|wanted| wanted.as_str().cmp(name)).ok())
    }
}

/// An attribute's value. Text, by far the most frequent, is kept without going through a JSON value.
struct Attribute(AttributeValue);

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AttributeVisitor).map(Self)
    }
}

struct AttributeVisitor;

impl<'de> Visitor<'de> for AttributeVisitor {
    type Value = AttributeValue;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value of an attribute")
    }
    fn visit_str<E>(self, text: &str) -> Result<AttributeValue, E> {
        Ok(AttributeValue::Text(text.into()))
    }
    fn visit_unit<E>(self) -> Result<AttributeValue, E> {
        Ok(AttributeValue::Absent)
    }
    fn visit_bool<E>(self, value: bool) -> Result<AttributeValue, E> {
        Ok(json(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<AttributeValue, E> {
        Ok(json(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<AttributeValue, E> {
        Ok(json(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<AttributeValue, E> {
        Ok(json(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<AttributeValue, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(array)).map(json)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AttributeValue, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(map)).map(json)
    }
}

fn json(value: impl Into<Value>) -> AttributeValue {
    AttributeValue::Json(Box::new(value.into()))
}
