//! Groups are made, deleted and read, and people go in and out.

use std::collections::BTreeSet;

use sandbox::confluence::{Confluence, Version};
use sandbox::product::World;
use serde_json::{Value, json};

use super::{refused, start, start_usual};

/// Names with all that can go wrong in a path, and how they are written there.
const ODD: [(&str, &str); 7] = [
    ("two words", "two%20words"),
    ("a+b", "a+b"),
    ("r&d", "r%26d"),
    ("one, two", "one%2C%20two"),
    ("up/down", "up%2Fdown"),
    ("Größe", "Gr%C3%B6%C3%9Fe"),
    ("100%", "100%25"),
];

#[tokio::test]
async fn a_group_is_created_read_and_deleted() {
    let (stand_in, client) = start_usual(World::default()).await;
    for (name, coded) in ODD {
        let answer =
            client.send_json("POST", "/admin/group", &json!({ "type": "group", "name": name })).await;
        assert_eq!(answer.status, 201, "{name}: {}", answer.body);
        let body = answer.json();
        assert_eq!((&body["type"], &body["name"]), (&json!("group"), &json!(name)));
        let link = body["_links"]["self"].as_str().unwrap().to_owned();
        let read = client.get(&format!("/group/{coded}")).await;
        assert_eq!((read.status, &read.json()), (200, &body), "{name}");
        let path = link.strip_prefix(&stand_in.url()).unwrap();
        assert_eq!(client.below("").get(path).await.json(), body, "{link}");
        let again =
            client.send_json("POST", "/admin/group", &json!({ "name": name.to_ascii_uppercase() })).await;
        assert_eq!(refused(&again).0, 409, "{name}");
        let answer = client.send("DELETE", &format!("/admin/group/{coded}")).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{name}");
        assert_eq!(refused(&client.send("DELETE", &format!("/admin/group/{coded}")).await).0, 404);
        assert_eq!(refused(&client.get(&format!("/group/{coded}")).await).0, 404);
    }
    assert!(stand_in.world(|world| world.groups().is_empty()));
}

#[tokio::test]
async fn a_group_needs_a_name() {
    let (_stand_in, client) = start_usual(World::default()).await;
    for body in
        [json!({}), json!({ "name": " " }), json!({ "name": 7 }), json!({ "name": "g", "type": "user" })]
    {
        assert_eq!(refused(&client.send_json("POST", "/admin/group", &body).await).0, 400, "{body}");
    }
    assert_eq!(client.send_json("POST", "/admin/group", &json!({ "name": "g" })).await.status, 201);
}

#[tokio::test]
async fn the_last_group_of_administrators_stays() {
    let mut world = World::default();
    world.add_group("confluence-administrators");
    world.add_group("operators");
    let (stand_in, client) = start_usual(world).await;
    let path = "/admin/group/confluence-administrators";
    assert_eq!(refused(&client.send("DELETE", path).await).0, 400);
    assert!(stand_in.world(|world| world.group_named("confluence-administrators").is_some()));
    stand_in.product(|confluence| {
        confluence.admin_groups =
            BTreeSet::from(["operators".to_owned(), "confluence-administrators".to_owned()]);
    });
    assert_eq!(client.send("DELETE", path).await.status, 204, "another one is left");
    assert_eq!(client.send("DELETE", "/admin/group/operators").await.status, 400);
}

#[tokio::test]
async fn members_are_added_and_removed_as_often_as_one_likes() {
    let mut world = World::default();
    world.add_user("bob/by, the&way");
    for (name, _) in ODD {
        world.add_group(name);
    }
    let (stand_in, client) = start_usual(world).await;
    for (name, coded) in ODD {
        let path = format!("/user/bob%2Fby%2C%20the%26way/group/{coded}");
        for (method, members) in [("PUT", 1), ("PUT", 1), ("DELETE", 0), ("DELETE", 0)] {
            let answer = client.send(method, &path).await;
            assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{method} {name}");
            assert_eq!(stand_in.world(|world| world.member_names(name)).unwrap().len(), members, "{name}");
        }
    }
    let book = stand_in.book();
    assert_eq!((book.of("add member"), book.of("remove member")), (14, 14));
    for path in ["/user/nobody/group/a+b", "/user/bob%2Fby%2C%20the%26way/group/none"] {
        assert_eq!(refused(&client.send("PUT", path).await).0, 404, "{path}");
        assert_eq!(refused(&client.send("DELETE", path).await).0, 404, "{path}");
    }
}

#[tokio::test]
async fn memberships_can_be_written_since_a_version_of_choice() {
    let mut world = World::default();
    world.add_user("bob");
    world.add_group("team");
    let confluence =
        Confluence { version: Version::V8_4, memberships_since: Version::V9_2, ..Confluence::default() };
    let (stand_in, client) = start(confluence, world).await;
    assert_eq!(client.send("PUT", "/user/bob/group/team").await.status, 404);
    stand_in.product(|confluence| confluence.version = Version::V9_2);
    assert_eq!(client.send("PUT", "/user/bob/group/team").await.status, 204);
}

#[tokio::test]
async fn members_are_the_direct_ones_and_groups_in_a_group_are_listed_by_themselves() {
    let mut world = World::default();
    let (bob, alice) = (world.add_user("bob"), world.add_user("alice"));
    let (outer, inner) = (world.add_group("outer"), world.add_group("inner"));
    world.add_member(outer, bob);
    world.add_member(inner, alice);
    world.change_user(bob, |user| user.active = false);
    world.change_group(outer, |group| {
        group.children.insert(inner);
    });
    let (_stand_in, client) = start_usual(world).await;
    let members = client.get("/group/outer/member?expand=status").await.json();
    assert_eq!((&members["size"], &members["results"][0]["username"]), (&json!(1), &json!("bob")));
    assert_eq!(members["results"][0]["status"], "deactivated", "disabled members stay members");
    assert_eq!(client.get("/group/outer/member").await.json()["results"][0].get("status"), None);
    let children = client.get("/group/outer/groupmember").await.json();
    assert_eq!((&children["size"], &children["results"][0]["name"]), (&json!(1), &json!("inner")));
    assert_eq!(children["results"][0]["type"], "group");
    assert_eq!(client.get("/group/inner/groupmember").await.json()["results"], json!([]));
    for path in ["/group/none/member", "/group/none/groupmember"] {
        assert_eq!(refused(&client.get(path).await).0, 404, "{path}");
    }
}

#[tokio::test]
async fn the_groups_of_a_user_are_listed() {
    let mut world = World::default();
    let bob = world.add_user("bob");
    for name in ["one", "two", "three"] {
        let group = world.add_group(name);
        if name != "two" {
            world.add_member(group, bob);
        }
    }
    let (_stand_in, client) = start_usual(world).await;
    let page = client.get("/user/memberof?username=bob").await.json();
    let names: Vec<&Value> = page["results"].as_array().unwrap().iter().map(|group| &group["name"]).collect();
    assert_eq!(names, ["one", "three"]);
    let key = client.get("/user?username=bob").await.json()["userKey"].as_str().unwrap().to_owned();
    let by_key = client.get(&format!("/user/memberof?key={key}")).await.json();
    assert_eq!(by_key["results"], page["results"]);
    assert_eq!(refused(&client.get("/user/memberof?username=alice").await).0, 404);
}
