//! What a webhook is told. Pure.
//!
//! Webhooks lead to chat rooms, so no name of a person is in it: neither whom a hold concerns nor what a finding is about.
//! Names of connectors and groups are, and what a source answered when it could not be read.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::config::model::Event;
use crate::sync::report::{
    Cause, Counts, FORMAT_VERSION, HoldKind, HoldSummary, NotProven, Outcome, Report, Trigger,
};

/// How many holds, and how many lists that were not proven, are in a document: receivers take a few hundred KiB at most, and
/// an org has thousands of groups.
const MOST_LISTED: usize = 100;

/// The body of a request.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    format_version: u32,
    /// The same in every try of one delivery.
    delivery: &'a str,
    event: &'static str,
    connector: &'a str,
    run: u64,
    trigger: Trigger,
    outcome: Outcome,
    apply: bool,
    started: DateTime<Utc>,
    ended: DateTime<Utc>,
    error: Option<&'a str>,
    counts: Counts,
    findings: usize,
    /// The first [`MOST_LISTED`], the fresh ones before the others.
    holds: Vec<Hold<'a>>,
    holds_total: usize,
    /// The first [`MOST_LISTED`].
    not_proven: &'a [NotProven],
    not_proven_total: usize,
}

#[derive(Debug, Serialize)]
struct Hold<'a> {
    id: Option<u64>,
    fresh: bool,
    kind: HoldKind,
    group: Option<&'a str>,
    count: u64,
    allowed: u64,
    base: u64,
    reason: &'a str,
    cause: Option<&'a Cause>,
}

impl<'a> Document<'a> {
    /// About `report`, to be told as the delivery of that id.
    pub(super) fn new(delivery: &'a str, event: Event, report: &'a Report) -> Self {
        let mut holds: Vec<&HoldSummary> = report.holds.iter().collect();
        holds.sort_by_key(|hold| !hold.fresh);
        Self {
            format_version: FORMAT_VERSION,
            delivery,
            event: event.as_str(),
            connector: &report.connector,
            run: report.run,
            trigger: report.trigger,
            outcome: report.outcome,
            apply: report.apply,
            started: report.started,
            ended: report.ended,
            error: report.error.as_deref(),
            counts: report.counts,
            findings: report.findings.len(),
            holds: holds.into_iter().take(MOST_LISTED).map(Hold::new).collect(),
            holds_total: report.holds.len(),
            not_proven: &report.not_proven[..report.not_proven.len().min(MOST_LISTED)],
            not_proven_total: report.not_proven.len(),
        }
    }
}

impl<'a> Hold<'a> {
    fn new(hold: &'a HoldSummary) -> Self {
        // Named one by one, so that a name that is added to a hold does not come here by itself.
        let HoldSummary { id, fresh, cause, kind, group, count, allowed, base, reason, names: _ } = hold;
        Self {
            id: *id,
            fresh: *fresh,
            kind: *kind,
            group: group.as_deref(),
            count: *count,
            allowed: *allowed,
            base: *base,
            reason,
            cause: cause.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::notify::testing::{hold, report};
    use crate::sync::model::{Finding, FindingKind};

    fn document(report: &Report) -> Value {
        serde_json::to_value(Document::new("d1", Event::Held, report)).unwrap()
    }

    #[test]
    fn everything_but_names_is_in_it() {
        let mut report = report(Outcome::Held);
        let cause = Cause { file: "connectors.d/acme.yaml".to_owned(), from_file: 20, from_source: 10 };
        report.holds = vec![HoldSummary { cause: Some(cause), names: vec!["anna".into()], ..hold(true) }];
        report.findings =
            vec![Finding::new(FindingKind::NameCollision, "anna", "two users want the name anna")];
        let reason = "the answer was cut off".to_owned();
        report.not_proven = vec![NotProven {
            list: "members of staff".to_owned(),
            reason,
            removals_left_out: 2,
            left_out: Vec::new(),
        }];
        report.waiting = vec![crate::sync::report::Waiting { username: "anna".into(), until: report.ended }];
        let document = document(&report);
        let counts = serde_json::to_value(report.counts).unwrap();
        assert_eq!(
            document,
            json!({
                "format_version": 1,
                "delivery": "d1",
                "event": "held",
                "connector": "acme",
                "run": 7,
                "trigger": "cron",
                "outcome": "held",
                "apply": true,
                "started": "2026-11-23T03:00:00Z",
                "ended": "2026-11-23T03:00:42Z",
                "error": null,
                "counts": counts,
                "findings": 1,
                "holds": [{
                    "id": 5,
                    "fresh": true,
                    "kind": "leavers",
                    "group": null,
                    "count": 30,
                    "allowed": 10,
                    "base": 100,
                    "reason": "30 of 100 would go",
                    "cause": { "file": "connectors.d/acme.yaml", "from_file": 20, "from_source": 10 },
                }],
                "holds_total": 1,
                "not_proven": [{
                    "list": "members of staff", "reason": "the answer was cut off", "removals_left_out": 2,
                }],
                "not_proven_total": 1,
            })
        );
        assert!(serde_json::to_string(&report).unwrap().contains("anna"), "the report itself has names");
        assert!(!document.to_string().contains("anna"));
    }

    #[test]
    fn long_lists_are_cut_and_what_is_new_comes_first() {
        let mut report = report(Outcome::Held);
        report.holds =
            (0..150).map(|number| HoldSummary { id: Some(number), ..hold(number == 149) }).collect();
        let list = NotProven {
            list: "users".to_owned(),
            reason: String::new(),
            removals_left_out: 0,
            left_out: Vec::new(),
        };
        report.not_proven = vec![list; 101];
        let document = document(&report);
        let (holds, lists) = (&document["holds"], &document["not_proven"]);
        assert_eq!((holds.as_array().unwrap().len(), lists.as_array().unwrap().len()), (100, 100));
        assert_eq!((&holds[0]["id"], &holds[1]["id"]), (&json!(149), &json!(0)));
        assert_eq!((&document["holds_total"], &document["not_proven_total"]), (&json!(150), &json!(101)));
    }
}
