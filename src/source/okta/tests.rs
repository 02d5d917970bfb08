//! Single exchanges that the stand-in does not make.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use wiremock::matchers::{header, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::client::{Ask, Bucket, Unread};
use super::*;
use crate::clock::Clock;
use crate::config::model::{Auth, Connector, SecretRef};
use crate::http::Patience;
use crate::source::GroupFilter;
use crate::source::cache::{CachedList, CachedLists, PackedMembers};
use crate::sync::model::{Absence, Member, Proof, SourceId, Status};
use crate::sync::progress::{Progress, Side};
use crate::telemetry::metrics::Metrics;

fn request() -> ReadRequest {
    ReadRequest {
        attributes: ["profile.login"].map(Into::into).into(),
        wants_members: GroupFilter(Arc::new(|_| true)),
        decides: crate::source::GroupFilter::none(),
        groups_with_memberships: BTreeSet::new(),
        member_lists: Arc::default(),
    }
}

/// A source whose connector may ask for a part of the org only.
struct Narrowed {
    source: Okta,
    _secrets: tempfile::TempDir,
}

fn source(server: &MockServer, narrow: impl FnOnce(&mut OktaSettings)) -> Narrowed {
    let secrets = tempfile::tempdir().unwrap();
    let file = secrets.path().join("token");
    std::fs::write(&file, "00secret").unwrap();
    let patience = Patience { first_pause: std::time::Duration::from_millis(1), ..Patience::default() };
    let shared = Shared::with_patience(Metrics::new(), patience).unwrap();
    let mut settings = OktaSettings {
        authorities: None,
        origin: server.uri().parse().unwrap(),
        auth: Auth::ApiToken(SecretRef::File(file)),
        rate_budget: 50,
        skinny_users: false,
        users_search: None,
        groups_search: None,
        app: None,
    };
    narrow(&mut settings);
    Narrowed { source: Okta::new(settings, &shared, &SignIns::new(Clock::system())), _secrets: secrets }
}

async fn read(server: &MockServer) -> Result<SourceSnapshot, SourceError> {
    source(server, |_| {}).source.read(&request(), &RunControl::default()).await
}

/// An org with nothing in it, but for what a test mounts before.
async fn empty_org(server: &MockServer) {
    let page = ResponseTemplate::new(200).set_body_json(json!([]));
    Mock::given(path("/api/v1/org")).respond_with(json_page(&json!({ "id": "00o1" }))).mount(server).await;
    Mock::given(path("/api/v1/users")).respond_with(page.clone()).mount(server).await;
    Mock::given(path("/api/v1/groups")).respond_with(page).mount(server).await;
}

