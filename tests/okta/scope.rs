//! What is read where the connector asks for a part of the org only: by a search, by an application, or by both.

use std::collections::BTreeSet;

use sandbox::okta::{Fault, FaultKind, NewUser, Options, PageSizes, Route, Status as OktaStatus};
use usersyncd::source::okta::Okta;
use usersyncd::source::{Source, SourceError};
use usersyncd::sync::model::SourceSnapshot;

use super::support::{
    Bench, absences, group_ids, groups_proof, members, request, set, unproven_groups, user_ids, users_proof,
};

const ENGINEERS: &str = r#"profile.department eq "Engineering""#;
const JIRA: &str = r#"profile.name sw "jira-""#;

/// Some people, some groups and an application.
struct Town {
    bench: Bench,
    app: String,
    /// An engineer who is assigned directly.
    ann: String,
    /// An engineer who is assigned by a group.
    bob: String,
    /// In sales, assigned by a group.
    cid: String,
    /// An engineer who is not assigned.
    eve: String,
    /// An engineer who is deactivated.
    old: String,
    /// `jira-users` with bob and cid, and `other` with nobody: assigned.
    jira: String,
    other: String,
    /// `jira-admins`, with ann: not assigned.
    admins: String,
}

impl Town {
    async fn build() -> Self {
        Self::with(Options { everyone: false, ..Options::empty() }).await
    }

    async fn with(options: Options) -> Self {
        let bench = Bench::start(options).await;
        let org = bench.okta.org();
        let add = |login: &str, department: &str| {
            org.add_user(NewUser::new(login).attribute("department", department))
        };
        let (ann, bob) = (add("ann@example.com", "Engineering"), add("bob@example.com", "engineering"));
        let (cid, eve) = (add("cid@example.com", "Sales"), add("eve@example.com", "Engineering"));
        let old = add("old@example.com", "Engineering");
        let [jira, other, admins] = ["jira-users", "other", "jira-admins"].map(|name| org.add_group(name));
        org.set_members(&jira, &[&bob, &cid]);
        org.set_members(&admins, &[&ann]);
        let app = org.add_app("Jira");
        org.assign_user(&app, &ann);
        org.assign_user(&app, &old);
        org.set_status(&old, OktaStatus::Deprovisioned);
        for group in [&jira, &other] {
            org.assign_group(&app, group);
        }
        Self { bench, app, ann, bob, cid, eve, old, jira, other, admins }
    }

    fn by_search(&self) -> Okta {
        self.bench.scoped(|settings| settings.users_search = Some(ENGINEERS.to_owned()))
    }

    fn by_app(&self) -> Okta {
        self.bench.scoped(|settings| settings.app = Some(self.app.clone()))
    }

    fn by_both(&self) -> Okta {
        self.bench.scoped(|settings| {
            settings.users_search = Some(ENGINEERS.to_owned());
            settings.app = Some(self.app.clone());
        })
    }

    async fn read(&self, source: &Okta) -> SourceSnapshot {
        source.read(&request(), &self.bench.control).await.unwrap()
    }

