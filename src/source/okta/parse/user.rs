//! Users, cut to what is wanted of them while they are parsed.

use std::fmt;

use compact_str::CompactString;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::lenient::{Object, Text, visit_other_array, visit_other_scalars};
use super::page::{Record, records, single};
use super::{Broken, Records};
use crate::sync::model::{AttributeValue, SourceId, SourceUser, Status};

/// A user as read.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct UserRecord {
    /// The user, cut to what is wanted.
    pub(in super::super) user: SourceUser,
    /// The name of the status where this version does not know it.
    pub(in super::super) unknown_status: Option<CompactString>,
}

/// Reads a page of `GET /api/v1/users`, keeping what these paths name (sorted, such as `lastLogin`, `profile.login`, or
/// `profile` for the whole profile). The error is a part of a sentence.
pub(in super::super) fn users(body: &[u8], paths: &[CompactString]) -> Result<Records<UserRecord>, String> {
    records(body, Users::keeping(paths))
}

/// Reads the answer of `GET /api/v1/users/{id}`, keeping what these paths name. The error is a part of a sentence.
pub(in super::super) fn user(
    body: &[u8],
    paths: &[CompactString],
) -> Result<Result<UserRecord, Broken>, String> {
    single(body, Users::keeping(paths))
}

/// `profile.login` in the answer of `GET /api/v1/users/{id}`, whatever else is kept of it.
pub(in super::super) fn login(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct User<'a> {
        #[serde(borrow)]
        profile: Object<Login<'a>>,
    }
    #[derive(Deserialize)]
    struct Login<'a> {
        #[serde(borrow)]
        login: Text<'a>,
    }
    let user: User<'_> = serde_json::from_slice(body).ok()?;
    user.profile.0?.login.0.map(Into::into)
}

const PROFILE: &str = "profile";
const IN_PROFILE: &str = "profile.";

/// What is kept of a user: sorted paths, and where among them those of the profile are.
#[derive(Clone, Copy)]
pub(super) struct Users<'n> {
    paths: &'n [CompactString],
    /// The place of the whole profile.
    whole_profile: Option<usize>,
    /// The place of the first path inside the profile.
    in_profile: usize,
    /// How many paths are inside the profile.
    count_in_profile: usize,
}

impl<'n> Users<'n> {
    pub(super) fn keeping(paths: &'n [CompactString]) -> Self {
        let in_profile = paths.partition_point(|path| path.as_str() < IN_PROFILE);
        let count_in_profile =
            paths.iter().skip(in_profile).take_while(|path| path.starts_with(IN_PROFILE)).count();
        let whole_profile = place_of(paths, PROFILE);
        Self { paths, whole_profile, in_profile, count_in_profile }
    }

    fn keeps_profile(&self) -> bool {
        self.whole_profile.is_some() || self.count_in_profile > 0
    }

    /// The paths inside the profile, without its name, and the place of each.
    fn profile_attributes(self) -> impl Iterator<Item = (usize, &'n str)> {
        let paths = self.paths.iter().enumerate().skip(self.in_profile).take(self.count_in_profile);
        paths.filter_map(|(place, path)| Some((place, path.strip_prefix(IN_PROFILE)?)))
    }

    /// The place of an attribute of the profile. Its paths begin alike, so they are sorted by what follows.
    fn place_in_profile(&self, name: &str) -> Option<usize> {
        let paths = self.paths.get(self.in_profile..)?.get(..self.count_in_profile)?;
        let found =
            paths.binary_search_by(|path| path.strip_prefix(IN_PROFILE).unwrap_or_default().cmp(name));
        found.ok().map(|place| self.in_profile + place)
    }
}

fn place_of(paths: &[CompactString], name: &str) -> Option<usize> {
    paths.binary_search_by(|path| path.as_str().cmp(name)).ok()
}

/// A name at the top level of a user.
pub(super) enum Field {
    Id,
    Status,
    Profile,
    /// The place of an attribute that is kept.
    Kept(usize),
    Other,
}

impl<'de> DeserializeSeed<'de> for Users<'_> {
    type Value = Field;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Users<'_> {
    type Value = Field;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an attribute")
    }
    fn visit_str<E>(self, name: &str) -> Result<Field, E> {
        Ok(match name {
            "id" => Field::Id,
            "status" => Field::Status,
            PROFILE => Field::Profile,
            // A path with a dot is one into the profile, whatever a record calls its attributes.
            name if name.contains('.') => Field::Other,
            name => place_of(self.paths, name).map_or(Field::Other, Field::Kept),
        })
    }
}

impl<'de> Record<'de> for Users<'_> {
    type Value = UserRecord;

    fn read<A: MapAccess<'de>>(self, mut fields: A) -> Result<Result<UserRecord, Broken>, A::Error> {
        let (mut id, mut status) = (Text::default(), Text::default());
        let mut values: Box<[AttributeValue]> = self.paths.iter().map(|_| AttributeValue::Absent).collect();
        let mut has_profile = !self.keeps_profile();
        while let Some(field) = fields.next_key_seed(self)? {
            match field {
                Field::Id => id = fields.next_value()?,
                Field::Status => status = fields.next_value()?,
                Field::Profile if self.keeps_profile() => {
                    has_profile = fields.next_value_seed(Profile { wanted: self, values: &mut values })?;
                }
                Field::Kept(place) => {
                    let Attribute(value) = fields.next_value()?;
                    put(&mut values, place, value);
                }
                Field::Profile | Field::Other => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        let Some(id) = id.0.filter(|id| !id.is_empty()) else {
            return Ok(Err(Broken { id: None, why: "it has no id" }));
        };
        if !has_profile {
            return Ok(Err(Broken { id: Some(id.into()), why: "it has no profile" }));
        }
        let name = status.0.unwrap_or_default();
        let status = Status::from_okta(&name);
        let unknown_status = (status == Status::Unknown).then(|| CompactString::from(name.as_ref()));
        let user = SourceUser { id: SourceId(id.into()), status, attributes: values };
        Ok(Ok(UserRecord { user, unknown_status }))
    }
}

fn put(values: &mut [AttributeValue], place: usize, value: AttributeValue) {
    if let Some(slot) = values.get_mut(place) {
        *slot = value;
    }
}

/// The profile object, read into the places of what is kept of it; false if it is no object.
struct Profile<'n, 'v> {
    wanted: Users<'n>,
    values: &'v mut [AttributeValue],
}

impl<'de> DeserializeSeed<'de> for Profile<'_, '_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Profile<'_, '_> {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a profile")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let Self { wanted, values } = self;
        if let Some(place) = wanted.whole_profile {
            let profile = Value::deserialize(MapAccessDeserializer::new(map))?;
            for (place, name) in wanted.profile_attributes() {
                let value = profile.get(name).cloned().map_or(AttributeValue::Absent, attribute);
                put(values, place, value);
            }
            put(values, place, json(profile));
            return Ok(true);
        }
        while let Some(place) = map.next_key_seed(Name { wanted })? {
            match place {
                Some(place) => {
                    let Attribute(value) = map.next_value()?;
                    put(values, place, value);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(true)
    }
    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }
    visit_other_scalars!(false);
    visit_other_array!(false);
}

/// An attribute's name in the profile: its place.
struct Name<'n> {
    wanted: Users<'n>,
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
        Ok(self.wanted.place_in_profile(name))
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

/// A value that was read as JSON, as [`Attribute`] would have read it.
fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Absent,
        Value::String(text) => AttributeValue::Text(text.into()),
        other => json(other),
    }
}

fn json(value: impl Into<Value>) -> AttributeValue {
    AttributeValue::Json(Box::new(value.into()))
}