fn json_page(body: &serde_json::Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn user_page(count: usize) -> serde_json::Value {
    (0..count)
        .map(|number| json!({ "id": format!("00u{number}"), "status": "ACTIVE", "profile": {} }))
        .collect()
}

#[tokio::test]
async fn asks_for_the_largest_pages_and_for_counts_and_for_users_without_credentials() {
    let server = MockServer::start().await;
    let options =
        "application/json; okta-response=\"omitCredentials,omitCredentialsLinks,omitTransitioningToStatus\"";
    Mock::given(path("/api/v1/users"))
        .and(query_param("limit", "200"))
        .and(move |request: &wiremock::Request| {
            request.headers.get("content-type").is_some_and(|value| value == options)
        })
        .and(header("authorization", "SSWS 00secret"))
        .respond_with(json_page(&user_page(1)))
        .expect(1)
        .mount(&server)
        .await;
    let group = json!([{ "id": "00g1", "profile": { "name": "a" } }]);
    Mock::given(path("/api/v1/groups"))
        .and(query_param("limit", "200"))
        .and(query_param("expand", "stats"))
        .respond_with(json_page(&group))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/api/v1/groups/00g1/users"))
        .and(query_param("limit", "1000"))
        .respond_with(json_page(&user_page(1)))
        .expect(1)
        .mount(&server)
        .await;
    empty_org(&server).await;
    let snapshot = read(&server).await.unwrap();
    assert_eq!(
        (snapshot.address.id.as_deref(), snapshot.users.len(), snapshot.groups.len()),
        (Some("00o1"), 1, 1)
    );
    assert_eq!(snapshot.groups[0].members.len(), 1);
}

#[tokio::test]
async fn credentials_are_not_left_out_where_a_template_wants_them() {
    let server = MockServer::start().await;
    Mock::given(path("/api/v1/users"))
        .and(query_param("fields", "id,status,credentials,lastLogin,profile:(login)"))
        .and(|request: &wiremock::Request| !request.headers.contains_key("content-type"))
        .respond_with(json_page(&user_page(1)))
        .expect(1)
        .mount(&server)
        .await;
    empty_org(&server).await;
    let mut request = request();
    request.attributes = ["credentials", "lastLogin", "profile.login"].map(Into::into).into();
    let source = source(&server, |_| {});
    assert_eq!(source.source.read(&request, &RunControl::default()).await.unwrap().users.len(), 1);
}

#[tokio::test]
async fn law_1_an_answer_about_somebody_else_answers_nothing() {
    let server = MockServer::start().await;
    let other = json!({ "id": "00u9", "status": "ACTIVE", "profile": { "login": "zoe" } });
    let embedded = json!({ "id": "00u9", "status": "ACTIVE", "_embedded": { "user": other } });
    Mock::given(path("/api/v1/apps/0oa1/users/00u1")).respond_with(json_page(&embedded)).mount(&server).await;
    Mock::given(path("/api/v1/apps/0oa1/groups/00g1")).respond_with(json_page(&other)).mount(&server).await;
    Mock::given(path("/api/v1/users")).respond_with(json_page(&json!([other]))).mount(&server).await;
    let by_app = source(&server, |settings| settings.app = Some("0oa1".to_owned()));
    let by_search = source(&server, |settings| settings.users_search = Some("id pr".to_owned()));
    let questions = Questions {
        users: ["00u1"].map(Into::into).into(),
        groups: ["00g1"].map(Into::into).into(),
        ..Questions::default()
    };
    for (source, ids) in [(by_app, &["00u1", "00g1"][..]), (by_search, &["00u1"])] {
        let address = SourceAddress { id: None, origin: server.uri() };
        let mut snapshot =
            gathered::Gathered::default().into_snapshot((address, None), request().attributes.clone(), true);
        let (request, control) = (request(), RunControl::default());
        source.source.confirm(&mut snapshot, &questions, &request, &control).await.unwrap();
        for id in ids {
            let Some(Absence::Unknown(why)) = snapshot.absences.get(*id) else {
                panic!("{id}: {snapshot:?}")
            };
            assert_eq!(why, "Okta answered with another record, 00u9");
        }
        assert!(snapshot.users.is_empty() && snapshot.groups.is_empty());
    }
}

#[tokio::test]
async fn law_1_a_full_page_whose_links_got_lost_is_not_the_end() {
    for (count, proven) in [(199, true), (200, false)] {
        let server = MockServer::start().await;
        Mock::given(path("/api/v1/users")).respond_with(json_page(&user_page(count))).mount(&server).await;
        empty_org(&server).await;
        let snapshot = read(&server).await.unwrap();
        assert_eq!(snapshot.users.len(), count);
        assert_eq!(snapshot.users_proof.is_proven(), proven, "{:?}", snapshot.users_proof);
    }
}

#[tokio::test]
async fn law_1_a_next_that_is_no_address_or_a_page_seen_before_ends_the_list_unproven() {
    const FIRST_PAGE: &str = "/api/v1/users?limit=200&fields=id,status,profile:(login)";
    const ELSEWHERE: &str =
        "https://elsewhere.example/api/v1/users?limit=200&fields=id,status,profile:(login)";
    for (next, expected) in [
        ("mailto:nobody@example.com", "names a next page that is no address"),
        (FIRST_PAGE, "names a page as the next that was read before"),
        (ELSEWHERE, "names a page as the next that was read before"),
    ] {
        let server = MockServer::start().await;
        let page = json_page(&user_page(2)).insert_header("link", format!("<{next}>; rel=\"next\""));
        Mock::given(path("/api/v1/users")).respond_with(page).expect(1).mount(&server).await;
        empty_org(&server).await;
        let Proof::NotProven(why) = read(&server).await.unwrap().users_proof else { panic!("proven") };
        assert!(why.ends_with(expected), "{why}");
    }
}

#[tokio::test]
async fn a_404_that_is_not_about_the_record_does_not_prove_that_a_group_is_gone() {
    let no_path = json!({ "errorCode": "E0000008", "errorSummary": "The requested path was not found" });
    for (answer, expected) in [
        (ResponseTemplate::new(404), "the answer is 404 Not Found and not in Okta's form"),
        (
            ResponseTemplate::new(404).set_body_json(no_path),
            "Okta answered 404 (E0000008: The requested path was not found)",
        ),
    ] {
        let server = MockServer::start().await;
        let group = json!([{ "id": "00g1", "profile": { "name": "a" } }]);
        Mock::given(path("/api/v1/groups")).respond_with(json_page(&group)).mount(&server).await;
        Mock::given(path("/api/v1/groups/00g1/users")).respond_with(answer).expect(1).mount(&server).await;
        empty_org(&server).await;
        let snapshot = read(&server).await.unwrap();
        assert!(snapshot.absences.is_empty());
        let Proof::NotProven(why) = &snapshot.groups[0].members_proof else { panic!("proven") };
        assert_eq!(why, expected);
    }
}

#[tokio::test]
async fn only_an_answer_for_those_who_are_let_in_uses_a_token() {
    for (status, let_in) in [(200, true), (401, false), (403, false), (404, false)] {
        let server = MockServer::start().await;
        let page = ResponseTemplate::new(status).set_body_json(json!([]));
        Mock::given(path("/api/v1/users")).respond_with(page.clone()).mount(&server).await;
        Mock::given(path("/api/v1/groups")).respond_with(page.clone()).mount(&server).await;
        Mock::given(path("/api/v1/org"))
            .respond_with(if let_in { json_page(&json!({ "id": "00o1" })) } else { page })
            .mount(&server)
            .await;
        let control = RunControl::default();
        let read = source(&server, |_| {}).source.read(&request(), &control).await;
        assert_eq!((read.is_ok(), control.progress.was_let_in()), (let_in, let_in), "{status}");
        let refused = matches!(status, 401 | 403);
        assert_eq!(control.progress.was_refused(Side::Source), refused, "{status}");
        assert!(!control.progress.was_refused(Side::Target), "{status}");
    }
}

#[tokio::test]
async fn rules_30_nothing_is_sent_after_the_third_request_that_was_given_up() {
    // Nobody listens there any more once the listener is dropped.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let shared = Shared::with_patience(Metrics::new(), Patience { tries: 1, ..Patience::default() }).unwrap();
    let api = shared.api("test", &origin, HeaderValue::from_static("SSWS 00secret"), 50);
    let client = Client::new(
        api,
        Principal::Token(SecretRef::Credential("token".to_owned())),
        Progress::default(),
        Skinny::new(false),
    );
    let url = client.url(&["groups"], None);
    let ask = Ask { bucket: Bucket::Groups, url: &url, what: "a list", options: None, smaller: None };
    // As long as no limits are known they go one after the other: all but the first stand in the queue from the beginning.
    let asked = futures_util::future::join_all((0..10).map(|_| client.ask(ask, |_, _| Ok(())))).await;
    let stopped = asked.iter().filter(|reply| matches!(reply, Err(Unread::Stopped))).count();
    let given_up = asked.iter().filter(|reply| matches!(reply, Err(Unread::GivenUp(_)))).count();
    assert_eq!((given_up, stopped), (3, 7));
    assert!(client.has_stopped());
}

#[tokio::test]
async fn an_id_is_never_more_than_one_part_of_a_path() {
    let server = MockServer::start().await;
    let group = json!([{ "id": "../../x?y#z", "profile": { "name": "a" } }]);
    Mock::given(path("/api/v1/groups")).respond_with(json_page(&group)).mount(&server).await;
    empty_org(&server).await;
    read(&server).await.unwrap();
    let asked: Vec<_> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|request| request.url.path().to_owned())
        .collect();
    assert!(asked.contains(&"/api/v1/groups/..%2F..%2Fx%3Fy%23z/users".to_owned()), "{asked:?}");
}

