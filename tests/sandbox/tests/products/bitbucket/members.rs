//! People go into groups and out of them.

use std::collections::BTreeSet;

use sandbox::bitbucket::Bitbucket;
use sandbox::product::World;
use serde_json::{Value, json};

use super::groups::ODD;
use super::{names, pair, refused, start, start_usual};

fn world() -> World {
    let mut world = World::default();
    for name in ["alice", "bob", "carol"] {
        world.add_user(name);
    }
    for name in ["one", "two"] {
        world.add_group(name);
    }
    world
}

#[tokio::test]
async fn several_users_are_added_to_a_group() {
    let (stand_in, client) = start_usual(world()).await;
    let body = json!({ "group": "one", "users": ["alice", "BOB"] });
    for _ in 0..2 {
        let answer = client.send_json("POST", "/admin/groups/add-users", &body).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        assert_eq!(stand_in.world(|world| world.member_names("one")).unwrap(), ["alice", "bob"]);
    }
    for (body, status) in [
        (json!({ "group": "none", "users": ["alice"] }), 404),
        (json!({ "users": ["alice"] }), 400),
        (json!({ "group": "two" }), 400),
        (json!({ "group": "two", "users": [] }), 400),
        (json!({ "group": "two", "users": "alice" }), 400),
        (json!({ "group": "two", "users": [7] }), 400),
        (json!([]), 400),
    ] {
        let answer = client.send_json("POST", "/admin/groups/add-users", &body).await;
        assert_eq!(refused(&answer).0, status, "{body}");
    }
    assert!(stand_in.world(|world| world.member_names("two")).unwrap().is_empty());
}

#[tokio::test]
async fn one_unknown_user_spoils_it_for_all_or_not() {
    for (adds_others, expected) in [(false, &[][..]), (true, &["alice", "bob"][..])] {
        let bitbucket = Bitbucket { adds_others, ..Bitbucket::default() };
        let (stand_in, client) = start(bitbucket, world()).await;
        let body = json!({ "group": "one", "users": ["alice", "nobody", "bob"] });
        let answer = client.send_json("POST", "/admin/groups/add-users", &body).await;
        let (status, _, message) = refused(&answer);
        assert_eq!(status, 404);
        assert!(message.contains("nobody"), "{message}");
        assert_eq!(stand_in.world(|world| world.member_names("one")).unwrap(), expected);
        let body = json!({ "user": "carol", "groups": ["two", "none"] });
        let answer = client.send_json("POST", "/admin/users/add-groups", &body).await;
        assert_eq!(refused(&answer).0, 404);
        let in_two = stand_in.world(|world| world.member_names("two")).unwrap();
        assert_eq!(in_two.len(), usize::from(adds_others));
    }
}

