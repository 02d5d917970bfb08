//! What is read when nothing goes wrong, and with how many requests.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sandbox::okta::{
    Fault, FaultKind, LinkStyle, NewUser, Okta as StandIn, Options, Route, Status as OktaStatus,
};
use usersyncd::source::{GroupFilter, ReadRequest};
use usersyncd::sync::model::{AttributeValue, Status};

use super::support::{
    Bench, group_of, groups_proof, members, patience, request, small, unproven_groups, users, users_proof,
};

fn options() -> Options {
    Options { users: 450, groups: 210, memberships: 2_500, seed: 7, ..Options::default() }
}

#[tokio::test]
async fn a_whole_org_is_read_as_it_is_with_the_fewest_requests_possible() {
    let bench = Bench::start(Options { latency: Duration::from_millis(2), ..options() }).await;
    let snapshot = bench.read().await;
    bench.assert_whole(&snapshot);
    assert_eq!(snapshot.address.id, Some(bench.okta.org().id()));
    assert_eq!(snapshot.address.origin, bench.okta.url());
    assert_eq!(snapshot.findings, []);
    assert!(snapshot.absences.is_empty() && snapshot.unreadable.is_empty());

    let (requests, least) = (bench.okta.requests(), bench.okta.least_requests());
    assert_eq!(requests.of(Route::Users), least.users as u64);
    assert_eq!(requests.of(Route::Groups), least.groups as u64);
    assert_eq!(
        requests.of(Route::Members),
        least.members as u64,
        "none for Everyone and none for empty groups"
    );
    assert_eq!(requests.of(Route::Org), 1);
    assert_eq!(requests.total, 1 + (least.users + least.groups + least.members) as u64);
    assert!(requests.max_in_flight > 1 && requests.max_in_flight <= 8, "{} at once", requests.max_in_flight);

    let progress = bench.control.progress.view();
    assert_eq!(progress.requests, requests.total);
    assert_eq!(progress.users_read, snapshot.users.len() as u64);
    assert_eq!((progress.groups_total, progress.groups_read), (211, 211));
    assert_eq!(progress.waiting_for_rate_limit, 0);
}

#[tokio::test]
async fn links_may_be_folded_name_another_host_or_come_with_a_compressed_page() {
    let elsewhere = StandIn::start(Options::empty()).await.unwrap();
    for links in [LinkStyle::Folded, LinkStyle::Origin(elsewhere.url().to_owned())] {
        let bench = Bench::start(Options { links, gzip: true, ..options() }).await;
        bench.assert_whole(&bench.read().await);
        assert!(bench.okta.requests().compressed > 0);
    }
    assert_eq!(elsewhere.requests().total, 0, "RULES 31: the token goes to the configured origin only");
}

#[tokio::test]
async fn large_groups_are_read_page_by_page() {
    let bench = Bench::start(Options { users: 2_600, groups: 0, memberships: 0, ..Options::default() }).await;
    let org = bench.okta.org();
    let everybody: Vec<_> =
        org.users().into_iter().filter(|user| user.status != OktaStatus::Deprovisioned).collect();
    let group = org.add_group("large");
    org.set_members(&group, &everybody.iter().map(|user| &user.id).take(2_001).collect::<Vec<_>>());
    bench.assert_whole(&bench.read().await);
    assert_eq!(bench.okta.requests().of(Route::Members), 3);
}

#[tokio::test]
async fn an_empty_org_is_proven_empty() {
    let bench = Bench::start(Options { everyone: false, ..Options::empty() }).await;
    let snapshot = bench.read().await;
    assert!(snapshot.users.is_empty() && snapshot.groups.is_empty());
    assert_eq!((users_proof(&snapshot), groups_proof(&snapshot)), (None, None));
    assert_eq!(bench.okta.requests().total, 3);
}

#[tokio::test]
async fn profiles_are_cut_to_the_wanted_attributes_in_their_order() {
    let bench = Bench::start(Options::empty()).await;
    let user = NewUser::new("zoe@example.com")
        .name("Zoë", "Wójcik")
        .attribute("costCenter", 4711)
        .attribute("boss", true);
    let id = bench.okta.org().add_user(user);
    let mut request = request();
    request.attributes = ["absent", "boss", "costCenter", "firstName", "login", "mobilePhone"]
        .map(|name| format!("profile.{name}").into())
        .into();
    let snapshot = bench.read_as(&request).await;
    assert_eq!(snapshot.attribute_names, request.attributes);
    let user = snapshot.users.iter().find(|user| user.id.0 == id).unwrap();
    let json = |value: serde_json::Value| AttributeValue::Json(Box::new(value));
    let text = |value: &str| AttributeValue::Text(value.into());
    let expected = [
        AttributeValue::Absent,
        json(true.into()),
        json(4711.into()),
        text("Zoë"),
        text("zoe@example.com"),
        AttributeValue::Absent,
    ];
    assert_eq!(*user.attributes, expected);
}