    async fn refused(&self, source: &Okta) -> String {
        match source.read(&request(), &self.bench.control).await {
            Err(SourceError::Refused(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    fn requests(&self, route: Route) -> u64 {
        self.bench.okta.requests().of(route)
    }
}

#[tokio::test]
async fn okta_searches_users_and_groups() {
    let town = Town::build().await;
    let source = town.bench.scoped(|settings| {
        settings.users_search = Some(ENGINEERS.to_owned());
        settings.groups_search = Some(JIRA.to_owned());
    });
    let snapshot = town.read(&source).await;
    assert!(snapshot.users_narrowed);
    assert_eq!(
        user_ids(&snapshot),
        set(&[&town.ann, &town.bob, &town.eve, &town.old]),
        "deactivated ones too"
    );
    assert_eq!(group_ids(&snapshot), set(&[&town.jira, &town.admins]));
    assert_eq!(members(&snapshot, &town.jira), set(&[&town.bob, &town.cid]));
    assert_eq!((users_proof(&snapshot), groups_proof(&snapshot)), (None, None));
    assert!(snapshot.absences.is_empty() && snapshot.findings.is_empty());
    assert_eq!([Route::Users, Route::Groups, Route::Members].map(|route| town.requests(route)), [1, 1, 2]);

    let only_groups = town.bench.scoped(|settings| settings.groups_search = Some(JIRA.to_owned()));
    let snapshot = town.read(&only_groups).await;
    assert!(!snapshot.users_narrowed);
    assert_eq!(snapshot.users.len(), 4, "the plain list");
}

#[tokio::test]
async fn the_pages_of_a_search_are_followed_as_okta_links_them() {
    let bench = Bench::start(Options { users: 620, groups: 450, memberships: 0, ..Options::default() }).await;
    let source = bench.scoped(|settings| {
        settings.users_search = Some("status pr".to_owned());
        settings.groups_search = Some(r#"type eq "OKTA_GROUP" or type eq "APP_GROUP""#.to_owned());
    });
    let snapshot = source.read(&request(), &bench.control).await.unwrap();
    let org = bench.okta.org();
    let everybody: BTreeSet<_> = org.users().into_iter().map(|user| user.id).collect();
    assert_eq!(user_ids(&snapshot), everybody);
    assert_eq!(snapshot.groups.len(), 450, "without Everyone");
    assert_eq!((users_proof(&snapshot), groups_proof(&snapshot)), (None, None));
    assert_eq!([Route::Users, Route::Groups].map(|route| bench.okta.requests().of(route)), [4, 3]);
}

#[tokio::test]
async fn a_search_that_okta_does_not_understand_ends_the_run_with_what_to_correct() {
    let curly = "profile.department eq “Engineering”";
    for (route, kind) in [(Route::Users, "users"), (Route::Groups, "groups")] {
        let town = Town::build().await;
        let source = town.bench.scoped(|settings| {
            let search =
                if kind == "users" { &mut settings.users_search } else { &mut settings.groups_search };
            *search = Some(curly.to_owned());
        });
        let text = town.refused(&source).await;
        let begin = format!(
            "{} does not accept `source.okta.{kind}.search`, which is `{curly}`: 400 (E00000",
            town.bench.host()
        );
        assert!(text.starts_with(&begin), "{text}");
        assert!(text.contains("nothing was changed. Correct `source.okta."), "{text}");
        assert!(text.contains("straight double quotes"), "{text}");
        assert_eq!(town.requests(route), 1, "asking again would not mend it");
    }
}

#[tokio::test]
async fn an_org_that_does_not_know_the_choice_of_fields_is_read_without_it() {
    let bench = Bench::start(Options { users: 450, groups: 0, memberships: 0, ..Options::default() }).await;
    let fault = bench.okta.fault(Fault::on(Route::Users).kind(FaultKind::Status(400)).matching("fields="));
    bench.assert_whole(&bench.read().await);
    assert_eq!((bench.okta.met(fault), bench.okta.requests().of(Route::Users)), (1, 4), "once a run");
    bench.assert_whole(&bench.read().await);
    assert_eq!(bench.okta.met(fault), 2, "the next run tries again");

    let town = Town::build().await;
    let fault =
        town.bench.okta.fault(Fault::on(Route::Users).kind(FaultKind::Status(400)).matching("fields="));
    let source = town.by_search();
    let mut snapshot = town.read(&source).await;
    assert_eq!(snapshot.users.len(), 4);
    town.bench.ask(&source, &mut snapshot, &[&town.cid], &[]).await;
    assert!(absences(&snapshot).contains_key(&town.cid));
    assert_eq!((town.bench.okta.met(fault), town.requests(Route::Users)), (1, 3));
}

#[tokio::test]
async fn what_is_assigned_to_the_application_is_read_page_by_page() {
    let pages = PageSizes { app_users: 1, app_groups: 20, ..PageSizes::default() };
    let town = Town::with(Options { everyone: false, pages, ..Options::empty() }).await;
    let org = town.bench.okta.org();
    for number in 0..21 {
        org.assign_group(&town.app, &org.add_group(&format!("more-{number}")));
    }
    let snapshot = town.read(&town.by_app()).await;
    assert!(snapshot.users_narrowed);
    assert_eq!(user_ids(&snapshot), set(&[&town.ann, &town.bob, &town.cid]));
    assert_eq!(snapshot.groups.len(), 23);
    assert!(!group_ids(&snapshot).contains(&town.admins));
    assert_eq!(members(&snapshot, &town.jira), set(&[&town.bob, &town.cid]));
    assert_eq!((users_proof(&snapshot), groups_proof(&snapshot)), (None, None));
    assert!(unproven_groups(&snapshot).is_empty() && snapshot.unreadable.is_empty());
    assert!(snapshot.absences.is_empty() && snapshot.findings.is_empty());
    // Okta's links to the next page forget that the users are to come along.
    let routes = [Route::Users, Route::AppUsers, Route::AppGroups, Route::Groups, Route::Members];
    assert_eq!(routes.map(|route| town.requests(route)), [0, 3, 2, 1, 1]);
    let progress = town.bench.control.progress.view();
    assert_eq!((progress.users_read, progress.groups_total, progress.groups_read), (3, 23, 23));
}

#[tokio::test]
async fn a_search_is_cut_to_what_is_assigned_to_the_application() {
    let town = Town::build().await;
    let snapshot = town.read(&town.by_both()).await;
    assert_eq!(user_ids(&snapshot), set(&[&town.ann, &town.bob]));
    assert_eq!(group_ids(&snapshot), set(&[&town.jira, &town.other]));
    assert_eq!((users_proof(&snapshot), groups_proof(&snapshot)), (None, None));
    assert!(
        snapshot.absences.is_empty(),
        "lists shift while they are paged: who is left out is asked for first"
    );
    assert_eq!(
        [Route::Users, Route::AppUsers, Route::AppGroups].map(|route| town.requests(route)),
        [1, 1, 1]
    );
    let log = town.bench.okta.log();
    assert!(log.iter().any(|line| line.contains("/users?limit=500 ")), "without user objects: {log:?}");
}

#[tokio::test]
async fn a_page_with_nobody_who_is_assigned_is_not_the_end_of_a_list() {
    let pages = PageSizes { users: 1, groups: 1, ..PageSizes::default() };
    let town = Town::with(Options { everyone: false, pages, ..Options::empty() }).await;
    let snapshot = town.read(&town.by_both()).await;
    assert_eq!(user_ids(&snapshot), set(&[&town.ann, &town.bob]));
    assert_eq!(group_ids(&snapshot), set(&[&town.jira, &town.other]));
    assert_eq!((users_proof(&snapshot), groups_proof(&snapshot)), (None, None));
    assert_eq!([Route::Users, Route::Groups].map(|route| town.requests(route)), [4, 3]);
}

#[tokio::test]
async fn broken_records_of_what_is_not_assigned_are_nobodys_business() {
    let town = Town::build().await;
    let kind = FaultKind::BrokenRecord(sandbox::okta::Broken::ProfileOfWrongType);
    let faults = [(Route::Users, &town.eve), (Route::Groups, &town.admins)]
        .map(|(route, id)| town.bench.okta.fault(Fault::on(route).kind(kind.clone()).record(id)));
    let snapshot = town.read(&town.by_both()).await;
    assert_eq!(faults.map(|fault| town.bench.okta.met(fault)), [1, 1]);
    assert!(snapshot.findings.is_empty() && snapshot.unreadable.is_empty(), "{:?}", snapshot.findings);
    assert_eq!((users_proof(&snapshot), groups_proof(&snapshot)), (None, None));
}

#[tokio::test]
async fn an_application_that_is_not_there_or_not_shown_ends_the_run_with_what_to_correct() {
    let unknown = "0oa00000000000000000";
    for with_search in [false, true] {
        let town = Town::build().await;
        let source = town.bench.scoped(|settings| {
            settings.app = Some(unknown.to_owned());
            settings.users_search = with_search.then(|| ENGINEERS.to_owned());
        });
        let text = town.refused(&source).await;
        let begin = format!("{} has no application {unknown}, or does not show it", town.bench.host());
        assert!(text.starts_with(&begin) && text.contains("404; nothing was changed"), "{text}");
        assert!(text.contains("Correct `source.okta.app`"), "{text}");
        assert_eq!(
            [Route::Users, Route::Groups].map(|route| town.requests(route)),
            [0, 0],
            "no list is read"
        );
    }
    for (route, list) in [(Route::AppUsers, "user"), (Route::AppGroups, "group")] {
        let town = Town::build().await;
        let fault = town.bench.okta.fault(Fault::on(route).kind(FaultKind::Status(403)));
        let text = town.refused(&town.by_app()).await;
        assert_eq!(town.bench.okta.met(fault), 1);
        let expected = format!(
            "does not let this API token read the {list} list of the application {} (source.okta.app): 403",
            town.app
        );
        assert!(
            text.contains(&expected) && text.contains("a role that may view users, groups and"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn law_1_a_list_that_is_cut_to_one_that_did_not_end_is_not_proven() {
    let pages = PageSizes { app_users: 1, app_groups: 20, ..PageSizes::default() };
    for both in [false, true] {
        let town = Town::with(Options { everyone: false, pages, ..Options::empty() }).await;
        let org = town.bench.okta.org();
        for number in 0..21 {
            org.assign_group(&town.app, &org.add_group(&format!("more-{number}")));
        }
        let faults = [Route::AppUsers, Route::AppGroups].map(|route| {
            town.bench.okta.fault(Fault::on(route).kind(FaultKind::Status(503)).matching("after="))
        });
        let source = if both { town.by_both() } else { town.by_app() };
        let snapshot = town.read(&source).await;
        assert_eq!(faults.map(|fault| town.bench.okta.met(fault)), [5, 5]);
        let why = users_proof(&snapshot).unwrap();
        assert!(why.contains("page 2 could not be read: the server answered 503"), "{why}");
        let why = groups_proof(&snapshot).unwrap();
        let begin = format!("the group list of the application {} (source.okta.app): page 2", town.app);
        assert!(why.starts_with(&begin), "{why}");
        assert!(snapshot.absences.is_empty());
        assert!(snapshot.users.len() <= 1 && (both || snapshot.users.len() == 1), "what came is used");
        assert!((19..=20).contains(&snapshot.groups.len()), "{}", snapshot.groups.len());
    }
}

#[tokio::test]
async fn law_1_an_assignment_without_an_id_leaves_its_list_unproven() {
    for both in [false, true] {
        let town = Town::build().await;
        let kind = FaultKind::BrokenRecord(sandbox::okta::Broken::WithoutId);
        let faults = [Route::AppUsers, Route::AppGroups]
            .map(|route| town.bench.okta.fault(Fault::on(route).kind(kind.clone())));
        let source = if both { town.by_both() } else { town.by_app() };
        let snapshot = town.read(&source).await;
        assert_eq!(faults.map(|fault| town.bench.okta.met(fault)), [1, 1]);
        for why in [users_proof(&snapshot), groups_proof(&snapshot)] {
            let why = why.unwrap();
            assert!(why.contains("one of its records cannot be read: it has no id"), "{why}");
        }
    }
}

#[tokio::test]
async fn an_application_whose_pages_are_too_large_is_read_in_smaller_ones() {
    let town = Town::build().await;
    let fault = town.bench.okta.fault(Fault::on(Route::AppUsers).matching("limit=500"));
    let snapshot = town.read(&town.by_app()).await;
    assert_eq!(town.bench.okta.met(fault), 2);
    assert_eq!(snapshot.users.len(), 3);
    assert_eq!(users_proof(&snapshot), None);
    let log = town.bench.okta.log();
    assert!(log.iter().any(|line| line.contains("limit=250&expand=user")), "{log:?}");
}
