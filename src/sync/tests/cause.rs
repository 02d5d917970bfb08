//! Where removals come from: the connector file, or the source.

use super::world::*;
use crate::config;
use crate::sync::model::Status;
use crate::sync::report::{Cause, Outcome};

const SOURCE: &str =
    "source: { okta: { domain: acme.okta.com, auth: { api_token: { credential: okta-token } } } }\n";

/// The connector as this file would make it.
fn file(world: &mut World, more: &str) {
    let text = format!("{SOURCE}{more}");
    let path = std::path::Path::new("/etc/usersyncd/connectors.d/acme.yaml");
    world.connector = config::earlier_version(path, &text).expect("a good file");
}

async fn world() -> World {
    let mut org = Org::with_users(40);
    org.group("g1", "staff", &["u000", "u001", "u002"]);
    let mut world = World::new(org, 50).await;
    file(&mut world, "");
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    world
}

#[tokio::test]
async fn removals_are_attributed_to_the_file_or_to_okta() {
    let mut world = world().await;
    file(&mut world, "scope: { users: { exclude: ['u1*', 'u2*'] } }\n");
    for id in ["u010", "u030", "u031"] {
        world.org().user(id, "").status = Status::Suspended;
    }
    let cause = |from_file, from_source| {
        Some(Cause { file: "connectors.d/acme.yaml".to_owned(), from_file, from_source })
    };
    let plan = world.plan().await;
    assert_eq!(plan.cause, cause(21, 3), "u10 would go with the old rules too");
    assert_eq!(plan.held.iter().filter(|one| one.operation.cause == cause(1, 0)).count(), 21);
    assert_eq!(plan.held.iter().filter(|one| one.operation.cause == cause(0, 1)).count(), 3);
    let report = world.sync().await;
    let hold = &report.holds[0];
    assert_eq!((report.outcome, hold.cause.clone()), (Outcome::Held, cause(21, 3)));
    let cause_told = hold.cause.as_ref().unwrap().in_words();
    assert_eq!(cause_told, "21 of 24 come from the change of connectors.d/acme.yaml, 3 from Okta");
    // A run that was held is no success to compare with: the next one says the same.
    assert_eq!(world.sync().await.holds[0].cause, cause(21, 3));
    // The file goes back to what it said.
    file(&mut world, "# a comment\n");
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.disabled), (Outcome::Success, 3));
    assert_eq!(world.plan().await.cause, None);
}

#[tokio::test]
async fn a_change_that_means_nothing_else_has_no_cause() {
    let mut world = world().await;
    file(&mut world, "# only a comment\nschedule: { cron: '@hourly' }\n");
    world.org().user("u005", "").status = Status::Suspended;
    let reads = world.org().reads;
    let plan = world.plan().await;
    assert_eq!((plan.cause, plan.operations[0].cause.clone()), (None, None));
    assert_eq!(world.org().reads, reads + 1, "the source is not read twice for nothing");
}

#[tokio::test]
async fn another_search_is_asked_the_old_way_too() {
    let mut world = world().await;
    file(&mut world, "");
    let text = SOURCE.replace("auth:", "users: { search: 'profile.department eq \"IT\"' }, auth:");
    let path = std::path::Path::new("/etc/usersyncd/connectors.d/acme.yaml");
    world.connector = config::earlier_version(path, &text).unwrap();
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (heard, org) = (std::sync::Arc::clone(&asked), std::sync::Arc::clone(&world.org));
    world.services.source_of = std::sync::Arc::new(move |settings| {
        heard.lock().unwrap().push(settings.users_search.clone());
        std::sync::Arc::new(FakeSource(std::sync::Arc::clone(&org)))
    });
    world.org().user("u005", "").status = Status::Suspended;
    assert!(world.plan().await.cause.is_some());
    assert_eq!(*asked.lock().unwrap(), [None], "with the question of the last success");
}

#[tokio::test]
async fn after_an_undo_the_file_of_before_the_run_is_compared_with() {
    let mut world = world().await;
    let bad = "scope: { users: { exclude: ['u1*'] } }\nlimits: { leavers: off }\n";
    file(&mut world, bad);
    let run = world.sync().await;
    assert_eq!((run.outcome, run.counts.users.disabled), (Outcome::Success, 11));
    assert_eq!(world.plan().await.cause, None);
    let recent = async |world: &World| {
        let since = chrono::DateTime::UNIX_EPOCH;
        world.services.store.recent("acme", since).await.unwrap().leavers.applied
    };
    assert_eq!(recent(&world).await, 11);
    world.undo(run.run).await;
    assert_eq!(recent(&world).await, 0, "what was undone does not count against the limits");
    let cause = world.plan().await.cause.unwrap();
    assert_eq!((cause.from_file, cause.from_source), (11, 0));
}