#[test]
fn a_token_is_used_as_it_is_or_not_at_all() {
    let value = |token: &str| authorization(&SecretString::from(token.to_owned()));
    let good = value(" 00abc-_.x\n").unwrap();
    assert_eq!(good.to_str().unwrap(), "SSWS 00abc-_.x");
    assert!(good.is_sensitive());
    for wrong in ["", " \n", "a b", "a\nb", "ä", "a\u{7f}"] {
        assert!(value(wrong).is_err(), "{wrong:?}");
    }
}

/// Reads an org with one group whose list is these members, one list after the other, and which was seen before as `seen`
/// with this stamp. Returns its members, whether they are proven, and how often they were asked for.
async fn read_again(
    lists: &[&[&str]],
    seen: &[&str],
    stamp: &str,
    is_current: bool,
) -> (usize, Proof, usize) {
    let server = MockServer::start().await;
    let now = "2026-11-23T03:00:00.000Z";
    let group = json!([{ "id": "00g1", "lastMembershipUpdated": now, "profile": { "name": "a" } }]);
    Mock::given(path("/api/v1/groups")).respond_with(json_page(&group)).mount(&server).await;
    for list in lists {
        let page: serde_json::Value =
            list.iter().map(|id| json!({ "id": id, "status": "ACTIVE", "profile": {} })).collect();
        Mock::given(path("/api/v1/groups/00g1/users"))
            .respond_with(json_page(&page))
            .up_to_n_times(1)
            .mount(&server)
            .await;
    }
    empty_org(&server).await;
    let people: Vec<SourceId> = seen.iter().map(|id| SourceId::from(*id)).collect();
    let members = (0..).zip(&people).map(|(person, _)| Member { person, status: Status::Active });
    let list = CachedList {
        stamp: stamp.into(),
        read: chrono::DateTime::UNIX_EPOCH,
        members: PackedMembers::pack(&members.collect::<Vec<_>>()),
        is_current,
    };
    let cached = CachedLists { people: people.into(), lists: [("00g1".into(), list)].into() };
    let request = ReadRequest { member_lists: Arc::new(cached), ..request() };
    let bench = source(&server, |_| {});
    let snapshot = bench.source.read(&request, &RunControl::default()).await.unwrap();
    let asked = server.received_requests().await.unwrap();
    let asked = asked.iter().filter(|request| request.url.path().ends_with("/00g1/users")).count();
    assert_eq!(snapshot.groups[0].members_changed, now);
    (snapshot.groups[0].members.len(), snapshot.groups[0].members_proof.clone(), asked)
}

