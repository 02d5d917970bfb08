//! Every fault, met and looked at.

use std::io;
use std::time::Duration;

use sandbox::okta::{Broken, Fault, FaultId, FaultKind, NewUser, Okta, Options, Route};
use serde_json::Value;
use tokio::time::Instant;

use crate::client::{Answer, get, raw, try_get, walk, walk_ids};

const USERS: &str = "/api/v1/users?limit=10";

/// An org of 30 users that are listed, and a fault on their list.
async fn with(kind: FaultKind) -> (Okta, FaultId) {
    let okta = Okta::start(Options { groups: 3, memberships: 60, ..Options::empty() }).await.unwrap();
    (0..30).for_each(|number| drop(okta.org().add_user(NewUser::new(&format!("u{number}@example.com")))));
    let fault = okta.fault(Fault::on(Route::Users).kind(kind));
    (okta, fault)
}

async fn first_page(kind: FaultKind) -> Answer {
    let (okta, fault) = with(kind).await;
    let page = get(&okta, USERS).await;
    assert_eq!(okta.met(fault), 1);
    page
}

#[tokio::test]
async fn statuses_come_with_oktas_bodies() {
    for (status, code) in [
        (401, "E0000011"),
        (403, "E0000006"),
        (404, "E0000008"),
        (429, "E0000047"),
        (500, "E0000009"),
        (503, "E0000010"),
    ] {
        let page = first_page(FaultKind::Status(status)).await;
        assert_eq!((page.status, page.error().0.as_str()), (status, code));
        assert!(!page.header("x-rate-limit-limit").is_empty());
    }
    let gateway = first_page(FaultKind::Status(504)).await;
    assert_eq!((gateway.status, gateway.header("content-type")), (504, "text/html"));
}

#[tokio::test]
async fn a_fault_hits_as_often_as_it_was_told() {
    let (okta, always) = with(FaultKind::Status(500)).await;
    okta.clear_faults();
    let fault = okta
        .fault(Fault::on(Route::Users).kind(FaultKind::Status(503)).after(1).times(2).matching("limit=10"));
    let mut statuses = Vec::new();
    for path in [USERS, "/api/v1/users?limit=9", "/api/v1/groups?limit=10", USERS, USERS, USERS] {
        statuses.push(get(&okta, path).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 503, 503, 200]);
    assert_eq!((okta.met(fault), okta.met(always)), (2, 0));
    assert_eq!((okta.requests().status(503), okta.requests().limited), (2, 0));
}

#[tokio::test]
async fn too_many_at_once_says_nothing_useful() {
    let page = first_page(FaultKind::TooManyAtOnce).await;
    assert_eq!(page.status, 429);
    assert_eq!((page.number("x-rate-limit-limit"), page.number("x-rate-limit-remaining")), (0, 0));
}

