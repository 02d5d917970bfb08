//! Asking for single records with the question that defined the scope (RULES 17).

use std::collections::BTreeMap;

use sandbox::okta::{Fault, FaultKind, NewUser, Options, Route, Status as OktaStatus};
use usersyncd::source::Source;
use usersyncd::source::okta::Okta;
use usersyncd::sync::model::{Absence, ScopeRule, SourceSnapshot};

use super::support::{Bench, absences, group_ids, members, request, set, unproven_groups, user_ids, users};

const ENGINEERS: &str = r#"profile.department eq "Engineering""#;
const JIRA: &str = r#"profile.name sw "jira-""#;

async fn org() -> Bench {
    Bench::start(Options { everyone: false, ..Options::empty() }).await
}

fn engineer(bench: &Bench, login: &str) -> String {
    bench.okta.org().add_user(NewUser::new(login).attribute("department", "Engineering"))
}

fn out(rule: ScopeRule) -> Absence {
    Absence::OutOfScope(rule)
}

fn unknown(snapshot: &SourceSnapshot, id: &str) -> String {
    match snapshot.absences.get(id) {
        Some(Absence::Unknown(why)) => why.clone(),
        other => panic!("{id}: {other:?}"),
    }
}

/// A snapshot of the source from which nothing came: all questions are about what is absent.
async fn empty(bench: &Bench, source: &Okta) -> SourceSnapshot {
    let mut snapshot = source.read(&request(), &bench.control).await.unwrap();
    snapshot.users.clear();
    snapshot.groups.clear();
    bench.okta.reset_counts();
    snapshot
}

#[tokio::test]
async fn rules_17_a_search_is_asked_for_many_at_once() {
    let bench = org().await;
    let source = bench.scoped(|settings| settings.users_search = Some(ENGINEERS.to_owned()));
    let org = bench.okta.org();
    let stay: Vec<_> = (0..43).map(|number| engineer(&bench, &format!("u{number}@example.com"))).collect();
    let [moved, gone, left] =
        ["moved", "gone", "left"].map(|name| engineer(&bench, &format!("{name}@example.com")));
    let mut snapshot = empty(&bench, &source).await;
    org.update_profile(&moved, "department", "Sales");
    org.delete_user(&gone);
    org.set_status(&left, OktaStatus::Deprovisioned);
    let mut asked: Vec<&str> = stay.iter().map(String::as_str).collect();
    asked.extend([moved.as_str(), &gone, &left]);
    bench.ask(&source, &mut snapshot, &asked, &[]).await;
    let expected = [&moved, &gone].map(|id| (id.clone(), out(ScopeRule::UsersSearch)));
    assert_eq!(absences(&snapshot), BTreeMap::from(expected));
    assert_eq!(snapshot.users.len(), 44);
    assert_eq!(users(&snapshot)[&left].1, "DEPROVISIONED", "a search shows those too");
    assert_eq!((bench.okta.requests().of(Route::Users), bench.okta.requests().total), (2, 2));
    assert!(snapshot.people.find(&left).is_some());
}

#[tokio::test]
async fn law_1_a_search_that_fails_or_does_not_heed_the_ids_says_nothing_about_who_does_not_come() {
    for (kind, expected) in [
        (FaultKind::Status(503), "the server answered 503"),
        (FaultKind::Status(400), "the answer is 400 Bad Request (E0000001"),
        (FaultKind::NotFound, "Okta answered 404 (E0000008"),
        (FaultKind::HtmlPage, "the answer is a web page"),
        (FaultKind::EndlessNext, "brought nothing new and yet promised more"),
    ] {
        let bench = org().await;
        let source = bench.scoped(|settings| {
            settings.users_search = Some(ENGINEERS.to_owned());
            settings.groups_search = Some(JIRA.to_owned());
        });
        let (stays, moved) = (engineer(&bench, "stays@example.com"), engineer(&bench, "moved@example.com"));
        let (kept, renamed) = (bench.okta.org().add_group("jira-a"), bench.okta.org().add_group("jira-b"));
        let mut snapshot = empty(&bench, &source).await;
        bench.okta.org().update_profile(&moved, "department", "Sales");
        bench.okta.org().rename_group(&renamed, "other");
        let faults = [Route::Users, Route::Groups]
            .map(|route| bench.okta.fault(Fault::on(route).kind(kind.clone()).matching("id eq ")));
        bench.ask(&source, &mut snapshot, &[&stays, &moved], &[&kept, &renamed]).await;
        assert!(faults.iter().all(|fault| bench.okta.met(*fault) > 0), "{kind:?}");
        for id in [&moved, &renamed] {
            let why = unknown(&snapshot, id);
            assert!(why.contains(expected), "{kind:?}: {why}");
        }
        for id in [&stays, &kept] {
            let absence = snapshot.absences.get(id.as_str());
            assert!(matches!(absence, None | Some(Absence::Unknown(_))), "{absence:?}");
        }
    }
}

