//! Answers that are lost, servers that are busy or broken, and whoever is not let in.

use sandbox::jira::{Jira, Version};
use sandbox::product::{Fault, FaultKind, Reply, Serving, StandIn, User, World};
use usersyncd::config::model::Product;
use usersyncd::sync::model::UserAttributes;
use usersyncd::target::{Named, Write, Written};

use super::super::support::{Client, With, created, group, person};
use super::{Site, world_of};

fn create(name: &str) -> Write {
    Write::CreateUser { source: "00u1".into(), attributes: person(name), active: true }
}

fn create_group(name: &str) -> Write {
    Write::CreateGroup { source: "00g1".into(), attributes: group(name), members: Vec::new() }
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_found_and_not_sent_twice() {
    for kind in [FaultKind::LostAnswer, FaultKind::StatusAfterwards(500), FaultKind::StatusAfterwards(503)] {
        let site = Site::with(world_of(0)).await;
        let changes = site.changes();
        let user = site.jira.fault(Fault::on("create user", kind.clone()).times(1));
        let id = created(site.client.write(create("anna")).await);
        let group = site.jira.fault(Fault::on("create group", kind).times(1));
        assert_eq!(created(site.client.write(create_group("team")).await).0, "team");
        assert_eq!((site.jira.met(user), site.jira.met(group)), (1, 1));
        assert_eq!((site.asked("create user"), site.asked("create group")), (1, 1));
        assert_eq!((site.asked("read user"), site.asked("list members")), (1, 1));
        assert_eq!(site.changes(), changes + 2);
        let seen = site.client.read().await;
        assert!(seen.snapshot.users.iter().any(|user| user.id == id && user.attributes.username == "anna"));
    }
}

#[tokio::test]
async fn a_create_that_was_not_carried_out_is_sent_again() {
    for kind in [FaultKind::Reset, FaultKind::Status(500), FaultKind::Maintenance] {
        let site = Site::with(world_of(0)).await;
        let changes = site.changes();
        let user = site.jira.fault(Fault::on("create user", kind.clone()).times(1));
        created(site.client.write(create("anna")).await);
        let group = site.jira.fault(Fault::on("create group", kind).times(1));
        created(site.client.write(create_group("team")).await);
        assert_eq!((site.jira.met(user), site.jira.met(group)), (1, 1));
        assert_eq!((site.asked("create user"), site.asked("create group")), (2, 2));
        assert_eq!(site.changes(), changes + 2);
    }
}

#[tokio::test]
async fn what_others_made_is_not_taken_for_our_unanswered_create() {
    let mut world = world_of(1);
    world.insert_user(User {
        name: "anna".to_owned(),
        email: "other@example.com".to_owned(),
        display_name: "anna Example".to_owned(),
        active: true,
        ..User::default()
    });
    let (team, somebody) = (world.add_group("team"), world.user_named("user0").unwrap());
    world.add_member(team, somebody);
    let site = Site::with(world).await;
    let changes = site.changes();
    let user = site.jira.fault(Fault::on("create user", FaultKind::Reset).times(1));
    let error = site.client.write(create("anna")).await.unwrap_err();
    assert!(error.message.contains("user anna was not created") && !error.uncertain, "{error}");
    let group = site.jira.fault(Fault::on("create group", FaultKind::Reset).times(1));
    let error = site.client.write(create_group("team")).await.unwrap_err();
    assert!(error.message.contains("group team was not created") && !error.uncertain, "{error}");
    assert_eq!((site.jira.met(user), site.jira.met(group)), (1, 1));
    assert_eq!(site.changes(), changes);
}

#[tokio::test]
async fn where_addresses_are_hidden_the_shown_name_must_be_the_same() {
    for (shown, ours) in [("anna Example", true), ("Another Anna", false)] {
        let mut world = world_of(0);
        world.insert_user(User {
            name: "anna".to_owned(),
            display_name: shown.to_owned(),
            active: true,
            ..User::default()
        });
        let site = Site::with(world).await;
        let fault = site.jira.fault(Fault::on("create user", FaultKind::Reset).times(1));
        assert_eq!(site.client.write(create("anna")).await.is_ok(), ours, "{shown}");
        assert_eq!(site.jira.met(fault), 1);
    }
}

#[tokio::test]
async fn a_create_that_stays_without_an_answer_is_left_to_the_next_run() {
    let site = Site::with(world_of(0)).await;
    let create_fault = site.jira.fault(Fault::on("create user", FaultKind::LostAnswer));
    let look = site.jira.fault(Fault::on("read user", FaultKind::Status(500)));
    let error = site.client.write(create("anna")).await.unwrap_err();
    assert!(error.uncertain && error.message.contains("the next run looks"), "{error}");
    assert_eq!(site.jira.met(create_fault), 1, "what may be there is not sent again");
    assert!(site.jira.met(look) >= 1);
    assert!(site.user("anna").is_some());
}

#[tokio::test]
async fn other_writes_whose_answer_was_lost_are_done_once() {
    let site = Site::with(world_of(0)).await;
    let anna = site.client.create_user("00u1", "anna").await;
    let team = site.client.create_group("00g1", "team").await;
    let changes = site.changes();
    let lost = |operation| site.jira.fault(Fault::on(operation, FaultKind::LostAnswer).times(1));
    let faults = [
        lost("rename user"),
        lost("disable user"),
        lost("add member"),
        lost("remove member"),
        lost("delete group"),
        lost("delete user"),
    ];
    let after = UserAttributes { username: "maria".into(), ..person("anna") };
    let rename =
        Write::UpdateUser { user: anna.clone(), source: None, before: person("anna"), attributes: after };
    assert_eq!(site.client.write(rename).await, Ok(Written::Done));
    let maria = Named { id: anna.id, name: "maria".into() };
    let disable = Write::SetActive { user: maria.clone(), active: false };
    assert_eq!(site.client.write(disable).await, Ok(Written::Done));
    let one = std::slice::from_ref(&maria);
    assert!(site.client.change_members(&team, one, &[]).await.is_empty());
    assert_eq!(site.members("team").unwrap(), ["maria"]);
    assert!(site.client.change_members(&team, &[], one).await.is_empty());
    assert_eq!(site.client.write(Write::DeleteGroup { group: team }).await, Ok(Written::Done));
    let delete = Write::DeleteUser { user: maria, groups: Vec::new() };
    assert_eq!(site.client.write(delete).await, Ok(Written::Done));
    assert_eq!(faults.map(|fault| site.jira.met(fault)), [1; 6]);
    assert_eq!(site.changes(), changes + 6);
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    for kind in [
        FaultKind::TooManyRequests(Some("0".to_owned())),
        FaultKind::TooManyRequests(None),
        FaultKind::Status(500),
        FaultKind::HalfBody,
        FaultKind::Reset,
    ] {
        let mut world = world_of(3);
        world.add_group("team");
        let mut site = Site::with(world).await;
        site.client.wants_groups(&["team"]);
        let mut faults = Vec::new();
        for operation in ["other", "list users", "list groups", "list members"] {
            faults.push(site.jira.fault(Fault::on(operation, kind.clone()).times(1)));
        }
        let seen = site.client.read().await;
        assert_eq!((seen.users().len(), seen.groups().len()), (4, 1));
        assert!(faults.iter().all(|fault| site.jira.met(*fault) == 1), "{kind:?}");
    }
    let site = Site::with(world_of(0)).await;
    let fault =
        site.jira.fault(Fault::on("create user", FaultKind::TooManyRequests(Some("0".to_owned()))).times(1));
    created(site.client.write(create("anna")).await);
    assert_eq!((site.jira.met(fault), site.asked("create user"), site.asked("read user")), (1, 2, 0));
}

#[tokio::test]
async fn a_wish_to_wait_for_nothing_is_no_refusal() {
    // With rate limiting on, every answer says after how many seconds one may ask again: 0.
    let mut world = world_of(0);
    world.add_group("team");
    let mut site = Site::start(Jira { bucket: Some((1000, 1000)), ..Jira::default() }, world).await;
    site.client.wants_groups(&["team"]);
    assert_eq!(site.client.read().await.groups().len(), 1);
    let anna = site.client.create_user("00u1", "anna").await;
    let team = Named { id: "team".into(), name: "team".into() };
    assert!(site.client.change_members(&team, &[anna], &[]).await.is_empty());
    assert_eq!(site.jira.book().total(), 6, "each request once");
}

#[tokio::test]
async fn a_jira_in_maintenance_is_an_error_in_words() {
    let site = Site::with(world_of(0)).await;
    let fault = site.jira.fault(Fault::on_any(FaultKind::Maintenance));
    let error = site.client.try_read().await.unwrap_err().to_string();
    assert!(error.contains("503") && error.contains("It may be starting, or being upgraded"), "{error}");
    assert!(!error.contains('<'), "no markup: {error}");
    assert_eq!(site.jira.met(fault), 3);
}

#[tokio::test]
async fn whoever_is_refused_reads_nothing() {
    let jira = StandIn::start(
        Jira { anonymous_picker: true, version: Version::V9_12, ..Jira::default() },
        world_of(3),
        Serving::default(),
    )
    .await
    .unwrap();
    for (with, hint) in
        [(With::Token("wrong"), "from Jira 8.14 on"), (With::Password("usersyncd", "wrong"), "401")]
    {
        let client = Client::new(Product::Jira, &jira.url(), with);
        jira.forget();
        let error = client.try_read().await.unwrap_err().to_string();
        assert!(error.contains("refused what is in the file") && error.contains(hint), "{error}");
        assert_eq!(jira.book().total(), 1, "it is not tried again, and nothing else is asked");
        let error = client.write(create("anna")).await.unwrap_err();
        assert!(error.fatal, "{error}");
    }
    assert_eq!(jira.world(|world| world.user_named("anna")), None);
}

#[tokio::test]
async fn a_token_that_lapsed_is_noticed_although_it_was_good() {
    let site = Site::with(world_of(3)).await;
    site.client.read().await;
    site.jira.product(|jira| {
        jira.token = "another".to_owned();
        jira.anonymous_picker = true;
    });
    let error = site.client.try_read().await.unwrap_err().to_string();
    assert!(error.contains("401"), "{error}");
}

#[tokio::test]
async fn name_and_password_sign_in_as_well_until_a_captcha_is_wanted() {
    let jira = StandIn::start(Jira::default(), world_of(3), Serving::default()).await.unwrap();
    let good = Client::new(Product::Jira, &jira.url(), With::Password("usersyncd", "secret-password"));
    assert_eq!(good.read().await.users().len(), 4);
    let bad = Client::new(Product::Jira, &jira.url(), With::Password("usersyncd", "wrong"));
    for _ in 0..3 {
        bad.try_read().await.unwrap_err();
    }
    let error = good.try_read().await.unwrap_err().to_string();
    assert!(error.contains("letters of a picture"), "{error}");
}

#[tokio::test]
async fn an_account_without_rights_is_told_so() {
    let mut site = Site::start(Jira { admin: false, ..Jira::default() }, world_of(3)).await;
    site.client.wants_groups(&["team"]);
    let error = site.client.write(create("anna")).await.unwrap_err();
    assert!(error.message.contains("403") && error.message.contains("usersyncd/targets.md"), "{error}");
    assert!(!error.fatal);
    let fault = site.jira.fault(Fault::on("list users", FaultKind::Status(403)));
    let error = site.client.try_read().await.unwrap_err().to_string();
    assert!(error.contains("does not let the list of users be read") && error.contains("rights"), "{error}");
    assert_eq!(site.jira.met(fault), 1);
}

#[tokio::test]
async fn a_full_licence_is_told_so() {
    let site = Site::with(world_of(0)).await;
    let full =
        r#"{"errorMessages":["You have exceeded the number of users allowed by your license"],"errors":{}}"#;
    for status in [400, 403] {
        let answer = FaultKind::Answer(Reply::with(status, "application/json", full));
        let fault = site.jira.fault(Fault::on("create user", answer).times(1));
        let error = site.client.write(create("anna")).await.unwrap_err();
        assert!(error.message.contains("No seat of the licence is free"), "{error}");
        assert!(!error.fatal && !error.uncertain);
        assert_eq!(site.jira.met(fault), 1);
    }
}

#[tokio::test]
async fn what_is_said_to_be_created_and_is_not_there_is_uncertain() {
    let site = Site::with(World::default()).await;
    let page = FaultKind::Answer(Reply::html(200, "Sign in"));
    let fault = site.jira.fault(Fault::on_any(page).matching("anna").times(1));
    let error = site.client.write(create("anna")).await.unwrap_err();
    assert!(error.uncertain && error.message.contains("does not show it"), "{error}");
    assert_eq!(site.jira.met(fault), 1);
    let page = FaultKind::Answer(Reply::html(200, "Sign in"));
    let fault = site.jira.fault(Fault::on("create group", page).times(1));
    let error = site.client.write(create_group("team")).await.unwrap_err();
    assert!(error.uncertain, "{error}");
    assert_eq!(site.jira.met(fault), 1);
}
