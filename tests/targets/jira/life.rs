//! Users, groups and memberships from their beginning to their end.

use sandbox::jira::{ErrorPlace, Jira, Version};
use sandbox::product::{Fault, FaultKind, Reply, World};
use serde_json::json;
use usersyncd::sync::model::{GroupAttributes, UserAttributes};
use usersyncd::target::{Named, Write, Written};

use super::super::support::{created, group, person};
use super::{Site, world_of};

const ODD_NAMES: [&str; 7] = ["with space", "a+b", "this & that", "x,y", "up/down", "züri 雪", "50% #?=;"];

fn update(user: &Named, before: &UserAttributes, after: &UserAttributes) -> Write {
    Write::UpdateUser { user: user.clone(), source: None, before: before.clone(), attributes: after.clone() }
}

fn set_active(user: &Named, active: bool) -> Write {
    Write::SetActive { user: user.clone(), active }
}

fn delete_user(user: &Named) -> Write {
    Write::DeleteUser { user: user.clone(), groups: Vec::new() }
}

fn delete_group(group: &Named) -> Write {
    Write::DeleteGroup { group: group.clone() }
}

#[tokio::test]
async fn a_user_is_created_changed_renamed_disabled_enabled_and_deleted() {
    for version in [Version::V9_12, Version::V10_0, Version::V10_3, Version::V11] {
        let site = Site::of(version, world_of(0)).await;
        let anna = site.client.create_user("00u1", "anna").await;
        assert!(anna.id.0.starts_with("JIRAUSER"), "the key: {}", anna.id);
        let made = site.user("anna").unwrap();
        assert_eq!((made.email.as_str(), made.active), ("anna@example.com", true));
        assert_eq!(site.jira.product(|jira| jira.mails_sent), 0);
        assert_eq!((site.asked("create user"), site.jira.book().total()), (1, 1), "one request");

        site.jira.forget();
        let before = person("anna");
        let after =
            UserAttributes { username: "anna.b".into(), email: "b@example.com".into(), ..before.clone() };
        assert_eq!(site.client.write(update(&anna, &before, &after)).await, Ok(Written::Done));
        let renamed = site.user("anna.b").unwrap();
        assert_eq!(
            (renamed.email.as_str(), renamed.display_name.as_str()),
            ("b@example.com", "anna Example")
        );
        let anna = Named { id: anna.id, name: "anna.b".into() };
        for active in [false, true] {
            assert_eq!(site.client.write(set_active(&anna, active)).await, Ok(Written::Done));
            assert_eq!(site.user("anna.b").unwrap().active, active);
        }
        assert_eq!(site.jira.book().total(), 3, "one request each");
        let changes = site.changes();
        assert_eq!(site.client.write(set_active(&anna, true)).await, Ok(Written::Done));
        assert_eq!(site.client.write(update(&anna, &after, &after)).await, Ok(Written::Done));
        assert_eq!(site.changes(), changes);

        site.jira.forget();
        for _ in 0..2 {
            assert_eq!(site.client.write(delete_user(&anna)).await, Ok(Written::Done));
            assert_eq!(site.user("anna.b"), None);
        }
        assert_eq!((site.asked("read user"), site.asked("delete user")), (2, 1));
        assert_eq!(site.changes(), changes + 1);
    }
}

