//! What the page is given, with a real store.

use super::super::connector::{Spec, prepare};
use super::super::registry::Facts as Daemon;
use super::super::testing::{Bench, connector};
use super::*;
use crate::sync::engine::{RunTicket, failed_report};
use crate::sync::report::{HoldKind, HoldSummary, Outcome, Trigger};

/// A page of a daemon with these connectors, and its clock.
async fn page(names: &[&str]) -> (PageSource, tempfile::TempDir) {
    let scratch = tempfile::tempdir().unwrap();
    let bench = Bench::new("2026-01-05T02:00:00");
    let started = bench.common.clock.now();
    let registry = Arc::new(Registry::new(Daemon::since(started)));
    let store = Store::open(scratch.path()).await.unwrap();
    let mut common = bench.common.clone();
    common.records = Arc::new(store.clone());
    for name in names {
        let spec = Spec {
            name: (*name).to_owned(),
            configuration: Some(connector(name, "one", None)),
            config_error: None,
            catch_up: false,
            alone: Arc::default(),
        };
        let (handle, task, _) = prepare(spec, common.clone()).await.unwrap();
        tokio::spawn(task.run());
        registry.put(name, handle);
    }
    (PageSource::new(registry, store, bench.common.clock.clone()), scratch)
}

async fn ended(page: &PageSource, connector: &str, outcome: Outcome) -> u64 {
    let now = page.clock.now();
    let run = page.store.begin_run(connector, Trigger::Cron, None, now).await.unwrap();
    let ticket = RunTicket { run, trigger: Trigger::Cron, user: None, kept: None, started: now };
    let mut report = failed_report(connector, &ticket, now, "no".to_owned());
    (report.outcome, report.requests) = (outcome, 68);
    page.store.end_run(&report).await.unwrap();
    run
}

fn numbers(facts: &Facts, connector: &str) -> Vec<u64> {
    facts.histories[connector].runs.iter().map(|run| run.run).collect()
}

#[tokio::test]
async fn runs_and_holds_are_those_of_their_connector() {
    let (page, _scratch) = page(&["acme", "beta"]).await;
    let first = ended(&page, "acme", Outcome::Success).await;
    let other = ended(&page, "beta", Outcome::Failed).await;
    let second = ended(&page, "acme", Outcome::Held).await;
    let held = crate::store::Held {
        summary: HoldSummary::new(HoldKind::Leavers, 1, (0, 10), "one too many".to_owned()),
        topic: String::new(),
        operations: Vec::new(),
        changes: vec![(crate::sync::digest::Digest([7; 32]), "u1".into())],
        view: None,
    };
    let now = page.clock.now();
    page.store.record_holds("acme", (second, now), vec![held], true).await.unwrap();

    let facts = page.facts(None).await;
    assert_eq!((numbers(&facts, "acme"), numbers(&facts, "beta")), (vec![first, second], vec![other]));
    assert_eq!((facts.holds.len(), facts.gap), (1, None));
    assert_eq!(facts.counts_of("acme").unwrap().open, 1);
    assert_eq!(facts.counts_of("beta").unwrap().open, 0);

    let facts = page.facts(Some("beta")).await;
    assert_eq!((facts.status.connectors.len(), facts.histories.len(), facts.holds.len()), (1, 1, 0));
    // A run that ended since is there at once.
    let third = ended(&page, "beta", Outcome::Success).await;
    assert_eq!(numbers(&page.facts(Some("beta")).await, "beta"), [other, third]);
    assert!(page.has("acme") && !page.has("gamma"));
}

#[tokio::test]
async fn what_a_restart_left_is_shown_with_its_report() {
    let (before, scratch) = page(&[]).await;
    let run = ended(&before, "acme", Outcome::Success).await;
    drop(before);
    let bench = Bench::new("2026-01-05T02:00:00");
    let store = Store::open(scratch.path()).await.unwrap();
    let mut common = bench.common.clone();
    common.records = Arc::new(store.clone());
    let spec = Spec {
        name: "acme".to_owned(),
        configuration: Some(connector("acme", "one", None)),
        config_error: None,
        catch_up: false,
        alone: Arc::default(),
    };
    let (handle, _task, _) = prepare(spec, common).await.unwrap();
    let facts = Daemon::since(bench.common.clock.now());
    let registry = Arc::new(Registry::new(facts));
    registry.put("acme", handle);
    let page = PageSource::new(registry, store, bench.common.clock.clone());
    let facts = page.facts(None).await;
    let last = facts.histories["acme"].last.clone().unwrap();
    assert_eq!((last.run, last.requests), (run, 68));
}

#[tokio::test]
async fn a_store_that_does_not_answer_leaves_what_is_known() {
    let (page, _scratch) = page(&["acme"]).await;
    let run = ended(&page, "acme", Outcome::Success).await;
    assert_eq!(numbers(&page.facts(None).await, "acme"), [run]);
    let (release, until) = std::sync::mpsc::channel::<()>();
    page.store.block(until);
    tokio::time::pause();
    let facts = page.facts(None).await;
    assert!(facts.gap.is_some_and(|gap| gap.contains("did not answer within 3 seconds")), "{:?}", facts.gap);
    assert_eq!((facts.status.connectors.len(), facts.hold_counts.is_none()), (1, true));
    assert_eq!(numbers(&facts, "acme"), [run], "from memory");
    drop(release);
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_said() {
    let (page, _scratch) = page(&["acme"]).await;
    page.store.forget_tables().await;
    let facts = page.facts(None).await;
    assert!(facts.gap.is_some_and(|gap| gap.contains("could not be read")), "{:?}", facts.gap);
    assert!(facts.histories["acme"].runs.is_empty() && facts.hold_counts.is_none());
}
