//! The life of a user: nothing that is not ours gets lost.

use sandbox::product::{Fault, FaultKind};
use usersyncd::sync::model::UserAttributes;
use usersyncd::target::{Named, Write, Written};

use super::{ODD_NAMES, Server, answer, asked, changes, counts, named, refusal, refused, says, serve};
use crate::support::{Client, person};

/// The user of that name as the run would name it, with its attributes.
async fn seen(client: &Client, name: &str) -> (Named, UserAttributes) {
    let mut users = client.read().await.snapshot.users.into_iter();
    let user = users.find(|user| user.attributes.username == name).unwrap();
    (Named { id: user.id, name: name.into() }, user.attributes)
}

fn update(user: &Named, before: &UserAttributes, attributes: &UserAttributes) -> Write {
    let (user, before, attributes) = (user.clone(), before.clone(), attributes.clone());
    Write::UpdateUser { user, source: None, before, attributes }
}

/// Carries a write out twice: the second time it has no effect.
async fn twice(server: &Server, client: &Client, write: Write) {
    assert_eq!(client.write(write.clone()).await, Ok(Written::Done));
    let before = changes(server);
    assert_eq!(client.write(write.clone()).await, Ok(Written::Done), "{write:?}");
    assert_eq!(changes(server), before, "{write:?}");
}

#[tokio::test]
async fn a_user_lives() {
    let (server, client) = serve(&[], &["team"]).await;
    let anna = client.create_user("00u1", "anna").await;
    client.change_members(&named("team", "team"), std::slice::from_ref(&anna), &[]).await;
    let mut after = person("anna");
    after.email = "new@example.com".into();
    after.last_name = "New".into();
    after.attributes = [("team".into(), "y".into())].into_iter().collect();
    twice(&server, &client, update(&anna, &person("anna"), &after)).await;
    assert_eq!(seen(&client, "anna").await.1, after);
    twice(&server, &client, Write::SetActive { user: anna.clone(), active: false }).await;
    assert!(!client.read().await.users()["anna"]);
    twice(&server, &client, Write::SetActive { user: anna.clone(), active: true }).await;
    assert!(client.read().await.users()["anna"]);
    let renamed = UserAttributes { username: "anne".into(), ..after.clone() };
    twice(&server, &client, update(&anna, &after, &renamed)).await;
    let (anne, attributes) = seen(&client, "anne").await;
    assert_eq!((&anne.id, &attributes), (&anna.id, &renamed), "the key stays");
    assert_eq!(server.world(|world| world.member_names("team")).unwrap(), ["anne"]);
    assert_eq!(client.read().await.snapshot.users[0].source, Some("00u1".into()));
    twice(&server, &client, Write::DeleteUser { user: anne, groups: vec![named("team", "team")] }).await;
    assert!(client.read().await.users().is_empty());
}

#[tokio::test]
async fn each_change_takes_few_requests() {
    let (server, client) = serve(&["anna"], &[]).await;
    let (anna, before) = seen(&client, "anna").await;
    asked(&server);
    let email = UserAttributes { email: "new@example.com".into(), ..before.clone() };
    client.write(update(&anna, &before, &email)).await.unwrap();
    assert_eq!(asked(&server), counts([("read user", 1), ("update user", 1)]));
    let attributes = [("team".into(), "y".into()), ("site".into(), "z".into())].into_iter().collect();
    let further = UserAttributes { attributes, ..email.clone() };
    client.write(update(&anna, &email, &further)).await.unwrap();
    assert_eq!(asked(&server), counts([("read user", 1), ("set user attributes", 1)]));
    let name = UserAttributes { username: "anne".into(), ..further.clone() };
    client.write(update(&anna, &further, &name)).await.unwrap();
    assert_eq!(asked(&server), counts([("read user", 1), ("rename user", 1)]));
    let anne = Named { name: "anne".into(), ..anna };
    client.write(Write::SetActive { user: anne.clone(), active: false }).await.unwrap();
    assert_eq!(asked(&server), counts([("read user", 1), ("update user", 1)]));
    client.write(Write::DeleteUser { user: anne, groups: vec![] }).await.unwrap();
    assert_eq!(asked(&server), counts([("read user", 1), ("delete user", 1)]));
}

