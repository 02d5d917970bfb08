//! Groups with their name, description, type and count of members.

use compact_str::CompactString;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess};

use super::lenient::{Count, Object, Text};
use super::page::{Record, records, single};
use super::{Broken, Records};
use crate::sync::model::SourceId;

/// A group as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct GroupRecord {
    /// Okta's id.
    pub(in super::super) id: SourceId,
    /// `profile.name`.
    pub(in super::super) name: CompactString,
    /// `profile.description`; empty if there is none.
    pub(in super::super) description: CompactString,
    /// Okta's built-in `Everyone`.
    pub(in super::super) everyone: bool,
    /// `_embedded.stats.usersCount`, if it was sent.
    pub(in super::super) users_count: Option<u64>,
    /// `lastMembershipUpdated`, as sent; empty if it was not.
    pub(in super::super) members_changed: CompactString,
    /// `lastUpdated`, as sent; empty if it was not.
    pub(in super::super) changed: CompactString,
}

/// Reads a page of `GET /api/v1/groups`. The error is a part of a sentence.
pub(in super::super) fn groups(body: &[u8]) -> Result<Records<GroupRecord>, String> {
    records(body, Groups)
}

/// Reads the answer of `GET /api/v1/groups/{id}`. The error is a part of a sentence.
pub(in super::super) fn group(body: &[u8]) -> Result<Result<GroupRecord, Broken>, String> {
    single(body, Groups)
}

#[derive(Clone, Copy)]
struct Groups;

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Field {
    #[serde(rename = "id")]
    Id,
    #[serde(rename = "type")]
    Type,
    #[serde(rename = "profile")]
    Profile,
    #[serde(rename = "_embedded")]
    Embedded,
    #[serde(rename = "lastMembershipUpdated")]
    LastMembershipUpdated,
    #[serde(rename = "lastUpdated")]
    LastUpdated,
    #[serde(other)]
    Other,
}

#[derive(Default, Deserialize)]
struct Profile<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    description: Text<'a>,
}

#[derive(Default, Deserialize)]
struct Embedded {
    #[serde(default)]
    stats: Object<Stats>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    #[serde(default)]
    users_count: Count,
}

impl<'de> Record<'de> for Groups {
    type Value = GroupRecord;

    fn read<A: MapAccess<'de>>(self, mut fields: A) -> Result<Result<GroupRecord, Broken>, A::Error> {
        let (mut id, mut kind) = (Text::default(), Text::default());
        let (mut members_changed, mut changed) = (Text::default(), Text::default());
        let (mut profile, mut embedded) = (Object::<Profile<'de>>::default(), Object::<Embedded>::default());
        while let Some(field) = fields.next_key()? {
            match field {
                Field::Id => id = fields.next_value()?,
                Field::Type => kind = fields.next_value()?,
                Field::Profile => profile = fields.next_value()?,
                Field::Embedded => embedded = fields.next_value()?,
                Field::LastMembershipUpdated => members_changed = fields.next_value()?,
                Field::LastUpdated => changed = fields.next_value()?,
                Field::Other => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        let Some(id) = id.0.filter(|id| !id.is_empty()) else {
            return Ok(Err(Broken { id: None, why: "it has no id" }));
        };
        let id = CompactString::from(id);
        let profile = profile.0.unwrap_or_default();
        let Some(name) = profile.name.0.filter(|name| !name.trim().is_empty()) else {
            return Ok(Err(Broken { id: Some(id), why: "it has no name" }));
        };
        let everyone = kind.0.is_some_and(|kind| kind == "BUILT_IN") && name == "Everyone";
        let users_count =
            embedded.0.and_then(|embedded| embedded.stats.0).and_then(|stats| stats.users_count.0);
        let description = profile.description.0.unwrap_or_default().into();
        let [members_changed, changed] =
            [members_changed, changed].map(|stamp| CompactString::from(stamp.0.unwrap_or_default()));
        let (id, name) = (SourceId(id), name.into());
        Ok(Ok(GroupRecord { id, name, description, everyone, users_count, members_changed, changed }))
    }
}
