//! What is assigned to an application: users with their user object, or users and groups by id alone.

use std::borrow::Cow;
use std::fmt;

use compact_str::CompactString;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::lenient::{Text, visit_other_array, visit_other_scalars};
use super::page::{Record, RecordSeed, records, single};
use super::user::{UserRecord, Users};
use super::{Broken, Records, members};

/// Reads a page of `GET /api/v1/apps/{id}/users?expand=user`: the embedded users, cut to what these paths name (sorted).
/// An assignment bears the id of its user (Okta Management API, schema `AppUser`). The error is a part of a sentence.
pub(in super::super) fn app_users(
    body: &[u8],
    paths: &[CompactString],
) -> Result<Records<UserRecord>, String> {
    records(body, Assignments { users: Users::keeping(paths) })
}

/// Reads the answer of `GET /api/v1/apps/{id}/users/{userId}?expand=user`. The error is a part of a sentence.
pub(in super::super) fn app_user(
    body: &[u8],
    paths: &[CompactString],
) -> Result<Result<UserRecord, Broken>, String> {
    single(body, Assignments { users: Users::keeping(paths) })
}

/// Reads the ids of a page, whatever its records are. The error is a part of a sentence.
pub(in super::super) fn ids(body: &[u8]) -> Result<Records<Cow<'_, str>>, String> {
    members(body).map(|page| page.into_iter().map(|record| record.map(|record| record.id)).collect())
}

/// Reads the id of a single record. The error is a part of a sentence.
pub(in super::super) fn only_id(body: &[u8]) -> Result<CompactString, String> {
    #[derive(Deserialize)]
    struct OnlyId {
        id: CompactString,
    }
    let record: OnlyId = serde_json::from_slice(body).map_err(|error| super::not_okta(body, &error))?;
    Ok(record.id)
}

#[derive(Clone, Copy)]
struct Assignments<'n> {
    users: Users<'n>,
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Field {
    #[serde(rename = "id")]
    Id,
    #[serde(rename = "_embedded")]
    Embedded,
    #[serde(other)]
    Other,
}

impl<'de> Record<'de> for Assignments<'_> {
    type Value = UserRecord;

    fn read<A: MapAccess<'de>>(self, mut fields: A) -> Result<Result<UserRecord, Broken>, A::Error> {
        let (mut id, mut user) = (Text::default(), None);
        while let Some(field) = fields.next_key()? {
            match field {
                Field::Id => id = fields.next_value()?,
                Field::Embedded => user = fields.next_value_seed(Embedded { users: self.users })?,
                Field::Other => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        let Some(id) = id.0.filter(|id| !id.is_empty()) else {
            return Ok(Err(Broken { id: None, why: "it has no id" }));
        };
        let broken = |why| Err(Broken { id: Some(CompactString::from(id.as_ref())), why });
        Ok(match user {
            Some(Ok(record)) if record.user.id.0 == id => Ok(record),
            Some(Ok(_)) => broken("the user that came with the assignment has another id"),
            Some(Err(Broken { why, .. })) => broken(why),
            None => broken("the assignment to the application came without its user"),
        })
    }
}

/// The `_embedded` object of an assignment: its user, or none.
struct Embedded<'n> {
    users: Users<'n>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum EmbeddedField {
    User,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for Embedded<'_> {
    type Value = Option<Result<UserRecord, Broken>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Embedded<'_> {
    type Value = Option<Result<UserRecord, Broken>>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("embedded resources")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut user = None;
        while let Some(field) = map.next_key()? {
            match field {
                EmbeddedField::User => user = Some(map.next_value_seed(RecordSeed(self.users))?),
                EmbeddedField::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(user)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    visit_other_scalars!(None);
    visit_other_array!(None);
}
