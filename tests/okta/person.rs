//! One user and its groups.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::okta::{Fault, FaultKind, NewUser, Options, PageSizes, Route, Status as OktaStatus};
use usersyncd::source::okta::Okta;
use usersyncd::source::{Source, SourceError};
use usersyncd::sync::model::{Absence, ScopeRule, SourceSnapshot, Status};

use super::support::{
    Bench, absences, group_ids, group_of, groups_proof, members, request, set, user_ids, users, users_proof,
};

async fn town() -> (Bench, String, String) {
    let bench = Bench::start(Options::empty()).await;
    let org = bench.okta.org();
    let ann = org.add_user(NewUser::new("Ann.O'Neil+x@example.com").attribute("department", "Engineering"));
    org.add_user(NewUser::new("bob@example.com"));
    let group = org.add_group("jira-users");
    let everybody: Vec<_> = org.users().into_iter().map(|user| user.id).collect();
    org.set_members(&group, &everybody);
    (bench, ann, group)
}

async fn read(bench: &Bench, source: &Okta, asked: &str) -> SourceSnapshot {
    source.read_user(asked, &request(), &bench.control).await.unwrap()
}

#[tokio::test]
async fn a_user_is_read_by_id_or_login_with_its_groups_and_nobody_else() {
    let (bench, ann, group) = town().await;
    let everyone = bench.okta.org().group_id_by_name("Everyone").unwrap();
    bench.okta.org().add_group("without-ann");
    for asked in [ann.as_str(), "Ann.O'Neil+x@example.com", "ann.o'neil+x@EXAMPLE.com"] {
        bench.okta.reset_counts();
        let snapshot = read(&bench, &bench.source, asked).await;
        assert_eq!(user_ids(&snapshot), set(&[&ann]), "{asked}");
        assert_eq!(group_ids(&snapshot), set(&[&group, &everyone]));
        assert_eq!(members(&snapshot, &group), set(&[&ann]), "not bob");
        let found = group_of(&snapshot, &group);
        assert!(found.members_proof.is_proven() && !found.everyone);
        assert_eq!(found.members[0].status, Status::Active);
        assert!(group_of(&snapshot, &everyone).everyone);
        assert_eq!((users_proof(&snapshot), groups_proof(&snapshot)), (None, None));
        assert!(snapshot.absences.is_empty() && !snapshot.users_narrowed);
        assert_eq!(snapshot.address.id, Some(bench.okta.org().id()));
        let requests = bench.okta.requests();
        let routes = [Route::Org, Route::User, Route::UserGroups];
        assert_eq!(routes.map(|route| requests.of(route)), [1, 1, 1]);
        assert_eq!(requests.total, 3);
    }
}

#[tokio::test]
async fn a_user_is_read_whatever_its_status() {
    let (bench, ann, _) = town().await;
    bench.okta.org().set_status(&ann, OktaStatus::Deprovisioned);
    let snapshot = read(&bench, &bench.source, &ann).await;
    assert_eq!(users(&snapshot)[&ann].1, "DEPROVISIONED");
}

#[tokio::test]
async fn nobody_of_that_name_is_no_error() {
    let (bench, ..) = town().await;
    for asked in ["nobody@example.com", "00u00000000000000000", "a/b?c#d%2e", ".."] {
        bench.okta.reset_counts();
        let snapshot = read(&bench, &bench.source, asked).await;
        assert!(snapshot.users.is_empty() && snapshot.groups.is_empty());
        assert_eq!(absences(&snapshot), BTreeMap::from([(asked.to_owned(), Absence::Gone)]));
        assert_eq!(bench.okta.requests().of(Route::UserGroups), 0);
    }
}