/// An application with one user who is assigned directly, and one who was.
struct Assigned {
    bench: Bench,
    app: String,
    stays: String,
    left: String,
}

async fn assigned() -> Assigned {
    let bench = org().await;
    let [stays, left] = ["stays@example.com", "left@example.com"].map(|login| engineer(&bench, login));
    let app = bench.okta.org().add_app("Jira");
    for user in [&stays, &left] {
        bench.okta.org().assign_user(&app, user);
    }
    Assigned { bench, app, stays, left }
}

#[tokio::test]
async fn rules_17_the_application_is_asked_for_its_users_and_who_is_deactivated_is_told_apart() {
    let Assigned { bench, app, stays, left } = assigned().await;
    let org = bench.okta.org();
    let [deactivated, gone] = ["deactivated@example.com", "gone@example.com"].map(|login| {
        let user = engineer(&bench, login);
        org.assign_user(&app, &user);
        user
    });
    let source = bench.scoped(|settings| settings.app = Some(app.clone()));
    let mut snapshot = empty(&bench, &source).await;
    org.unassign_user(&app, &left);
    org.set_status(&deactivated, OktaStatus::Deprovisioned);
    org.delete_user(&gone);
    bench.ask(&source, &mut snapshot, &[&stays, &left, &deactivated, &gone], &[]).await;
    let expected =
        [(left, out(ScopeRule::App)), (deactivated.clone(), out(ScopeRule::App)), (gone, Absence::Gone)];
    assert_eq!(absences(&snapshot), BTreeMap::from(expected));
    assert_eq!(user_ids(&snapshot), set(&[&stays, &deactivated]));
    assert_eq!(users(&snapshot)[&deactivated].1, "DEPROVISIONED");
    let requests = bench.okta.requests();
    assert_eq!((requests.of(Route::AppUser), requests.of(Route::User), requests.total), (4, 3, 7));
}

#[tokio::test]
async fn law_1_only_an_answer_of_the_application_takes_a_user_out_of_scope() {
    let unanswered = "the server answered 503";
    for (route, kind, expected) in [
        (Route::AppUser, FaultKind::Status(503), Err(unanswered)),
        (Route::AppUser, FaultKind::Status(403), Err("does not let this token read it: 403")),
        (Route::AppUser, FaultKind::Status(404), Err("Okta answered 404 (E0000008")),
        (Route::AppUser, FaultKind::NotFound, Ok(out(ScopeRule::App))),
        (Route::AppUser, FaultKind::HtmlPage, Err("the answer is a web page")),
        (Route::User, FaultKind::Status(503), Err(unanswered)),
        (Route::User, FaultKind::Status(403), Ok(out(ScopeRule::App))),
        (Route::User, FaultKind::NotFound, Ok(Absence::Gone)),
    ] {
        let Assigned { bench, app, left, .. } = assigned().await;
        let source = bench.scoped(|settings| settings.app = Some(app.clone()));
        let mut snapshot = empty(&bench, &source).await;
        bench.okta.org().unassign_user(&app, &left);
        let fault = bench.okta.fault(Fault::on(route).kind(kind.clone()));
        bench.ask(&source, &mut snapshot, &[&left], &[]).await;
        assert!(bench.okta.met(fault) > 0, "{kind:?}");
        match expected {
            Ok(absence) => {
                assert_eq!(snapshot.absences.get(left.as_str()), Some(&absence), "{route:?} {kind:?}")
            }
            Err(why) => assert!(unknown(&snapshot, &left).contains(why), "{route:?} {kind:?}"),
        }
        assert!(snapshot.users.is_empty());
    }
}

