//! Members from `skinny_users`, where the connector asks for that: the same snapshot, and the way back to the address that
//! Okta documents.

use std::collections::BTreeSet;

use sandbox::okta::{Broken, Fault, FaultKind, NewUser, Options, PageSizes, Route};
use usersyncd::source::okta::Okta;
use usersyncd::source::{Source, SourceError};
use usersyncd::sync::model::SourceSnapshot;

use super::support::{Bench, impatience, members, patience, request, small, unproven_groups};

/// More groups than are read side by side.
fn options() -> Options {
    Options { users: 120, groups: 30, memberships: 600, seed: 11, ..Options::default() }
}

/// A source of the bench that asks there.
fn skinny(bench: &Bench) -> Okta {
    bench.scoped(|settings| settings.skinny_users = true)
}

async fn read(source: &Okta, bench: &Bench) -> SourceSnapshot {
    source.read(&request(), &bench.control).await.unwrap()
}

/// How often members were asked for there and at the documented address since it was last asked.
fn asked(bench: &Bench) -> (u64, u64) {
    let requests = bench.okta.requests();
    bench.okta.reset_counts();
    (requests.of(Route::SkinnyMembers), requests.of(Route::Members))
}

/// A group of five, of whom a page takes two: the bench, the group and its members.
async fn three_pages() -> (Bench, String, Vec<String>) {
    let pages = PageSizes { members: 2, ..PageSizes::default() };
    let options = Options { pages, everyone: false, ..Options::empty() };
    let bench = Bench::start_with(options, impatience(), 100).await;
    let org = bench.okta.org();
    let users: Vec<_> =
        (0..5).map(|number| org.add_user(NewUser::new(&format!("u{number}@example.com")))).collect();
    let group = org.add_group("jira-users");
    org.set_members(&group, &users);
    (bench, group, users)
}

#[tokio::test]
async fn the_snapshot_is_the_same_with_it_and_without() {
    let bench = Bench::start(options()).await;
    let documented = bench.read().await;
    let (none, lists) = asked(&bench);
    assert_eq!(none, 0, "off is the default");
    let source = skinny(&bench);
    let snapshot = read(&source, &bench).await;
    assert_eq!(asked(&bench), (lists, 0), "as many requests, all of them there");
    bench.assert_whole(&snapshot);
    for group in bench.okta.org().groups() {
        assert_eq!(members(&snapshot, &group.id), members(&documented, &group.id), "{}", group.name);
    }
    bench.assert_whole(&read(&source, &bench).await);
    assert_eq!(asked(&bench), (lists, 0));
}

#[tokio::test]
async fn large_groups_are_read_page_by_page_there_too() {
    let (bench, ..) = three_pages().await;
    bench.assert_whole(&read(&skinny(&bench), &bench).await);
    assert_eq!(asked(&bench), (3, 0));
}

#[tokio::test]
async fn an_org_without_it_is_read_at_the_documented_address_from_then_on() {
    let bench = Bench::start(Options { skinny_users: false, ..options() }).await;
    let source = skinny(&bench);
    bench.assert_whole(&read(&source, &bench).await);
    let (there, documented) = asked(&bench);
    assert!((1..=8).contains(&there), "{there}: none after the first answers");
    bench.assert_whole(&read(&source, &bench).await);
    assert_eq!(asked(&bench), (0, documented), "nor in a later run");
}

#[tokio::test]
async fn what_cannot_be_a_member_list_ends_it_with_the_first_answer() {
    let kinds = [
        FaultKind::Status(404),
        FaultKind::NotFound,
        FaultKind::Status(403),
        FaultKind::Status(400),
        FaultKind::Status(405),
        FaultKind::Redirect("https://elsewhere.example.com/".to_owned()),
        FaultKind::HtmlPage,
        FaultKind::HalfJson,
        FaultKind::BrokenRecord(Broken::WithoutId),
        FaultKind::Oversized(65 << 20),
    ];
    for kind in kinds {
        let (bench, ..) = small(patience()).await;
        let source = skinny(&bench);
        let fault = bench.okta.fault(Fault::on(Route::SkinnyMembers).kind(kind.clone()));
        bench.assert_whole(&read(&source, &bench).await);
        assert_eq!((bench.okta.met(fault), asked(&bench)), (1, (1, 1)), "{kind:?}");
        bench.okta.clear_faults();
        bench.assert_whole(&read(&source, &bench).await);
        assert_eq!(asked(&bench), (0, 1), "{kind:?}: it is not asked again");
    }
}

#[tokio::test]
async fn a_refusal_of_a_later_page_ends_it_and_the_list_is_read_anew() {
    for kind in [FaultKind::Status(403), FaultKind::StaleCursor, FaultKind::HtmlPage] {
        let (bench, ..) = three_pages().await;
        let source = skinny(&bench);
        let fault = Fault::on(Route::SkinnyMembers).kind(kind.clone()).matching("after=");
        let fault = bench.okta.fault(fault);
        bench.assert_whole(&read(&source, &bench).await);
        assert_eq!((bench.okta.met(fault), asked(&bench)), (1, (2, 3)), "{kind:?}");
        bench.assert_whole(&read(&source, &bench).await);
        assert_eq!(asked(&bench), (0, 3), "{kind:?}");
    }
}

