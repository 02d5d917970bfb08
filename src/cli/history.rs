//! `ctl history` and `ctl run`.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::html;
use super::report::{self, Extent};
use super::text::{duration, moment, table};
use super::watch::known_of;
use crate::control::api::{RunList, RunSummary};
use crate::sync::report::{KindCounts, Outcome, Report};

/// Where the user stands that a run was limited to.
const USER_COLUMN: usize = 3;
/// Characters of an error shown in a list.
const LONGEST_ERROR: usize = 72;

/// Lists past runs, newest first.
pub(super) async fn history(ctl: &Ctl, name: Option<&str>, limit: u32) -> Result<Exit, Failure> {
    let limit = limit.to_string();
    let mut query = vec![("limit", limit.as_str())];
    query.extend(name.map(|name| ("connector", name)));
    let answer = ctl.client.get(&["v1", "runs"], &query).await;
    let list: RunList = match name {
        Some(name) => ctl.known(name, answer).await?,
        None => answer?,
    };
    let now = ctl.output.clock.now();
    ctl.output.show(&list, |list| render(&list.runs, now))?;
    Ok(Exit::Done)
}

/// Shows one run in full, or writes a page about it to the file `page`.
pub(super) async fn run(ctl: &Ctl, id: u64, page: Option<&Path>) -> Result<Exit, Failure> {
    if page.is_some() && ctl.output.json {
        return Err(Failure::new(
            Exit::Usage,
            "a run is shown either as --json or as --html; leave one of them out",
        ));
    }
    let report: Report = ctl.client.get(&["v1", "runs", &id.to_string()], &[]).await?;
    if let Some(page) = page {
        return html::run(ctl, &report, page).await;
    }
    let (style, now) = (ctl.output.style, ctl.output.clock.now());
    let known = known_of(ctl, &report).await;
    ctl.output.show(&report, |report| report::render(report, Extent::Whole, &known, style, now))?;
    Ok(Exit::Done)
}

fn render(runs: &[RunSummary], now: DateTime<Utc>) -> String {
    if runs.is_empty() {
        return "no runs yet\n".to_owned();
    }
    // Runs of one user are seldom: without one, there is no column for it.
    let users = runs.iter().any(|run| run.user.is_some());
    let rows = runs.iter().map(|run| {
        let took = run.ended.map_or_else(String::new, |ended| duration(ended - run.started));
        let mut row = vec![
            run.run.to_string(),
            run.connector.clone(),
            run.undoes.map_or_else(|| run.trigger.as_str().to_owned(), |undone| format!("undo of {undone}")),
            moment(run.started, now),
            took,
            run.outcome.map_or("busy or interrupted", Outcome::as_str).to_owned(),
            changes(run).to_string(),
            removed(run).to_string(),
            held(run).to_string(),
            run.findings.to_string(),
            run.error.as_deref().map(cut).unwrap_or_default(),
        ];
        if users {
            row.insert(USER_COLUMN, run.user.clone().unwrap_or_else(|| "all".to_owned()));
        }
        row
    });
    let mut header = vec![
        "run",
        "connector",
        "trigger",
        "started",
        "took",
        "result",
        "changes",
        "removed",
        "held",
        "findings",
        "error",
    ];
    if users {
        header.insert(USER_COLUMN, "user");
        return table(&header, &[0, 7, 8, 9, 10], rows);
    }
    table(&header, &[0, 6, 7, 8, 9], rows)
}

/// The beginning of an error; `run ID` shows all of it.
fn cut(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    if line.chars().count() <= LONGEST_ERROR {
        return line.to_owned();
    }
    line.chars().take(LONGEST_ERROR).chain(['…']).collect()
}

fn kinds(run: &RunSummary) -> [KindCounts; 3] {
    [run.counts.users, run.counts.groups, run.counts.memberships]
}

fn changes(run: &RunSummary) -> u64 {
    kinds(run).iter().map(|kind| kind.created + kind.updated + kind.disabled + kind.deleted).sum()
}

/// Users and groups disabled or deleted, and memberships removed.
fn removed(run: &RunSummary) -> u64 {
    kinds(run).iter().map(|kind| kind.disabled + kind.deleted).sum()
}

fn held(run: &RunSummary) -> u64 {
    kinds(run).iter().map(|kind| kind.held).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::report::{Counts, Trigger};

    #[test]
    fn runs_in_a_table() {
        let now = "2026-11-23T06:00:00Z".parse().unwrap();
        let ended = RunSummary {
            run: 17,
            connector: "acme".to_owned(),
            trigger: Trigger::Cron,
            started: "2026-11-23T03:00:00Z".parse().unwrap(),
            ended: Some("2026-11-23T03:00:42Z".parse().unwrap()),
            outcome: Some(Outcome::Failed),
            error: Some("Okta refused\nthe token".to_owned()),
            user: None,
            counts: Counts {
                users: KindCounts { created: 2, held: 3, unchanged: 9, ..KindCounts::default() },
                memberships: KindCounts { deleted: 4, ..KindCounts::default() },
                ..Counts::default()
            },
            findings: 5,
            managed: crate::sync::report::Managed::default(),
            undoes: None,
        };
        let busy = RunSummary { run: 18, ended: None, outcome: None, error: None, ..ended.clone() };
        insta::assert_snapshot!(render(&[busy, ended.clone()], now), @r"
        run  connector  trigger  started                         took  result               changes  removed  held  findings  error
         18  acme       cron     2026-11-23 03:00 UTC (3 h ago)        busy or interrupted        6        4     3         5
         17  acme       cron     2026-11-23 03:00 UTC (3 h ago)  42 s  failed                     6        4     3         5  Okta refused
        ");
        assert_eq!(render(&[], now), "no runs yet\n");
        let undone = RunSummary { trigger: Trigger::Undo, undoes: Some(17), run: 18, ..ended.clone() };
        let approved = RunSummary { trigger: Trigger::Approval, ..undone.clone() };
        let rows = render(&[undone, RunSummary { undoes: None, ..approved }], now);
        assert!(rows.contains("acme       undo of 17 ") && rows.contains("acme       approval "), "{rows}");
        let user =
            RunSummary { user: Some("anna@example.com".to_owned()), error: None, run: 19, ..ended.clone() };
        insta::assert_snapshot!(render(&[user, ended], now), @r"
        run  connector  trigger  user              started                         took  result  changes  removed  held  findings  error
         19  acme       cron     anna@example.com  2026-11-23 03:00 UTC (3 h ago)  42 s  failed        6        4     3         5
         17  acme       cron     all               2026-11-23 03:00 UTC (3 h ago)  42 s  failed        6        4     3         5  Okta refused
        ");
    }
}
