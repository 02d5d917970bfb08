//! A create is done once, and what somebody else made is not ours.

use std::collections::BTreeSet;

use sandbox::crowd::{Crowd, Permission};
use sandbox::product::{Fault, FaultKind, User, World};
use usersyncd::target::{Write, WriteError, Written};

use super::{asked, changes, counts, refused, says, serve, start};
use crate::support::{Client, created, group, person};

const ATTRIBUTE: &str = "usersyncd.okta.id";

async fn create(client: &Client, source: &str, name: &str) -> Result<Written, WriteError> {
    let write = Write::CreateUser { source: source.into(), attributes: person(name), active: true };
    client.write(write).await
}

#[tokio::test]
async fn a_user_is_created_with_all_that_it_holds() {
    let (server, client) = serve(&[], &[]).await;
    let mut attributes = person("anna");
    attributes.first_name = "An".into();
    attributes.last_name = "Na".into();
    attributes.attributes = [("team".into(), "x".into()), ("empty".into(), "".into())].into_iter().collect();
    let write = Write::CreateUser { source: "00u1".into(), attributes: attributes.clone(), active: false };
    let id = created(client.write(write).await);
    let asked = asked(&server);
    assert!(asked["create user"] == 1 && asked.values().sum::<u64>() <= 2, "{asked:?}");
    let seen = client.read().await.snapshot.users.remove(0);
    attributes.attributes = [("team".into(), "x".into())].into_iter().collect();
    assert_eq!((&seen.id, &seen.attributes, seen.active), (&id, &attributes, false));
    assert_eq!(seen.source, Some("00u1".into()));
    let password = server.world(|world| world.users().values().next().unwrap().password.clone());
    assert_eq!(password.len(), 40, "one that nobody knows");
}

#[tokio::test]
async fn the_same_create_twice_is_one_user() {
    let (server, client) = serve(&[], &[]).await;
    let first = created(create(&client, "00u1", "anna").await);
    let before = changes(&server);
    asked(&server);
    assert_eq!(created(create(&client, "00u1", "anna").await), first);
    assert_eq!(changes(&server), before);
    assert_eq!(asked(&server), counts([("create user", 1), ("read user", 1)]));
}

