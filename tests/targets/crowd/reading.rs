//! Lists are read to their end or not at all.

use std::collections::BTreeSet;

use sandbox::crowd::Crowd;
use sandbox::product::{Fault, FaultKind, User, World};
use serde_json::{Value, json};
use usersyncd::sync::model::{Proof, SourceId, TargetId};

use super::{ODD_NAMES, Server, answer, asked, counts, refusal, says, serve, start, world};
use crate::support::Client;

/// Users named `user-0000` and so on, with a group `all` of all of them.
fn crowd_of(users: usize) -> World {
    let mut world = World::default();
    let all = world.add_group("all");
    for number in 0..users {
        let user = world.add_user(&format!("user-{number:05}"));
        world.add_member(all, user);
    }
    world
}

async fn reads_all(client: &mut Client, users: usize) {
    client.wants_groups(&["all"]);
    let seen = client.read().await;
    assert_eq!(seen.users().len(), users);
    assert_eq!(seen.groups()["all"].len(), users);
}

#[tokio::test]
async fn everything_of_a_small_server_is_read_with_few_requests() {
    let mut world = world(&["anna", "bob"], &["Team", "child", "unwanted"]);
    let [anna, team, child] =
        [world.user_named("anna"), world.group_named("team"), world.group_named("child")].map(Option::unwrap);
    world.add_member(team, anna);
    let bob = world.user_named("bob").unwrap();
    world.change_user(bob, |user| {
        user.active = false;
        user.attributes.insert("usersyncd.okta.id".to_owned(), vec!["00u1".to_owned()]);
        user.attributes.insert("team".to_owned(), vec!["x".to_owned()]);
    });
    world.add_member(child, bob);
    world.change_group(team, |group| {
        group.children.insert(child);
        group.description = "the team".to_owned();
    });
    let (server, mut client) = start(Crowd::default(), world).await;
    client.wants_groups(&["TEAM"]);
    let seen = client.read().await;
    assert_eq!(seen.users(), [("anna".to_owned(), true), ("bob".to_owned(), false)].into());
    assert_eq!(seen.groups()["Team"], ["anna"], "who is in a group of the group is no member");
    let group = |name: &str| {
        let mut groups = seen.snapshot.groups.iter();
        groups.find(|group| group.attributes.name == name).unwrap()
    };
    assert_eq!((&group("Team").id, &group("Team").members_proof), (&TargetId::from("team"), &Proof::Proven));
    assert_eq!(group("Team").attributes.description, "the team");
    assert!(!group("unwanted").members_proof.is_proven() && group("child").members.is_empty());
    let user = |name: &str| {
        let mut users = seen.snapshot.users.iter();
        users.find(|user| user.attributes.username == name).unwrap()
    };
    assert_eq!((&user("anna").source, &user("bob").source), (&None, &Some(SourceId::from("00u1"))));
    assert_eq!(user("bob").attributes.attributes.iter().count(), 1);
    assert_eq!(user("anna").attributes.email, "anna@example.com");
    // Two users may be a page of a server that gives two at most; three groups in a page say more than that.
    let expected = counts([("list users", 2), ("list groups", 2), ("list memberships", 1)]);
    assert_eq!(asked(&server), expected);
}

#[tokio::test]
async fn what_nobody_needs_is_not_asked_for() {
    let (server, client) = serve(&["anna", "bob"], &["team"]).await;
    client.read().await;
    assert_eq!(asked(&server), counts([("list users", 2), ("list groups", 1)]));
    let (server, mut client) = serve(&[], &[]).await;
    client.wants_groups(&["team"]);
    client.read().await;
    assert_eq!(asked(&server), counts([("list users", 1), ("list groups", 1)]));
}

#[tokio::test]
async fn long_lists_come_in_pages_of_a_thousand() {
    for (users, pages) in [(2500, 3), (1000, 2), (1001, 2), (999, 2), (1999, 3), (1, 2)] {
        let (server, mut client) = start(Crowd::default(), crowd_of(users)).await;
        reads_all(&mut client, users).await;
        let groups = if users == 1 { 2 } else { 1 };
        let expected = counts([("list users", pages), ("list groups", groups), ("list memberships", 1)]);
        assert_eq!(asked(&server), expected, "{users} users");
        assert!(server.book().lines.iter().all(|line| !line.contains("max-results=1001")));
    }
}

