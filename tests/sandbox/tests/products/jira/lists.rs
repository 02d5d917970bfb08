//! The lists of users and groups.

use std::collections::BTreeSet;

use sandbox::jira::{Jira, Version};
use sandbox::product::{User, World};
use serde_json::json;

use super::{ODD_NAMES, Site, encoded, older, users};

#[tokio::test]
async fn a_search_finds_the_beginnings_of_names_and_addresses() {
    let mut world = World::default();
    world.insert_user(User {
        name: "Anna".to_owned(),
        email: "first@example.com".to_owned(),
        display_name: "Maria Berg".to_owned(),
        active: true,
        ..User::default()
    });
    world.add_user("other");
    let site = Site::with(world).await;
    for (text, expected) in [
        ("anna", 1),
        ("AN", 1),
        ("FIRST@", 1),
        ("maria b", 1),
        ("berg", 1),
        ("nna", 0),
        ("erg", 0),
        ("example", 0),
        (".", 2),
        ("", 0),
    ] {
        let found = site.get(&format!("/user/search?username={}", encoded(text))).await;
        assert_eq!((found.status, found.names().len()), (200, expected), "'{text}'");
        assert!(found.json().is_array(), "no page around it");
    }
    assert_eq!(site.get("/user/search").await.status, 400);
    let found = site.get("/user/search?username=anna").await.json();
    assert_eq!(found[0]["key"], "JIRAUSER10001");
    assert_eq!(found[0]["emailAddress"], "first@example.com");
}

#[tokio::test]
async fn a_search_hides_inactive_users() {
    let site = Site::with(users(3)).await;
    site.jira.world(|world| world.change_user(2, |user| user.active = false));
    for (query, expected) in [
        ("", &["user0", "user2"][..]),
        ("&includeInactive=true", &["user0", "user1", "user2"]),
        ("&includeInactive=True&includeActive=False", &["user1"]),
        ("&includeActive=false", &[]),
    ] {
        assert_eq!(site.get(&format!("/user/search?username=.{query}")).await.names(), expected, "{query}");
    }
}

#[tokio::test]
async fn until_9_a_search_has_pages_of_up_to_1000() {
    for version in [Version::V8_2, Version::V9_12] {
        let site = Site::start(older(version), users(1100)).await;
        let count =
            async |query: &str| site.get(&format!("/user/search?username=user{query}")).await.names().len();
        assert_eq!(count("").await, 50, "the default");
        assert_eq!(count("&maxResults=5000").await, 1000);
        assert_eq!(count("&maxResults=1000&startAt=1000").await, 100);
        assert_eq!(count("&maxResults=1000&startAt=1100").await, 0);
        let first = site.get("/user/search?username=.&maxResults=2&startAt=98").await.names();
        assert_eq!(first, ["user98", "user99"]);
    }
}

#[tokio::test]
async fn from_10_on_a_search_shows_the_first_100_and_no_more() {
    for version in [Version::V10_0, Version::V10_3, Version::V11] {
        let site = Site::start(older(version), users(150)).await;
        for (query, expected) in [
            ("", 50),
            ("&maxResults=1000", 100),
            ("&startAt=98&maxResults=20", 2),
            ("&startAt=50&maxResults=50", 50),
            ("&startAt=100&maxResults=100", 0),
            ("&startAt=120", 0),
        ] {
            let answer = site.get(&format!("/user/search?username=.{query}")).await;
            assert_eq!((answer.status, answer.names().len()), (200, expected), "{query}");
        }
    }
}

#[tokio::test]
async fn the_list_of_users_is_followed_by_cursor() {
    for version in [Version::V10_3, Version::V11] {
        let site = Site::start(older(version), users(250)).await;
        site.jira.world(|world| world.change_user(7, |user| user.active = false));
        let (mut names, mut pages, mut path) = (Vec::new(), 0, "/user/list?maxResults=100".to_owned());
        loop {
            let page = site.get(&path).await;
            let body = page.json();
            names.extend(page.names());
            pages += 1;
            assert!(body.get("total").is_none());
            assert_eq!(body["maxResults"], 100);
            if body["isLast"] == true {
                assert!(body.get("nextCursor").is_none());
                break;
            }
            let cursor = body["nextCursor"].as_str().unwrap();
            path = format!("/user/list?maxResults=100&cursor={cursor}");
            let next = body["nextPage"].as_str().unwrap().strip_prefix(site.base.as_str()).unwrap();
            assert_eq!(site.get(next).await.names(), site.get(&path).await.names());
        }
        assert_eq!((pages, names.len()), (3, 250));
        let distinct: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(distinct.len(), 250);
        assert!(distinct.contains("user6"), "inactive users are listed");
    }
}

