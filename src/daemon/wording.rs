//! Sentences about runs and connectors, for the log and for systemd's status line.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::machine::{MOST_WAITING, Refusal};
use crate::config::diagnostic::Diagnostic;
use crate::control::api::{ConnectorState, ConnectorStatus, TokenStatus};
use crate::control::fault::Fault;
use crate::sync::engine::{RunTicket, UserRequest};
use crate::sync::report::{KindCounts, Report};

/// That an API token will lapse, or has lapsed: when, why, and what to do.
pub(super) fn token_lapses(connector: &str, token: &TokenStatus, now: DateTime<Utc>) -> String {
    let (used, lapses) = (minute(token.last_used), minute(token.lapses_at));
    let why = token.why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
    let service_app =
        "or sign in as a service app, whose key does not lapse (/usr/share/doc/usersyncd/okta.md)";
    if now >= token.lapses_at {
        return format!(
            "the API token was last used on {used}, so Okta dropped it on {lapses}, unless something else used it{why}. \
             `usersyncd ctl plan {connector}` shows whether it works; if not, make a new one in Okta, {service_app}"
        );
    }
    format!(
        "the API token will lapse on {lapses}, 30 days after its last use, unless something else uses it before{why}. \
         Use it once before then, as `usersyncd ctl plan {connector}` does, run at least every four weeks, {service_app}"
    )
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// How a run ended: `success in 12 s: users 12 created, 3 disabled; memberships 40 created; 5 findings`.
pub(super) fn finished(report: &Report) -> String {
    let took = duration((report.ended - report.started).to_std().unwrap_or_default());
    let mut parts = Vec::new();
    let counts = &report.counts;
    for (kind, counts) in
        [("users", &counts.users), ("groups", &counts.groups), ("memberships", &counts.memberships)]
    {
        let changes = changes(counts);
        if !changes.is_empty() {
            parts.push(format!("{kind} {}", changes.join(", ")));
        }
    }
    if parts.is_empty() && report.error.is_none() {
        parts.push("nothing to change".to_owned());
    }
    if !report.apply && report.error.is_none() {
        parts.insert(0, "apply is off, so nothing was written; a sync would do this".to_owned());
    }
    if !report.not_proven.is_empty() {
        parts.push(format!("{} not proven", count(report.not_proven.len(), "list")));
    }
    if !report.findings.is_empty() {
        parts.push(count(report.findings.len(), "finding"));
    }
    if report.adopted > 0 {
        parts.push(format!("{} adopted", report.adopted));
    }
    if report.in_grace > 0 {
        parts.push(format!(
            "{} in grace",
            count(usize::try_from(report.in_grace).unwrap_or(usize::MAX), "leaver")
        ));
    }
    let outcome = report.outcome.as_str();
    let mut line = format!("{outcome} in {took}");
    if let Some(user) = &report.user {
        line.push_str(&format!(", user {user} only"));
    }
    if let Some(error) = &report.error {
        line = format!("{line}: {error}");
        if !parts.is_empty() {
            line = format!("{line} ({})", parts.join("; "));
        }
        return line;
    }
    format!("{line}: {}", parts.join("; "))
}

fn changes(counts: &KindCounts) -> Vec<String> {
    [
        (counts.created, "created"),
        (counts.updated, "updated"),
        (counts.disabled, "disabled"),
        (counts.deleted, "deleted"),
        (counts.failed, "failed"),
        (counts.held, "held"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{number} {what}"))
    .collect()
}

/// What started a run, and whom it is limited to: `manual`, `manual, user anna@example.com only`.
pub(super) fn extent(ticket: &RunTicket) -> String {
    let trigger = ticket.trigger.as_str();
    match &ticket.user {
        None => trigger.to_owned(),
        Some(UserRequest { login, restore: false }) => format!("{trigger}, user {login} only"),
        Some(UserRequest { login, restore: true }) => format!("{trigger}, user {login} only, restore"),
    }
}

/// `the sync that waited was`, `the 3 syncs that waited were`.
pub(super) fn waited(syncs: usize) -> String {
    match syncs {
        1 => "the sync that waited was".to_owned(),
        _ => format!("the {syncs} syncs that waited were"),
    }
}

/// `1 finding`, `2 findings`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Why a request was turned away, and what to do.
pub(super) fn refused(name: &str, refusal: Refusal, config_error: Option<&str>) -> Fault {
    Fault::conflict(match refusal {
        Refusal::Paused => format!(
            "{name} is paused, so it does not sync; `usersyncd ctl resume {name}` ends the pause, and `usersyncd ctl plan \
             {name}` works meanwhile"
        ),
        Refusal::NotRunnable => format!(
            "{name} does not run, since its file is broken and no good version of it was seen since the daemon started; \
             correct it, and it is taken over within seconds:\n{}",
            config_error.unwrap_or("(no diagnostics)")
        ),
        Refusal::Removed => format!(
            "the file of {name} is gone, so it does not run any more; nothing was changed in its target. Put the file \
             back, or give its ledger to a renamed file with `usersyncd ctl rename {name} NEW`"
        ),
        Refusal::Stopping => {
            "the daemon is shutting down; nothing was begun. Ask again when it is back".to_owned()
        }
        Refusal::Busy => format!(
            "{name} is busy, and its ledger is changed only while nothing runs; wait until it is idle, or stop it with \
             `usersyncd ctl cancel {name}`"
        ),
        Refusal::Full => format!(
            "{MOST_WAITING} requests of {name} wait already, and this one was not taken; ask again when some have ended, or \
             sync everybody with `usersyncd ctl sync {name}`"
        ),
        Refusal::Cancelled => {
            format!("cancelled while it waited in the queue of {name}; nothing was changed")
        }
    })
}

/// A diagnostic in one line, for the log.
pub(super) fn diagnostic(diagnostic: &Diagnostic) -> String {
    let place = diagnostic.file.display();
    let place = if diagnostic.line == 0 {
        place.to_string()
    } else {
        format!("{place}:{}:{}", diagnostic.line, diagnostic.column)
    };
    let advice = diagnostic.advice.as_deref().map(|advice| format!(" {advice}")).unwrap_or_default();
    format!("{place}: {}{advice}", diagnostic.message)
}

/// Diagnostics as `usersyncd check` prints them.
pub(super) fn diagnostics(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| diagnostic.render(false)).collect::<Vec<_>>().join("\n")
}

/// The line that `systemctl status` shows: `3 connectors, 1 config error, next acme 03:00 UTC`.
pub(super) fn status_line(connectors: &[ConnectorStatus], now: DateTime<Utc>, stopping: bool) -> String {
    let number = |state| connectors.iter().filter(|connector| connector.state == state).count();
    let mut parts = vec![count(connectors.len(), "connector")];
    if stopping {
        parts.insert(0, "stopping".to_owned());
    }
    for (state, what) in [
        (ConnectorState::Running, "running"),
        (ConnectorState::Failing, "failing"),
        (ConnectorState::Held, "held"),
        (ConnectorState::Paused, "paused"),
    ] {
        if number(state) > 0 {
            parts.push(format!("{} {what}", number(state)));
        }
    }
    if number(ConnectorState::ConfigError) > 0 {
        parts.push(count(number(ConnectorState::ConfigError), "config error"));
    }
    let next = connectors.iter().filter_map(|connector| Some((connector.next_run?, &connector.name))).min();
    if let (Some((at, name)), false) = (next, stopping) {
        let form = if at - now < TimeDelta::hours(20) { "%H:%M UTC" } else { "%Y-%m-%d %H:%M UTC" };
        parts.push(format!("next {name} {}", at.format(form)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::api::ErrorKind;
    use crate::sync::engine::failed_report;
    use crate::sync::model::{Finding, FindingKind};
    use crate::sync::report::Outcome;
    use crate::sync::report::{Managed, Trigger};

    fn report(error: &str) -> Report {
        let started = DateTime::UNIX_EPOCH;
        let ticket = RunTicket { run: 1, trigger: Trigger::Cron, user: None, kept: None, started };
        failed_report("acme", &ticket, started + TimeDelta::seconds(12), error.to_owned())
    }

    fn good() -> Report {
        Report { outcome: Outcome::Success, error: None, ..report("") }
    }

    #[test]
    fn how_a_run_ended_is_a_line_that_a_person_reads() {
        let mut report = good();
        assert_eq!(finished(&report), "success in 12 s: nothing to change");
        report.counts.users.created = 12;
        report.counts.users.disabled = 3;
        report.counts.memberships.created = 40;
        report.counts.users.unchanged = 9000;
        report.findings.push(Finding::new(FindingKind::InvalidName, "a", "b"));
        assert_eq!(
            finished(&report),
            "success in 12 s: users 12 created, 3 disabled; memberships 40 created; 1 finding"
        );
        (report.adopted, report.in_grace, report.user) = (2, 1, Some("anna".to_owned()));
        assert_eq!(
            finished(&report),
            "success in 12 s, user anna only: users 12 created, 3 disabled; memberships 40 created; 1 finding; \
             2 adopted; 1 leaver in grace"
        );
    }

    #[test]
    fn a_failure_says_why_first() {
        assert_eq!(
            finished(&super::tests::report("Okta refused the token")),
            "failed in 12 s: Okta refused the token"
        );
        let mut report = report("cancelled by uid 0");
        report.outcome = Outcome::Cancelled;
        report.counts.users.created = 2;
        assert_eq!(finished(&report), "cancelled in 12 s: cancelled by uid 0 (users 2 created)");
    }

    #[test]
    fn the_log_says_whom_a_run_is_limited_to() {
        let mut ticket = RunTicket {
            run: 1,
            trigger: Trigger::Manual,
            user: None,
            kept: None,
            started: DateTime::UNIX_EPOCH,
        };
        assert_eq!(extent(&ticket), "manual");
        ticket.user = Some(UserRequest { login: "anna".to_owned(), restore: false });
        assert_eq!(extent(&ticket), "manual, user anna only");
        ticket.user = Some(UserRequest { login: "anna".to_owned(), restore: true });
        assert_eq!(extent(&ticket), "manual, user anna only, restore");
    }

    #[test]
    fn durations_are_short() {
        let texts = [0.04, 9.96, 12.9, 185.0, 7800.0].map(|s| duration(Duration::from_secs_f64(s)));
        assert_eq!(texts, ["0.0 s", "10.0 s", "12 s", "3 min 5 s", "2 h 10 min"]);
    }

    fn status(name: &str, state: ConnectorState, next_run: Option<DateTime<Utc>>) -> ConnectorStatus {
        ConnectorStatus {
            pause_reason: None,
            name: name.to_owned(),
            state,
            runnable: true,
            source: None,
            target: None,
            schedule: None,
            apply: true,
            next_run,
            incremental: None,
            token: None,
            queued: false,
            waiting: 0,
            current: None,
            last_run: None,
            last_success: None,
            managed: Managed::default(),
            config_error: None,
        }
    }

    #[test]
    fn a_token_that_lapses_says_when_why_and_what_to_do() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let token = TokenStatus {
            last_used: at("2026-11-28T06:00:00Z"),
            lapses_at: at("2026-12-28T06:00:00Z"),
            next_use: None,
            will_lapse: true,
            why: Some("the connector is paused".to_owned()),
        };
        insta::assert_snapshot!(
            token_lapses("acme", &token, at("2026-12-28T05:59:59Z")),
            @"the API token will lapse on 2026-12-28 06:00 UTC, 30 days after its last use, unless something else uses it before: the connector is paused. Use it once before then, as `usersyncd ctl plan acme` does, run at least every four weeks, or sign in as a service app, whose key does not lapse (/usr/share/doc/usersyncd/okta.md)"
        );
        insta::assert_snapshot!(
            token_lapses("acme", &token, token.lapses_at),
            @"the API token was last used on 2026-11-28 06:00 UTC, so Okta dropped it on 2026-12-28 06:00 UTC, unless something else used it: the connector is paused. `usersyncd ctl plan acme` shows whether it works; if not, make a new one in Okta, or sign in as a service app, whose key does not lapse (/usr/share/doc/usersyncd/okta.md)"
        );
    }

    #[test]
    fn the_status_line_names_what_is_wrong_and_who_is_next() {
        let now = DateTime::UNIX_EPOCH;
        let connectors = [
            status("acme", ConnectorState::Idle, Some(now + TimeDelta::hours(3))),
            status("beta", ConnectorState::Idle, Some(now + TimeDelta::hours(4))),
            status("gamma", ConnectorState::ConfigError, None),
        ];
        assert_eq!(status_line(&connectors, now, false), "3 connectors, 1 config error, next acme 03:00 UTC");
        assert_eq!(
            status_line(&connectors[1..2], now - TimeDelta::days(2), false),
            "1 connector, next beta 1970-01-01 04:00 UTC"
        );
        assert_eq!(status_line(&connectors, now, true), "stopping, 3 connectors, 1 config error");
        assert_eq!(status_line(&[], now, false), "0 connectors");
    }

    #[test]
    fn a_fault_is_the_last_event_of_a_refused_request() {
        let event = crate::control::api::RunEvent::from(Fault::conflict("paused"));
        let expected = crate::control::api::RunEvent::Refused {
            error: ErrorKind::Conflict,
            message: "paused".to_owned(),
        };
        assert_eq!(event, expected);
    }
}