#[tokio::test]
async fn a_new_user_gets_no_application_and_no_seat() {
    let jira = Jira { default_group: Some("everybody".to_owned()), seats: Some(0), ..Jira::default() };
    let mut world = world_of(0);
    world.add_group("everybody");
    let site = Site::start(jira, world).await;
    site.client.create_user("00u1", "anna").await;
    assert_eq!(site.members("everybody").unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_user_may_be_created_disabled() {
    let site = Site::with(world_of(0)).await;
    let write = Write::CreateUser { source: "00u1".into(), attributes: person("anna"), active: false };
    created(site.client.write(write).await);
    assert!(!site.user("anna").unwrap().active);
}

#[tokio::test]
async fn a_user_without_a_shown_name_is_shown_by_its_username() {
    let site = Site::with(world_of(0)).await;
    let attributes = UserAttributes { display_name: "".into(), ..person("anna") };
    let write = Write::CreateUser { source: "00u1".into(), attributes: attributes.clone(), active: true };
    let anna = Named { id: created(site.client.write(write).await), name: "anna".into() };
    assert_eq!(site.user("anna").unwrap().display_name, "anna");
    let named = UserAttributes { display_name: "Anna B".into(), ..attributes.clone() };
    site.client.write(update(&anna, &attributes, &named)).await.unwrap();
    assert_eq!(site.user("anna").unwrap().display_name, "Anna B");
    site.client.write(update(&anna, &named, &attributes)).await.unwrap();
    assert_eq!(site.user("anna").unwrap().display_name, "anna");
}

#[tokio::test]
async fn who_was_renamed_meanwhile_is_found_by_key() {
    let site = Site::with(world_of(0)).await;
    let anna = site.client.create_user("00u1", "anna").await;
    site.jira.world(|world| {
        let id = world.user_named("anna").unwrap();
        world.change_user(id, |user| user.name = "maria".to_owned());
    });
    assert_eq!(site.client.write(set_active(&anna, false)).await, Ok(Written::Done));
    assert!(!site.user("maria").unwrap().active);
    // Somebody else has the name now: it is not the one to delete.
    site.jira.world(|world| world.add_user("anna"));
    assert_eq!(site.client.write(delete_user(&anna)).await, Ok(Written::Done));
    assert!(site.user("anna").is_some() && site.user("maria").is_none());
    let gone =
        site.client.write(set_active(&Named { name: "nobody".into(), ..anna }, true)).await.unwrap_err();
    assert!(gone.message.contains("user nobody was not enabled") && gone.message.contains("404"), "{gone}");
}

#[tokio::test]
async fn names_that_somebody_has_are_not_taken_over() {
    let site = Site::with(world_of(1)).await;
    let anna = site.client.create_user("00u1", "anna").await;
    let changes = site.changes();
    let same = Write::CreateUser { source: "00u9".into(), attributes: person("anna"), active: true };
    let error = site.client.write(same).await.unwrap_err();
    assert!(error.message.starts_with("user anna was not created") && !error.uncertain, "{error}");
    assert!(error.message.contains("already exists"), "{error}");
    let taken = UserAttributes { username: "user0".into(), ..person("anna") };
    let error = site.client.write(update(&anna, &person("anna"), &taken)).await.unwrap_err();
    assert!(error.message.starts_with("user anna was not changed"), "{error}");
    assert_eq!(site.changes(), changes);
}

#[tokio::test]
async fn jira_keeps_users_who_own_something_and_says_so() {
    let jira = Jira { content_owners: ["user0".to_owned()].into(), ..Jira::default() };
    let mut site = Site::start(jira, world_of(1)).await;
    site.client.wants_users(&["user0"]);
    let seen = site.client.read().await;
    let id = seen.snapshot.users.iter().find(|user| user.attributes.username == "user0").unwrap().id.clone();
    let error = site.client.write(delete_user(&Named { id, name: "user0".into() })).await.unwrap_err();
    assert!(error.message.contains("disabled instead") && !error.fatal, "{error}");
    assert!(site.user("user0").is_some());
}

#[tokio::test]
async fn users_of_a_directory_that_cannot_be_written_are_refused_in_words() {
    let mut world = world_of(0);
    let id = world.add_user("anna");
    world.change_user(id, |user| user.read_only = true);
    let site = Site::start(Jira { local_groups: false, ..Jira::default() }, world).await;
    let anna = Named { id: format!("JIRAUSER{}", 10_000 + id).as_str().into(), name: "anna".into() };
    let team = site.client.create_group("00g1", "team").await;
    let changes = site.changes();
    let error = site.client.write(set_active(&anna, false)).await.unwrap_err();
    assert!(error.message.starts_with("user anna was not disabled: Jira at 127.0.0.1"), "{error}");
    let failed = site.client.change_members(&team, &[anna], &[]).await;
    assert_eq!(failed.len(), 1);
    assert!(failed[0].1.starts_with("user anna was not put into group team"), "{failed:?}");
    assert_eq!(site.changes(), changes);
}

#[tokio::test]
async fn a_group_is_created_filled_emptied_and_deleted() {
    for version in [Version::V8_2, Version::V9_12, Version::V10_0, Version::V11] {
        let mut site = Site::of(version, world_of(0)).await;
        site.client.wants_groups(&["Team"]);
        let (anna, ben) =
            (site.client.create_user("00u1", "anna").await, site.client.create_user("00u2", "ben").await);
        site.jira.forget();
        let team = site.client.create_group("00g1", "Team").await;
        assert_eq!(team.id.0, "team", "names are compared without case, and there is no other id");
        assert_eq!(site.jira.book().total(), 1);
        site.jira.forget();
        let both = [anna.clone(), ben.clone()];
        assert!(site.client.change_members(&team, &both, &[]).await.is_empty());
        assert_eq!((site.asked("add member"), site.jira.book().total()), (2, 2));
        assert_eq!(site.members("team").unwrap(), ["anna", "ben"]);
        assert_eq!(site.client.read().await.groups()["Team"], ["anna", "ben"]);

        let error = site.client.write(delete_group(&team)).await.unwrap_err();
        assert!(error.message.contains("2 members were put into it meanwhile"), "{error}");

        site.jira.forget();
        assert!(site.client.change_members(&team, &[], &both).await.is_empty());
        assert_eq!((site.asked("remove member"), site.jira.book().total()), (2, 2));
        let changes = site.changes();
        site.jira.forget();
        for _ in 0..2 {
            assert_eq!(site.client.write(delete_group(&team)).await, Ok(Written::Done));
            assert_eq!(site.members("team"), None);
        }
        assert_eq!((site.asked("list members"), site.asked("delete group")), (2, 1));
        assert_eq!(site.changes(), changes + 1);
    }
}

#[tokio::test]
async fn memberships_that_are_so_already_are_done_whatever_jira_says_of_them() {
    for (error_place, remove_absent) in [
        (ErrorPlace::Messages, 400),
        (ErrorPlace::Errors, 400),
        (ErrorPlace::Messages, 404),
        (ErrorPlace::Messages, 200),
    ] {
        let site = Site::start(Jira { error_place, remove_absent, ..Jira::default() }, world_of(0)).await;
        let (anna, ben) =
            (site.client.create_user("00u1", "anna").await, site.client.create_user("00u2", "ben").await);
        let team = site.client.create_group("00g1", "team").await;
        assert!(site.client.change_members(&team, std::slice::from_ref(&anna), &[]).await.is_empty());
        let changes = site.changes();
        site.jira.forget();
        assert!(
            site.client
                .change_members(&team, std::slice::from_ref(&anna), std::slice::from_ref(&ben))
                .await
                .is_empty()
        );
        assert_eq!(site.changes(), changes);
        let reads = site.asked("list members");
        assert!(
            (1..=2).contains(&reads),
            "the group is read back once, and a 404 asks whether it exists: {reads}"
        );
        let again =
            Write::CreateGroup { source: "00g1".into(), attributes: group("TEAM"), members: Vec::new() };
        let error = site.client.write(again).await.unwrap_err();
        assert!(error.message.contains("group TEAM was not created"), "{error}");
        assert!(error.message.contains("already exists"), "the words are read at both places: {error}");
    }
}

#[tokio::test]
async fn one_member_who_is_gone_stops_nobody_else() {
    let site = Site::with(world_of(0)).await;
    let anna = site.client.create_user("00u1", "anna").await;
    let ghost = Named { id: "JIRAUSER99999".into(), name: "ghost".into() };
    let team = site.client.create_group("00g1", "team").await;
    let failed = site.client.change_members(&team, &[ghost.clone(), anna], &[]).await;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].0, ghost.id);
    assert!(failed[0].1.starts_with("user ghost was not put into group team"), "{failed:?}");
    assert_eq!(site.members("team").unwrap(), ["anna"]);
    assert!(site.client.change_members(&team, &[], &[ghost]).await.is_empty(), "who is gone is in no group");
}