#[tokio::test]
async fn groups_that_nobody_wants_cost_nothing_and_are_listed() {
    let bench = Bench::start(Options { users: 20, groups: 0, memberships: 0, ..Options::default() }).await;
    let org = bench.okta.org();
    let user = org.users().into_iter().find(|user| user.status == OktaStatus::Active).unwrap().id;
    let (wanted, unwanted) = (org.add_group("jira-users"), org.add_group("other"));
    for group in [&wanted, &unwanted] {
        org.set_members(group, std::slice::from_ref(&user));
    }
    let mut request = request();
    request.wants_members = GroupFilter(Arc::new(|name| name.starts_with("jira-")));
    let snapshot = bench.read_as(&request).await;
    assert_eq!(members(&snapshot, &wanted), BTreeSet::from([user]));
    assert_eq!(members(&snapshot, &unwanted), BTreeSet::new());
    assert!(group_of(&snapshot, &unwanted).members_proof.is_proven());
    assert_eq!(bench.okta.requests().of(Route::Members), 1);
}

#[tokio::test]
async fn rules_18_an_empty_group_costs_a_request_only_if_the_ledger_has_members_of_it() {
    let bench = Bench::start(Options::empty()).await;
    let org = bench.okta.org();
    let (known, unknown) = (org.add_group("known"), org.add_group("unknown"));
    let mut request = request();
    request.groups_with_memberships = BTreeSet::from([known.as_str().into()]);
    let snapshot = bench.read_as(&request).await;
    assert_eq!(unproven_groups(&snapshot).len(), 0);
    assert!(group_of(&snapshot, &unknown).members.is_empty());
    assert_eq!(bench.okta.requests().of(Route::Members), 1);
}

#[tokio::test]
async fn rules_17_who_decides_about_others_is_read_whatever_okta_counts() {
    let (bench, group, _) = small(patience()).await;
    let fault = bench.okta.fault(Fault::on(Route::Groups).kind(FaultKind::CountOff(-2)));
    assert!(group_of(&bench.read().await, &group).members.is_empty(), "Okta counts nobody");
    let request = ReadRequest { decides: GroupFilter(Arc::new(|name| name == "jira-users")), ..request() };
    let snapshot = bench.read_as(&request).await;
    assert_eq!(bench.okta.met(fault), 2);
    assert_eq!(unproven_groups(&snapshot)[&group], "Okta counts 0 members, 2 were read");
}

#[tokio::test]
async fn without_counts_every_group_is_read() {
    let bench = Bench::start(Options { stats: false, ..options() }).await;
    bench.assert_whole(&bench.read().await);
    assert_eq!(bench.okta.requests().of(Route::Members), 210, "one page each, empty or not");
}

#[tokio::test]
async fn rules_12_members_keep_the_status_that_their_list_shows() {
    let bench = Bench::start(Options { keep_deprovisioned_members: true, ..Options::empty() }).await;
    let org = bench.okta.org();
    let (left, stays) =
        (org.add_user(NewUser::new("left@example.com")), org.add_user(NewUser::new("stays@example.com")));
    let group = org.add_group("jira-users");
    org.set_members(&group, &[&left, &stays]);
    org.set_status(&left, OktaStatus::Deprovisioned);
    org.set_status(&stays, OktaStatus::Suspended);
    let snapshot = bench.read().await;
    assert_eq!(
        users(&snapshot).into_keys().collect::<BTreeSet<_>>(),
        BTreeSet::from([stays.clone()]),
        "the plain list hides who is deactivated"
    );
    let statuses: BTreeSet<_> = group_of(&snapshot, &group)
        .members
        .iter()
        .map(|member| (snapshot.people.ids()[member.person as usize].to_string(), member.status))
        .collect();
    assert_eq!(statuses, BTreeSet::from([(left, Status::Deprovisioned), (stays, Status::Suspended)]));
}

#[tokio::test]
async fn an_org_whose_id_the_token_may_not_read_is_known_by_its_origin() {
    for kind in [FaultKind::Status(403), FaultKind::NotFound, FaultKind::Status(404), FaultKind::Status(405)]
    {
        let bench = Bench::start(Options::empty()).await;
        let fault = bench.okta.fault(Fault::on(Route::Org).kind(kind));
        let address = bench.read().await.address;
        assert_eq!((address.id, address.origin), (None, bench.okta.url().to_owned()));
        assert_eq!(bench.okta.met(fault), 1);
    }
}