#[tokio::test]
async fn rules_17_search_and_application_must_agree() {
    let Assigned { bench, app, stays, left } = assigned().await;
    let org = bench.okta.org();
    let [moved, deactivated] = ["moved@example.com", "deactivated@example.com"].map(|login| {
        let user = engineer(&bench, login);
        org.assign_user(&app, &user);
        user
    });
    let source = bench.scoped(|settings| {
        settings.users_search = Some(ENGINEERS.to_owned());
        settings.app = Some(app.clone());
    });
    let mut snapshot = empty(&bench, &source).await;
    org.update_profile(&moved, "department", "Sales");
    org.unassign_user(&app, &left);
    org.set_status(&deactivated, OktaStatus::Deprovisioned);
    let asked = [&stays, &left, &moved, &deactivated].map(String::as_str);
    bench.ask(&source, &mut snapshot, &asked, &[]).await;
    let expected = [
        (left.clone(), out(ScopeRule::App)),
        (moved, out(ScopeRule::UsersSearch)),
        (deactivated.clone(), out(ScopeRule::App)),
    ];
    assert_eq!(absences(&snapshot), BTreeMap::from(expected));
    assert_eq!(user_ids(&snapshot), set(&[&stays, &deactivated]));
    let requests = bench.okta.requests();
    assert_eq!((requests.of(Route::Users), requests.of(Route::AppUser), requests.total), (1, 3, 4));

    let mut snapshot = empty(&bench, &source).await;
    let fault = bench.okta.fault(Fault::on(Route::AppUser).kind(FaultKind::Status(503)));
    bench.ask(&source, &mut snapshot, &[&left], &[]).await;
    assert!(bench.okta.met(fault) > 0);
    assert!(unknown(&snapshot, &left).contains("503"));
}

#[tokio::test]
async fn rules_17_groups_are_asked_for_likewise() {
    let bench = org().await;
    let org = bench.okta.org();
    let ann = engineer(&bench, "ann@example.com");
    let names = ["jira-stays", "jira-left", "jira-renamed", "jira-gone"];
    let [stays, left, renamed, gone] = names.map(|name| org.add_group(name));
    let app = org.add_app("Jira");
    for group in [&stays, &left, &renamed, &gone] {
        org.assign_group(&app, group);
        org.set_members(group, &[&ann]);
    }
    let before = |search: bool, by_app: bool| {
        bench.scoped(|settings| {
            settings.groups_search = search.then(|| JIRA.to_owned());
            settings.app = by_app.then(|| app.clone());
        })
    };
    let sources = [before(true, false), before(false, true), before(true, true)];
    let mut snapshots = Vec::new();
    for source in &sources {
        snapshots.push(empty(&bench, source).await);
    }
    org.unassign_group(&app, &left);
    org.rename_group(&renamed, "other");
    org.delete_group(&gone);
    let (search, by_app) = (out(ScopeRule::GroupsSearch), out(ScopeRule::App));
    let expected = [
        (vec![(&renamed, &search), (&gone, &search)], set(&[&stays, &left])),
        (vec![(&left, &by_app), (&gone, &by_app)], set(&[&stays, &renamed])),
        (vec![(&left, &by_app), (&renamed, &search), (&gone, &search)], set(&[&stays])),
    ];
    // Searches, questions to the application, questions for a group, member lists.
    let routes = [Route::Groups, Route::AppGroup, Route::Group, Route::Members];
    let counts = [[1, 0, 0, 2], [0, 4, 2, 2], [1, 2, 0, 1]];
    let asked = [&stays, &left, &renamed, &gone].map(String::as_str);
    for (((source, mut snapshot), (absent, there)), counts) in
        sources.iter().zip(snapshots).zip(expected).zip(counts)
    {
        bench.okta.reset_counts();
        bench.ask(source, &mut snapshot, &[], &asked).await;
        let absent: BTreeMap<_, _> =
            absent.into_iter().map(|(id, absence)| (id.clone(), absence.clone())).collect();
        assert_eq!(absences(&snapshot), absent);
        assert_eq!(group_ids(&snapshot), there);
        assert!(there.iter().all(|group| members(&snapshot, group) == set(&[&ann])));
        assert!(unproven_groups(&snapshot).is_empty());
        assert_eq!(routes.map(|route| bench.okta.requests().of(route)), counts);
    }

    let mut snapshot = empty(&bench, &sources[1]).await;
    let fault = bench.okta.fault(Fault::on(Route::AppGroup).kind(FaultKind::Status(503)));
    bench.ask(&sources[1], &mut snapshot, &[], &[&left]).await;
    assert!(bench.okta.met(fault) > 0);
    assert!(unknown(&snapshot, &left).contains("503"));
}

#[tokio::test]
async fn rules_18_members_of_a_group_that_a_search_was_asked_for_are_counted() {
    let bench = org().await;
    let source = bench.scoped(|settings| settings.groups_search = Some(JIRA.to_owned()));
    let org = bench.okta.org();
    let group = org.add_group("jira-users");
    let both = ["ann@example.com", "bob@example.com"].map(|login| engineer(&bench, login));
    org.set_members(&group, &both);
    let mut snapshot = empty(&bench, &source).await;
    let fault = bench.okta.fault(Fault::on(Route::Members).kind(FaultKind::Skip));
    bench.ask(&source, &mut snapshot, &[], &[&group]).await;
    assert_eq!(bench.okta.met(fault), 2, "they are read once more");
    assert_eq!(unproven_groups(&snapshot)[&group], "Okta counts 2 members, 1 were read");
}
