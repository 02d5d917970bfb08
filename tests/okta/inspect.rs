//! What the token shows, for `check --online`.

use sandbox::okta::{Fault, FaultKind, NewUser, Options, Role, Route};
use usersyncd::source::{Inspection, Source, SourceError};

use super::support::{Bench, request, unproven_groups};

fn options() -> Options {
    Options { users: 30, groups: 5, memberships: 60, ..Options::default() }
}

async fn inspect(bench: &Bench, attributes: &[&str]) -> Inspection {
    let mut request = request();
    request.attributes = attributes.iter().copied().map(Into::into).collect();
    bench.source.inspect(&request, &bench.control).await.unwrap()
}

#[tokio::test]
async fn owner_roles_lists_and_unknown_attributes_are_found_with_six_requests() {
    let bench = Bench::start(options()).await;
    bench.okta.org().add_user(NewUser::new("zoe@example.com").attribute("costCenter", 1));
    let wanted = ["lastLogin", "profile.costCenter", "profile.costCentre", "profile.login", "profile.x"];
    let inspection = inspect(&bench, &wanted).await;
    assert_eq!(inspection.principal.as_deref(), Ok("okta.admin@example.com"));
    assert_eq!(inspection.roles.unwrap(), ["Read-only Administrator"]);
    assert_eq!(inspection.unknown_attributes.unwrap(), ["profile.costCentre", "profile.x"]);
    let snapshot = inspection.snapshot;
    let org = bench.okta.org();
    let listed = org.users().iter().filter(|user| user.status.as_str() != "DEPROVISIONED").count();
    assert_eq!((snapshot.users.len(), snapshot.groups.len()), (listed, org.groups().len()));
    assert!(snapshot.groups.iter().all(|group| group.members.is_empty()));
    assert!(unproven_groups(&snapshot).is_empty());
    let requests = bench.okta.requests();
    let routes = [Route::Org, Route::Users, Route::Groups, Route::Me, Route::Roles, Route::Schema];
    assert_eq!(routes.map(|route| requests.of(route)), [1; 6]);
    assert_eq!(requests.total, 6);
}

#[tokio::test]
async fn no_schema_is_asked_for_where_no_single_attribute_is_wanted() {
    let bench = Bench::start(options()).await;
    assert_eq!(inspect(&bench, &["lastLogin", "profile"]).await.unknown_attributes, Ok(Vec::new()));
    assert_eq!(bench.okta.requests().of(Route::Schema), 0);
}

#[tokio::test]
async fn what_the_token_may_not_read_is_said_and_the_rest_is_shown() {
    let bench = Bench::start(Options { role: Role::Forbidden, ..options() }).await;
    let schema = bench.okta.fault(Fault::on(Route::Schema).kind(FaultKind::Status(403)));
    let inspection = inspect(&bench, &["profile.login"]).await;
    assert_eq!(bench.okta.met(schema), 1);
    assert_eq!(inspection.principal.as_deref(), Ok("okta.admin@example.com"));
    let why = inspection.roles.unwrap_err();
    assert!(why.starts_with("this token may not read its own roles (403, E0000006: "), "{why}");
    let why = inspection.unknown_attributes.unwrap_err();
    assert!(why.starts_with("this token may not read the user schema (403, E0000006: "), "{why}");
    assert!(!inspection.snapshot.users.is_empty());
    assert_eq!(bench.okta.requests().of(Route::Roles), 1, "asking again would not help");

    let bench = Bench::start(options()).await;
    let faults = [Route::Me, Route::Schema]
        .map(|route| bench.okta.fault(Fault::on(route).kind(FaultKind::Status(404))));
    let inspection = inspect(&bench, &["profile.login"]).await;
    assert_eq!(faults.map(|fault| bench.okta.met(fault)), [1, 1]);
    assert!(inspection.principal.unwrap_err().contains("404"));
    let why = inspection.roles.unwrap_err();
    assert!(why.starts_with("it is not known whose token this is: "), "{why}");
    assert!(inspection.unknown_attributes.unwrap_err().contains("404"));
    assert_eq!(bench.okta.requests().of(Route::Roles), 0);
}

#[tokio::test]
async fn a_wrong_token_ends_it_with_one_request() {
    let bench = Bench::start(options()).await;
    let error = bench.with_token("00wrong").inspect(&request(), &bench.control).await.unwrap_err();
    assert!(matches!(error, SourceError::Refused(_)), "{error:?}");
    assert_eq!(bench.okta.requests().total, 1);
}

#[tokio::test]
async fn the_sources_part_of_the_scope_counts() {
    let bench = Bench::start(Options::empty()).await;
    let org = bench.okta.org();
    org.add_user(NewUser::new("ann@example.com"));
    let bob = org.add_user(NewUser::new("bob@example.com"));
    let app = org.add_app("Jira");
    org.assign_user(&app, &bob);
    let source = bench.scoped(|settings| settings.app = Some(app.clone()));
    let inspection = source.inspect(&request(), &bench.control).await.unwrap();
    assert_eq!(inspection.snapshot.users.len(), 1);
    assert!(inspection.snapshot.users_narrowed);
}
