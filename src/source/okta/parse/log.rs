//! Entries of the System Log: of what kind, and whom they name.

use compact_str::CompactString;
use serde::Deserialize;

use super::not_okta;

/// One entry, cut to what is wanted of it (Okta Management API, schema `LogEvent`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(in super::super) struct LogEntry {
    /// Such as `user.lifecycle.create`.
    #[serde(rename = "eventType", default)]
    pub(in super::super) kind: CompactString,
    /// Whom and what it is about; Okta says `null` for nobody.
    #[serde(rename = "target", default, deserialize_with = "or_none")]
    pub(in super::super) targets: Vec<LogTarget>,
}

/// Whom or what an entry is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(in super::super) struct LogTarget {
    /// Okta's id.
    #[serde(default)]
    pub(in super::super) id: CompactString,
    /// Such as `User` or `UserGroup`.
    #[serde(rename = "type", default)]
    pub(in super::super) kind: CompactString,
}

fn or_none<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<LogTarget>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a page of `GET /api/v1/logs`. The error is a part of a sentence.
pub(in super::super) fn log(body: &[u8]) -> Result<Vec<LogEntry>, String> {
    serde_json::from_slice(body).map_err(|error| not_okta(body, &error))
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
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[0].kind, "user.lifecycle.create");
        assert_eq!(entries[0].targets, [LogTarget { id: "00u1".into(), kind: "User".into() }]);
        assert!(entries[1].targets.is_empty() && entries[2].targets.is_empty());
        assert_eq!(log(b"[]"), Ok(Vec::new()));
        assert!(log(b"<html>").unwrap_err().contains("web page"));
        assert!(log(br#"{"errorCode": "E0000011"}"#).is_err());
    }
}
