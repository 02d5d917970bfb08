//! `search`, `filter`, `q` and `fields`.

use std::time::Duration;

use sandbox::okta::{Bucket, NewUser, Okta, Options, RateLimits, Status};

use crate::client::{get, walk, walk_ids};

async fn three() -> (Okta, Vec<String>) {
    let okta = Okta::start(Options::empty()).await.unwrap();
    let org = okta.org();
    let ids = vec![
        org.add_user(NewUser::new("ann@example.com").name("Ann", "Archer").attribute("department", "Sales")),
        org.add_user(NewUser::new("bob@example.com").name("Bob", "Baker").attribute("department", "Legal")),
        org.add_user(NewUser::new("cleo@example.com").name("Cleo", "Archer").status(Status::Deprovisioned)),
    ];
    (okta, ids)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn searches_find_the_deprovisioned_in_the_order_of_ids() {
    let (okta, ids) = three().await;
    let cases: [(&str, &[usize]); 7] = [
        ("status pr", &[0, 1, 2]),
        ("status eq \"DEPROVISIONED\"", &[2]),
        ("profile.lastName eq \"archer\"", &[0, 2]),
        ("profile.department eq \"Sales\" or profile.login sw \"BOB@\"", &[0, 1]),
        ("(status eq \"ACTIVE\") and profile.lastName sw \"A\"", &[0]),
        ("profile.email co \"LEO\"", &[2]),
        ("lastUpdated lt \"2001-01-01T00:00:00.000Z\"", &[]),
    ];
    for (text, expected) in cases {
        let mut expected: Vec<&String> = expected.iter().map(|at| &ids[*at]).collect();
        expected.sort();
        let found = walk_ids(&okta, &format!("/api/v1/users?limit=1&search={}", encoded(text))).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{text}");
    }
    let by_ids = format!("id eq \"{}\" or id eq \"{}\" or id eq \"00uAAAAAAAAAAAAAA5d7\"", ids[0], ids[2]);
    assert_eq!(walk_ids(&okta, &format!("/api/v1/users?search={}", encoded(&by_ids))).await.len(), 2);
    assert_eq!(walk_ids(&okta, "/api/v1/users").await.len(), 2, "the plain list hides one");
}

#[tokio::test]
async fn next_encodes_a_search_anew() {
    let (okta, _) = three().await;
    let pages = walk(&okta, &format!("/api/v1/users?search={}&limit=2", encoded("status pr"))).await;
    let last = pages[0].ids()[1].clone();
    let expected = format!("{}/api/v1/users?after={last}&limit=2&search=status+pr", okta.url());
    assert_eq!(pages[0].link("next").unwrap(), expected);
    assert_eq!(pages.len(), 2);
}

#[tokio::test]
async fn a_search_sees_changes_at_once() {
    let (okta, ids) = three().await;
    let search = format!("/api/v1/users?search={}", encoded("status eq \"SUSPENDED\""));
    assert_eq!(walk_ids(&okta, &search).await.len(), 0);
    okta.org().set_status(&ids[1], Status::Suspended);
    assert_eq!(walk_ids(&okta, &search).await, [ids[1].clone()]);
}

#[tokio::test]
async fn filters_know_fewer_words() {
    let (okta, ids) = three().await;
    let filter = |text: &str| format!("/api/v1/users?filter={}", encoded(text));
    assert_eq!(walk_ids(&okta, &filter("profile.login eq \"cleo@example.com\"")).await, [ids[2].clone()]);
    assert_eq!(walk_ids(&okta, &filter("profile.login eq \"CLEO@example.com\"")).await.len(), 0);
    for path in [
        filter("profile.department eq \"Sales\""),
        filter("status ne \"ACTIVE\""),
        "/api/v1/users?search=status".to_owned(),
        "/api/v1/groups?search=nonsense".to_owned(),
    ] {
        let refused = get(&okta, &path).await;
        assert_eq!((refused.status, refused.error().0.as_str()), (400, "E0000031"), "{path}");
    }
}

#[tokio::test]
async fn groups_are_searched_by_name_type_and_stamps() {
    let okta = Okta::start(Options { groups: 40, ..Options::default() }).await.unwrap();
    let names = |text: &str| format!("/api/v1/groups?search={}", encoded(text));
    let jira: Vec<String> = okta
        .org()
        .groups()
        .into_iter()
        .filter(|group| group.name.starts_with("jira-"))
        .map(|group| group.id)
        .collect();
    let mut found = walk_ids(&okta, &names("profile.name sw \"JIRA-\"")).await;
    found.sort();
    assert_eq!(found, jira);
    assert!(!jira.is_empty());
    let app = walk_ids(&okta, &names("type eq \"APP_GROUP\"")).await;
    assert!(!app.is_empty() && app.len() < 40);
    let group = okta.org().groups().into_iter().find(|group| group.kind == "OKTA_GROUP").unwrap();
    let since = encoded("lastMembershipUpdated ge \"2026-06-01T00:00:00.000Z\"");
    assert_eq!(walk_ids(&okta, &format!("/api/v1/groups?filter={since}")).await.len(), 0);
    let user = okta.org().users().into_iter().find(|user| user.status == Status::Active).unwrap();
    okta.org().set_members(&group.id, &[user.id]);
    assert_eq!(walk_ids(&okta, &format!("/api/v1/groups?filter={since}")).await, [group.id]);
}

#[tokio::test]
async fn quick_searches_have_no_next_and_groups_not_even_self() {
    let okta = Okta::start(Options { users: 60, groups: 30, ..Options::default() }).await.unwrap();
    let groups = get(&okta, "/api/v1/groups?q=jira&limit=1").await;
    assert_eq!(groups.ids().len(), 1);
    assert_eq!(groups.header("link"), "");
    let start = okta.org().users()[0].login.chars().next().unwrap();
    let users = get(&okta, &format!("/api/v1/users?q={start}&limit=1")).await;
    assert_eq!((users.ids().len(), users.link("next")), (1, None));
}

#[tokio::test]
async fn fields_cut_a_user_down() {
    let (okta, ids) = three().await;
    let fields = encoded("status,profile:(login,firstName)");
    let page = get(&okta, &format!("/api/v1/users?fields={fields}&limit=1")).await;
    let expected = serde_json::json!([{
        "id": ids[0], "status": "ACTIVE", "profile": { "firstName": "Ann", "login": "ann@example.com" },
    }]);
    assert_eq!(page.json(), expected);
    assert!(page.link("next").unwrap().contains("fields="));
}

#[tokio::test]
async fn a_search_is_narrowed_to_a_hundred_ids() {
    let okta = Okta::start(Options { users: 300, groups: 120, ..Options::default() }).await.unwrap();
    let by_ids =
        |ids: &[String]| ids.iter().map(|id| format!("id eq \"{id}\"")).collect::<Vec<_>>().join(" or ");
    let ask = |path: &str, text: &str| {
        format!("/api/v1/{path}?search={}", text.replace('"', "%22").replace(' ', "+"))
    };
    let users = okta.org().users();
    let some: Vec<String> = users.iter().step_by(2).take(110).map(|user| user.id.clone()).collect();
    let active = |id: &&String| users.iter().any(|user| user.id == **id && user.status == Status::Active);
    let expected: Vec<String> = some.iter().filter(active).cloned().collect();
    let narrowed =
        format!("(status eq \"ACTIVE\") and ({} or id eq \"00uAAAAAAAAAAAAAA5d7\")", by_ids(&some));
    assert_eq!(walk_ids(&okta, &ask("users", &narrowed)).await, expected);
    assert!(expected.len() > 80 && expected.len() < 110);
    let all = format!("(status pr) and ({})", by_ids(&some));
    assert_eq!(walk_ids(&okta, &ask("users", &all)).await, some, "the deprovisioned too, ascending by id");

    let groups: Vec<String> = okta
        .org()
        .groups()
        .into_iter()
        .filter(|group| group.kind != "BUILT_IN")
        .map(|group| group.id)
        .collect();
    let narrowed =
        format!("(type eq \"APP_GROUP\" or type eq \"OKTA_GROUP\") and ({})", by_ids(&groups[..110]));
    let mut found = walk_ids(&okta, &ask("groups", &narrowed)).await;
    found.sort();
    assert_eq!(found, groups[..110]);
}

#[tokio::test]
async fn an_address_that_is_too_long_meets_the_gateway() {
    let okta =
        Okta::start(Options { rate_limits: RateLimits::Integrator, ..Options::default() }).await.unwrap();
    let start = "/api/v1/users?search=status+pr&x=";
    let longest = format!("{start}{}", "x".repeat(8_000 - start.len()));
    assert_eq!(get(&okta, &longest).await.status, 200);
    let refused = get(&okta, &format!("{longest}x")).await;
    assert_eq!((refused.status, refused.header("content-type")), (414, "text/html"));
    assert_eq!(refused.header("x-rate-limit-limit"), "", "a gateway knows nothing of limits");
    assert_eq!(okta.requests().windows[&Bucket::Users], [1]);
}

#[tokio::test(start_paused = true)]
async fn the_search_index_runs_behind_and_nothing_else_does() {
    let search_lag = Duration::from_secs(5);
    let okta = Okta::start(Options { users: 3, search_lag, ..Options::empty() }).await.unwrap();
    let org = okta.org();
    let ids =
        async |path: &str, text: &str| walk_ids(&okta, &format!("/api/v1/{path}={}", encoded(text))).await;
    assert_eq!(ids("users?search", "status pr").await.len(), 3, "what is generated is known");
    let ann = org.add_user(NewUser::new("ann@example.com").attribute("department", "Sales"));
    let group = org.add_group("jira-new");
    tokio::time::advance(Duration::from_secs(3)).await;
    org.update_profile(&ann, "department", "Legal");
    org.rename_group(&group, "jira-old");
    let sales = "profile.department eq \"Sales\" and profile.login sw \"ann\"";
    let legal = "profile.department eq \"Legal\" and profile.login sw \"ann\"";
    let jira = async |name: &str| ids("groups?search", &format!("profile.name eq \"{name}\"")).await.len();
    assert_eq!(ids("users?search", "status pr").await.len(), 3, "the new user is not seen yet");
    assert_eq!(ids("users?search", &format!("(status pr) and (id eq \"{ann}\")")).await.len(), 0);
    assert_eq!((jira("jira-new").await, jira("jira-old").await), (0, 0));
    assert_eq!(
        ids("users?filter", &format!("id eq \"{ann}\"")).await.len(),
        0,
        "a filter asks the index too"
    );
    assert_eq!(ids("groups?filter", &format!("id eq \"{group}\"")).await.len(), 0);
    assert!(walk_ids(&okta, "/api/v1/users").await.contains(&ann), "the plain list sees all");
    assert!(walk_ids(&okta, "/api/v1/groups").await.contains(&group));

    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!((ids("users?search", sales).await.len(), ids("users?search", legal).await.len()), (1, 0));
    let shown = get(&okta, &format!("/api/v1/users?search={}", encoded(sales))).await.json();
    assert_eq!(shown[0]["profile"]["department"], "Sales", "results show what the index has");
    assert_eq!((jira("jira-new").await, jira("jira-old").await), (1, 0));
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!((ids("users?search", sales).await.len(), ids("users?search", legal).await.len()), (0, 1));
    assert_eq!((jira("jira-new").await, jira("jira-old").await), (0, 1));

    org.delete_user(&ann);
    org.delete_group(&group);
    assert_eq!((ids("users?search", legal).await.len(), jira("jira-old").await), (1, 1), "still found");
    assert_eq!(get(&okta, &format!("/api/v1/users/{ann}")).await.status, 404);
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!((ids("users?search", legal).await.len(), jira("jira-old").await), (0, 0));
}

#[tokio::test]
async fn fields_take_a_whole_profile_and_stay_in_next() {
    let (okta, ids) = three().await;
    let whole = get(&okta, &format!("/api/v1/users/{}", ids[0])).await.json();
    let first = async |query: &str| {
        let page = get(&okta, &format!("/api/v1/users?limit=1&{query}")).await;
        (page.json()[0].clone(), page.link("next").unwrap())
    };
    let (user, next) = first("fields=id,status,lastLogin,created,profile:(login,email)").await;
    let expected = serde_json::json!({
        "id": ids[0], "status": "ACTIVE", "created": whole["created"], "lastLogin": null,
        "profile": { "login": "ann@example.com", "email": "ann@example.com" },
    });
    assert_eq!(user, expected);
    assert!(
        next.ends_with("&limit=1&fields=id%2Cstatus%2ClastLogin%2Ccreated%2Cprofile%3A%28login%2Cemail%29"),
        "{next}"
    );
    let second = get(&okta, &next).await.json();
    assert_eq!(second[0]["profile"].as_object().unwrap().len(), 2);
    let (user, _) = first("fields=profile,profile:(login)").await;
    assert_eq!(user, serde_json::json!({ "id": ids[0], "profile": whole["profile"] }));
    let mut sorted = ids.clone();
    sorted.sort();
    let (user, _) = first("search=status+pr&fields=status").await;
    assert_eq!(user.as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "status"]);
    assert_eq!(user["id"], sorted[0]);
    let single = get(&okta, &format!("/api/v1/users/{}?fields=id", ids[0])).await.json();
    assert_eq!(single, whole, "a single user knows no fields");
}
