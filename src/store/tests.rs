//! What is written is there after a restart, and what must be refused is refused.

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::sync::engine::{RunTicket, failed_report};
use crate::sync::model::{LedgerGroup, LedgerUser, Origin, SourceAddress, TargetId};
use crate::sync::report::{HoldKind, Managed, Outcome};

fn at(minute: i64) -> DateTime<Utc> {
    "2026-02-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

fn user(target: &str, username: &str) -> LedgerUser {
    LedgerUser {
        target: target.into(),
        username: username.into(),
        origin: Origin::Created,
        disabled_by_us: false,
        left_since: None,
        original: None,
        email: None,
    }
}

fn group(target: &str, name: &str, memberships: u64) -> LedgerGroup {
    LedgerGroup { target: target.into(), name: name.into(), origin: Origin::Adopted, memberships }
}

fn binding(target: &str) -> Binding {
    let source = SourceAddress { id: Some("00o1".to_owned()), origin: "https://acme.okta.com".to_owned() };
    Binding { source, target: target.to_owned() }
}

async fn begin(store: &Store, connector: &str, minute: i64) -> RunTicket {
    let run = store.begin_run(connector, Trigger::Cron, None, at(minute)).await.unwrap();
    RunTicket { run, trigger: Trigger::Cron, user: None, kept: None, started: at(minute) }
}

async fn end(store: &Store, connector: &str, ticket: &RunTicket, minute: i64, outcome: Outcome) {
    let mut report = failed_report(connector, ticket, at(minute), "no".to_owned());
    report.outcome = outcome;
    store.end_run(&report).await.unwrap();
}

#[tokio::test]
async fn a_second_daemon_on_the_same_state_is_refused_until_the_first_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let first = Store::open(directory.path()).await.unwrap();
    let error = Store::open(directory.path()).await.unwrap_err().to_string();
    assert!(error.contains("another usersyncd works on the state directory"), "{error}");
    drop(first);
    Store::open(directory.path()).await.unwrap();
}

#[tokio::test]
async fn a_state_of_a_newer_version_is_refused_with_a_clear_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Store::open(directory.path()).await.unwrap_err().to_string();
    assert!(error.contains("has version 99") && error.contains("A newer usersyncd wrote it"), "{error}");
}

#[tokio::test]
async fn a_damaged_file_and_an_impossible_directory_are_named() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("state.db"),
        "this is no database, and it is long enough to be seen as none",
    )
    .unwrap();
    let error = Store::open(directory.path()).await.unwrap_err().to_string();
    assert!(error.contains("state.db") && error.contains("restore it from a backup"), "{error}");
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Store::open(&file).await.unwrap_err().to_string();
    assert!(error.contains("could not be made"), "{error}");
}

#[tokio::test]
async fn memory_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    assert_eq!(store.memory("acme").await.unwrap(), ConnectorMemory::default());
    let first = begin(&store, "acme", 0).await;
    end(&store, "acme", &first, 1, Outcome::Held).await;
    let second = begin(&store, "acme", 2).await;
    end(&store, "acme", &second, 3, Outcome::Failed).await;
    let cancelled = begin(&store, "beta", 4).await;
    end(&store, "beta", &cancelled, 5, Outcome::Cancelled).await;
    begin(&store, "acme", 4).await;
    store.set_paused("acme", true, None).await.unwrap();
    store.set_last_scheduled("acme", at(2)).await.unwrap();
    store.set_expected_since("acme", at(1)).await.unwrap();
    drop(store);
    let store = Store::open(directory.path()).await.unwrap();
    assert_eq!(store.memory("beta").await.unwrap().last_outcome, None, "a cancelled run says nothing");
    let memory = store.memory("acme").await.unwrap();
    assert!(memory.paused);
    assert_eq!(memory.last_outcome, Some(Outcome::Failed));
    assert_eq!(memory.last_run.unwrap().run, second.run, "the run that never ended is not the last result");
    assert_eq!(memory.last_attempt, Some(at(4)));
    assert_eq!(memory.last_success, Some(at(1)), "held counts as success, failed does not");
    assert_eq!(memory.last_scheduled, Some(at(2)));
    assert_eq!(memory.expected_since, Some(at(1)));
    assert_eq!(memory.last_report.unwrap().error.as_deref(), Some("no"));
}