#[tokio::test]
async fn an_answer_about_somebody_else_is_an_error() {
    let (bench, ..) = town().await;
    let error = bench.source.read_user("me", &request(), &bench.control).await.unwrap_err();
    let SourceError::NotTheSource(text) = error else { panic!("{error:?}") };
    assert!(
        text.contains("was asked for the user me and answered with okta.admin@example.com (00u"),
        "{text}"
    );
    assert!(text.contains("nothing was changed. Ask with the whole login"), "{text}");
}

#[tokio::test]
async fn more_groups_than_fit_on_a_page_are_all_read() {
    let pages = PageSizes { user_groups: 3, ..PageSizes::default() };
    let bench = Bench::start(Options { pages, ..Options::empty() }).await;
    let org = bench.okta.org();
    let ann = org.add_user(NewUser::new("ann@example.com"));
    for number in 0..7 {
        org.set_members(&org.add_group(&format!("group-{number}")), &[&ann]);
    }
    let snapshot = read(&bench, &bench.source, &ann).await;
    assert_eq!((snapshot.groups.len(), groups_proof(&snapshot)), (8, None));
    assert_eq!(bench.okta.requests().of(Route::UserGroups), 3);

    let fault =
        bench.okta.fault(Fault::on(Route::UserGroups).kind(FaultKind::Status(503)).matching("after="));
    let snapshot = read(&bench, &bench.source, &ann).await;
    assert_eq!((bench.okta.met(fault), snapshot.groups.len(), snapshot.users.len()), (5, 3, 1));
    let why = groups_proof(&snapshot).unwrap();
    assert!(why.starts_with("page 2 could not be read: the server answered 503"), "{why}");
}

#[tokio::test]
async fn law_1_groups_that_cannot_be_read_prove_nothing() {
    for (kind, expected) in [
        (FaultKind::Status(503), "the server answered 503"),
        (FaultKind::NotFound, "does not exist (404)"),
        (FaultKind::HtmlPage, "the answer is a web page"),
        (FaultKind::BrokenRecord(sandbox::okta::Broken::WithoutId), "it has no id"),
    ] {
        let (bench, ann, _) = town().await;
        let fault = bench.okta.fault(Fault::on(Route::UserGroups).kind(kind.clone()));
        let snapshot = read(&bench, &bench.source, &ann).await;
        assert!(bench.okta.met(fault) > 0);
        let why = groups_proof(&snapshot).unwrap();
        assert!(why.contains(expected), "{kind:?}: {why}");
        assert_eq!(user_ids(&snapshot), set(&[&ann]));
    }
}