#[tokio::test]
async fn a_list_that_changed_although_its_stamp_did_not_is_read_once_more() {
    const STAMP: &str = "2026-11-23T03:00:00.000Z";
    let same = read_again(&[&["u2", "u1"]], &["u1", "u2"], STAMP, false).await;
    assert_eq!(same, (2, Proof::Proven, 1), "nothing changed, whatever the order");
    let moved = read_again(&[&["u1"]], &["u1", "u2"], "2026-11-22T03:00:00.000Z", false).await;
    assert_eq!(moved, (1, Proof::Proven, 1), "Okta says that it changed");
    let twice = read_again(&[&["u1"], &["u1"]], &["u1", "u2"], STAMP, false).await;
    assert_eq!(twice, (1, Proof::Proven, 2), "the stamp lags behind: what came twice is believed");
    let glitch = read_again(&[&["u1"], &["u1", "u2"]], &["u1", "u2"], STAMP, false).await;
    assert_eq!(glitch, (2, Proof::Proven, 2), "the second time it was as before");
    let (_, proof, asked) = read_again(&[&["u1"], &[]], &["u1", "u2"], STAMP, false).await;
    assert_eq!(asked, 2);
    assert!(matches!(&proof, Proof::NotProven(why) if why.contains("another list each time")), "{proof:?}");
}

#[tokio::test]
async fn a_list_that_has_not_changed_is_not_asked_for() {
    const STAMP: &str = "2026-11-23T03:00:00.000Z";
    assert_eq!(read_again(&[&["u1"]], &["u1", "u2"], STAMP, true).await, (2, Proof::Proven, 0));
    let moved = read_again(&[&["u1"]], &["u1", "u2"], "2026-11-22T03:00:00.000Z", true).await;
    assert_eq!(moved, (1, Proof::Proven, 1), "Okta says that it changed");
}

/// An org whose only group has the member `u1` at `skinny_users`, where a test has not mounted another answer before, and `u1`
/// and `u2` at the address that Okta documents; Okta counts `count`.
async fn skinny_org(server: &MockServer, stamp: &str, count: u64) {
    let group = json!([{
        "id": "00g1", "lastMembershipUpdated": stamp, "profile": { "name": "a" },
        "_embedded": { "stats": { "usersCount": count } }
    }]);
    Mock::given(path("/api/v1/groups")).respond_with(json_page(&group)).mount(server).await;
    for (name, ids) in [("skinny_users", &["u1"][..]), ("users", &["u1", "u2"])] {
        let page: serde_json::Value = ids.iter().map(|id| json!({ "id": id, "status": "ACTIVE" })).collect();
        Mock::given(path(format!("/api/v1/groups/00g1/{name}")))
            .respond_with(json_page(&page))
            .mount(server)
            .await;
    }
    empty_org(server).await;
}

