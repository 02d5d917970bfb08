//! What the source makes of everything that Okta, or something on the way, may do wrong. Each test asserts that the fault
//! was really met.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sandbox::okta::{
    Broken, Fault, FaultKind, KeyKind, KeyPair, Okta as StandIn, Options, Route, Status as OktaStatus,
};
use usersyncd::source::{ReadRequest, Source, SourceError};
use usersyncd::sync::model::{Absence, FindingKind, Status};

use super::support::{
    Bench, group_of, groups_proof, impatience, members, patience, request, small, unproven_groups, users,
    users_proof,
};

/// Three pages of users, and groups with members.
fn options() -> Options {
    Options { users: 620, groups: 12, memberships: 900, seed: 3, ..Options::default() }
}

#[tokio::test]
async fn what_passes_when_tried_again_leaves_no_trace() {
    let kinds = [
        FaultKind::Status(500),
        FaultKind::Status(502),
        FaultKind::Status(503),
        FaultKind::Status(504),
        FaultKind::TooManyAtOnce,
        FaultKind::Reset,
        FaultKind::Close,
        FaultKind::CutBody,
        FaultKind::CutChunked,
        FaultKind::HalfJson,
        FaultKind::HtmlPage,
    ];
    for kind in kinds {
        for route in [Route::Org, Route::Users, Route::Groups, Route::Members] {
            let (bench, _, _) = small(patience()).await;
            let fault = bench.okta.fault(Fault::on(route).kind(kind.clone()).times(2));
            bench.assert_whole(&bench.read().await);
            assert_eq!(bench.okta.met(fault), 2, "{kind:?} on {route:?}");
        }
    }
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_and_a_silent_server_is_not() {
    let (bench, _, _) = small(patience()).await;
    let slow = FaultKind::SlowBody { bytes: 400, every: Duration::from_millis(1) };
    let slow = bench.okta.fault(Fault::on(Route::Members).kind(slow));
    bench.assert_whole(&bench.read().await);
    assert_eq!(bench.okta.met(slow), 1);

    let (bench, group, _) = small(impatience()).await;
    let silent = bench.okta.fault(Fault::on(Route::Members).kind(FaultKind::Stall));
    let snapshot = bench.read().await;
    assert_eq!(bench.okta.met(silent), 2);
    let why = &unproven_groups(&snapshot)[&group];
    assert!(why.starts_with("the answer did not come in time (given up after 2 tries"), "{why}");
}

#[tokio::test]
async fn a_wrong_token_fails_the_run_with_one_request() {
    let (bench, _, _) = small(patience()).await;
    let error = bench.with_token("00wrong").read(&request(), &bench.control).await.unwrap_err();
    assert_eq!(bench.okta.requests().total, 1);
    let SourceError::Refused(text) = error else { panic!("{error:?}") };
    let begin = format!("{} refused the API token in the file /", bench.host());
    assert!(text.starts_with(&begin), "{text}");
    assert!(text.contains("(E0000011: Invalid token provided); nothing was changed."), "{text}");
    assert!(text.contains("30 days without use") && text.contains("Security > API > Tokens"), "{text}");
    assert!(!text.contains("00wrong"), "{text}");
}

#[tokio::test]
async fn a_token_without_the_rights_fails_the_run_and_says_which_are_missing() {
    for (route, what) in [
        (Route::Users, "the user list"),
        (Route::Groups, "the group list"),
        (Route::Members, "the member list of group"),
    ] {
        let (bench, _, _) = small(patience()).await;
        let fault = bench.okta.fault(Fault::on(route).kind(FaultKind::Status(403)));
        let error = bench.try_read().await.unwrap_err();
        assert_eq!(bench.okta.met(fault), 1, "refusals are not asked again");
        let SourceError::Refused(text) = error else { panic!("{error:?}") };
        assert!(text.contains(&format!("does not let this API token read {what}")), "{text}");
        assert!(
            text.contains("E0000006: You do not have permission") && text.contains("Read-only"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_token_revoked_in_the_middle_fails_the_run() {
    let bench = Bench::start(options()).await;
    let fault = bench.okta.fault(Fault::on(Route::Users).kind(FaultKind::Status(401)).after(1));
    assert!(matches!(bench.try_read().await, Err(SourceError::Refused(_))));
    assert_eq!(bench.okta.met(fault), 1);
}

#[tokio::test]
async fn what_is_not_okta_is_said_to_be_so() {
    let cases = [
        (FaultKind::HtmlPage, "the answer is a web page, not Okta's JSON", 3),
        (FaultKind::HalfJson, "the answer is JSON that ends in the middle", 3),
        (
            FaultKind::Redirect("https://portal.example.net/login?u=me".into()),
            "a redirect (302 Found) to portal.example.net,",
            1,
        ),
        (FaultKind::Status(404), "404", 1),
        (FaultKind::Status(400), "the answer is 400 Bad Request", 1),
    ];
    for (kind, expected, tries) in cases {
        for route in [Route::Users, Route::Groups] {
            let (bench, _, _) = small(patience()).await;
            let fault = bench.okta.fault(Fault::on(route).kind(kind.clone()));
            let error = bench.try_read().await.unwrap_err();
            // Users are asked for once more without the choice of fields: an org may not know that.
            let tries = tries + u64::from(route == Route::Users && kind == FaultKind::Status(400));
            assert_eq!(bench.okta.met(fault), tries, "{kind:?}");
            let SourceError::NotTheSource(text) = error else { panic!("{kind:?}: {error:?}") };
            assert!(text.contains(expected) && text.contains("nothing was changed"), "{text}");
            assert!(text.contains("Check the domain") || text.contains("check the domain"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_first_page_that_never_comes_fails_the_run() {
    let cases = [
        (
            FaultKind::Status(503),
            "the server answered 503 Service Unavailable (E0000010: ",
            "status.okta.com",
        ),
        (FaultKind::Reset, "the connection was reset before the answer was complete", "firewall"),
        (FaultKind::CutBody, "the answer was cut off", "firewall"),
    ];
    for (kind, expected, advice) in cases {
        for (route, what) in
            [(Route::Org, "the org"), (Route::Users, "the user list"), (Route::Groups, "the group list")]
        {
            let (bench, _, _) = small(patience()).await;
            let fault = bench.okta.fault(Fault::on(route).kind(kind.clone()));
            let error = bench.try_read().await.unwrap_err();
            assert_eq!(bench.okta.met(fault), 5, "RULES 30: five tries");
            let SourceError::Unreachable(text) = error else { panic!("{kind:?}: {error:?}") };
            let begin = format!("{what} could not be read from {}: ", bench.host());
            assert!(text.starts_with(&begin), "{text}");
            assert!(text.contains(expected) && text.contains(advice), "{text}");
        }
    }
}

#[tokio::test]
async fn the_domain_of_the_examples_is_sent_nothing() {
    let (bench, _, _) = small(patience()).await;
    let example = bench.at("https://your-org.okta.com/");
    let key = KeyPair::generate(KeyKind::P256).private_pem();
    let app =
        bench.signing_in(&key, |settings, _| settings.origin = "https://your-org.okta.com/".parse().unwrap());
    for source in [example, app] {
        let read = source.read(&ReadRequest::nothing(), &bench.control).await.err();
        let inspected = source.inspect(&ReadRequest::nothing(), &bench.control).await.err();
        for error in [read, inspected] {
            let Some(SourceError::NotTheSource(text)) = error else { panic!("{error:?}") };
            assert!(text.contains("the domain of the examples; nothing was sent to Okta. Write"), "{text}");
        }
    }
}

#[tokio::test]
async fn nobody_listening_is_said_to_be_so() {
    let (bench, _, _) = small(patience()).await;
    let Bench { okta, source, control, .. } = bench;
    drop(okta);
    tokio::task::yield_now().await;
    let error = source.read(&request(), &control).await.unwrap_err();
    let SourceError::Unreachable(text) = error else { panic!("{error:?}") };
    assert!(text.contains("the connection was refused (given up after 5 tries"), "{text}");
}

#[tokio::test]
async fn a_server_without_tls_is_said_to_be_so() {
    let (bench, _, _) = small(patience()).await;
    let url = bench.okta.url().replace("http:", "https:");
    let SourceError::Unreachable(text) = bench.at(&url).read(&request(), &bench.control).await.unwrap_err()
    else {
        panic!("something else")
    };
    let host = bench.host();
    let begin =
        format!("the org could not be read from {host}: the server does not speak TLS at this address");
    assert!(text.starts_with(&begin) && !text.contains("given up"), "{text}");
}

#[tokio::test]
async fn law_1_a_list_that_stops_early_is_not_proven() {
    let stale = FaultKind::StaleCursor;
    let cases = [
        (
            Fault::on(Route::Users).kind(FaultKind::Status(503)).matching("after="),
            "page 2 could not be read: the server answered 503",
        ),
        (
            Fault::on(Route::Users).kind(FaultKind::HtmlPage).matching("after="),
            "page 2 could not be read: the answer is a web page",
        ),
        (
            Fault::on(Route::Users).kind(FaultKind::Status(400)).matching("after="),
            "page 2 could not be read: the answer is 400",
        ),
        (Fault::on(Route::Users).kind(stale), "E0000029: Invalid paging request. Invalid cursor"),
        (Fault::on(Route::Users).kind(FaultKind::SameNext), "names a page as the next that was read before"),
        (Fault::on(Route::Users).kind(FaultKind::EndlessNext), "brought nothing new and yet promised more"),
        (Fault::on(Route::Users).kind(FaultKind::EndlessEmpty), "brought nothing new and yet promised more"),
    ];
    for (fault, expected) in cases {
        let bench = Bench::start(options()).await;
        let name = format!("{fault:?}");
        let fault = bench.okta.fault(fault);
        let snapshot = bench.read().await;
        assert!(bench.okta.met(fault) > 0, "{name}");
        let why = users_proof(&snapshot).unwrap_or_else(|| panic!("{name}: proven"));
        assert!(why.contains(expected), "{name}: {why}");
        assert!(snapshot.users.len() >= 200, "what came is used");
        assert_eq!(groups_proof(&snapshot), None, "{name}");
    }
}

#[tokio::test]
async fn law_1_the_same_for_groups_and_for_members() {
    let bench = Bench::start(Options { groups: 250, ..options() }).await;
    let fault = bench.okta.fault(Fault::on(Route::Groups).kind(FaultKind::Status(503)).matching("after="));
    let snapshot = bench.read().await;
    assert_eq!(bench.okta.met(fault), 5);
    assert!(groups_proof(&snapshot).unwrap().starts_with("page 2 could not be read"));
    assert_eq!(users_proof(&snapshot), None);
    assert_eq!(snapshot.groups.len(), 200);

    for (kind, expected) in [
        (FaultKind::Status(503), "the server answered 503"),
        (FaultKind::SameNext, "page 1 names a page as the next that was read before"),
        (FaultKind::EndlessNext, "brought nothing new"),
        (FaultKind::Status(400), "the answer is 400"),
        (FaultKind::HalfJson, "the answer is JSON that ends in the middle"),
    ] {
        let (bench, group, both) = small(patience()).await;
        let fault = bench.okta.fault(Fault::on(Route::Members).kind(kind));
        let snapshot = bench.read().await;
        assert!(bench.okta.met(fault) > 0);
        assert!(unproven_groups(&snapshot)[&group].contains(expected), "{:?}", unproven_groups(&snapshot));
        assert_eq!(users_proof(&snapshot), None);
        assert_eq!(users(&snapshot).into_keys().collect::<BTreeSet<_>>(), BTreeSet::from(both));
    }
}

#[tokio::test]
async fn rules_30_a_run_stops_reading_after_three_requests_that_were_given_up() {
    let bench = Bench::start(Options { groups: 40, memberships: 4_000, ..options() }).await;
    let fault = bench.okta.fault(Fault::on(Route::Members).kind(FaultKind::Status(503)));
    let snapshot = bench.read().await;
    let unproven = unproven_groups(&snapshot);
    let stopped = unproven.values().filter(|why| why.starts_with("reading stopped after 3 requests")).count();
    let given_up = unproven.values().filter(|why| why.contains("given up after 5 tries")).count();
    assert_eq!(stopped + given_up, unproven.len());
    // Eight are read side by side: when the third is given up, seven others may be under way beside the two before.
    assert!((3..=10).contains(&given_up), "{given_up} were given up");
    assert!(bench.okta.met(fault) <= 5 * 10, "{} were sent", bench.okta.met(fault));
    assert!(stopped > 10);
}

#[tokio::test]
async fn a_page_that_is_too_much_is_asked_for_in_smaller_ones() {
    let bench = Bench::start(Options { users: 900, groups: 0, memberships: 0, ..Options::default() }).await;
    let org = bench.okta.org();
    let group = org.add_group("large");
    let ids: Vec<_> = org
        .users()
        .into_iter()
        .filter(|user| user.status == OktaStatus::Active)
        .map(|user| user.id)
        .collect();
    org.set_members(&group, &ids);
    let faults = ["limit=1000", "limit=500"].map(|limit| {
        bench.okta.fault(Fault::on(Route::Members).kind(FaultKind::Status(500)).matching(limit))
    });
    bench.assert_whole(&bench.read().await);
    assert_eq!(faults.map(|fault| bench.okta.met(fault)), [2, 1], "the first 500 may be an accident");
    assert_eq!(bench.okta.requests().of(Route::Members), 3 + ids.len().div_ceil(250) as u64);
}

#[tokio::test]
async fn rules_31_a_next_on_another_host_is_asked_of_the_configured_one() {
    let elsewhere = StandIn::start(Options::empty()).await.unwrap();
    let bench = Bench::start(options()).await;
    let fault =
        bench.okta.fault(Fault::on(Route::Users).kind(FaultKind::OtherHost(elsewhere.url().to_owned())));
    bench.assert_whole(&bench.read().await);
    assert!(bench.okta.met(fault) > 0);
    assert_eq!(elsewhere.requests().total, 0, "the token never leaves the origin");
}

#[tokio::test]
async fn law_4_one_broken_record_is_a_finding_and_the_rest_of_the_page_is_used() {
    let (bench, _, [ann, bob]) = small(patience()).await;
    let kind = FaultKind::BrokenRecord(Broken::ProfileOfWrongType);
    let fault = bench.okta.fault(Fault::on(Route::Users).kind(kind).record(&ann));
    let snapshot = bench.read().await;
    assert_eq!(bench.okta.met(fault), 1);
    assert_eq!(users(&snapshot).into_keys().collect::<Vec<_>>(), [bob]);
    assert_eq!(snapshot.unreadable, BTreeSet::from([ann.as_str().into()]));
    assert_eq!(users_proof(&snapshot), None, "it is known who it is");
    let [finding] = &snapshot.findings[..] else { panic!("{:?}", snapshot.findings) };
    assert_eq!((finding.kind, finding.subject.as_str()), (FindingKind::UnreadableRecord, ann.as_str()));
    assert!(
        finding.message.ends_with("cannot be read: it has no profile. This user is left as is."),
        "{finding:?}"
    );
}

#[tokio::test]
async fn law_1_a_record_without_an_id_leaves_its_list_unproven() {
    for broken in [Broken::WithoutId, Broken::Null] {
        let (bench, group, _) = small(patience()).await;
        let faults = [Route::Users, Route::Members]
            .map(|route| bench.okta.fault(Fault::on(route).kind(FaultKind::BrokenRecord(broken))));
        let snapshot = bench.read().await;
        assert_eq!(faults.map(|fault| bench.okta.met(fault)), [1, 1], "reading again would not heal it");
        assert!(users_proof(&snapshot).unwrap().starts_with("one of its records cannot be read: it "));
        assert!(unproven_groups(&snapshot)[&group].starts_with("one of its records cannot be read: it "));
        assert_eq!((snapshot.users.len(), members(&snapshot, &group).len()), (1, 1));
        assert_eq!(snapshot.findings.len(), 1);

        let (bench, ..) = small(patience()).await;
        let fault = bench.okta.fault(Fault::on(Route::Groups).kind(FaultKind::BrokenRecord(broken)));
        let snapshot = bench.read().await;
        assert_eq!(bench.okta.met(fault), 1);
        assert!(groups_proof(&snapshot).unwrap().starts_with("one of its records cannot be read: it "));
    }
}

#[tokio::test]
async fn rules_13_a_status_that_is_not_known_is_a_finding() {
    let (bench, group, [ann, _]) = small(patience()).await;
    let kind = FaultKind::BrokenRecord(Broken::UnknownStatus);
    let faults = [Route::Users, Route::Members]
        .map(|route| bench.okta.fault(Fault::on(route).kind(kind.clone()).record(&ann)));
    let snapshot = bench.read().await;
    assert_eq!(faults.map(|fault| bench.okta.met(fault)), [1, 1]);
    assert_eq!(users(&snapshot)[&ann].1, "UNKNOWN");
    assert_eq!((users_proof(&snapshot), unproven_groups(&snapshot)), (None, BTreeMap::new()));
    let person = snapshot.people.find(&ann).unwrap();
    let member = group_of(&snapshot, &group).members.iter().find(|member| member.person == person).unwrap();
    assert_eq!(member.status, Status::Unknown);
    let [finding] = &snapshot.findings[..] else { panic!("{:?}", snapshot.findings) };
    assert_eq!((finding.kind, finding.subject.as_str()), (FindingKind::UnknownStatus, ann.as_str()));
}

#[tokio::test]
async fn a_record_that_comes_twice_counts_once() {
    let (bench, ..) = small(patience()).await;
    let faults = [Route::Users, Route::Groups, Route::Members]
        .map(|route| bench.okta.fault(Fault::on(route).kind(FaultKind::BrokenRecord(Broken::Twice))));
    bench.assert_whole(&bench.read().await);
    assert_eq!(faults.map(|fault| bench.okta.met(fault)), [1, 1, 1]);
}

#[tokio::test]
async fn rules_18_members_that_are_not_as_many_as_okta_counts_are_read_once_more() {
    let (bench, group, [ann, _]) = small(patience()).await;
    let fault = bench.okta.fault(Fault::on(Route::Members).kind(FaultKind::Skip).record(&ann).times(1));
    bench.assert_whole(&bench.read().await);
    assert_eq!((bench.okta.met(fault), bench.okta.requests().of(Route::Members)), (1, 2));

    let fault = bench.okta.fault(Fault::on(Route::Groups).kind(FaultKind::CountOff(1)));
    bench.okta.reset_counts();
    let snapshot = bench.read().await;
    assert_eq!((bench.okta.met(fault), bench.okta.requests().of(Route::Members)), (1, 2));
    assert_eq!(
        unproven_groups(&snapshot),
        BTreeMap::from([(group.clone(), "Okta counts 3 members, 2 were read".to_owned())])
    );
    assert_eq!(members(&snapshot, &group).len(), 2);
}

#[tokio::test]
async fn law_1_a_group_that_vanishes_while_it_is_read_is_not_proven_and_aborts_nothing() {
    let bench = Bench::start(options()).await;
    let org = bench.okta.org();
    let group = org
        .groups()
        .into_iter()
        .find(|group| group.kind != "BUILT_IN" && !org.members(&group.id).is_empty())
        .unwrap();
    let fault = bench.okta.fault(Fault::group_vanishes(&group.id));
    let snapshot = bench.read().await;
    assert_eq!(bench.okta.met(fault), 2, "the members, then the group itself");
    assert!(snapshot.absences.is_empty(), "{:?}", snapshot.absences);
    assert_eq!(members(&snapshot, &group.id), BTreeSet::new());
    assert_eq!((users_proof(&snapshot), groups_proof(&snapshot)), (None, None));
    let why = "it was in the list of groups, and then Okta answered 404 for it";
    assert_eq!(unproven_groups(&snapshot), BTreeMap::from([(group.id, why.to_owned())]));
}

#[tokio::test]
async fn members_that_are_missing_of_a_group_that_exists_are_not_proven() {
    let (bench, group, _) = small(patience()).await;
    let fault = bench.okta.fault(Fault::members_missing(&group));
    let snapshot = bench.read().await;
    assert_eq!(bench.okta.met(fault), 1);
    assert_eq!(unproven_groups(&snapshot)[&group], "Okta answered 404 to it although the group exists");
    assert!(snapshot.absences.is_empty());
}

#[tokio::test]
async fn a_narrowed_view_looks_like_a_smaller_org_whose_rest_is_gone() {
    let bench = Bench::start(options()).await;
    let fault = bench.okta.fault(Fault::on(Route::Any).kind(FaultKind::Narrowed { users: 50, groups: 50 }));
    let snapshot = bench.read().await;
    assert!(bench.okta.met(fault) > 0);
    // Nothing in an answer shows it: the heart compares with the run before (RULES 19).
    assert_eq!(
        (users_proof(&snapshot), groups_proof(&snapshot), unproven_groups(&snapshot)),
        (None, None, BTreeMap::new())
    );
    let seen = users(&snapshot);
    let org_users = bench.okta.org().users();
    assert!(seen.len() < org_users.len() * 3 / 4);
    let hidden = org_users
        .iter()
        .find(|user| user.status == OktaStatus::Active && !seen.contains_key(&user.id))
        .unwrap();
    let snapshot = bench.confirm(&[&hidden.id], &[]).await;
    assert_eq!(snapshot.absences.get(hidden.id.as_str()), Some(&Absence::Gone));
}

#[tokio::test]
async fn a_page_that_is_far_too_large_is_not_kept_compressed_or_not() {
    for gzip in [false, true] {
        let bench =
            Bench::start(Options { gzip, users: 30, groups: 1, memberships: 9, ..Options::default() }).await;
        let fault = bench.okta.fault(Fault::on(Route::Members).kind(FaultKind::Oversized(65 << 20)));
        let snapshot = bench.read().await;
        assert_eq!(bench.okta.met(fault), 1, "it would be as large the next time");
        assert_eq!(bench.okta.requests().compressed > 0, gzip);
        assert_eq!(
            unproven_groups(&snapshot).into_values().collect::<Vec<_>>(),
            ["the answer is larger than 64 MiB"]
        );
    }
}

#[tokio::test]
async fn a_cancelled_run_ends_in_the_middle_of_a_request() {
    let (bench, ..) = small(patience()).await;
    let fault = bench.okta.fault(Fault::on(Route::Members).kind(FaultKind::Stall));
    let cancel = bench.control.cancel.clone();
    let watch = async {
        while bench.okta.met(fault) == 0 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(bench.try_read(), watch);
    assert!(matches!(result, Err(SourceError::Cancelled)), "{result:?}");
    let requests = bench.okta.requests().total;
    assert!(matches!(bench.try_read().await, Err(SourceError::Cancelled)));
    assert_eq!(bench.okta.requests().total, requests, "nothing new begins");
}

#[tokio::test]
async fn a_token_that_cannot_be_read_or_used_sends_nothing() {
    let (bench, ..) = small(patience()).await;
    for (token, expected) in [("two words", "spaces"), ("tökén", "characters that no token has")] {
        let error = bench.with_token(token).read(&request(), &bench.control).await.unwrap_err();
        let SourceError::Secret(text) = error else { panic!("{error:?}") };
        assert!(text.contains(expected) && text.contains("nothing was sent to Okta"), "{text}");
        assert!(!text.contains(token), "{text}");
    }
    assert_eq!(bench.okta.requests().total, 0);
}