#[tokio::test]
async fn what_somebody_else_made_is_not_ours() {
    let (server, client) = serve(&["anna"], &["team"]).await;
    let before = changes(&server);
    says(&refused(create(&client, "00u1", "anna").await), &["user anna was not created", "400"]);
    let write = Write::CreateGroup { source: "00g1".into(), attributes: group("Team"), members: Vec::new() };
    says(&refused(client.write(write).await), &["group Team was not created", "400"]);
    assert_eq!(changes(&server), before);
    // Not even if another one of ours has the name.
    client.create_user("00u2", "bob").await;
    refused(create(&client, "00u3", "bob").await);
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_found() {
    for kind in [FaultKind::LostAnswer, FaultKind::StatusAfterwards(502)] {
        let (server, client) = serve(&[], &[]).await;
        let faults = ["create user", "create group"]
            .map(|operation| server.fault(Fault::on(operation, kind.clone()).times(1)));
        let anna = client.create_user("00u1", "anna").await;
        let team = client.create_group("00g1", "Team").await;
        assert_eq!(faults.map(|fault| server.met(fault)), [1, 1]);
        let seen = client.read().await.snapshot;
        assert_eq!((seen.users.len(), seen.groups.len()), (1, 1));
        assert_eq!((&seen.users[0].id, &seen.groups[0].id), (&anna.id, &team.id));
        assert_eq!(seen.users[0].source, Some("00u1".into()));
        let asked = asked(&server);
        assert_eq!((asked["create user"], asked["create group"]), (1, 1), "nothing is sent again");
    }
}

#[tokio::test]
async fn a_create_that_never_arrived_is_sent_again() {
    let (server, client) = serve(&[], &[]).await;
    let faults = ["create user", "create group"]
        .map(|operation| server.fault(Fault::on(operation, FaultKind::Reset).times(1)));
    client.create_user("00u1", "anna").await;
    client.create_group("00g1", "team").await;
    assert_eq!(faults.map(|fault| server.met(fault)), [1, 1]);
    let asked = asked(&server);
    assert_eq!((asked["create user"], asked["create group"]), (2, 2));
}

/// A world with somebody called `anna` who has this address, and perhaps somebody's id.
fn with_anna(email: &str, id: Option<&str>) -> World {
    let mut world = World::default();
    let attributes = id.map(|id| (ATTRIBUTE.to_owned(), vec![id.to_owned()])).into_iter().collect();
    let user = User {
        name: "anna".to_owned(),
        email: email.to_owned(),
        active: true,
        attributes,
        ..User::default()
    };
    world.insert_user(user);
    world
}

#[tokio::test]
async fn after_a_lost_answer_the_address_says_whose_it_is_and_a_foreign_id_says_more() {
    for (email, id, ours) in [
        ("anna@example.com", None, true),
        ("Anna@Example.com", None, true),
        ("other@example.com", None, false),
        ("anna@example.com", Some("00u9"), false),
        ("other@example.com", Some("00u1"), true),
    ] {
        let (server, client) = start(Crowd::default(), with_anna(email, id)).await;
        let fault = server.fault(Fault::on("create user", FaultKind::Reset).times(1));
        let answer = create(&client, "00u1", "anna").await;
        assert_eq!(server.met(fault), 1);
        assert_eq!(answer.is_ok(), ours, "{email} {id:?}: {answer:?}");
        let world = server.world(|world| world.users().values().next().unwrap().clone());
        assert_eq!(world.email, email);
        if ours {
            assert_eq!(world.attributes[ATTRIBUTE], ["00u1"], "from now on it bears our id");
        }
    }
    // Without a lost answer an equal address is nobody's proof.
    let (_server, client) = start(Crowd::default(), with_anna("anna@example.com", None)).await;
    refused(create(&client, "00u1", "anna").await);
}

#[tokio::test]
async fn an_answer_that_never_comes_ends_the_write_as_uncertain() {
    let (server, client) = serve(&[], &[]).await;
    server.fault(Fault::on("create user", FaultKind::Status(500)));
    let error = create(&client, "00u1", "anna").await.unwrap_err();
    assert!(error.uncertain && !error.fatal, "{error:?}");
    says(&error.message, &["user anna was not created, as far as is known", "the next run looks"]);
    assert_eq!(asked(&server), counts([("create user", 5), ("read user", 5)]));
}

#[tokio::test]
async fn a_user_whose_attributes_are_refused_is_created_all_the_same() {
    let denied = BTreeSet::from([Permission::UpdateUserAttributes]);
    let (_server, client) = start(Crowd { denied, ..Crowd::default() }, World::default()).await;
    created(create(&client, "00u1", "anna").await);
    // A version that says nothing of attributes in its answer gets them apart; what it says to that changes nothing.
    let (server, client) = start(Crowd::default(), with_anna("anna@example.com", None)).await;
    server.fault(Fault::on("create user", FaultKind::Reset).times(1));
    let fault = server.fault(Fault::on("set user attributes", FaultKind::Status(403)));
    created(create(&client, "00u1", "anna").await);
    assert_eq!(server.met(fault), 1);
}

#[tokio::test]
async fn a_create_that_may_not_be_is_refused() {
    let denied = BTreeSet::from([Permission::CreateUser, Permission::CreateGroup]);
    let (_server, client) = start(Crowd { denied, ..Crowd::default() }, World::default()).await;
    says(&refused(create(&client, "00u1", "anna").await), &["user anna was not created", "403"]);
    let write = Write::CreateGroup { source: "00g1".into(), attributes: group("team"), members: Vec::new() };
    says(&refused(client.write(write).await), &["group team was not created", "403"]);
}
