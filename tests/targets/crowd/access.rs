//! Who may not, or is not answered, says so in a sentence.

use std::time::Duration;

use sandbox::crowd::Crowd;
use sandbox::product::{Fault, FaultKind, Reply};
use usersyncd::config::model::Product;
use usersyncd::sync::model::TargetId;
use usersyncd::target::Write;

use super::{asked, changes, client, counts, named, refusal, refused, says, serve, start, world};
use crate::support::{Client, With, group, person};

#[tokio::test]
async fn a_wrong_password_is_said_and_not_tried_again() {
    let (server, _) = serve(&["anna"], &[]).await;
    let url = format!("{}/crowd", server.url());
    let client = Client::new(Product::Crowd, &url, With::Password("usersyncd", "wrong"));
    says(&client.try_read().await.unwrap_err().to_string(), &["refused what is in the file", "401"]);
    assert_eq!(server.book().total(), 1);
    let error =
        client.write(Write::DeleteUser { user: named("x", "anna"), groups: vec![] }).await.unwrap_err();
    assert!(error.fatal, "{error:?}");
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_said() {
    let crowd = Crowd { address_denied: true, ..Crowd::default() };
    let (server, client) = start(crowd, world(&["anna"], &[])).await;
    says(
        &client.try_read().await.unwrap_err().to_string(),
        &["403", "remote addresses", "nothing was changed"],
    );
    assert_eq!(server.book().total(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_crowd_is_noticed() {
    let (server, client) =
        start(Crowd { version: None, ..Crowd::default() }, world(&["anna"], &["team"])).await;
    says(
        &client.try_read().await.unwrap_err().to_string(),
        &["not Crowd", "X-Embedded-Crowd-Version", "/crowd"],
    );
    assert_eq!(server.book().total(), 1);
    let before = changes(&server);
    let writes = [
        Write::DeleteUser { user: named("x", "anna"), groups: vec![] },
        Write::DeleteGroup { group: named("team", "team") },
        Write::SetActive { user: named("x", "anna"), active: false },
    ];
    for write in writes {
        says(&refused(client.write(write).await), &["not Crowd"]);
    }
    assert_eq!(changes(&server), before);
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_success() {
    let (server, client) = serve(&["anna"], &["team"]).await;
    let fault = server.fault(Fault::on("add member", FaultKind::Answer(Reply::html(200, "Sign in"))));
    let failed = client.change_members(&named("team", "team"), &[named("x", "anna")], &[]).await;
    assert_eq!(server.met(fault), 1);
    says(&failed[0].1, &["not Crowd"]);
    let fault = server.fault(Fault::on("create user", FaultKind::Answer(Reply::html(200, "Sign in"))));
    let create = Write::CreateUser { source: "00u1".into(), attributes: person("bob"), active: true };
    says(&refused(client.write(create).await), &["user bob was not created", "not Crowd"]);
    assert_eq!(server.met(fault), 1);
}

#[tokio::test]
async fn a_wrong_path_is_noticed() {
    let (server, _) = serve(&["anna"], &[]).await;
    let client = client(&server, "/elsewhere");
    assert!(client.try_read().await.is_err());
}

#[tokio::test]
async fn crowd_may_live_under_any_path() {
    for context in ["", "/crowd", "/tools/crowd"] {
        let crowd = Crowd { context: context.to_owned(), ..Crowd::default() };
        let (server, client) = start(crowd, world(&["anna"], &[])).await;
        assert_eq!(client.read().await.users().len(), 1);
        let address = format!("crowd:{}{context}", server.url());
        assert_eq!(client.reader.address(), address);
    }
}

#[tokio::test]
async fn administrators_are_protected() {
    let (server, client) = serve(&[], &[]).await;
    let protected = client.reader.protected(&client.control).await.unwrap();
    assert!(protected.groups.matches("crowd-administrators") && !protected.groups.matches("team"));
    assert!(protected.users.is_empty());
    assert_eq!(server.book().total(), 0);
}

#[tokio::test]
async fn a_server_that_is_busy_or_stumbles_is_asked_again() {
    for kind in [
        FaultKind::TooManyRequests(Some("0".to_owned())),
        FaultKind::Status(500),
        FaultKind::Maintenance,
        FaultKind::Reset,
    ] {
        let (server, mut client) = serve(&["anna"], &["team"]).await;
        client.wants_groups(&["team"]);
        let fault = server.fault(Fault::on_any(kind.clone()).times(1));
        assert_eq!(client.read().await.users().len(), 1, "{kind:?}");
        assert_eq!(server.met(fault), 1);
        let memberships = server.fault(Fault::on("list memberships", kind).times(1));
        client.read().await;
        assert_eq!(server.met(memberships), 1);
        assert!(!asked(&server).contains_key("list members"));
    }
}

#[tokio::test]
async fn a_server_in_maintenance_is_said() {
    let (server, mut client) = serve(&["anna"], &["team"]).await;
    client.wants_groups(&["team"]);
    let fault = server.fault(Fault::on_any(FaultKind::Maintenance));
    says(&client.try_read().await.unwrap_err().to_string(), &["the list of users", "503", "upgraded"]);
    assert_eq!(server.met(fault), 3);
    let error = client
        .write(Write::CreateGroup { source: "00g1".into(), attributes: group("new"), members: Vec::new() })
        .await;
    says(&error.unwrap_err().message, &["group new was not created", "503"]);
}

#[tokio::test]
async fn writes_are_tried_again_too() {
    for kind in
        [FaultKind::TooManyRequests(Some("0".to_owned())), FaultKind::Status(500), FaultKind::LostAnswer]
    {
        let (server, client) = serve(&["anna"], &["team"]).await;
        let anna = client.read().await.snapshot.users.remove(0);
        let anna = named(&anna.id.0, "anna");
        server.forget();
        for operation in ["add member", "remove member", "update user", "delete user", "update group"] {
            server.fault(Fault::on(operation, kind.clone()).times(1));
        }
        let team = named("team", "team");
        assert_eq!(client.change_members(&team, std::slice::from_ref(&anna), &[]).await, []);
        assert_eq!(server.world(|world| world.member_names("team")).unwrap(), ["anna"]);
        assert_eq!(client.change_members(&team, &[], std::slice::from_ref(&anna)).await, []);
        assert_eq!(server.world(|world| world.member_names("team")).unwrap(), [""; 0]);
        client.write(Write::SetActive { user: anna.clone(), active: false }).await.unwrap();
        let mut attributes = group("team");
        attributes.description = "new".into();
        client
            .write(Write::UpdateGroup { group: team, source: None, before: group("team"), attributes })
            .await
            .unwrap();
        client.write(Write::DeleteUser { user: anna, groups: vec![] }).await.unwrap();
        let asked = asked(&server);
        for operation in ["add member", "remove member", "update user", "delete user", "update group"] {
            assert_eq!(asked[operation], 2, "{operation} after {kind:?}");
        }
        assert_eq!(changes(&server), 2 + 5, "each once");
    }
}

#[tokio::test]
async fn a_licence_without_a_free_seat_is_said() {
    let (server, client) = serve(&[], &[]).await;
    let full = refusal(403, "OPERATION_FAILED", "You have reached the user limit of your license");
    let fault = server.fault(Fault::on("create user", FaultKind::Answer(full)));
    let create = Write::CreateUser { source: "00u1".into(), attributes: person("bob"), active: true };
    says(&refused(client.write(create).await), &["user bob was not created", "user limit", "seat"]);
    assert_eq!(server.met(fault), 1);
    assert_eq!(asked(&server), counts([("create user", 1), ("read user", 1)]));
}

#[tokio::test]
async fn a_run_that_was_cancelled_sends_nothing() {
    let (server, client) = serve(&["anna"], &[]).await;
    client.control.cancel.cancel();
    says(&client.try_read().await.unwrap_err().to_string(), &["cancelled"]);
    let delete = Write::DeleteUser { user: named("x", "anna"), groups: vec![] };
    says(&client.write(delete).await.unwrap_err().message, &["cancelled"]);
    assert_eq!(server.book().total(), 0);
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let (server, client) = serve(&["anna"], &[]).await;
    let fault = server.fault(Fault::on("list users", FaultKind::Delay(Duration::from_millis(20))).times(1));
    assert_eq!(client.read().await.snapshot.users[0].attributes.username, "anna");
    assert_eq!(server.met(fault), 1);
    assert_ne!(client.read().await.snapshot.users[0].id, TargetId::from("anna"), "the key, not the name");
}
