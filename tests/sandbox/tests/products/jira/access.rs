//! Who may ask, how often, and what goes wrong on request.

use std::time::Duration;

use sandbox::jira::{Jira, Version};
use sandbox::product::{Fault, FaultKind, Product as _, Request};
use serde_json::json;

use super::{Answer, Site, group_of, new_user, older, send, users};

/// Requests to everything, with the status that an administrator gets.
const EVERYTHING: [(&str, &str, &str, u16); 17] = [
    ("GET", "/myself", "", 200),
    ("GET", "/serverInfo", "", 200),
    ("GET", "/user?username=fred", "", 200),
    ("GET", "/user/search?username=.", "", 200),
    ("GET", "/groups/picker", "", 200),
    ("GET", "/user/list", "", 200),
    ("POST", "/user", r#"{"name":"new","emailAddress":"n@example.com","displayName":"N"}"#, 201),
    ("PUT", "/user?username=fred", r#"{"displayName":"F"}"#, 200),
    ("PUT", "/user/password?username=fred", r#"{"password":"p"}"#, 204),
    ("POST", "/user/application?username=fred&applicationKey=jira-software", "", 200),
    ("DELETE", "/user/application?username=fred&applicationKey=jira-software", "", 200),
    ("POST", "/group", r#"{"name":"new"}"#, 201),
    ("GET", "/group/member?groupname=staff", "", 200),
    ("DELETE", "/group/user?groupname=staff&username=fred", "", 200),
    ("POST", "/group/user?groupname=staff", r#"{"name":"fred"}"#, 201),
    ("DELETE", "/group?groupname=staff", "", 200),
    ("DELETE", "/user?username=fred", "", 204),
];

/// How many of them, from the first on, are for everybody who is signed in.
const OPEN: usize = 5;

impl Site {
    /// One of those requests, without credentials.
    fn one_of(&self, (method, path, body, _): (&str, &str, &str, u16)) -> reqwest::RequestBuilder {
        let request = self.request(method, path);
        match body {
            "" => request,
            body => request.header("content-type", "application/json").body(body.to_owned()),
        }
    }

    async fn with_token(&self, token: &str) -> Answer {
        send(self.request("GET", "/user?username=fred").bearer_auth(token)).await
    }

    async fn with_password(&self, password: &str) -> Answer {
        send(self.request("GET", "/user?username=fred").basic_auth("usersyncd", Some(password))).await
    }
}

async fn site(jira: Jira) -> Site {
    Site::start(jira, group_of("staff", &["fred"])).await
}

#[tokio::test]
async fn the_account_is_known_by_password_and_by_token() {
    let password = site(Jira::default()).await;
    let token = site(Jira::default()).await;
    for request in EVERYTHING {
        let one = send(password.one_of(request).basic_auth("UserSyncd", Some("secret-password"))).await;
        let other = send(token.one_of(request).bearer_auth("secret-token")).await;
        assert_eq!((one.status, other.status), (request.3, request.3), "{request:?}");
        assert_eq!(
            (one.header("x-ausername"), other.header("x-ausername")),
            (Some("usersyncd"), Some("usersyncd"))
        );
    }
}

#[tokio::test]
async fn strangers_are_401_everywhere() {
    let site = site(Jira { captcha_after: None, ..Jira::default() }).await;
    let before = site.jira.world(|world| world.clone());
    for request in EVERYTHING {
        let nobody = send(site.one_of(request)).await;
        let token = send(site.one_of(request).bearer_auth("other")).await;
        for answer in [nobody, token] {
            assert_eq!(
                (answer.status, answer.header("x-ausername")),
                (401, Some("anonymous")),
                "{request:?}"
            );
            assert!(answer.json()["message"].is_string(), "not the form of other errors");
            assert!(answer.json().get("errorMessages").is_none());
            assert_eq!(answer.header("x-seraph-loginreason"), None);
            assert!(answer.header("www-authenticate").is_some());
        }
        let password = send(site.one_of(request).basic_auth("usersyncd", Some("other"))).await;
        let name = send(site.one_of(request).basic_auth("other", Some("secret-password"))).await;
        for answer in [password, name] {
            assert_eq!((answer.status, answer.header("content-type")), (401, Some("text/html")));
            assert_eq!(answer.header("x-seraph-loginreason"), Some("AUTHENTICATED_FAILED"));
        }
    }
    assert_eq!(site.jira.world(|world| world.clone()), before);
}

#[tokio::test]
async fn who_is_no_administrator_may_look_only() {
    let site = site(Jira { admin: false, ..Jira::default() }).await;
    let before = site.jira.world(|world| world.clone());
    for (place, request) in EVERYTHING.into_iter().enumerate() {
        let answer = send(site.one_of(request).bearer_auth("secret-token")).await;
        assert_eq!(answer.status, if place < OPEN { 200 } else { 403 }, "{request:?}");
        assert_eq!(answer.header("x-ausername"), Some("usersyncd"));
    }
    assert_eq!(site.jira.world(|world| world.clone()), before);
}

#[tokio::test]
async fn tokens_came_after_8_2() {
    let site = site(older(Version::V8_2)).await;
    assert_eq!(site.with_token("secret-token").await.status, 401);
    assert_eq!(site.with_password("secret-password").await.status, 200);
}

#[tokio::test]
async fn too_many_wrong_passwords_lock_out_the_right_one() {
    let site = site(Jira::default()).await;
    for _ in 0..3 {
        assert_eq!(site.with_password("wrong").await.status, 401);
    }
    for password in ["secret-password", "wrong"] {
        let answer = site.with_password(password).await;
        assert_eq!((answer.status, answer.header("x-ausername")), (403, Some("anonymous")));
        assert_eq!(answer.header("x-seraph-loginreason"), Some("AUTHENTICATION_DENIED"));
        let reason = answer.header("x-authentication-denied-reason").unwrap();
        assert_eq!(reason, format!("CAPTCHA_CHALLENGE; login-url={}/login.jsp", site.jira.url()));
    }
    assert_eq!(site.with_token("secret-token").await.status, 200, "tokens are not asked for a captcha");
    assert_eq!(site.with_password("secret-password").await.status, 403, "and do not answer it");
    site.jira.product(Jira::solve_captcha);
    assert_eq!(site.with_password("secret-password").await.status, 200);

    for _ in 0..2 {
        assert_eq!(site.with_password("wrong").await.status, 401);
        assert_eq!(site.with_password("wrong").await.status, 401);
        assert_eq!(site.with_token("wrong").await.status, 401);
        assert_eq!(site.with_password("secret-password").await.status, 200, "the count begins anew");
    }
    site.jira.product(|jira| jira.captcha_after = None);
    for _ in 0..5 {
        assert_eq!(site.with_password("wrong").await.status, 401);
    }
    assert_eq!(site.with_password("secret-password").await.status, 200);
}

#[tokio::test]
async fn a_deactivated_account_cannot_sign_in() {
    let site = site(Jira { account: "fred".to_owned(), ..Jira::default() }).await;
    assert_eq!(site.get("/myself").await.json()["name"], "fred");
    site.jira.world(|world| world.change_user(1, |user| user.active = false));
    assert_eq!(site.get("/myself").await.status, 401);
    assert_eq!(site.with_token("secret-token").await.status, 401);
}

#[tokio::test]
async fn the_picker_may_show_strangers_an_empty_list() {
    let site = site(Jira { anonymous_picker: true, ..Jira::default() }).await;
    let answer = send(site.request("GET", "/groups/picker").bearer_auth("other")).await;
    assert_eq!((answer.status, answer.header("x-ausername")), (200, Some("anonymous")));
    assert_eq!((&answer.json()["total"], answer.names().len()), (&json!(0), 0));
    assert_eq!(site.with_token("other").await.status, 401, "only the picker");
    let wrong = site.request("GET", "/groups/picker").basic_auth("usersyncd", Some("wrong"));
    assert_eq!(send(wrong).await.status, 401, "a wrong password is not anonymous");
    assert_eq!(site.get("/groups/picker").await.names(), ["staff"]);
}

#[tokio::test]
async fn an_account_with_an_odd_name_is_named_in_the_header() {
    let site = site(Jira { account: "sync ü@example.com".to_owned(), ..Jira::default() }).await;
    assert_eq!(site.get("/myself").await.header("x-ausername"), Some("sync%20%C3%BC%40example.com"));
}

#[tokio::test]
async fn bodies_are_json_and_say_so() {
    let site = Site::with(users(1)).await;
    let post = |kind: &str, body: &'static str| {
        let request = site.request("POST", "/user").bearer_auth("secret-token");
        send(request.header("content-type", kind).body(body))
    };
    assert_eq!(post("text/plain", "{}").await.status, 415);
    assert_eq!(post("application/json;charset=UTF-8", "{").await.status, 400);
    assert_eq!(post("application/json;charset=UTF-8", "{}").await.status, 400);
    assert_eq!(site.ask("POST", "/user", None).await.status, 400);
    assert_eq!(site.ask("PATCH", "/user?username=user0", None).await.status, 405);
    assert_eq!(site.ask("POST", "/group/member", None).await.status, 405);
}

#[tokio::test]
async fn a_bucket_gives_out_its_tokens_and_says_how_many_are_left() {
    let site = site(Jira { bucket: Some((2, 0)), ..Jira::default() }).await;
    for (left, wait) in [("1", "0"), ("0", "1")] {
        let answer = site.with_token("secret-token").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(left));
        assert_eq!(answer.header("retry-after"), Some(wait), "on answers that went well too");
    }
    assert_eq!(site.with_token("other").await.status, 401, "strangers take no tokens");
    let created = site.post("/user", new_user("late")).await;
    assert_eq!(created.status, 429);
    for (name, value) in [
        ("x-ratelimit-limit", "2"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-interval-seconds", "1"),
        ("x-ratelimit-fillrate", "0"),
        ("retry-after", "1"),
        ("x-ausername", "usersyncd"),
    ] {
        assert_eq!(created.header(name), Some(value), "{name}");
    }
    assert!(site.user("late").is_none());
    site.jira.product(|jira| jira.bucket = None);
    let answer = site.with_token("secret-token").await;
    assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, None));
}

#[tokio::test]
async fn rate_limits_came_after_8_2() {
    let site = site(Jira { bucket: Some((0, 0)), ..older(Version::V8_2) }).await;
    assert_eq!(site.with_password("secret-password").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_is_filled_each_second() {
    let jira = Jira { bucket: Some((3, 2)), ..Jira::default() };
    let headers = vec![("authorization".to_owned(), "Bearer secret-token".to_owned())];
    let request = Request { method: "GET".to_owned(), headers, ..Request::default() };
    let admitted = || (0..5).filter(|_| jira.admit(&request).is_ok()).count();
    assert_eq!(admitted(), 3);
    tokio::time::advance(Duration::from_millis(999)).await;
    assert_eq!(admitted(), 0);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(admitted(), 2);
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(admitted(), 3, "never more than it holds");
}

#[tokio::test]
async fn faults_look_like_jira() {
    let site = Site::with(users(1)).await;
    let once = |kind| Fault::on("read user", kind).times(1);
    site.jira.fault(once(FaultKind::TooManyRequests(Some("7".to_owned()))));
    let limited = site.get("/user?username=user0").await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("7")));
    assert_eq!(limited.headers.get_all("retry-after").iter().count(), 1);
    for name in ["limit", "remaining", "interval-seconds", "fillrate"] {
        let value = limited.header(&format!("x-ratelimit-{name}")).unwrap();
        assert!(value.parse::<u32>().is_ok(), "{name}: {value}");
    }
    for status in [400, 401, 403, 404, 409, 429, 500] {
        site.jira.fault(once(FaultKind::Status(status)));
        let answer = site.get("/user?username=user0").await;
        assert_eq!((answer.status, answer.header("x-ausername")), (status, Some("usersyncd")));
        assert_eq!(answer.header("content-type"), Some("application/json"), "{status}");
        assert_eq!(answer.header("retry-after"), None);
    }
    for status in [502, 503, 504] {
        site.jira.fault(once(FaultKind::Status(status)));
        let answer = site.get("/user?username=user0").await;
        assert_eq!((answer.status, answer.header("content-type")), (status, Some("text/html")));
    }
    site.jira.fault(Fault::on("create user", FaultKind::StatusAfterwards(500)));
    assert_eq!(site.post("/user", new_user("made")).await.status, 500);
    assert!(site.user("made").is_some(), "it was created before the answer was lost");
}

#[tokio::test]
async fn requests_are_counted_by_what_they_are() {
    let site = site(Jira::default()).await;
    for request in EVERYTHING {
        send(site.one_of(request).bearer_auth("secret-token")).await;
    }
    let counted: Vec<(&str, u64)> = site.jira.book().requests.into_iter().collect();
    let expected = [
        ("add member", 1),
        ("create group", 1),
        ("create user", 1),
        ("delete group", 1),
        ("delete user", 1),
        ("list groups", 1),
        ("list members", 1),
        ("list users", 2),
        ("other", 5),
        ("read user", 1),
        ("remove member", 1),
        ("update user", 1),
    ];
    assert_eq!(counted, expected);
}
