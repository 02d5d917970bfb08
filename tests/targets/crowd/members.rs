//! Memberships: already so and already gone are success, anything else is said.

use std::collections::BTreeSet;

use sandbox::crowd::{Crowd, Permission};
use sandbox::product::{Fault, FaultKind, World};
use usersyncd::target::Named;

use super::{ODD_NAMES, Server, answer, asked, changes, counts, named, refusal, says, start, world};
use crate::support::Client;

/// Both ways in which servers answer.
async fn both(users: &[&str], groups: &[&str]) -> Vec<(Server, Client)> {
    let mut both = Vec::new();
    for lenient in [false, true] {
        both.push(
            start(Crowd { lenient_memberships: lenient, ..Crowd::default() }, world(users, groups)).await,
        );
    }
    both
}

/// Everybody as the run would name them.
async fn everybody(client: &Client) -> Vec<Named> {
    let users = client.read().await.snapshot.users.into_iter();
    users.map(|user| Named { id: user.id, name: user.attributes.username }).collect()
}

fn members(server: &Server, group: &str) -> Vec<String> {
    server.world(|world| world.member_names(group)).unwrap()
}

#[tokio::test]
async fn members_come_and_go_and_twice_is_once() {
    for (server, client) in both(&ODD_NAMES, &["r&d / zoë"]).await {
        let (everybody, group) = (everybody(&client).await, named("r&d / zoë", "R&D / Zoë"));
        asked(&server);
        assert_eq!(client.change_members(&group, &everybody, &[]).await, []);
        assert_eq!(members(&server, "r&d / zoë").len(), ODD_NAMES.len());
        assert_eq!(asked(&server), counts([("add member", 8)]));
        let before = changes(&server);
        assert_eq!(client.change_members(&group, &everybody, &[]).await, []);
        assert_eq!((changes(&server), asked(&server)), (before, counts([("add member", 8)])));
        let (gone, kept) = everybody.split_at(3);
        for _ in 0..2 {
            assert_eq!(client.change_members(&group, &[], gone).await, []);
            assert_eq!(asked(&server), counts([("remove member", 3)]));
        }
        assert_eq!(changes(&server), before + 3);
        assert_eq!(members(&server, "r&d / zoë").len(), kept.len());
        assert_eq!(client.change_members(&group, gone, kept).await, []);
        assert_eq!(members(&server, "r&d / zoë").len(), gone.len());
    }
}

#[tokio::test]
async fn one_who_is_gone_stops_nobody() {
    for (server, client) in both(&["anna", "bob"], &["team"]).await {
        let mut all = everybody(&client).await;
        let nobody = named("1:gone", "nobody");
        all.insert(1, nobody.clone());
        let failed = client.change_members(&named("team", "team"), &all, &[]).await;
        assert_eq!(members(&server, "team"), ["anna", "bob"]);
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].0, nobody.id);
        says(&failed[0].1, &["nobody", "no longer there"]);
        assert_eq!(client.change_members(&named("team", "team"), &[], &all).await, []);
        assert_eq!(members(&server, "team"), [""; 0]);
    }
}

#[tokio::test]
async fn a_group_that_is_gone_is_asked_for_a_few_times_only() {
    for (server, client) in both(&[], &[]).await {
        let many: Vec<Named> = (0..100).map(|n| named(&format!("1:{n}"), &format!("user-{n}"))).collect();
        let failed = client.change_members(&named("gone", "gone"), &many, &[]).await;
        assert_eq!(failed.len(), 100);
        says(&failed[99].1, &["group", "no longer there"]);
        assert!(server.book().total() <= 8, "{}", server.book().total());
        assert_eq!(client.change_members(&named("gone", "gone"), &[], &many).await, []);
    }
}

#[tokio::test]
async fn who_may_not_change_members_is_told_and_does_not_insist() {
    let denied = BTreeSet::from([Permission::UpdateGroup]);
    let mut world = World::default();
    world.add_group("team");
    (0..100).for_each(|n| {
        world.add_user(&format!("user-{n}"));
    });
    let (server, client) = start(Crowd { denied, ..Crowd::default() }, world).await;
    let everybody = everybody(&client).await;
    let failed = client.change_members(&named("team", "team"), &everybody, &[]).await;
    assert_eq!(failed.len(), 100);
    says(&failed[0].1, &["403", "may not"]);
    assert!(asked(&server)["add member"] <= 8);
}

#[tokio::test]
async fn who_has_another_name_now_is_not_said_to_be_removed() {
    for (server, client) in both(&["anna"], &["team"]).await {
        let anna = everybody(&client).await.remove(0);
        client.change_members(&named("team", "team"), std::slice::from_ref(&anna), &[]).await;
        server.world(|world| {
            let id = world.user_named("anna").unwrap();
            world.change_user(id, |user| user.name = "anne".to_owned());
        });
        let failed = client.change_members(&named("team", "team"), &[], std::slice::from_ref(&anna)).await;
        assert_eq!(members(&server, "team"), ["anne"]);
        says(&failed[0].1, &["anne"]);
    }
}

#[tokio::test]
async fn a_refusal_that_does_not_tell_is_looked_into() {
    for status in [400, 404, 409] {
        let (server, client) = start(Crowd::default(), world(&["anna", "bob"], &["team"])).await;
        let everybody = everybody(&client).await;
        let [anna, bob] = [&everybody[0], &everybody[1]];
        client.change_members(&named("team", "team"), std::slice::from_ref(anna), &[]).await;
        let unclear =
            [answer(status, &serde_json::json!({})), refusal(status, "SOMETHING_NEW", "who knows why")];
        for unclear in unclear {
            let faults = ["add member", "remove member"].map(|operation| {
                server.fault(Fault::on(operation, FaultKind::Answer(unclear.clone())).times(2))
            });
            let team = named("team", "team");
            assert_eq!(client.change_members(&team, std::slice::from_ref(anna), &[]).await, [], "already so");
            assert_eq!(client.change_members(&team, &[], std::slice::from_ref(bob)).await, [], "already so");
            assert_eq!(client.change_members(&team, std::slice::from_ref(bob), &[]).await.len(), 1);
            assert_eq!(client.change_members(&team, &[], std::slice::from_ref(anna)).await.len(), 1);
            assert_eq!(faults.map(|fault| server.met(fault)), [2, 2]);
        }
        assert_eq!(members(&server, "team"), ["anna"]);
    }
}

#[tokio::test]
async fn a_wrong_password_ends_the_whole_change() {
    let (server, client) = start(Crowd::default(), world(&["anna"], &["team"])).await;
    let everybody = everybody(&client).await;
    server.product(|crowd| crowd.password = "changed".to_owned());
    let write = usersyncd::target::Write::ChangeMembers {
        group: named("team", "team"),
        added: everybody,
        removed: Vec::new(),
    };
    assert!(client.write(write).await.unwrap_err().fatal);
}