#[tokio::test]
async fn a_change_keeps_what_is_not_ours() {
    let (server, client) = serve(&["anna"], &[]).await;
    let (anna, before) = seen(&client, "anna").await;
    server.world(|world| {
        let id = world.user_named("anna").unwrap();
        world.change_user(id, |user| {
            user.active = false;
            user.last_name = "Changed Elsewhere".to_owned();
            user.attributes.insert("theirs".to_owned(), vec!["1".to_owned(), "2".to_owned()]);
        });
    });
    let after = UserAttributes { email: "new@example.com".into(), ..before.clone() };
    client.write(update(&anna, &before, &after)).await.unwrap();
    let user = server.world(|world| world.users().values().next().unwrap().clone());
    assert_eq!((user.active, user.email.as_str()), (false, "new@example.com"));
    assert_eq!((user.last_name.as_str(), user.first_name.as_str()), ("Changed Elsewhere", "anna"));
    client.write(Write::SetActive { user: anna, active: true }).await.unwrap();
    let user = server.world(|world| world.users().values().next().unwrap().clone());
    assert_eq!((user.active, user.last_name.as_str()), (true, "Changed Elsewhere"));
    assert_eq!((user.display_name.as_str(), user.attributes["theirs"].len()), ("anna Local", 2));
}

#[tokio::test]
async fn an_account_that_is_taken_over_gets_our_id_and_an_attribute_that_was_emptied_goes() {
    let (server, client) = serve(&["anna"], &[]).await;
    server.world(|world| {
        let id = world.user_named("anna").unwrap();
        world.change_user(id, |user| drop(user.attributes.insert("team".to_owned(), vec!["x".to_owned()])));
    });
    let (anna, before) = seen(&client, "anna").await;
    let after =
        UserAttributes { attributes: [("team".into(), "".into())].into_iter().collect(), ..before.clone() };
    let write = Write::UpdateUser { user: anna, source: Some("00u1".into()), before, attributes: after };
    twice(&server, &client, write).await;
    let user = server.world(|world| world.users().values().next().unwrap().clone());
    let expected = [("usersyncd.okta.id".to_owned(), vec!["00u1".to_owned()])];
    assert_eq!(user.attributes, expected.into());
}

#[tokio::test]
async fn a_user_is_known_by_its_key_whatever_its_name_is_now() {
    let (server, client) = serve(&["anna", "bob"], &[]).await;
    let (anna, _) = seen(&client, "anna").await;
    // Anna is renamed, and somebody else gets her name.
    server.world(|world| {
        let [anna, bob] = ["anna", "bob"].map(|name| world.user_named(name).unwrap());
        world.change_user(anna, |user| user.name = "anne".to_owned());
        world.change_user(bob, |user| user.name = "anna".to_owned());
    });
    client.write(Write::SetActive { user: anna.clone(), active: false }).await.unwrap();
    assert_eq!(client.read().await.users(), [("anna".to_owned(), true), ("anne".to_owned(), false)].into());
    client.write(Write::DeleteUser { user: anna.clone(), groups: vec![] }).await.unwrap();
    assert_eq!(client.read().await.users(), [("anna".to_owned(), true)].into());
    // Now it is gone, and its name is still somebody else's.
    assert_eq!(
        client.write(Write::DeleteUser { user: anna.clone(), groups: vec![] }).await,
        Ok(Written::Done)
    );
    let answer = client.write(Write::SetActive { user: anna, active: true }).await;
    says(&refused(answer), &["user anna was not enabled", "no longer"]);
    assert_eq!(client.read().await.users(), [("anna".to_owned(), true)].into());
}