#[tokio::test]
async fn a_user_is_added_to_several_groups() {
    let (stand_in, client) = start_usual(world()).await;
    for (name, _) in ODD {
        stand_in.world(|world| world.add_group(name));
    }
    let groups: Vec<&str> = ODD.iter().map(|(name, _)| *name).collect();
    let body = json!({ "user": "alice", "groups": groups });
    let answer = client.send_json("POST", "/admin/users/add-groups", &body).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    let page = client.get("/admin/users/more-members?context=alice").await.json();
    assert_eq!(names(&page), groups);
    assert_eq!(page["values"][0], json!({ "name": groups[0], "deletable": true }));
    let page = client.get("/admin/users/more-members?context=alice&filter=%2B").await.json();
    assert_eq!(names(&page), ["a+b"]);
    let page = client.get("/admin/users/more-non-members?context=alice").await.json();
    assert_eq!(names(&page), ["one", "two"]);
    for (name, coded) in ODD {
        let page = client.get(&format!("/admin/groups/more-members?context={coded}")).await.json();
        assert_eq!(names(&page), ["alice"], "{name}");
        let answer = client.send_json("POST", "/admin/users/remove-group", &pair("alice", name)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{name}");
        let page = client.get(&format!("/admin/groups/more-members?context={coded}")).await.json();
        assert_eq!(names(&page), [""; 0], "{name}");
    }
    let unknown = json!({ "user": "nobody", "groups": ["one"] });
    assert_eq!(refused(&client.send_json("POST", "/admin/users/add-groups", &unknown).await).0, 404);
}

#[tokio::test]
async fn context_and_item_must_not_be_swapped() {
    let (stand_in, client) = start_usual(world()).await;
    for (adding, removing, right, swapped) in [
        ("/admin/users/add-group", "/admin/users/remove-group", pair("bob", "one"), pair("one", "bob")),
        ("/admin/groups/add-user", "/admin/groups/remove-user", pair("one", "bob"), pair("bob", "one")),
    ] {
        for (path, members) in [(adding, 1), (removing, 0)] {
            let answer = client.send_json("POST", path, &swapped).await;
            assert_eq!(refused(&answer).0, 404, "{path}");
            let answer = client.send_json("POST", path, &right).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{path}");
            assert_eq!(stand_in.world(|world| world.member_names("one")).unwrap().len(), members, "{path}");
        }
        for missing in ["context", "itemName"] {
            let mut body = right.clone();
            body[missing] = Value::Null;
            let (status, context, _) = refused(&client.send_json("POST", removing, &body).await);
            assert_eq!((status, context), (400, json!(missing)));
        }
    }
    let book = stand_in.book();
    assert_eq!((book.of("add member"), book.of("remove member")), (4, 8));
}

#[tokio::test]
async fn removing_who_is_no_member_is_not_found_or_nothing() {
    let (stand_in, client) = start_usual(world()).await;
    for (path, body) in
        [("/admin/users/remove-group", pair("bob", "one")), ("/admin/groups/remove-user", pair("one", "bob"))]
    {
        stand_in.product(|bitbucket| bitbucket.absent_is_not_found = true);
        assert_eq!(refused(&client.send_json("POST", path, &body).await).0, 404);
        stand_in.product(|bitbucket| bitbucket.absent_is_not_found = false);
        assert_eq!(client.send_json("POST", path, &body).await.status, 200);
    }
    assert_eq!(client.send_json("POST", "/admin/users/remove-group", &pair("bob", "no")).await.status, 404);
    assert_eq!(client.send_json("POST", "/admin/users/remove-group", &pair("no", "one")).await.status, 404);
}

#[tokio::test]
async fn fixed_memberships_are_refused() {
    let mut world = world();
    let (bob, one) = (world.user_named("bob").unwrap(), world.group_named("one").unwrap());
    world.add_member(one, bob);
    let mutable_groups_false = BTreeSet::from(["bob".to_owned()]);
    let (stand_in, client) = start(Bitbucket { mutable_groups_false, ..Bitbucket::default() }, world).await;
    for (path, body) in [
        ("/admin/groups/add-users", json!({ "group": "two", "users": ["alice", "bob"] })),
        ("/admin/users/add-groups", json!({ "user": "bob", "groups": ["two"] })),
        ("/admin/users/add-group", pair("bob", "two")),
        ("/admin/users/remove-group", pair("bob", "one")),
        ("/admin/groups/remove-user", pair("one", "bob")),
    ] {
        assert_eq!(refused(&client.send_json("POST", path, &body).await).0, 403, "{path}");
    }
    assert_eq!(stand_in.world(|world| world.member_names("one")).unwrap(), ["bob"]);
    assert!(stand_in.world(|world| world.member_names("two")).unwrap().is_empty());
    let change = json!({ "name": "bob", "displayName": "New" });
    assert_eq!(
        client.send_json("PUT", "/admin/users", &change).await.status,
        200,
        "details are another matter"
    );
}

#[tokio::test]
async fn members_are_users_in_full() {
    let (stand_in, client) = start_usual(world()).await;
    stand_in.world(|world| {
        let (one, two) = (world.group_named("one").unwrap(), world.group_named("two").unwrap());
        let (alice, carol) = (world.user_named("alice").unwrap(), world.user_named("carol").unwrap());
        world.add_member(one, alice);
        world.add_member(two, carol);
        // Groups in groups are none of Bitbucket's.
        world.change_group(one, |group| {
            group.children.insert(two);
        });
    });
    let members = client.get("/admin/groups/more-members?context=one").await.json();
    assert_eq!(names(&members), ["alice"]);
    assert_eq!(members["values"][0]["mutableGroups"], true);
    assert_eq!(members["values"], client.get("/admin/users?filter=alice").await.json()["values"]);
    let others = client.get("/admin/groups/more-non-members?context=one").await.json();
    assert_eq!(names(&others), ["bob", "carol"]);
    let found = client.get("/admin/groups/more-non-members?context=one&filter=ARO").await.json();
    assert_eq!(names(&found), ["carol"]);
    assert_eq!(names(&client.get("/admin/groups/more-members?context=one&filter=bo").await.json()), [""; 0]);
    for kind in ["groups", "users"] {
        for list in ["more-members", "more-non-members"] {
            let page = client.get(&format!("/admin/{kind}/{list}?context=none")).await;
            assert_eq!((page.status, &page.json()["size"]), (200, &json!(0)), "{kind}/{list}");
            assert_eq!(refused(&client.get(&format!("/admin/{kind}/{list}")).await).0, 400, "no context");
        }
    }
}