#[tokio::test]
async fn a_server_that_gives_shorter_pages_than_it_is_asked_for_is_read_to_the_end() {
    for (cap, users) in [(50, 120), (50, 100), (50, 50), (7, 22), (2, 5), (1, 3), (100, 99), (64, 65)] {
        let crowd = Crowd { page_cap: Some(cap), ..Crowd::default() };
        let (_server, mut client) = start(crowd, crowd_of(users)).await;
        reads_all(&mut client, users).await;
    }
}

#[tokio::test]
async fn members_of_long_groups_are_read_to_the_end_group_by_group() {
    for cap in [None, Some(50), Some(7)] {
        let (server, mut client) = start(Crowd { page_cap: cap, ..Crowd::default() }, crowd_of(100)).await;
        let fault = server.fault(Fault::on("list memberships", FaultKind::Status(404)));
        reads_all(&mut client, 100).await;
        assert_eq!(server.met(fault), 1);
        if cap.is_none() {
            let expected =
                [("list users", 2), ("list groups", 1), ("list memberships", 1), ("list members", 2)];
            assert_eq!(asked(&server), counts(expected));
        }
    }
}

#[tokio::test]
async fn a_server_without_the_list_of_all_memberships_is_asked_group_by_group() {
    for status in [404, 405, 406, 501] {
        let (server, mut client) = serve(&["anna", "bob", "carl"], &["one", "two", "three"]).await;
        server.world(|world| {
            let [one, two] = ["one", "two"].map(|name| world.group_named(name).unwrap());
            let [anna, bob] = ["anna", "bob"].map(|name| world.user_named(name).unwrap());
            world.add_member(one, anna);
            world.add_member(one, bob);
            world.add_member(two, bob);
        });
        let fault = server.fault(Fault::on("list memberships", FaultKind::Status(status)));
        client.wants_groups(&["one", "two"]);
        let seen = client.read().await;
        assert!(server.met(fault) > 0);
        assert_eq!(seen.groups()["one"], ["anna", "bob"], "{status}");
        assert_eq!(seen.groups()["two"], ["bob"]);
        let asked = asked(&server);
        assert_eq!(asked["list members"], 2, "{asked:?}");
    }
}

#[tokio::test]
async fn a_group_that_goes_away_meanwhile_is_not_in_the_snapshot() {
    let (server, mut client) = serve(&["anna", "bob"], &["one", "two"]).await;
    let absent = server.fault(Fault::on("list memberships", FaultKind::Status(404)));
    let gone = refusal(404, "GROUP_NOT_FOUND", "Group <two> does not exist");
    let fault = server.fault(Fault::on("list members", FaultKind::Answer(gone)).matching("two"));
    client.wants_groups(&["one", "two"]);
    let seen = client.read().await;
    assert_eq!((server.met(absent), server.met(fault)), (1, 1));
    assert_eq!(seen.groups().into_keys().collect::<Vec<_>>(), ["one"]);
    // A 404 that does not say so is no proof.
    server.clear_faults();
    server.fault(Fault::on("list memberships", FaultKind::Status(404)));
    let lost = answer(404, &json!({}));
    let fault = server.fault(Fault::on("list members", FaultKind::Answer(lost)).matching("two"));
    says(&client.try_read().await.unwrap_err().to_string(), &["members of group two", "404"]);
    assert_eq!(server.met(fault), 1);
}

fn page(names: &[&str]) -> FaultKind {
    let user = |name: &&str| json!({ "name": name, "active": true, "attributes": { "attributes": [] } });
    FaultKind::Answer(answer(
        200,
        &json!({ "expand": "user", "users": names.iter().map(user).collect::<Vec<Value>>() }),
    ))
}

#[tokio::test]
async fn a_server_that_ignores_where_a_page_begins_is_not_believed() {
    let (server, client) = serve(&[], &[]).await;
    let fault = server.fault(Fault::on("list users", page(&["a", "b"])));
    says(&client.try_read().await.unwrap_err().to_string(), &["start-index", "nothing was changed"]);
    assert_eq!(server.met(fault), 4, "the list is read twice");
    server.clear_faults();
    let fault = server.fault(Fault::on("list users", page(&["a"])));
    says(&client.try_read().await.unwrap_err().to_string(), &["a came twice"]);
    assert_eq!(server.met(fault), 4);
}

#[tokio::test]
async fn the_same_name_twice_is_not_believed() {
    let (server, client) = serve(&[], &[]).await;
    let fault = server.fault(Fault::on("list users", page(&["anna", "bob", "Anna"])));
    says(&client.try_read().await.unwrap_err().to_string(), &["Anna came twice"]);
    assert_eq!(server.met(fault), 2);
}