#[tokio::test]
async fn the_journal_knows_what_was_answered_and_what_was_not() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let ticket = begin(&store, "acme", 0).await;
    let intent = |position, kind, source: &str, name: &str| Intent {
        position,
        kind,
        source: source.into(),
        target: None,
        name: name.into(),
        summary: format!("{kind} {name}"),
        operation: r#"{"after":{"added":["a","b"]}}"#.to_owned(),
    };
    let intents = vec![
        intent(0, "create_user", "a", "anna"),
        intent(1, "create_user", "b", "bert"),
        intent(2, "create_group", "g", "staff"),
        intent(3, "change_members", "g", "staff"),
    ];
    store.journal("acme", ticket.run, JournalBatch { intents, ..JournalBatch::default() }).await.unwrap();
    let answers = vec![
        Answer { created: Some("t1".into()), ..Answer::of("applied") },
        Answer { position: 3, error: Some("refused".to_owned()), ..Answer::of("failed") },
    ];
    let ledger_changes = vec![LedgerChange::PutUser("a".into(), user("t1", "anna"))];
    let batch = JournalBatch { answers, ledger_changes, ..JournalBatch::default() };
    store.journal("acme", ticket.run, batch).await.unwrap();
    let ledger = store.ledger("acme").await.unwrap();
    assert_eq!(ledger.users.len(), 1);
    let open: Vec<(&str, &str)> =
        ledger.unanswered.iter().map(|open| (open.kind.as_str(), open.name.as_str())).collect();
    assert_eq!(open, [("create_user", "bert"), ("create_group", "staff")]);

    assert_eq!(store.report(ticket.run).await.unwrap(), None, "it has not ended");
    end(&store, "acme", &ticket, 1, Outcome::Partial).await;
    let operations = store.report(ticket.run).await.unwrap().unwrap().operations;
    let results: Vec<&str> = operations.iter().map(|operation| operation.result.as_str()).collect();
    assert_eq!(results, ["applied", "unanswered", "unanswered", "failed"]);
    assert_eq!(operations[3].error.as_deref(), Some("refused"));
    let added = &operations[3].operation["after"]["added"];
    assert_eq!(added[0], serde_json::json!({ "source": "a", "username": "anna" }), "a reader sees names");

    let next = begin(&store, "acme", 2).await;
    store.change_ledger("acme", next.run, Vec::new(), Vec::new()).await.unwrap();
    assert!(store.ledger("acme").await.unwrap().unanswered.is_empty(), "a later run has seen to them");
}

#[tokio::test]
async fn a_batch_is_written_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let ledger_changes = vec![LedgerChange::PutUser("a".into(), user("t1", "anna"))];
    let intents = vec![Intent {
        position: 0,
        kind: "create_user",
        source: "b".into(),
        target: None,
        name: "bert".into(),
        summary: String::new(),
        operation: "{}".to_owned(),
    }];
    let batch = JournalBatch { intents, ledger_changes, ..JournalBatch::default() };
    store.journal("acme", 4711, batch).await.unwrap_err();
    assert!(store.ledger("acme").await.unwrap().users.is_empty());
}

#[tokio::test]
async fn a_run_that_read_the_source_is_remembered_whatever_started_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let mut expected = None;
    assert_eq!(store.memory("acme").await.unwrap().last_read, expected);
    for (minute, trigger, user, outcome, read) in [
        (1, Trigger::Cron, None, Outcome::Failed, false),
        (2, Trigger::Manual, Some("anna"), Outcome::Success, true),
        (3, Trigger::Cron, None, Outcome::Failed, false),
        (4, Trigger::Incremental, None, Outcome::Held, true),
        (5, Trigger::Apply, None, Outcome::Partial, true),
        (6, Trigger::Undo, None, Outcome::Success, false),
        (7, Trigger::Cron, None, Outcome::Cancelled, false),
    ] {
        let run = store.begin_run("acme", trigger, user, at(minute)).await.unwrap();
        let ticket = RunTicket { run, trigger, user: None, kept: None, started: at(minute) };
        end(&store, "acme", &ticket, minute + 1, outcome).await;
        expected = if read { Some(at(minute)) } else { expected };
        assert_eq!(store.memory("acme").await.unwrap().last_read, expected, "{minute}");
    }
    assert_eq!(store.memory("other").await.unwrap().last_read, None);
}

#[tokio::test]
async fn limits_over_24_hours_count_from_the_first_base() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let ticket = begin(&store, "acme", 0).await;
    let applied = |minute, kind, group: Option<&str>, count, base| Applied {
        at: at(minute),
        kind,
        group: group.map(TargetId::from),
        count,
        base,
    };
    let applied = vec![
        applied(0, HoldKind::Leavers, None, 9, 500),
        applied(10, HoldKind::Leavers, None, 2, 100),
        applied(11, HoldKind::Leavers, None, 3, 98),
        applied(11, HoldKind::Memberships, Some("g1"), 4, 40),
        applied(12, HoldKind::Groups, None, 1, 9),
    ];
    store.journal("acme", ticket.run, JournalBatch { applied, ..JournalBatch::default() }).await.unwrap();
    let recent = store.recent("acme", at(5)).await.unwrap();
    assert_eq!((recent.leavers.applied, recent.leavers.base), (5, 100));
    assert_eq!(recent.memberships[&TargetId::from("g1")].applied, 4);
    assert_eq!((recent.groups.applied, recent.renames.applied), (1, 0));
    assert_eq!(store.recent("other", at(0)).await.unwrap(), Recent::default());
}