#[tokio::test]
async fn a_name_that_is_taken_stays_with_who_has_it() {
    let (server, client) = serve(&["anna", "bob"], &[]).await;
    let (anna, before) = seen(&client, "anna").await;
    let unchanged = changes(&server);
    let after = UserAttributes { username: "BOB".into(), ..before.clone() };
    says(
        &refused(client.write(update(&anna, &before, &after)).await),
        &["user anna was not renamed to BOB", "400"],
    );
    assert_eq!(changes(&server), unchanged);
}

#[tokio::test]
async fn a_rename_whose_answer_was_lost_is_done() {
    let (server, client) = serve(&["anna"], &[]).await;
    let (anna, before) = seen(&client, "anna").await;
    let fault = server.fault(Fault::on("rename user", FaultKind::LostAnswer).times(1));
    let after = UserAttributes { username: "anne".into(), ..before.clone() };
    assert_eq!(client.write(update(&anna, &before, &after)).await, Ok(Written::Done));
    assert_eq!(server.met(fault), 1);
    assert_eq!(client.read().await.users().into_keys().collect::<Vec<_>>(), ["anne"]);
}

#[tokio::test]
async fn a_version_that_cannot_rename_says_so() {
    for status in [404, 405] {
        let (server, client) = serve(&["anna"], &[]).await;
        let (anna, before) = seen(&client, "anna").await;
        let fault =
            server.fault(Fault::on("rename user", FaultKind::Answer(answer(status, &serde_json::json!({})))));
        let after = UserAttributes { username: "anne".into(), ..before.clone() };
        says(
            &refused(client.write(update(&anna, &before, &after)).await),
            &["not renamed", "too old", "Upgrade"],
        );
        assert_eq!(server.met(fault), 1);
    }
}

#[tokio::test]
async fn the_reason_counts_before_the_status() {
    let (server, client) = serve(&["anna"], &[]).await;
    let (anna, _) = seen(&client, "anna").await;
    // Gone, with a status that another version uses.
    let gone = refusal(400, "USER_NOT_FOUND", "User <anna> does not exist");
    let fault = server.fault(Fault::on("read user", FaultKind::Answer(gone)));
    assert_eq!(
        client.write(Write::DeleteUser { user: anna.clone(), groups: vec![] }).await,
        Ok(Written::Done)
    );
    assert_eq!(server.met(fault), 2, "by name and by key");
    server.clear_faults();
    // A 404 that is about something else, and one with a reason that nobody knows.
    for reason in ["DIRECTORY_NOT_FOUND", "SOMETHING_NEW"] {
        let other = refusal(404, reason, "no such thing");
        let fault = server.fault(Fault::on("read user", FaultKind::Answer(other)).times(1));
        let answer = client.write(Write::DeleteUser { user: anna.clone(), groups: vec![] }).await;
        says(&refused(answer), &["user anna was not deleted", "no such thing"]);
        assert_eq!(server.met(fault), 1);
    }
    assert_eq!(client.read().await.users().len(), 1);
}

#[tokio::test]
async fn odd_names_are_written() {
    let (server, client) = serve(&[], &[]).await;
    for (name, other) in ODD_NAMES.iter().zip(ODD_NAMES.iter().cycle().skip(1)) {
        let user = client.create_user("00u1", name).await;
        let off = UserAttributes { display_name: format!("{other} & Co").into(), ..person(name) };
        twice(&server, &client, update(&user, &person(name), &off)).await;
        twice(&server, &client, Write::SetActive { user: user.clone(), active: false }).await;
        let renamed = UserAttributes { username: (*other).into(), ..off.clone() };
        twice(&server, &client, update(&user, &off, &renamed)).await;
        assert_eq!(client.read().await.users(), [((*other).to_owned(), false)].into());
        twice(&server, &client, Write::DeleteUser { user, groups: vec![] }).await;
    }
}
