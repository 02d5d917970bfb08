//! Lists come in pages.

use sandbox::bitbucket::Bitbucket;
use sandbox::product::World;
use serde_json::Value;

use super::{names, new_user, start, start_usual};
use crate::confluence::client::Client;

fn world_of(users: usize) -> World {
    let mut world = World::default();
    let group = world.add_group("team");
    for number in 0..users {
        let user = world.add_user(&format!("user{number:04}"));
        world.add_member(group, user);
    }
    world
}

/// Follows `nextPageStart` to the end; returns the pages.
async fn walk(client: &Client, path: &str) -> Vec<Value> {
    let mut pages = vec![client.get(path).await.json()];
    while pages.last().unwrap()["isLastPage"] == false {
        let (page, sign) = (pages.last().unwrap(), if path.contains('?') { '&' } else { '?' });
        let (start, limit) = (page["start"].as_u64().unwrap(), page["limit"].as_u64().unwrap());
        let next = page["nextPageStart"].as_u64().unwrap();
        assert!(next > start, "starts rise: {start} {next}");
        assert_ne!(next, start + limit, "nobody may compute it");
        pages.push(client.get(&format!("{path}{sign}start={next}")).await.json());
        assert_eq!(pages.last().unwrap()["start"], next, "{path}");
        assert!(pages.len() < 100, "{path} does not end");
    }
    assert_eq!(pages.last().unwrap()["nextPageStart"], Value::Null);
    pages
}

fn all_names(pages: &[Value]) -> Vec<String> {
    pages.iter().flat_map(names).collect()
}

#[tokio::test]
async fn a_page_has_25_rows_when_no_number_is_asked_for() {
    let (_stand_in, client) = start_usual(world_of(75)).await;
    let expected: Vec<String> = (0..75).map(|number| format!("user{number:04}")).collect();
    for path in
        ["/admin/users", "/admin/groups/more-members?context=team", "/users", "/admin/users?filter=USER"]
    {
        let pages = walk(&client, path).await;
        assert_eq!(pages.len(), 3, "{path}: the last page is full, and no empty one follows");
        assert_eq!(all_names(&pages), expected, "{path}");
        for page in &pages {
            assert_eq!((&page["limit"], &page["size"]), (&25.into(), &25.into()), "{path}");
        }
    }
}

#[tokio::test]
async fn a_page_is_as_long_as_asked_for_up_to_the_cap() {
    let (stand_in, client) = start_usual(world_of(1001)).await;
    let page = client.get("/admin/users?limit=5000").await.json();
    assert_eq!((&page["limit"], &page["size"]), (&1000.into(), &1000.into()));
    let pages = walk(&client, "/admin/users?limit=1000").await;
    assert_eq!(pages.iter().map(|page| page["size"].clone()).collect::<Vec<_>>(), [1000, 1]);
    stand_in.product(|bitbucket| bitbucket.page_cap = 300);
    let pages = walk(&client, "/admin/users?limit=1000").await;
    assert_eq!(pages.iter().map(|page| page["limit"].clone()).collect::<Vec<_>>(), [300; 4]);
    assert_eq!(all_names(&pages).len(), 1001);
    assert_eq!(client.get("/admin/users?limit=7").await.json()["size"], 7);
}

#[tokio::test]
async fn groups_come_in_pages_too() {
    let mut world = World::default();
    let user = world.add_user("bob");
    for number in 0..30 {
        let group = world.add_group(&format!("group{number:02}"));
        world.add_member(group, user);
    }
    let (_stand_in, client) = start(Bitbucket { page_size: 9, ..Bitbucket::default() }, world).await;
    let expected: Vec<String> = (0..30).map(|number| format!("group{number:02}")).collect();
    for path in ["/admin/groups", "/admin/users/more-members?context=bob", "/admin/groups?filter=GROUP"] {
        let pages = walk(&client, path).await;
        assert_eq!(pages.iter().map(|page| page["size"].clone()).collect::<Vec<_>>(), [9, 9, 9, 3], "{path}");
        assert_eq!(all_names(&pages), expected, "{path}");
    }
    let pages = walk(&client, "/groups?limit=20").await;
    assert_eq!(pages[1]["values"].as_array().unwrap().len(), 10);
    assert_eq!(pages[1]["values"][9], "group29");
}

#[tokio::test]
async fn nobody_is_lost_when_somebody_goes_between_pages() {
    let (stand_in, client) = start_usual(world_of(30)).await;
    let first = client.get("/admin/users?limit=10").await.json();
    stand_in.world(|world| world.remove_user(world.user_named("user0003").unwrap()));
    let second = client.get(&format!("/admin/users?limit=10&start={}", first["nextPageStart"])).await.json();
    assert_eq!(names(&second)[0], "user0010");
}

#[tokio::test]
async fn a_filter_is_a_part_of_name_address_or_display_name() {
    let mut world = World::default();
    let id = world.add_user("abel");
    world.change_user(id, |user| {
        user.display_name = "Zoë Größer".to_owned();
        user.email = "first.last+tag@example.com".to_owned();
    });
    world.add_user("abelard");
    let (stand_in, client) = start_usual(world).await;
    for (filter, expected) in [
        ("abel", &["abel", "abelard"][..]),
        ("ABEL", &["abel", "abelard"]),
        ("elar", &["abelard"]),
        ("gr%C3%B6%C3%9Fer", &["abel"]),
        ("Zo%C3%AB+G", &["abel"]),
        ("last%2Btag%40", &["abel"]),
        ("%40example.com", &["abel", "abelard"]),
        ("b", &["abel", "abelard"]),
        ("z", &["abel"]),
        ("nobody", &[]),
        ("abel%0A", &[]),
        ("", &["abel", "abelard"]),
    ] {
        let page = client.get(&format!("/admin/users?filter={filter}")).await.json();
        assert_eq!(names(&page), expected, "{filter}");
    }
    // What is written through the API is found as it is now.
    client.send("POST", &new_user("cabel")).await;
    let rename = serde_json::json!({ "name": "abelard", "newName": "renamed" });
    client.send_json("POST", "/admin/users/rename", &rename).await;
    client.send("DELETE", "/admin/users?name=abel").await;
    assert_eq!(
        names(&client.get("/admin/users?filter=abel").await.json()),
        ["renamed", "cabel"],
        "by address"
    );
    let update = serde_json::json!({ "name": "renamed", "displayName": "X", "email": "x@example.com" });
    client.send_json("PUT", "/admin/users", &update).await;
    assert_eq!(names(&client.get("/admin/users?filter=abel").await.json()), ["cabel"]);
    // So is what was changed behind its back.
    stand_in.world(|world| world.add_user("label"));
    assert_eq!(names(&client.get("/admin/users?filter=abel").await.json()), ["cabel", "label"]);
}
