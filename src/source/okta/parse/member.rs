//! Members of a group: only id and status of each user object (RULES 12).

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess};

use super::lenient::Text;
use super::page::{Record, records};
use super::{Broken, Records};
use crate::sync::model::Status;

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct MemberRecord<'a> {
    /// The user's id.
    pub(in super::super) id: Cow<'a, str>,
    /// The status as shown here; [`Status::Unknown`] if absent.
    pub(in super::super) status: Status,
}

/// Reads a page of `GET /api/v1/groups/{id}/users`. The error is a part of a sentence.
pub(in super::super) fn members(body: &[u8]) -> Result<Records<MemberRecord<'_>>, String> {
    records(body, Members)
}

#[derive(Clone, Copy)]
struct Members;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    Id,
    Status,
    #[serde(other)]
    Other,
}

impl<'de> Record<'de> for Members {
    type Value = MemberRecord<'de>;

    fn read<A: MapAccess<'de>>(self, mut fields: A) -> Result<Result<Self::Value, Broken>, A::Error> {
        let (mut id, mut status) = (Text::default(), Text::default());
        while let Some(field) = fields.next_key()? {
            match field {
                Field::Id => id = fields.next_value()?,
                Field::Status => status = fields.next_value()?,
                Field::Other => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        let status = status.0.map_or(Status::Unknown, |name| Status::from_okta(&name));
        Ok(match id.0.filter(|id| !id.is_empty()) {
            Some(id) => Ok(MemberRecord { id, status }),
            None => Err(Broken { id: None, why: "it has no id" }),
        })
    }
}