#[tokio::test]
async fn connections_end_without_an_answer() {
    let (okta, fault) = with(FaultKind::Reset).await;
    assert_eq!(raw(&okta, USERS).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!((okta.met(fault), okta.requests().unanswered), (1, 1));
    assert!(okta.log()[0].ends_with("-> no answer"));
    let (okta, fault) = with(FaultKind::Close).await;
    assert_eq!(raw(&okta, USERS).await.unwrap(), "");
    assert_eq!(okta.met(fault), 1);
}

#[tokio::test(start_paused = true)]
async fn stalled_and_late_answers() {
    let (okta, fault) = with(FaultKind::Stall).await;
    let patience = async {
        while okta.met(fault) == 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_secs(600)).await;
    };
    tokio::select! {
        () = patience => {}
        answer = get(&okta, USERS) => panic!("there was to be no answer: {answer:?}"),
    }
    assert_eq!(okta.met(fault), 1);

    let (okta, fault) = with(FaultKind::Delay(Duration::from_secs(20))).await;
    let start = Instant::now();
    assert_eq!(get(&okta, USERS).await.ids().len(), 10);
    assert!(start.elapsed() >= Duration::from_secs(20));
    assert_eq!(okta.met(fault), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_arrives_whole() {
    let (okta, fault) = with(FaultKind::SlowBody { bytes: 1000, every: Duration::from_secs(1) }).await;
    let start = Instant::now();
    let page = get(&okta, USERS).await;
    assert_eq!(page.ids().len(), 10);
    assert!(start.elapsed() >= Duration::from_secs(page.body.len() as u64 / 1000), "{:?}", start.elapsed());
    assert_eq!(okta.met(fault), 1);
}

#[tokio::test]
async fn cut_bodies_break_the_transfer() {
    let (okta, fault) = with(FaultKind::CutBody).await;
    let answer = raw(&okta, USERS).await.unwrap_or_default();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let promised = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), promised.parse::<usize>().unwrap() / 2, "half of what was promised arrives");
    assert!(try_get(&okta, USERS).await.is_err());
    assert_eq!(okta.met(fault), 2);

    let (okta, fault) = with(FaultKind::CutChunked).await;
    let answer = raw(&okta, USERS).await.unwrap_or_default();
    assert!(answer.contains("transfer-encoding: chunked") && !answer.ends_with("0\r\n\r\n"));
    assert!(try_get(&okta, USERS).await.is_err());
    assert_eq!(okta.met(fault), 2);
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be() {
    let half = first_page(FaultKind::HalfJson).await;
    assert_eq!((half.status, half.header("content-type")), (200, "application/json"));
    assert!(serde_json::from_slice::<Value>(&half.body).is_err());
    let html = first_page(FaultKind::HtmlPage).await;
    assert_eq!((html.status, html.header("content-type")), (200, "text/html"));
    assert!(html.body.starts_with(b"<html>"));
    let large = first_page(FaultKind::Oversized(3_000_000)).await;
    assert_eq!((large.body.len(), large.json().as_array().map(Vec::len)), (3_000_000, Some(0)));
    let moved = first_page(FaultKind::Redirect("http://127.0.0.1:9/users".to_owned())).await;
    assert_eq!((moved.status, moved.header("location")), (302, "http://127.0.0.1:9/users"));
}

#[tokio::test]
async fn next_leads_astray() {
    let same = first_page(FaultKind::SameNext).await;
    assert_eq!(same.link("next"), same.link("self"));

    let (okta, fault) = with(FaultKind::EndlessNext).await;
    let (mut seen, mut cursors) = (Vec::new(), Vec::new());
    let mut next = format!("{}{USERS}", okta.url());
    for _ in 0..6 {
        let page = get(&okta, &next).await;
        seen.push(page.ids());
        next = page.link("next").unwrap();
        cursors.push(next.clone());
    }
    assert_eq!((&seen[3], &seen[5]), (&seen[0], &seen[0]), "nothing new after the third page");
    cursors.dedup();
    assert_eq!(cursors.len(), 6, "every cursor is a new one");
    assert_eq!(okta.met(fault), 4);

    let (okta, _) = with(FaultKind::EndlessEmpty).await;
    let past = get(&okta, "/api/v1/users?limit=10&after=again7").await;
    assert_eq!(past.ids().len(), 0);
    assert!(past.link("next").unwrap().contains("after=again8"));

    let (okta, fault) = with(FaultKind::StaleCursor).await;
    let second = get(&okta, &get(&okta, USERS).await.link("next").unwrap()).await;
    assert_eq!((second.status, second.error().0.as_str()), (400, "E0000029"));
    assert_eq!(okta.met(fault), 1);

    let other = first_page(FaultKind::OtherHost("https://elsewhere.example.com".to_owned())).await;
    assert!(other.link("next").unwrap().starts_with("https://elsewhere.example.com/api/v1/users?after=2"));
    assert!(other.link("self").unwrap().starts_with("http://127.0.0.1"));
}

#[tokio::test]
async fn lists_that_end_too_early() {
    let empty = first_page(FaultKind::EmptyList).await;
    assert_eq!((empty.status, empty.body.as_slice(), empty.link("next")), (200, b"[]".as_slice(), None));
    let (okta, fault) = with(FaultKind::ShortList(2)).await;
    assert_eq!(walk_ids(&okta, USERS).await.len(), 20);
    assert_eq!(okta.met(fault), 1);
    assert_eq!(walk_ids(&okta, USERS).await.len(), 20, "each time anew");
    let (okta, _) = with(FaultKind::ShortList(1)).await;
    assert_eq!(walk_ids(&okta, USERS).await.len(), 10);
    let (okta, fault) = with(FaultKind::NoLinks).await;
    let page = get(&okta, USERS).await;
    assert_eq!((page.ids().len(), page.headers.get("link"), okta.met(fault)), (10, None, 1));
}

#[tokio::test]
async fn one_record_is_broken_and_the_others_are_not() {
    for broken in
        [Broken::WithoutId, Broken::ProfileOfWrongType, Broken::UnknownStatus, Broken::Null, Broken::Twice]
    {
        let (okta, first) = with(FaultKind::BrokenRecord(broken)).await;
        okta.clear_faults();
        let whole = get(&okta, USERS).await;
        let victim = whole.ids()[4].clone();
        let fault = okta.fault(Fault::on(Route::Any).kind(FaultKind::BrokenRecord(broken)).record(&victim));
        let page = get(&okta, USERS).await;
        let records = page.json().as_array().unwrap().clone();
        match broken {
            Broken::WithoutId => assert!(records[4].get("id").is_none() && records[4]["profile"].is_object()),
            Broken::ProfileOfWrongType => {
                assert!(records[4]["profile"].is_string() && records[4]["id"] == victim)
            }
            Broken::UnknownStatus => assert_eq!(records[4]["status"], "HIBERNATED"),
            Broken::Null => assert!(records[4].is_null()),
            Broken::Twice => assert_eq!(records.remove_twin(4), records_of(&whole)),
        }
        if broken != Broken::Twice {
            assert_eq!((&records[..4], &records[5..]), (&records_of(&whole)[..4], &records_of(&whole)[5..]));
        }
        let rest = get(&okta, &page.link("next").unwrap()).await;
        assert_eq!(rest.ids().len(), 10, "pages without the record are left alone");
        assert_eq!((okta.met(fault), okta.met(first)), (1, 0));
        get(&okta, &format!("/api/v1/users/{victim}")).await;
        assert_eq!(okta.met(fault), if broken == Broken::Twice { 1 } else { 2 });
    }
}

fn records_of(page: &Answer) -> Vec<Value> {
    page.json().as_array().unwrap().clone()
}

trait RemoveTwin {
    fn remove_twin(&self, at: usize) -> Self;
}

impl RemoveTwin for Vec<Value> {
    fn remove_twin(&self, at: usize) -> Self {
        assert_eq!(self[at], self[at + 1]);
        let mut without = self.clone();
        without.remove(at);
        without
    }
}

#[tokio::test]
async fn a_user_slips_through_between_pages() {
    let (okta, _) = with(FaultKind::Skip).await;
    okta.clear_faults();
    let all = walk_ids(&okta, USERS).await;
    let fault = okta.fault(Fault::on(Route::Users).kind(FaultKind::Skip).record(&all[13]).times(1));
    let mut without = all.clone();
    without.remove(13);
    assert_eq!(walk_ids(&okta, USERS).await, without);
    assert_eq!(get(&okta, &format!("/api/v1/users/{}", all[13])).await.status, 200, "though it is there");
    assert_eq!(okta.met(fault), 1);
    assert_eq!(walk_ids(&okta, USERS).await, all);
}

#[tokio::test]
async fn a_narrowed_view_hides_the_same_everywhere() {
    let okta = Okta::start(Options { users: 300, groups: 40, memberships: 1500, ..Options::default() })
        .await
        .unwrap();
    let (all, groups) = (walk_ids(&okta, "/api/v1/users").await, walk_ids(&okta, "/api/v1/groups").await);
    let fault = okta.fault(Fault::on(Route::Any).kind(FaultKind::Narrowed { users: 60, groups: 50 }));
    let shown = walk_ids(&okta, "/api/v1/users").await;
    assert!(
        shown.len() > all.len() * 2 / 5 && shown.len() < all.len() * 4 / 5,
        "{} of {}",
        shown.len(),
        all.len()
    );
    let hidden = all.iter().find(|id| !shown.contains(id)).unwrap();
    assert_eq!(get(&okta, &format!("/api/v1/users/{hidden}")).await.status, 404);
    let search = walk_ids(&okta, "/api/v1/users?search=status+pr").await;
    assert!(shown.iter().all(|id| search.contains(id)) && !search.contains(hidden));
    let shown_groups = walk_ids(&okta, "/api/v1/groups").await;
    assert!(!shown_groups.is_empty() && shown_groups.len() < groups.len());
    let gone = groups.iter().find(|id| !shown_groups.contains(id)).unwrap();
    for path in [format!("/api/v1/groups/{gone}"), format!("/api/v1/groups/{gone}/users")] {
        assert_eq!(get(&okta, &path).await.status, 404);
    }
    for page in walk(&okta, "/api/v1/groups?expand=stats").await {
        for group in page.json().as_array().unwrap() {
            let members =
                walk_ids(&okta, &format!("/api/v1/groups/{}/users", group["id"].as_str().unwrap())).await;
            assert_eq!(
                group["_embedded"]["stats"]["usersCount"],
                members.len(),
                "counts agree with what is shown"
            );
        }
    }
    assert!(okta.met(fault) > 5);
    okta.clear_faults();
    assert_eq!(walk_ids(&okta, "/api/v1/users").await, all);
}

#[tokio::test]
async fn groups_vanish_and_counts_are_off() {
    let okta =
        Okta::start(Options { users: 50, groups: 4, memberships: 60, ..Options::default() }).await.unwrap();
    let groups = okta.org().groups();
    let (one, other) = (&groups[0].id, &groups[1].id);
    let vanished = okta.fault(Fault::group_vanishes(one));
    let missing = okta.fault(Fault::members_missing(other));
    for (path, status) in [
        (format!("/api/v1/groups/{one}"), 404),
        (format!("/api/v1/groups/{one}/users"), 404),
        (format!("/api/v1/groups/{other}"), 200),
        (format!("/api/v1/groups/{other}/users"), 404),
        ("/api/v1/groups".to_owned(), 200),
    ] {
        assert_eq!(get(&okta, &path).await.status, status, "{path}");
    }
    assert_eq!((okta.met(vanished), okta.met(missing)), (2, 1));
    assert_eq!(walk_ids(&okta, "/api/v1/groups").await.len(), groups.len());

    let off = okta.fault(Fault::on(Route::Groups).kind(FaultKind::CountOff(3)));
    let list = get(&okta, "/api/v1/groups?expand=stats").await.json();
    for group in list.as_array().unwrap() {
        let members = okta.org().members(group["id"].as_str().unwrap()).len();
        assert_eq!(group["_embedded"]["stats"]["usersCount"], members + 3);
    }
    get(&okta, "/api/v1/groups").await;
    assert_eq!(okta.met(off), 1, "without stats there is no count to be off");
}

#[tokio::test]
async fn rate_headers_that_mislead() {
    let none = first_page(FaultKind::NoRateHeaders).await;
    assert_eq!(
        (none.status, none.header("x-rate-limit-limit"), none.header("x-rate-limit-reset")),
        (200, "", "")
    );
    let zero = first_page(FaultKind::ZeroLimit).await;
    assert_eq!(
        (zero.status, zero.number("x-rate-limit-limit"), zero.number("x-rate-limit-remaining")),
        (200, 0, 0)
    );
    assert_eq!(zero.headers.get_all("x-rate-limit-limit").iter().count(), 1);
    let past = first_page(FaultKind::ResetInPast).await;
    let date = chrono::DateTime::parse_from_rfc2822(past.header("date")).unwrap().timestamp();
    assert!(past.number("x-rate-limit-reset") < date - 3500);
}

#[tokio::test]
async fn several_faults_are_met_together() {
    let (okta, skip) = with(FaultKind::Skip).await;
    let headers = okta.fault(Fault::on(Route::Any).kind(FaultKind::NoRateHeaders));
    let page = get(&okta, USERS).await;
    assert_eq!((page.ids().len(), page.header("x-rate-limit-limit")), (9, ""));
    let status = okta.fault(Fault::on(Route::Users).kind(FaultKind::Status(500)));
    assert_eq!(get(&okta, USERS).await.status, 500);
    assert_eq!(
        (okta.met(skip), okta.met(headers), okta.met(status)),
        (1, 1, 1),
        "an error takes the others' place"
    );
}
