//! Lists come in pages.

use sandbox::confluence::Confluence;
use sandbox::product::World;
use serde_json::Value;

use super::client::Client;
use super::{start, start_usual};

fn world_of(users: usize) -> World {
    let mut world = World::default();
    let group = world.add_group("a group/of, many");
    for number in 0..users {
        let user = world.add_user(&format!("user{number:04}"));
        world.add_member(group, user);
    }
    world
}

/// Follows `next` to the end; returns the pages.
async fn walk(client: &Client, root: &Client, path: &str) -> Vec<Value> {
    let mut pages = vec![client.get(path).await.json()];
    while let Some(next) = pages.last().unwrap()["_links"].get("next") {
        let next = next.as_str().unwrap();
        assert!(next.starts_with("/rest/api/"), "relative to the base: {next}");
        let page = root.get(next).await;
        assert_eq!(page.status, 200, "{next}: {}", page.body);
        pages.push(page.json());
        assert!(pages.len() < 100, "{path} does not end");
    }
    pages
}

fn names(pages: &[Value], field: &str) -> Vec<String> {
    let results = pages.iter().flat_map(|page| page["results"].as_array().unwrap());
    results.map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_page_is_shorter_than_asked_for_and_the_next_is_linked() {
    let confluence = Confluence { page_cap: 7, context: "/confluence".to_owned(), ..Confluence::default() };
    let (stand_in, client) = start(confluence, world_of(21)).await;
    let root = client.below("/confluence");
    let expected: Vec<String> = (0..21).map(|number| format!("user{number:04}")).collect();
    for path in [
        "/user/list?expand=status&limit=500",
        "/admin/users/list/active?limit=500&expand=status",
        "/group/a%20group%2Fof%2C%20many/member?expand=status&limit=8",
    ] {
        let pages = walk(&client, &root, path).await;
        assert_eq!(pages.len(), 3, "{path}: the last page is full, and no empty one follows");
        assert_eq!(names(&pages, "username"), expected, "{path}");
        assert_eq!(names(&pages, "status").len(), 21, "{path}: what was expanded stays expanded");
        for (at, page) in pages.iter().enumerate() {
            assert_eq!(
                (&page["start"], &page["limit"], &page["size"]),
                (&(at * 7).into(), &7.into(), &7.into())
            );
            assert_eq!(page["_links"]["base"], format!("{}/confluence", stand_in.url()));
            assert_eq!(page["_links"]["context"], "/confluence");
            assert_eq!(page.get("totalCount"), None, "no total is told");
        }
    }
}

#[tokio::test]
async fn a_page_has_200_rows_when_no_number_is_asked_for() {
    let (_stand_in, client) =
        start(Confluence { page_cap: 1000, ..Confluence::default() }, world_of(201)).await;
    let pages = walk(&client, &client.below(""), "/user/list").await;
    assert_eq!(pages.iter().map(|page| page["size"].clone()).collect::<Vec<_>>(), [200, 1]);
    assert_eq!(pages[0]["_links"]["next"], "/rest/api/user/list?limit=200&start=200");
    let pages = walk(&client, &client.below(""), "/user/list?limit=1000").await;
    assert_eq!((pages.len(), &pages[0]["size"]), (1, &201.into()));
}

#[tokio::test]
async fn the_cap_is_200_by_default() {
    let (_stand_in, client) = start_usual(world_of(201)).await;
    let page = client.get("/user/list?limit=1000").await.json();
    assert_eq!((&page["limit"], &page["size"]), (&200.into(), &200.into()));
}

#[tokio::test]
async fn groups_come_in_pages_too() {
    let mut world = World::default();
    for number in 0..5 {
        world.add_group(&format!("group {number}"));
    }
    let (_stand_in, client) = start_usual(world).await;
    let pages = walk(&client, &client.below(""), "/group?limit=2").await;
    assert_eq!(names(&pages, "name"), ["group 0", "group 1", "group 2", "group 3", "group 4"]);
    assert_eq!(pages[0]["_links"]["next"], "/rest/api/group?limit=2&start=2");
    assert_eq!(pages[2]["size"], 1);
    let past = client.get("/group?start=5&limit=2").await.json();
    assert_eq!((&past["size"], past["_links"].get("next")), (&0.into(), None));
}

#[tokio::test]
async fn disabled_users_are_in_one_list_of_users_only() {
    let mut world = World::default();
    world.add_user("bob");
    let gone = world.add_user("gone");
    world.change_user(gone, |user| user.active = false);
    let (_stand_in, client) = start_usual(world).await;
    let all = client.get("/user/list?expand=status").await.json();
    assert_eq!(names(std::slice::from_ref(&all), "username"), ["bob", "gone"]);
    assert_eq!(names(&[all], "status"), ["current", "deactivated"]);
    let active = client.get("/admin/users/list/active").await.json();
    assert_eq!(names(&[active], "username"), ["bob"]);
}

#[tokio::test]
async fn rows_move_up_when_those_in_front_go() {
    let (stand_in, client) = start_usual(world_of(4)).await;
    let first = client.get("/user/list?limit=2").await.json();
    stand_in.world(|world| world.remove_user(world.user_named("user0000").unwrap()));
    let second = client.get("/user/list?limit=2&start=2").await.json();
    assert_eq!(names(&[first, second], "username"), ["user0000", "user0001", "user0003"]);
}
