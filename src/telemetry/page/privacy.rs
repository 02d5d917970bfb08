//! What of it may be shown to whoever reaches the page: no names of people or groups, no addresses, no text that may hold any.
//!
//! Everything is taken apart here by name, so that what is added to these types does not get to the page before somebody
//! decided about it. Numbers, times and words that this program made itself stay.

use compact_str::CompactString;

use super::facts::{Facts, Held, History, LastRun};
use crate::control::api::{
    ConnectorStatus, CurrentRun, DaemonStatus, HoldView, IncrementalStatus, RunSummary, TokenStatus,
};
use crate::sync::report::HoldSummary;

/// The same without names. What has to be known to be there is empty instead.
pub(super) fn without_names(facts: Facts) -> Facts {
    let Facts { now, status, holds, hold_counts, histories, gap } = facts;
    Facts {
        now,
        status: daemon(status),
        holds: holds.into_iter().map(|held| Held { hold: hold(held.hold), names: 0 }).collect(),
        hold_counts,
        histories: histories.into_iter().map(|(name, history)| (name, self::history(history))).collect(),
        gap,
    }
}

fn daemon(status: DaemonStatus) -> DaemonStatus {
    let DaemonStatus {
        format_version,
        version,
        pid,
        started,
        config: _,
        state: _,
        metrics: _,
        stopping,
        restart_needed_for,
        connectors,
    } = status;
    DaemonStatus {
        format_version,
        version,
        pid,
        started,
        config: String::new(),
        state: String::new(),
        metrics: None,
        stopping,
        // Names of keys.
        restart_needed_for,
        connectors: connectors.into_iter().map(connector).collect(),
    }
}

fn connector(status: ConnectorStatus) -> ConnectorStatus {
    let ConnectorStatus {
        name,
        state,
        runnable,
        source: _,
        target: _,
        schedule,
        apply,
        pause_reason,
        next_run,
        incremental,
        token,
        queued,
        waiting,
        current,
        last_run,
        last_success,
        managed,
        config_error,
    } = status;
    ConnectorStatus {
        // The name of a file, which the metrics have too.
        name,
        state,
        runnable,
        source: None,
        target: None,
        schedule,
        apply,
        // `run 17 was undone by run 18`: numbers of runs, and nothing that anybody typed.
        pause_reason,
        next_run,
        incremental: incremental.map(|incremental| {
            let IncrementalStatus { every_seconds, last_success, waits_for } = incremental;
            IncrementalStatus { every_seconds, last_success, waits_for: waits_for.map(|_| String::new()) }
        }),
        token: token.map(|token| {
            let TokenStatus { last_used, lapses_at, next_use, will_lapse, why } = token;
            // A fixed sentence, or a time.
            TokenStatus { last_used, lapses_at, next_use, will_lapse, why }
        }),
        queued,
        waiting,
        current: current.map(|current| {
            let CurrentRun { run, trigger, user, started, progress } = current;
            CurrentRun { run, trigger, user: user.map(|_| String::new()), started, progress }
        }),
        last_run: last_run.map(run),
        last_success,
        managed,
        // It quotes the file.
        config_error: config_error.map(|_| String::new()),
    }
}

fn run(summary: RunSummary) -> RunSummary {
    let RunSummary {
        run,
        connector,
        trigger,
        started,
        ended,
        outcome,
        error,
        user,
        counts,
        findings,
        managed,
        undoes,
    } = summary;
    RunSummary {
        run,
        connector,
        trigger,
        started,
        ended,
        outcome,
        // What a remote system said may be about anybody.
        error: error.map(|_| String::new()),
        user: user.map(|_| String::new()),
        counts,
        findings,
        managed,
        undoes,
    }
}

fn hold(view: HoldView) -> HoldView {
    let HoldView { connector, summary, state, changes, first_run, first_seen, last_run, last_seen, approval } =
        view;
    let HoldSummary { id, fresh, cause, kind, group, count, allowed, base, reason: _, names: _ } = summary;
    let summary = HoldSummary {
        id,
        fresh,
        // The name of the connector file, and numbers.
        cause,
        kind,
        group: group.map(|_| CompactString::default()),
        count,
        allowed,
        base,
        reason: String::new(),
        names: Vec::new(),
    };
    // An approval has the uid of whoever gave it, which names somebody on this host.
    let approval = approval.map(|approval| crate::control::api::Approval { uid: 0, ..approval });
    HoldView { connector, summary, state, changes, first_run, first_seen, last_run, last_seen, approval }
}

fn history(history: History) -> History {
    let History { runs, last } = history;
    let last = last.map(|last| {
        let LastRun { run, requests, findings, records: _, not_proven, in_grace } = last;
        LastRun { run, requests, findings, records: Vec::new(), not_proven, in_grace }
    });
    History { runs: runs.into_iter().map(run).collect(), last }
}
