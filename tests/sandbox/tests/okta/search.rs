//! `search`, `filter`, `q` and `fields`.

use sandbox::okta::{NewUser, Okta, Options, Status};

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