#[tokio::test]
async fn a_ledger_can_be_renamed_but_never_over_another() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let ticket = begin(&store, "old", 0).await;
    end(&store, "old", &ticket, 1, Outcome::Success).await;
    let bound = binding("directory:1");
    store.bind("old", &bound).await.unwrap();
    let changes = vec![
        LedgerChange::PutUser("a".into(), user("t1", "anna")),
        LedgerChange::PutGroup("g".into(), group("t2", "staff", 5)),
        LedgerChange::PutGroup("h".into(), group("t2", "staff", 5)),
    ];
    store.change_ledger("old", ticket.run, changes, Vec::new()).await.unwrap();
    assert_eq!(
        store.managed("old").await.unwrap(),
        Managed { users: 1, active: 1, groups: 1, memberships: 5 }
    );
    let claims = store.claims("other", "directory:1").await.unwrap();
    assert_eq!((claims.users.len(), claims.groups.len()), (1, 1));
    assert_eq!(store.claims("old", "directory:1").await.unwrap(), Claims::default(), "its own are no claims");

    begin(&store, "new", 2).await;
    store.rename("old", "new").await.unwrap();
    let ledger = store.ledger("new").await.unwrap();
    assert_eq!((ledger.users.len(), ledger.binding), (1, Some(bound)));
    assert_eq!(store.runs(Some("new"), 9).await.unwrap().len(), 2);
    assert!(store.rename("old", "new").await.unwrap_err().to_string().contains("nothing is known"));
    store.bind("third", &binding("y")).await.unwrap();
    assert!(store.rename("third", "new").await.unwrap_err().to_string().contains("already manages 3"));
}

#[tokio::test]
async fn a_released_user_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let ticket = begin(&store, "acme", 0).await;
    let changes = vec![LedgerChange::PutUser("a".into(), user("t1", "anna@example.com"))];
    store.change_ledger("acme", ticket.run, changes, Vec::new()).await.unwrap();
    assert_eq!(store.release("acme", "nobody").await.unwrap(), None);
    assert_eq!(store.release("acme", "Anna@Example.com").await.unwrap(), Some("a".into()));
    assert!(store.ledger("acme").await.unwrap().users.is_empty());
}

#[tokio::test]
async fn runs_come_newest_first() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    for (minute, connector) in [(0, "a"), (1, "b"), (2, "a")] {
        let ticket = begin(&store, connector, minute).await;
        end(&store, connector, &ticket, minute + 1, Outcome::Success).await;
    }
    let numbers = |runs: Vec<RunSummary>| runs.into_iter().map(|run| run.run).collect::<Vec<_>>();
    assert_eq!(numbers(store.runs(None, 2).await.unwrap()), [3, 2]);
    assert_eq!(numbers(store.runs(Some("a"), 9).await.unwrap()), [3, 1]);
}

#[tokio::test]
async fn a_rebind_keeps_what_it_is_told_to_and_forgets_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let ticket = begin(&store, "acme", 0).await;
    let changes = vec![
        LedgerChange::PutUser("a".into(), user("t1", "anna")),
        LedgerChange::PutUser("b".into(), user("t2", "bert")),
        LedgerChange::PutGroup("g".into(), group("t3", "staff", 5)),
    ];
    store.change_ledger("acme", ticket.run, changes, Vec::new()).await.unwrap();
    let kept = Kept { users: ["a".into()].into(), groups: [].into(), always: true };
    store.rebind("acme", &binding("directory:2"), kept).await.unwrap();
    let ledger = store.ledger("acme").await.unwrap();
    assert_eq!(ledger.users.keys().map(|id| id.0.as_str()).collect::<Vec<_>>(), ["a"]);
    assert!(ledger.groups.is_empty());
    assert_eq!(ledger.binding, Some(binding("directory:2")));
}