#[tokio::test]
async fn a_group_that_is_gone_is_not_asked_for_each_member() {
    let site = Site::with(world_of(0)).await;
    let team = Named { id: "team".into(), name: "team".into() };
    let mut people = Vec::new();
    for number in 0..40 {
        people.push(Named {
            id: format!("{number}").as_str().into(),
            name: format!("u{number}").as_str().into(),
        });
    }
    let (added, removed) = people.split_at(20);
    let failed = site.client.change_members(&team, added, removed).await;
    assert_eq!(failed.len(), 20, "nobody is in it, so that who was to leave has left");
    assert!(failed.iter().any(|(_, reason)| reason.contains("there is no such group any more")));
    let asked = site.jira.book().total();
    assert!(asked < 40, "{asked}");
}

#[tokio::test]
async fn members_through_an_inner_group_are_told_from_others() {
    for error_place in [ErrorPlace::Messages, ErrorPlace::Errors] {
        let mut site = Site::start(Jira { error_place, ..Jira::default() }, world_of(0)).await;
        site.client.wants_groups(&["outer"]);
        let anna = site.client.create_user("00u1", "anna").await;
        let outer = site.client.create_group("00g1", "outer").await;
        let inner = site.client.create_group("00g2", "inner").await;
        assert!(site.client.change_members(&inner, std::slice::from_ref(&anna), &[]).await.is_empty());
        site.jira.world(|world| {
            let (outer, inner) = (world.group_named("outer").unwrap(), world.group_named("inner").unwrap());
            world.change_group(outer, |group| {
                group.children.insert(inner);
            });
        });
        assert_eq!(site.client.read().await.groups()["outer"], ["anna"]);
        let failed = site.client.change_members(&outer, &[], std::slice::from_ref(&anna)).await;
        assert_eq!(failed.len(), 1);
        assert!(failed[0].1.contains("is a member through a group in this group"), "{failed:?}");
        assert_eq!(site.members("inner").unwrap(), ["anna"]);
        let german = json!({ "errorMessages": ["anna ist kein Mitglied"], "errors": {} });
        let fault = FaultKind::Answer(Reply::json(400, &german));
        let fault = site.jira.fault(Fault::on("remove member", fault).times(1));
        let failed = site.client.change_members(&outer, &[], std::slice::from_ref(&anna)).await;
        assert!(
            failed[0].1.contains("kein Mitglied") && failed[0].1.contains("perhaps through"),
            "{failed:?}"
        );
        assert_eq!(site.jira.met(fault), 1);
        // In her own right she comes and goes as anybody does.
        assert!(site.client.change_members(&outer, std::slice::from_ref(&anna), &[]).await.is_empty());
        let is_own = site.jira.world(|world| {
            let outer = world.group_named("outer").unwrap();
            !world.groups()[&outer].members.is_empty()
        });
        assert!(is_own, "an add is sent, and not left out because of the inner group");
        assert!(site.client.change_members(&outer, &[], &[anna]).await.is_empty());
    }
}