#[tokio::test]
async fn the_list_of_users_ends_and_never_says_404() {
    let site = Site::with(users(20)).await;
    let exact = site.get("/user/list?maxResults=20").await.json();
    assert_eq!((&exact["isLast"], exact["values"].as_array().unwrap().len()), (&json!(true), 20));
    let whole = site.get("/user/list").await.json();
    assert_eq!((&whole["maxResults"], &whole["isLast"]), (&json!(2000), &json!(true)));
    assert_eq!(site.get("/user/list?maxResults=1000000").await.json()["maxResults"], 2000);
    for cursor in ["999999", "0", "x%20y", ""] {
        assert_eq!(site.get(&format!("/user/list?cursor={cursor}")).await.status, 200, "{cursor}");
    }
    site.jira.product(|jira| jira.list_cap = 5);
    assert_eq!(site.get("/user/list?maxResults=20").await.names().len(), 5);
    site.jira.world(|world| *world = World::default());
    let nobody = site.get("/user/list").await.json();
    assert_eq!((&nobody["isLast"], &nobody["values"]), (&json!(true), &json!([])));
}

#[tokio::test]
async fn earlier_versions_have_no_list_of_users() {
    for version in [Version::V8_2, Version::V9_12, Version::V10_0] {
        let site = Site::start(older(version), users(1)).await;
        assert_eq!(site.get("/user/list").await.status, 404, "{version:?}");
    }
}

fn groups(count: usize) -> World {
    let mut world = World::default();
    for number in (0..count).rev() {
        world.add_group(&format!("Team-{number:02}"));
    }
    world
}

#[tokio::test]
async fn the_picker_shows_20_groups_and_tells_how_many_there_are() {
    let site = Site::with(groups(25)).await;
    for query in ["", "?maxResults=1000", "?query=team&maxResults=9999"] {
        let picked = site.get(&format!("/groups/picker{query}")).await;
        let body = picked.json();
        assert_eq!((picked.names().len(), &body["total"]), (20, &json!(25)), "{query}");
        assert_eq!(body["header"], "Showing 20 of 25 matching groups");
        assert_eq!(picked.names()[..2], ["Team-00", "Team-01"], "sorted");
    }
    let few = site.get("/groups/picker?maxResults=3").await;
    assert_eq!((few.names().len(), &few.json()["total"]), (3, &json!(25)));
    site.jira.product(|jira| jira.picker_cap = 1000);
    assert_eq!(site.get("/groups/picker?maxResults=1000").await.names().len(), 25);
}

#[tokio::test]
async fn the_picker_finds_parts_of_names() {
    let mut world = groups(3);
    world.add_group("R&D <Team>");
    let site = Site::with(world).await;
    let found = site.get("/groups/picker?query=EAM-01").await.json();
    assert_eq!(found["groups"], json!([{ "name": "Team-01", "html": "T<b>eam-01</b>", "labels": [] }]));
    let escaped = site.get("/groups/picker?query=%26").await.json();
    assert_eq!(escaped["groups"][0]["html"], "R<b>&amp;</b>D &lt;Team&gt;");
    let others = site.get("/groups/picker?query=team&exclude=team-00&exclude=Team-02").await;
    assert_eq!(others.names(), ["R&D <Team>", "Team-01"]);
    let none = site.get("/groups/picker?query=nothing").await.json();
    assert_eq!((&none["total"], &none["header"]), (&json!(0), &json!("Showing 0 of 0 matching groups")));
}

#[tokio::test]
async fn odd_names_are_found() {
    let mut world = World::default();
    for name in ODD_NAMES {
        world.add_user(name);
        world.add_group(name);
    }
    let site = Site::with(world).await;
    for name in ODD_NAMES {
        let query = encoded(name);
        assert_eq!(site.get(&format!("/user/search?username={query}")).await.names(), [name]);
        assert_eq!(site.get(&format!("/groups/picker?query={query}")).await.names(), [name]);
    }
}

#[tokio::test]
async fn a_context_path_and_the_word_latest() {
    let site = Site::start(Jira { context: "/apps/jira".to_owned(), ..Jira::default() }, users(1)).await;
    let user = site.get("/user?username=user0").await;
    assert_eq!(user.json()["self"], format!("{}/apps/jira/rest/api/2/user?username=user0", site.jira.url()));
    assert_eq!(site.get("/serverInfo").await.json()["baseUrl"], format!("{}/apps/jira", site.jira.url()));
    for (path, status) in [
        ("/apps/jira/rest/api/latest/user?username=user0", 200),
        ("/rest/api/2/user?username=user0", 404),
        ("/apps/jira/rest/api/3/user?username=user0", 404),
        ("/apps/jira/rest/api/2/users", 404),
    ] {
        let request = site.http.get(format!("{}{path}", site.jira.url()));
        let answer = super::send(request.basic_auth("usersyncd", Some("secret-password"))).await;
        assert_eq!(answer.status, status, "{path}");
    }
}