#[tokio::test]
async fn a_user_that_okta_does_not_show_ends_the_reading() {
    for (kind, refused) in [(FaultKind::Status(403), true), (FaultKind::Status(503), false)] {
        let (bench, ann, _) = town().await;
        let fault = bench.okta.fault(Fault::on(Route::User).kind(kind));
        let error = bench.source.read_user(&ann, &request(), &bench.control).await.unwrap_err();
        assert!(bench.okta.met(fault) > 0);
        assert_eq!(matches!(error, SourceError::Refused(_)), refused, "{error:?}");
        assert!(error.to_string().contains(&format!("the user {ann}")), "{error}");
        assert_eq!(bench.okta.requests().of(Route::UserGroups), 0);
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_named() {
    let (bench, ann, _) = town().await;
    let kind = FaultKind::BrokenRecord(sandbox::okta::Broken::ProfileOfWrongType);
    let fault = bench.okta.fault(Fault::on(Route::User).kind(kind));
    let snapshot = read(&bench, &bench.source, &ann).await;
    assert_eq!(bench.okta.met(fault), 1);
    assert_eq!(snapshot.unreadable, BTreeSet::from([ann.as_str().into()]));
    assert!(snapshot.users.is_empty() && snapshot.absences.is_empty());
}

#[tokio::test]
async fn who_and_what_the_sources_part_of_the_scope_leaves_out_is_said_and_kept() {
    let (bench, ann, group) = town().await;
    let org = bench.okta.org();
    let everyone = org.group_id_by_name("Everyone").unwrap();
    let app = org.add_app("Jira");
    let sales = r#"profile.department eq "Sales""#;
    let jira = r#"profile.name sw "jira-""#;
    let (by_users, by_groups, by_app) =
        [ScopeRule::UsersSearch, ScopeRule::GroupsSearch, ScopeRule::App].map(Absence::OutOfScope).into();
    let cases = [
        (Some(sales), None, false, vec![(&ann, &by_users)], 1),
        (None, Some(jira), false, vec![(&everyone, &by_groups)], 1),
        (None, None, true, vec![(&ann, &by_app), (&group, &by_app), (&everyone, &by_app)], 2),
        (
            Some(sales),
            Some(jira),
            true,
            vec![(&ann, &by_users), (&group, &by_app), (&everyone, &by_groups)],
            3,
        ),
    ];
    for (users_search, groups_search, with_app, expected, more_requests) in cases {
        let source = bench.scoped(|settings| {
            settings.users_search = users_search.map(str::to_owned);
            settings.groups_search = groups_search.map(str::to_owned);
            settings.app = with_app.then(|| app.clone());
        });
        bench.okta.reset_counts();
        let snapshot = read(&bench, &source, &ann).await;
        let expected: BTreeMap<_, _> =
            expected.into_iter().map(|(id, absence)| (id.clone(), absence.clone())).collect();
        assert_eq!(absences(&snapshot), expected);
        assert_eq!(user_ids(&snapshot), set(&[&ann]), "it is there all the same");
        assert_eq!(group_ids(&snapshot), set(&[&group, &everyone]));
        assert_eq!(bench.okta.requests().total, 3 + more_requests);
    }

    org.assign_user(&app, &ann);
    org.assign_group(&app, &group);
    let source = bench.scoped(|settings| settings.app = Some(app.clone()));
    let snapshot = read(&bench, &source, &ann).await;
    assert_eq!(absences(&snapshot), BTreeMap::from([(everyone.clone(), by_app)]));

    let faults = [Route::AppUser, Route::AppGroups].map(|route| {
        bench.okta.fault(Fault::on(route).kind(FaultKind::BrokenRecord(sandbox::okta::Broken::WithoutId)))
    });
    let snapshot = read(&bench, &source, &ann).await;
    assert!(faults.iter().all(|fault| bench.okta.met(*fault) > 0));
    for id in [&ann, &group, &everyone] {
        assert!(matches!(snapshot.absences.get(id.as_str()), Some(Absence::Unknown(_))), "{snapshot:?}");
    }
}

#[tokio::test]
async fn rule_13_a_record_without_an_id_is_no_sign_that_there_is_nobody() {
    let (bench, ann, _) = town().await;
    let kind = FaultKind::BrokenRecord(sandbox::okta::Broken::WithoutId);
    let fault = bench.okta.fault(Fault::on(Route::User).kind(kind));
    let snapshot = read(&bench, &bench.source, &ann).await;
    assert!(bench.okta.met(fault) > 0 && snapshot.users.is_empty());
    assert!(matches!(snapshot.absences[ann.as_str()], Absence::Unknown(_)), "{:?}", snapshot.absences);
}

#[tokio::test]
async fn an_application_that_is_gone_makes_nobody_unassigned() {
    let (bench, ann, _) = town().await;
    let org = bench.okta.org();
    let app = org.add_app("Jira");
    org.assign_user(&app, &ann);
    // No group is left to ask about.
    let source = bench.scoped(|settings| {
        settings.app = Some(app.clone());
        settings.groups_search = Some(r#"profile.name eq "nothing""#.to_owned());
    });
    assert!(!read(&bench, &source, &ann).await.absences.contains_key(ann.as_str()));
    org.delete_app(&app);
    let error = source.read_user(&ann, &request(), &bench.control).await.unwrap_err();
    assert!(error.to_string().contains("application"), "{error}");
}