#[tokio::test]
async fn groups_are_neither_renamed_nor_deleted_where_jira_needs_them() {
    let mut world = world_of(0);
    world.add_group("jira-administrators");
    let site = Site::with(world).await;
    let team = site.client.create_group("00g1", "team").await;
    let update = |after: &GroupAttributes| Write::UpdateGroup {
        group: team.clone(),
        source: None,
        before: group("team"),
        attributes: after.clone(),
    };
    assert_eq!(site.client.write(update(&group("team"))).await, Ok(Written::Done));
    let error = site.client.write(update(&group("crew"))).await.unwrap_err();
    assert!(error.message.contains("cannot rename groups"), "{error}");
    let needed = Named { id: "jira-administrators".into(), name: "jira-administrators".into() };
    let error = site.client.write(delete_group(&needed)).await.unwrap_err();
    assert!(error.message.starts_with("group jira-administrators was not deleted"), "{error}");
    assert!(site.members("jira-administrators").is_some());
}

#[tokio::test]
async fn odd_names_arrive_as_they_are() {
    for version in [Version::V9_12, Version::V10_0, Version::V11] {
        let jira = Jira { version, context: "/jira".to_owned(), ..Jira::default() };
        let mut site = Site::start(jira, world_of(110)).await;
        site.client.wants_users(&ODD_NAMES);
        site.client.wants_groups(&ODD_NAMES);
        let mut people = Vec::new();
        for name in ODD_NAMES {
            let user = site.client.create_user(name, name).await;
            let team = site.client.create_group(name, name).await;
            assert!(site.client.change_members(&team, std::slice::from_ref(&user), &[]).await.is_empty());
            people.push((user, team));
        }
        let seen = site.client.read().await;
        for name in ODD_NAMES {
            assert_eq!(seen.groups()[name], [name]);
            assert_eq!(seen.user(name).display_name, format!("{name} Example"));
        }
        for (user, team) in people {
            assert!(site.client.change_members(&team, &[], std::slice::from_ref(&user)).await.is_empty());
            assert_eq!(site.client.write(set_active(&user, false)).await, Ok(Written::Done));
            assert_eq!(site.client.write(delete_user(&user)).await, Ok(Written::Done));
            assert_eq!(site.client.write(delete_group(&team)).await, Ok(Written::Done));
            assert_eq!((site.user(&user.name), site.members(&team.name)), (None, None));
        }
    }
}

#[tokio::test]
async fn jira_8_2_cannot_disable_and_the_version_that_can_is_named() {
    let site = Site::of(Version::V8_2, world_of(0)).await;
    let anna = site.client.create_user("00u1", "anna").await;
    let error = site.client.write(set_active(&anna, false)).await.unwrap_err();
    assert!(error.message.contains("from version 8.3 on") && !error.fatal, "{error}");
    assert_eq!(site.client.write(set_active(&anna, true)).await, Ok(Written::Done), "it is so already");
    let after = UserAttributes { email: "b@example.com".into(), ..person("anna") };
    assert_eq!(site.client.write(update(&anna, &person("anna"), &after)).await, Ok(Written::Done));
}

#[tokio::test]
async fn a_change_that_is_passed_over_in_silence_is_not_taken_for_done() {
    let site = Site::with(World::default()).await;
    let anna = site.client.create_user("00u1", "anna").await;
    let unchanged = json!({ "key": anna.id.0.as_str(), "name": "anna", "active": true });
    let fault = site.jira.fault(Fault::on("disable user", FaultKind::Answer(Reply::json(200, &unchanged))));
    let error = site.client.write(set_active(&anna, false)).await.unwrap_err();
    assert!(error.message.contains("from version 8.3 on"), "{error}");
    assert_eq!(site.jira.met(fault), 1);
}