#[tokio::test]
async fn a_run_in_which_the_daemon_died_is_closed_and_can_be_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let ended = begin(&store, "acme", 0).await;
    end(&store, "acme", &ended, 1, Outcome::Success).await;
    let died = begin(&store, "acme", 2).await;
    let intents = vec![Intent {
        position: 0,
        kind: "create_user",
        source: "a".into(),
        target: None,
        name: "anna".into(),
        summary: "create user anna".to_owned(),
        operation: "{}".to_owned(),
    }];
    store.journal("acme", died.run, JournalBatch { intents, ..JournalBatch::default() }).await.unwrap();
    drop(store);
    let store = Store::open(directory.path()).await.unwrap();
    assert_eq!(store.close_interrupted(at(9)).await.unwrap(), 1);
    assert_eq!(store.close_interrupted(at(9)).await.unwrap(), 0);
    let report = store.report(died.run).await.unwrap().unwrap();
    assert_eq!((report.outcome, report.ended), (Outcome::Cancelled, at(9)));
    assert!(report.error.unwrap().starts_with("the daemon ended in the middle of this run"));
    assert_eq!(report.operations[0].result, "unanswered");
    assert_eq!(store.ledger("acme").await.unwrap().unanswered.len(), 1, "the next run still sees to it");
}

fn intent(position: u64) -> Intent {
    Intent {
        position,
        kind: "create_user",
        source: "u1".into(),
        target: None,
        name: "anna".into(),
        summary: "create user anna".to_owned(),
        operation: "{}".to_owned(),
    }
}

#[tokio::test]
async fn old_runs_are_forgotten_but_for_what_the_next_run_needs() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let mut runs = Vec::new();
    for (minute, outcome) in [
        (1, Outcome::Success),
        (2, Outcome::Failed),
        (3, Outcome::Failed),
        (4, Outcome::Failed),
        (5, Outcome::Failed),
    ] {
        let ticket = begin(&store, "acme", minute).await;
        let mut batch = JournalBatch { intents: vec![intent(0)], ..JournalBatch::default() };
        if minute != 3 {
            batch.answers = vec![Answer::of("applied")];
        }
        store.journal("acme", ticket.run, batch).await.unwrap();
        end(&store, "acme", &ticket, minute, outcome).await;
        runs.push(ticket.run);
    }
    let other = begin(&store, "beta", 1).await;
    end(&store, "beta", &other, 1, Outcome::Failed).await;
    assert_eq!(store.prune("acme", at(0), 10, at(6)).await.unwrap(), 0, "neither old nor many");
    assert_eq!(store.prune("acme", at(100), 10, at(100)).await.unwrap(), 2);
    let left: Vec<u64> = store.runs(None, 10).await.unwrap().iter().map(|run| run.run).collect();
    assert_eq!(
        left,
        [other.run, runs[4], runs[2], runs[0]],
        "the last, the unanswered one, the last success"
    );
    assert!(store.journaled(runs[1]).await.unwrap().is_none());
    assert_eq!(store.journaled(runs[0]).await.unwrap().unwrap().len(), 1);
    // By number: the newest one stays, and what is needed beside it.
    let ticket = begin(&store, "acme", 101).await;
    end(&store, "acme", &ticket, 101, Outcome::Failed).await;
    assert_eq!(store.prune("acme", at(0), 1, at(102)).await.unwrap(), 1);
}

#[tokio::test]
async fn what_was_decided_survives_a_restart_and_a_new_name() {
    let directory = tempfile::tempdir().unwrap();
    let held = |name: &str| Held {
        summary: crate::sync::report::HoldSummary {
            names: vec![name.into()],
            ..crate::sync::report::HoldSummary::new(HoldKind::Leavers, 1, (0, 10), "one too many".to_owned())
        },
        topic: String::new(),
        operations: Vec::new(),
        changes: vec![(crate::sync::digest::Digest([7; 32]), "u1".into())],
        view: None,
    };
    let store = Store::open(directory.path()).await.unwrap();
    let ticket = begin(&store, "acme", 1).await;
    let numbered = store.record_holds("acme", (ticket.run, at(1)), vec![held("anna")], true).await.unwrap();
    assert!(numbered[0].fresh);
    end(&store, "acme", &ticket, 1, Outcome::Held).await;
    store.approve(numbered[0].id, 7, at(2), at(60)).await.unwrap();
    store.set_paused("acme", true, Some("run 1 was undone")).await.unwrap();
    drop(store);
    let store = Store::open(directory.path()).await.unwrap();
    let permission = store.permission("acme", at(3)).await.unwrap();
    assert_eq!(permission.changes.values().copied().collect::<Vec<_>>(), [numbered[0].id]);
    assert!(store.permission("acme", at(61)).await.unwrap().is_empty(), "its time is over");
    assert_eq!(store.memory("acme").await.unwrap().pause_reason.as_deref(), Some("run 1 was undone"));
    store.rename("acme", "beta").await.unwrap();
    assert!(!store.permission("beta", at(3)).await.unwrap().is_empty());
    let hold = store.holds(Some("beta"), false).await.unwrap();
    assert_eq!((hold.len(), hold[0].approval.as_ref().map(|approval| approval.uid)), (1, Some(7)));
    store.discard(numbered[0].id).await.unwrap();
    assert!(store.permission("beta", at(3)).await.unwrap().is_empty(), "an approval can be taken back");
}
