//! What a few requests tell of an org, for `doctor`.

use sandbox::okta::{Fault, FaultKind, Options, Route};
use usersyncd::clock::Clock;
use usersyncd::source::SourceError;
use usersyncd::source::okta::{Clocks, Examination, Okta};

use super::support::Bench;

async fn examine(
    bench: &Bench,
    source: &Okta,
    reads_log: bool,
) -> (Option<Clocks>, Result<Examination, SourceError>) {
    source.examine(reads_log, &Clock::system(), &bench.control).await
}

#[tokio::test]
async fn each_list_is_asked_for_one_record() {
    let bench = Bench::start(Options { users: 450, groups: 220, ..Options::default() }).await;
    let (clocks, found) = examine(&bench, &bench.source, true).await;
    let found = found.unwrap();
    assert_eq!(found.principal.as_deref(), Ok("okta.admin@example.com"));
    assert_eq!(found.roles.unwrap(), ["Read-only Administrator"]);
    assert_eq!((found.sees_users, found.sees_groups, found.scopes), (true, true, None));
    assert!(found.sees_log.is_some());
    assert!(clocks.is_some());
    let requests = bench.okta.requests();
    let routes = [Route::Org, Route::Me, Route::Roles, Route::Users, Route::Groups, Route::Logs];
    assert_eq!(routes.map(|route| requests.of(route)), [1; 6]);
    assert_eq!(requests.total, 6);
    assert!(!bench.shared.windows(&bench.okta.url().parse().unwrap()).is_empty());
}

#[tokio::test]
async fn what_is_not_there_or_not_shown_is_told() {
    let bench = Bench::start(Options { users: 0, groups: 0, memberships: 0, ..Options::default() }).await;
    bench.okta.fault(Fault::on(Route::Users).kind(FaultKind::EmptyList));
    bench.okta.fault(Fault::on(Route::Logs).kind(FaultKind::EmptyList));
    let found = examine(&bench, &bench.source, true).await.1.unwrap();
    assert_eq!((found.sees_users, found.sees_log), (false, Some(false)));
    bench.okta.fault(Fault::on(Route::Logs).kind(FaultKind::Status(403)));
    let error = examine(&bench, &bench.source, true).await.1.unwrap_err().to_string();
    assert!(error.contains("from: lists"), "{error}");
    assert!(examine(&bench, &bench.source, false).await.1.is_ok(), "nobody wants the log");
}

#[tokio::test]
async fn a_search_that_okta_does_not_take_is_named() {
    let bench = Bench::start(Options::default()).await;
    let source = bench.scoped(|settings| settings.users_search = Some("profile.login zz \"a\"".to_owned()));
    let error = examine(&bench, &source, false).await.1.unwrap_err().to_string();
    assert!(error.contains("does not accept `source.okta.users.search`"), "{error}");
    let source = bench.scoped(|settings| settings.app = Some("0oanothing".to_owned()));
    let error = examine(&bench, &source, false).await.1.unwrap_err().to_string();
    assert!(error.contains("has no application 0oanothing"), "{error}");
}

#[tokio::test]
async fn a_refusal_shows_the_clock_too() {
    let bench = Bench::start(Options::default()).await;
    bench.okta.move_clock(600);
    let refuses = bench.okta.fault(Fault::on(Route::Any).kind(FaultKind::Status(401)));
    let (clocks, found) = examine(&bench, &bench.source, false).await;
    let (theirs, ours) = clocks.unwrap();
    assert!((300..=601).contains(&(theirs - ours).num_seconds()));
    assert!(matches!(found, Err(SourceError::Refused(_))));
    bench.okta.clear_fault(refuses);
    bench.okta.fault(Fault::on(Route::Any).kind(FaultKind::NoDate));
    assert_eq!(examine(&bench, &bench.source, false).await.0, None);
}