#[tokio::test]
async fn a_list_that_moved_is_read_once_more() {
    // Between the pages somebody is deleted or created: the next page does not begin where the last one ended.
    for first in [["a", "b"], ["0", "a"], ["b", "c"]] {
        let crowd = Crowd { page_cap: Some(2), ..Crowd::default() };
        let (server, client) = start(crowd, world(&["a", "b", "c", "d"], &[])).await;
        let fault = server.fault(Fault::on("list users", page(&first)).times(1));
        let names: Vec<String> = client.read().await.users().into_keys().collect();
        assert_eq!(names, ["a", "b", "c", "d"], "after {first:?}");
        assert_eq!(server.met(fault), 1);
    }
}

#[tokio::test]
async fn a_page_that_was_cut_is_asked_for_again() {
    for operation in ["list users", "list groups", "list memberships"] {
        let (server, mut client) = start(Crowd::default(), crowd_of(5)).await;
        let fault = server.fault(Fault::on(operation, FaultKind::HalfBody).times(1));
        reads_all(&mut client, 5).await;
        assert_eq!(server.met(fault), 1, "{operation}");
    }
    let (server, client) = start(Crowd::default(), crowd_of(5)).await;
    let fault = server.fault(Fault::on("list groups", FaultKind::HalfBody));
    says(&client.try_read().await.unwrap_err().to_string(), &["the list of groups", "nothing was changed"]);
    assert_eq!(server.met(fault), 3);
}

#[tokio::test]
async fn a_list_of_bare_names_is_not_taken_for_users() {
    let (server, client) = serve(&[], &[]).await;
    let bare = json!({ "expand": "user", "users": [{ "link": {}, "name": "anna" }] });
    let fault = server.fault(Fault::on("list users", FaultKind::Answer(answer(200, &bare))));
    says(&client.try_read().await.unwrap_err().to_string(), &["no list of Crowd's users"]);
    assert_eq!(server.met(fault), 3);
}

#[tokio::test]
async fn odd_names_are_read_in_json_and_in_xml() {
    for by_group in [false, true] {
        let (server, mut client) = serve(&ODD_NAMES, &ODD_NAMES).await;
        everybody_in_every_group(&server);
        if by_group {
            server.fault(Fault::on("list memberships", FaultKind::Status(404)));
        }
        client.wants_groups(&ODD_NAMES);
        let seen = client.read().await;
        let expected: BTreeSet<String> = ODD_NAMES.map(str::to_owned).into();
        assert_eq!(seen.users().into_keys().collect::<BTreeSet<_>>(), expected);
        for (group, members) in seen.groups() {
            assert_eq!(members.into_iter().collect::<BTreeSet<_>>(), expected, "{group}");
        }
    }
}

fn everybody_in_every_group(server: &Server) {
    server.world(|world| {
        let users: Vec<_> = world.users().keys().copied().collect();
        for group in world.groups().keys().copied().collect::<Vec<_>>() {
            users.iter().for_each(|user| {
                world.add_member(group, *user);
            });
        }
    });
}

#[tokio::test]
async fn names_are_compared_without_case() {
    let mut world = World::default();
    world.insert_user(User { name: "Anna".to_owned(), active: true, ..User::default() });
    let (anna, team) = (world.user_named("anna").unwrap(), world.add_group("Team"));
    world.add_member(team, anna);
    let (server, mut client) = start(Crowd::default(), world).await;
    let all = "<memberships><membership group=\"TEAM\"><users><user name=\"aNNa\"/></users></membership></memberships>";
    let reply = sandbox::product::Reply::with(200, "application/xml", all);
    let fault = server.fault(Fault::on("list memberships", FaultKind::Answer(reply)));
    client.wants_groups(&["tEAM"]);
    assert_eq!(client.read().await.groups()["Team"], ["Anna"]);
    assert_eq!(server.met(fault), 1);
}

#[tokio::test]
async fn a_group_that_the_list_of_memberships_does_not_name_is_asked_for() {
    let (server, mut client) = serve(&["anna", "bob"], &["one", "two"]).await;
    everybody_in_every_group(&server);
    let all = "<memberships><membership group=\"one\"><users/></membership></memberships>";
    let reply = sandbox::product::Reply::with(200, "application/xml", all);
    let fault = server.fault(Fault::on("list memberships", FaultKind::Answer(reply)));
    client.wants_groups(&["one", "two"]);
    let groups = client.read().await.groups();
    assert_eq!((groups["one"].len(), groups["two"].len()), (0, 2));
    // Two members may be as many as a page holds.
    assert_eq!((server.met(fault), asked(&server)["list members"]), (1, 2));
}
