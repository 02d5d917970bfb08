//! What the page is told of holds and runs, and how much is read for that.

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::store::Held as Kept;
use crate::sync::decision::HoldState;
use crate::sync::digest::Digest;
use crate::sync::engine::{RunTicket, failed_report};
use crate::sync::model::Finding;
use crate::sync::report::{HoldKind, Managed, NotProven, Outcome, Report, Trigger};

fn at(minute: i64) -> DateTime<Utc> {
    "2026-02-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

/// A run that ended with a report that `change` has seen; its number.
async fn run(store: &Store, connector: &str, minute: i64, change: impl FnOnce(&mut Report)) -> u64 {
    let run = store.begin_run(connector, Trigger::Cron, None, at(minute)).await.unwrap();
    let ticket = RunTicket { run, trigger: Trigger::Cron, user: None, kept: None, started: at(minute) };
    let mut report = failed_report(connector, &ticket, at(minute + 1), "no".to_owned());
    change(&mut report);
    store.end_run(&report).await.unwrap();
    run
}

fn held(topic: &str, names: usize) -> Kept {
    let names = (0..names).map(|name| format!("user{name:04}").into()).collect();
    Kept {
        summary: HoldSummary {
            names,
            group: Some(topic.into()),
            ..HoldSummary::new(HoldKind::Memberships, 30, (10, 100), "30 of 100 would go".to_owned())
        },
        topic: topic.to_owned(),
        operations: Vec::new(),
        changes: vec![(Digest::of_all(&[], &[topic]), "u1".into())],
        view: None,
    }
}

#[tokio::test]
async fn holds_come_with_their_first_names_and_the_open_ones_first() {
    let scratch = tempfile::tempdir().unwrap();
    let store = Store::open(scratch.path()).await.unwrap();
    assert!(store.holds_shown(None).await.unwrap().holds.is_empty());
    let first = run(&store, "acme", 1, |_| {}).await;
    let all = vec![held("a", 500), held("b", 2), held("c", 0)];
    let numbered = store.record_holds("acme", (first, at(1)), all, true).await.unwrap();
    let ids: Vec<u64> = numbered.iter().map(|numbered| numbered.id).collect();
    let other = run(&store, "beta", 2, |_| {}).await;
    store.record_holds("beta", (other, at(2)), vec![held("d", 1), held("e", 1)], true).await.unwrap();
    store.record_holds("beta", (other, at(3)), vec![held("e", 1)], true).await.unwrap();
    store.discard(ids[2]).await.unwrap();
    store.approve(ids[1], 7, at(3), at(60)).await.unwrap();

    let shown = store.holds_shown(None).await.unwrap();
    let seen: Vec<_> =
        shown.holds.iter().map(|held| (held.hold.connector.as_str(), held.hold.state)).collect();
    let (open, approved, aside) = (HoldState::Open, HoldState::Approved, HoldState::Discarded);
    assert_eq!(
        seen,
        [("beta", open), ("acme", open), ("acme", approved), ("acme", aside)],
        "what is over is not"
    );
    assert_eq!(shown.counts["acme"], HoldCounts { open: 1, approved: 1, discarded: 1 });
    assert_eq!(shown.counts["beta"], HoldCounts { open: 1, ..HoldCounts::default() });

    let acme = store.holds_shown(Some("acme")).await.unwrap();
    assert_eq!((acme.holds.len(), acme.counts.len()), (3, 1));
    let long = &acme.holds[0];
    assert_eq!((long.hold.summary.names.len(), long.names), (MOST_NAMES, 500));
    // But for the names, it is what `ctl holds` shows.
    let whole = store.holds(Some("acme"), false).await.unwrap();
    for held in &acme.holds {
        let same = whole.iter().find(|whole| whole.summary.id == held.hold.summary.id).unwrap();
        let mut same = same.clone();
        same.summary.names.truncate(MOST_NAMES);
        same.summary.fresh = held.hold.summary.fresh;
        assert_eq!(held.hold, same);
    }
}

#[tokio::test]
async fn only_so_many_holds_are_read() {
    let scratch = tempfile::tempdir().unwrap();
    let store = Store::open(scratch.path()).await.unwrap();
    let first = run(&store, "acme", 1, |_| {}).await;
    let many = (0..MOST_HOLDS + 5).map(|number| held(&number.to_string(), 1)).collect();
    store.record_holds("acme", (first, at(1)), many, true).await.unwrap();
    let shown = store.holds_shown(None).await.unwrap();
    assert_eq!((shown.holds.len(), shown.counts["acme"].open), (MOST_HOLDS, MOST_HOLDS as u64 + 5));
}

#[tokio::test]
async fn runs_are_read_once_and_as_many_as_are_wanted() {
    let scratch = tempfile::tempdir().unwrap();
    let store = Store::open(scratch.path()).await.unwrap();
    let mut all = Vec::new();
    for minute in 0..5 {
        let managed = Managed { active: minute as u64, ..Managed::default() };
        all.push(run(&store, "acme", minute * 10, |report| report.managed = managed).await);
        run(&store, "beta", minute * 10, |_| {}).await;
    }
    let busy = store.begin_run("acme", Trigger::Manual, None, at(100)).await.unwrap();
    let newest_first: Vec<u64> = all.iter().rev().copied().collect();

    let shown = store.runs_shown("acme", HashSet::new(), 4).await.unwrap();
    assert_eq!(shown.runs, newest_first[..4], "the busy one {busy} has not ended");
    assert!(shown.complete);
    let active: Vec<u64> = shown.fresh.iter().map(|run| run.managed.active).collect();
    assert_eq!(active, [4, 3, 2, 1]);
    assert_eq!(shown.fresh, store.runs(Some("acme"), 5).await.unwrap()[1..], "as in a list");

    let known = HashSet::from([all[4], all[2]]);
    let shown = store.runs_shown("acme", known, 4).await.unwrap();
    let fresh: Vec<u64> = shown.fresh.iter().map(|run| run.run).collect();
    assert_eq!((shown.runs.len(), fresh), (4, vec![all[3], all[1]]));
    assert!(store.runs_shown("none", HashSet::new(), 4).await.unwrap().runs.is_empty());
}

#[tokio::test]
async fn large_reports_are_read_a_few_at_a_time() {
    let scratch = tempfile::tempdir().unwrap();
    let store = Store::open(scratch.path()).await.unwrap();
    for minute in 0..4 {
        run(&store, "acme", minute, |report| {
            report.findings = vec![Finding::new(FindingKind::InvalidName, "x".repeat(MOST_BYTES), "y")];
        })
        .await;
    }
    let mut known = HashSet::new();
    for left in (0..4).rev() {
        let shown = store.runs_shown("acme", known.clone(), 100).await.unwrap();
        assert_eq!((shown.fresh.len(), shown.runs.len(), shown.complete), (1, 4, left == 0));
        assert_eq!(shown.fresh[0].findings, 1);
        known.insert(shown.fresh[0].run);
    }
}

#[tokio::test]
async fn of_the_last_report_only_the_first_records_are_kept() {
    let scratch = tempfile::tempdir().unwrap();
    let store = Store::open(scratch.path()).await.unwrap();
    let last = run(&store, "acme", 1, |report| {
        let kinds = [FindingKind::NameCollision, FindingKind::NotManaged];
        report.findings = (0..100).map(|n| Finding::new(kinds[n % 2], format!("u{n}"), "taken")).collect();
        report.not_proven = vec![NotProven {
            list: "users".to_owned(),
            reason: "cut off".to_owned(),
            removals_left_out: 1,
            left_out: Vec::new(),
        }];
        (report.requests, report.in_grace, report.outcome) = (68, 3, Outcome::Partial);
    })
    .await;
    let shown = store.last_run_shown(last).await.unwrap().unwrap();
    assert_eq!((shown.run, shown.requests, shown.in_grace, shown.not_proven), (last, 68, 3, 1));
    let counts = BTreeMap::from([(FindingKind::NameCollision, 50), (FindingKind::NotManaged, 50)]);
    assert_eq!((shown.findings, shown.records.len()), (counts, MOST_NAMES));
    assert_eq!(shown.records[1], (FindingKind::NotManaged, "u1".to_owned(), "taken".to_owned()));
    assert_eq!(store.last_run_shown(last + 1).await.unwrap(), None);
    let busy = store.begin_run("acme", Trigger::Manual, None, at(100)).await.unwrap();
    assert_eq!(store.last_run_shown(busy).await.unwrap(), None);
}