#[tokio::test]
async fn law_1_a_list_that_stops_in_the_middle_is_read_anew_and_only_that_one() {
    for (kind, met) in [(FaultKind::Status(503), 2), (FaultKind::SameNext, 1), (FaultKind::EndlessNext, 2)] {
        let (bench, ..) = three_pages().await;
        let source = skinny(&bench);
        let fault = Fault::on(Route::SkinnyMembers).kind(kind.clone()).matching("after=");
        let fault = bench.okta.fault(fault);
        bench.assert_whole(&read(&source, &bench).await);
        assert_eq!(bench.okta.met(fault), met, "{kind:?}");
        assert_eq!(asked(&bench).1, 3, "{kind:?}: whole, from its first page");
        bench.okta.clear_faults();
        bench.assert_whole(&read(&source, &bench).await);
        assert_eq!(asked(&bench), (3, 0), "{kind:?}: the next one is read there again");
    }
}

#[tokio::test]
async fn an_overloaded_okta_is_waited_for_there_as_anywhere() {
    let (bench, group, _) = small(patience()).await;
    let source = skinny(&bench);
    for kind in [FaultKind::Status(503), FaultKind::TooManyAtOnce, FaultKind::CutBody] {
        let fault = bench.okta.fault(Fault::on(Route::SkinnyMembers).kind(kind.clone()).times(2));
        bench.assert_whole(&read(&source, &bench).await);
        assert_eq!((bench.okta.met(fault), asked(&bench)), (2, (3, 0)), "{kind:?}");
    }
    let fault = bench.okta.fault(Fault::on(Route::SkinnyMembers).kind(FaultKind::Status(503)));
    let why = &unproven_groups(&read(&source, &bench).await)[&group];
    assert_eq!((bench.okta.met(fault), asked(&bench)), (5, (5, 0)));
    assert!(why.starts_with("the server answered 503") && why.ends_with(" (asked at skinny_users)"), "{why}");
}

#[tokio::test]
async fn law_1_a_group_has_vanished_only_when_the_documented_address_says_so_too() {
    let (bench, group, _) = small(patience()).await;
    let source = skinny(&bench);
    let fault = bench.okta.fault(Fault::group_vanishes(&group));
    let snapshot = read(&source, &bench).await;
    assert_eq!((bench.okta.met(fault), asked(&bench)), (3, (1, 1)), "both lists, then the group itself");
    let why = "it was in the list of groups, and then Okta answered 404 for it";
    assert_eq!(unproven_groups(&snapshot)[&group], why);
    assert_eq!(members(&snapshot, &group), BTreeSet::new());
    bench.okta.clear_faults();
    bench.assert_whole(&read(&source, &bench).await);
    assert_eq!(asked(&bench), (1, 0), "that says nothing against the address");
}

#[tokio::test]
async fn rules_18_a_list_that_is_not_what_okta_counts_is_read_once_more_where_okta_documents_it() {
    let (bench, _, [ann, _]) = small(patience()).await;
    let source = skinny(&bench);
    let skip = bench.okta.fault(Fault::on(Route::SkinnyMembers).kind(FaultKind::Skip).record(&ann));
    bench.assert_whole(&read(&source, &bench).await);
    assert_eq!((bench.okta.met(skip), asked(&bench)), (1, (1, 1)));

    let empty = bench.okta.fault(Fault::on(Route::SkinnyMembers).kind(FaultKind::EmptyList));
    bench.assert_whole(&read(&source, &bench).await);
    assert_eq!((bench.okta.met(empty), asked(&bench)), (1, (1, 1)));
}

#[tokio::test]
async fn law_1_without_a_count_to_compare_with_it_is_not_asked() {
    let bench = Bench::start(Options { stats: false, ..options() }).await;
    bench.assert_whole(&read(&skinny(&bench), &bench).await);
    assert_eq!(asked(&bench), (0, 30));
}

#[tokio::test]
async fn a_refusal_at_both_addresses_fails_the_run_as_ever() {
    let (bench, ..) = small(patience()).await;
    let faults = [Route::SkinnyMembers, Route::Members]
        .map(|route| bench.okta.fault(Fault::on(route).kind(FaultKind::Status(403))));
    let error = skinny(&bench).read(&request(), &bench.control).await.unwrap_err();
    assert_eq!(faults.map(|fault| bench.okta.met(fault)), [1, 1]);
    let SourceError::Refused(text) = error else { panic!("{error:?}") };
    assert!(text.contains("does not let this API token read the member list of group"), "{text}");
    assert!(!text.contains("skinny"), "{text}");
}
