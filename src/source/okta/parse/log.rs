//! Entries of the System Log: of what kind, and whom they name.

use compact_str::CompactString;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess};

use super::lenient::{List, Object, Text};
use super::page::{Record, records};
use super::{Broken, Records};

/// One entry, cut to what is wanted of it (Okta Management API, schema `LogEvent`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct LogEntry {
    /// Such as `user.lifecycle.create`.
    pub(in super::super) kind: CompactString,
    /// Whom and what it is about; Okta says `null` for nobody.
    pub(in super::super) targets: Vec<LogTarget>,
}

/// Whom or what an entry is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct LogTarget {
    /// Okta's id.
    pub(in super::super) id: CompactString,
    /// Such as `User` or `UserGroup`.
    pub(in super::super) kind: CompactString,
}

/// Reads a page of `GET /api/v1/logs`. The error is a part of a sentence.
pub(in super::super) fn log(body: &[u8]) -> Result<Records<LogEntry>, String> {
    records(body, Entries)
}

#[derive(Clone, Copy)]
struct Entries;

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Field {
    #[serde(rename = "eventType")]
    EventType,
    #[serde(rename = "target")]
    Target,
    #[serde(other)]
    Other,
}

#[derive(Default, Deserialize)]
struct Target<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
}

impl<'de> Record<'de> for Entries {
    type Value = LogEntry;

    fn read<A: MapAccess<'de>>(self, mut fields: A) -> Result<Result<LogEntry, Broken>, A::Error> {
        let (mut kind, mut targets) = (Text::default(), List::<Object<Target<'de>>>::default());
        while let Some(field) = fields.next_key()? {
            match field {
                Field::EventType => kind = fields.next_value()?,
                Field::Target => targets = fields.next_value()?,
                Field::Other => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        let Some(kind) = kind.0 else {
            return Ok(Err(Broken { id: None, why: "it does not say what happened" }));
        };
        let target = |target: Object<Target<'de>>| {
            let Target { id, kind } = target.0?;
            let id = id.0.filter(|id| !id.is_empty())?.into();
            Some(LogTarget { id, kind: kind.0.unwrap_or_default().into() })
        };
        Ok(Ok(LogEntry { kind: kind.into(), targets: targets.0.into_iter().filter_map(target).collect() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_cut_to_their_kind_and_whom_they_name() {
        let body = br#"[
            {"uuid": "1", "eventType": "user.lifecycle.create", "actor": {"id": "00uadmin", "type": "User"},
             "target": [{"id": "00u1", "type": "User", "alternateId": "x", "displayName": null, "detailEntry": null}]},
            {"uuid": "2", "eventType": "user.session.start", "target": null},
            {"uuid": "3"}
        ]"#;
        let entries = log(body).unwrap();
        assert_eq!(entries[2], Err(Broken { id: None, why: "it does not say what happened" }));
        let entries: Vec<LogEntry> = entries.into_iter().flatten().collect();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].kind, "user.lifecycle.create");
        assert_eq!(entries[0].targets, [LogTarget { id: "00u1".into(), kind: "User".into() }]);
        assert!(entries[1].targets.is_empty());
        assert_eq!(log(b"[]"), Ok(Vec::new()));
        assert!(log(b"<html>").unwrap_err().contains("web page"));
        assert!(log(br#"{"errorCode": "E0000011"}"#).is_err());
    }
    /// Law 4: what cannot be read of one entry keeps none of the others from being read.
    #[test]
    fn an_odd_entry_is_lost_alone() {
        let odd = [
            "null",
            "7",
            "[]",
            r#"{"eventType": null, "target": [{"id": "00u9", "type": "User"}]}"#,
            r#"{"eventType": 7}"#,
            r#"{"eventType": "\ud800"}"#,
        ];
        let named = [
            r#"{"eventType": "user.lifecycle.create", "target": {"id": "00u9"}}"#,
            r#"{"eventType": "user.lifecycle.create", "target": [null, 7, {"id": null, "type": "User"}, {"id": "", "type": "User"}]}"#,
        ];
        let good = r#"{"eventType": "user.lifecycle.create", "target": [{"id": "00u1", "type": null}]}"#;
        let good_entry = LogEntry {
            kind: "user.lifecycle.create".into(),
            targets: vec![LogTarget { id: "00u1".into(), kind: "".into() }],
        };
        for text in odd {
            let entries = log(format!("[{text}, {good}]").as_bytes()).unwrap();
            assert!(entries[0].is_err(), "{text}: {entries:?}");
            assert_eq!(entries[1], Ok(good_entry.clone()), "{text}");
        }
        for text in named {
            let entries = log(format!("[{text}, {good}]").as_bytes()).unwrap();
            assert_eq!(entries[0].as_ref().unwrap().targets, [], "{text}");
            assert_eq!(entries[1], Ok(good_entry.clone()), "{text}");
        }
    }
}