/// The names under which the members were asked for, in order.
async fn names_asked(server: &MockServer) -> Vec<String> {
    let asked = server.received_requests().await.unwrap();
    let names = asked.iter().filter_map(|request| request.url.path().strip_prefix("/api/v1/groups/00g1/"));
    names.map(str::to_owned).collect()
}

#[tokio::test]
async fn law_1_who_is_missing_at_skinny_users_although_nothing_changed_is_looked_for_where_okta_documents_it()
{
    const STAMP: &str = "2026-11-23T03:00:00.000Z";
    let server = MockServer::start().await;
    // It agrees with what Okta counts, and not with what was seen.
    skinny_org(&server, STAMP, 1).await;
    let people: Vec<SourceId> = ["u1", "u2"].map(SourceId::from).into();
    let members = (0..2).map(|person| Member { person, status: Status::Active });
    let list = CachedList {
        stamp: STAMP.into(),
        read: chrono::DateTime::UNIX_EPOCH,
        members: PackedMembers::pack(&members.collect::<Vec<_>>()),
        is_current: false,
    };
    let cached = CachedLists { people: people.into(), lists: [("00g1".into(), list)].into() };
    let request = ReadRequest { member_lists: Arc::new(cached), ..request() };
    let bench = source(&server, |settings| settings.skinny_users = true);
    let snapshot = bench.source.read(&request, &RunControl::default()).await.unwrap();
    assert_eq!(names_asked(&server).await, ["skinny_users", "users"]);
    assert_eq!(snapshot.groups[0].members.len(), 2);
    let why = Proof::NotProven("Okta counts 1 members, 2 were read".to_owned());
    assert_eq!(snapshot.groups[0].members_proof, why);
}

#[tokio::test]
async fn one_line_of_the_log_says_why_skinny_users_is_asked_no_more() {
    let log = crate::notify::testing::log();
    let server = MockServer::start().await;
    let body = json!({ "errorCode": "E0000022", "errorSummary": "The endpoint does not support the method" });
    Mock::given(path("/api/v1/groups/00g1/skinny_users"))
        .respond_with(ResponseTemplate::new(405).set_body_json(body))
        .mount(&server)
        .await;
    skinny_org(&server, "2026-11-23T03:00:00.000Z", 2).await;
    let bench = source(&server, |settings| settings.skinny_users = true);
    for _ in 0..2 {
        let snapshot = bench.source.read(&request(), &RunControl::default()).await.unwrap();
        assert_eq!(snapshot.groups[0].members.len(), 2);
        assert!(snapshot.groups[0].members_proof.is_proven());
    }
    assert_eq!(names_asked(&server).await, ["skinny_users", "users", "users"]);
    let text = log.text();
    let warnings: Vec<_> = text.lines().filter(|line| line.contains("WARN")).collect();
    let [warning] = warnings[..] else { panic!("{warnings:?}") };
    for part in [
        "from now on the address that Okta documents is used",
        "path=\"/api/v1/groups/00g1/skinny_users\"",
        "405 Method Not Allowed (E0000022: The endpoint does not support the method)",
    ] {
        assert!(warning.contains(part), "{warning}");
    }
}

#[test]
fn what_was_learned_about_skinny_users_counts_until_the_file_changes() {
    let skinnies = Skinnies::default();
    let mut connector = Connector::for_tests(crate::sync::rules::Rules::default());
    assert!(!skinnies.of(&connector).is_on());
    connector.source.skinny_users = true;
    connector.digest = "on".to_owned();
    let asked = "https://acme.okta.com/api/v1/groups/00g1/skinny_users".parse().unwrap();
    skinnies.of(&connector).leave(&asked, "404");
    assert!(!skinnies.of(&connector).is_on(), "for all runs");
    let other = Connector { name: "other".to_owned(), ..connector.clone() };
    assert!(skinnies.of(&other).is_on(), "another connector finds out for itself");
    connector.digest = "changed".to_owned();
    assert!(skinnies.of(&connector).is_on());
}
