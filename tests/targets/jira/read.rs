//! What a list does not show is known to be missing, and is asked for.

use std::collections::BTreeSet;

use sandbox::jira::{Jira, Version};
use sandbox::product::{Fault, FaultKind, Reply, World};
use serde_json::json;
use usersyncd::sync::model::Proof;
use usersyncd::sync::rules::Globs;

use super::{Site, world_of};

/// Everybody of whom a name or a key is of interest.
fn manage(site: &mut Site, names: &[&str]) {
    for name in names {
        let id = site.jira.world(|world| world.user_named(name).unwrap());
        let key = format!("JIRAUSER{}", 10_000 + id);
        site.client.interest.users.managed.insert(key.as_str().into(), (*name).into());
    }
}

#[tokio::test]
async fn the_newest_versions_show_everybody_page_by_page() {
    for version in [Version::V10_3, Version::V11] {
        let jira = Jira { version, list_cap: 40, ..Jira::default() };
        let mut site = Site::start(jira, world_of(100)).await;
        site.jira.world(|world| world.change_user(5, |user| user.active = false));
        site.client.wants_users(&["user1", "nobody"]);
        let seen = site.client.read().await;
        assert_eq!(seen.users().len(), 101);
        assert!(!seen.users()["user3"], "inactive users are shown");
        assert_eq!((site.asked("list users"), site.asked("read user")), (3, 0));
        assert_eq!((site.asked("list groups"), site.jira.book().total()), (1, 5), "and who we are");
    }
}

#[tokio::test]
async fn one_page_holds_2000_users_and_everything_takes_few_requests() {
    let mut world = world_of(1999);
    let team = world.add_group("team");
    let other = world.add_group("other");
    for id in 1..=120 {
        world.add_member(team, id);
        world.add_member(other, id);
    }
    let mut site = Site::with(world).await;
    site.client.wants_groups(&["TEAM"]);
    let seen = site.client.read().await;
    assert_eq!(seen.users().len(), 2000);
    assert_eq!(seen.groups()["team"].len(), 120);
    // Who we are, users, groups, and three pages of members.
    assert_eq!(site.jira.book().total(), 6, "{:?}", site.jira.book().lines);
    let other = seen.snapshot.groups.iter().find(|group| group.id.0 == "other").unwrap();
    assert!(other.members.is_empty() && !other.members_proof.is_proven(), "nobody asked for them");
}

#[tokio::test]
async fn until_9_the_search_shows_everybody() {
    for version in [Version::V8_2, Version::V9_12] {
        let mut site = Site::of(version, world_of(2104)).await;
        site.jira.world(|world| world.change_user(5, |user| user.active = false));
        site.client.wants_users(&["user1", "nobody"]);
        manage(&mut site, &["user2"]);
        let seen = site.client.read().await;
        assert_eq!(seen.users().len(), 2105);
        assert!(!seen.users()["user3"], "inactive users are shown");
        // The list that it has not, and three pages.
        assert_eq!(site.asked("list users"), 4, "{:?}", site.jira.book().lines);
        assert_eq!(site.asked("read user"), 0);
    }
}

#[tokio::test]
async fn a_search_that_ends_at_a_round_number_may_be_cut() {
    // 1000 users with the account itself.
    for (count, pages) in [(999, 3), (1049, 3), (99, 3)] {
        let mut site = Site::of(Version::V9_12, world_of(count)).await;
        site.client.wants_users(&["user1", "nobody"]);
        let seen = site.client.read().await;
        assert_eq!(seen.users().len(), count + 1);
        assert_eq!((site.asked("list users"), site.asked("read user")), (pages, 1), "{count}");
    }
}

#[tokio::test]
async fn a_search_that_does_not_find_the_account_itself_is_not_believed() {
    let mut site = Site::of(Version::V9_12, World::default()).await;
    site.jira.world(|world| {
        world.add_user("user0");
        world.add_user("user1");
    });
    manage(&mut site, &["user0"]);
    site.client.wants_users(&["user1"]);
    // As it is for whoever may not browse users.
    let nobody = FaultKind::Answer(Reply::json(200, &json!([])));
    let fault = site.jira.fault(Fault::on("list users", nobody).matching("true"));
    assert_eq!(site.client.read().await.users().len(), 2);
    assert_eq!((site.jira.met(fault), site.asked("read user")), (1, 2));
}

#[tokio::test]
async fn jira_10_shows_100_users_and_the_others_are_asked_for() {
    let mut world = world_of(400);
    let team = world.add_group("team");
    for name in ["user300", "user301"] {
        let id = world.user_named(name).unwrap();
        world.add_member(team, id);
    }
    let mut site = Site::of(Version::V10_0, world).await;
    manage(&mut site, &["user1", "user300", "user310", "user311"]);
    site.client.interest.users.managed.insert("JIRAUSER99999".into(), "gone".into());
    site.client.wants_users(&["user2", "USER301", "user310", "user320", "new"]);
    site.client.wants_groups(&["team"]);
    let seen = site.client.read().await;
    let names: BTreeSet<String> = seen.users().into_keys().collect();
    let mut expected: BTreeSet<String> = (0..99).map(|number| format!("user{number}")).collect();
    expected.extend(["usersyncd", "user300", "user301", "user310", "user311", "user320"].map(str::to_owned));
    assert_eq!(names, expected);
    // The list that it has not, and two pages of the search; members bring their records along; `gone` and `new` are absent.
    assert_eq!((site.asked("list users"), site.asked("read user")), (3, 5), "{:?}", site.jira.book().lines);
    assert_eq!(seen.groups()["team"], ["user300", "user301"]);
}

#[tokio::test]
async fn only_jiras_own_404_means_that_a_user_is_not_there() {
    let mut site = Site::of(Version::V10_0, world_of(150)).await;
    site.client.wants_users(&["user140"]);
    for answer in [
        Reply::html(404, "Not found"),
        Reply::json(404, &json!({ "status-code": 404, "message": "null for uri" })),
        Reply::json(403, &json!({ "errorMessages": ["no"], "errors": {} })),
    ] {
        let fault = site.jira.fault(Fault::on("read user", FaultKind::Answer(answer)));
        let error = site.client.try_read().await.unwrap_err().to_string();
        assert!(error.contains("does not let user user140 be read"), "{error}");
        assert!(site.jira.met(fault) >= 1);
        site.jira.clear_faults();
    }
    assert!(site.client.read().await.users().contains_key("user140"));
}

#[tokio::test]
async fn groups_that_the_picker_does_not_show_are_asked_for() {
    let mut world = world_of(0);
    for number in 0..60 {
        world.add_group(&format!("group{number:02}"));
    }
    let (anna, group) = (world.add_user("anna"), world.group_named("group50").unwrap());
    world.add_member(group, anna);
    let mut site = Site::with(world).await;
    site.client.wants_groups(&["Group50", "group01", "new"]);
    site.client.interest.groups.managed.insert("group55".into(), "group55".into());
    site.client.interest.groups.managed.insert("gone".into(), "gone".into());
    let seen = site.client.read().await;
    let names: Vec<String> = seen.groups().into_keys().collect();
    assert_eq!(names.len(), 22);
    assert!(names.contains(&"group55".to_owned()) && !names.contains(&"gone".to_owned()));
    assert_eq!(seen.groups()["Group50"], ["anna"]);
    assert!(seen.snapshot.groups.iter().any(|group| group.id.0 == "group50"), "whatever its spelling");
    assert_eq!((site.asked("list groups"), site.asked("list members")), (1, 5));

    // With a higher limit it shows all, and who is absent is not asked for.
    site.jira.product(|jira| jira.picker_cap = 1000);
    site.jira.forget();
    assert_eq!(site.client.read().await.groups().len(), 60);
    assert_eq!((site.asked("list groups"), site.asked("list members")), (1, 3));
}

#[tokio::test]
async fn no_protected_group_is_overlooked_because_the_picker_is_cut() {
    let mut world = world_of(0);
    for number in 0..60 {
        world.add_group(&format!("group{number:02}"));
    }
    for name in ["z-admins", "z-owners", "zz"] {
        world.add_group(name);
    }
    let mut site = Site::with(world).await;
    site.client.interest.watched_groups = Globs::new(&["z-*", "zz"]).unwrap();
    let seen = site.client.read().await;
    let proven = |name: &str| {
        seen.snapshot.groups.iter().any(|group| group.id.0 == name && group.members_proof.is_proven())
    };
    assert!(proven("z-admins") && proven("z-owners") && proven("zz"));
    assert_eq!((site.asked("list groups"), site.asked("list members")), (2, 3));
    site.client.interest.watched_groups = Globs::new(&["group*"]).unwrap();
    let error = site.client.try_read().await.unwrap_err().to_string();
    assert!(
        error.contains("shows 20 of 60 groups") && error.contains("jira.ajax.autocomplete.limit"),
        "{error}"
    );
}

#[tokio::test]
async fn members_come_in_pages_of_whatever_size_and_bring_their_records() {
    for member_cap in [50, 7, 500] {
        let mut world = world_of(150);
        let team = world.add_group("team");
        for id in 2..=121 {
            world.add_member(team, id);
        }
        world.change_user(3, |user| user.active = false);
        let jira = Jira { version: Version::V10_0, member_cap, ..Jira::default() };
        let mut site = Site::start(jira, world).await;
        site.client.wants_groups(&["team"]);
        let seen = site.client.read().await;
        assert_eq!(seen.groups()["team"].len(), 120);
        assert!(seen.groups()["team"].contains(&"user1".to_owned()), "inactive members are members");
        assert_eq!(seen.users().len(), 121, "100 of the list, and 21 members beyond");
        let pages = 120_u64.div_ceil(member_cap.min(50) as u64);
        assert_eq!(site.asked("list members"), pages);
    }
}

#[tokio::test]
async fn a_member_list_that_does_not_add_up_is_read_again_and_then_not_believed() {
    let page = |total: u64, names: &[&str], is_last: bool| {
        let user = |name: &&str| json!({ "key": name, "name": name, "active": true });
        let values: Vec<_> = names.iter().map(user).collect();
        Reply::json(200, &json!({ "startAt": 0, "total": total, "isLast": is_last, "values": values }))
    };
    for (answer, why) in [
        (page(3, &["a", "b"], true), "promises 3 members and ends at 2"),
        (page(2, &["a", "a"], true), "came twice"),
        (page(1, &["a", "b"], true), "promises 1 members and 2 came"),
        (page(3, &[], false), "promises 3 members and ends at 0"),
    ] {
        let mut world = world_of(1);
        world.add_group("team");
        let mut site = Site::with(world).await;
        site.client.wants_groups(&["team"]);
        let wrong = FaultKind::Answer(answer);
        let once = site.jira.fault(Fault::on("list members", wrong.clone()).times(1));
        let seen = site.client.read().await;
        assert_eq!((site.jira.met(once), &seen.snapshot.groups[0].members_proof), (1, &Proof::Proven));
        let always = site.jira.fault(Fault::on("list members", wrong));
        let seen = site.client.read().await;
        assert_eq!(site.jira.met(always), 2);
        match &seen.snapshot.groups[0].members_proof {
            Proof::NotProven(reason) => assert!(reason.contains(why), "{reason}"),
            Proof::Proven => panic!("{why}"),
        }
    }
}

#[tokio::test]
async fn a_list_of_users_that_does_not_add_up_is_read_again_and_then_an_error() {
    let user = |name: &str| json!({ "key": name, "name": name, "active": true });
    for answer in [
        json!({ "isLast": true, "values": [user("a"), user("a")] }),
        json!({ "isLast": false, "nextCursor": "7", "values": [] }),
    ] {
        let site = Site::with(world_of(3)).await;
        let wrong = FaultKind::Answer(Reply::json(200, &answer));
        let fault = site.jira.fault(Fault::on("list users", wrong));
        let error = site.client.try_read().await.unwrap_err().to_string();
        assert!(error.contains("could not be read to the end") && error.contains("twice"), "{error}");
        assert!(site.jira.met(fault) >= 2);
    }
    // Neither an end nor a next page: what came is not all.
    let site = Site::with(world_of(3)).await;
    let wrong = FaultKind::Answer(Reply::json(200, &json!({ "isLast": false, "values": [user("a")] })));
    let fault = site.jira.fault(Fault::on("list users", wrong));
    let error = site.client.try_read().await.unwrap_err().to_string();
    assert!(error.contains("neither that it ends nor where it goes on"), "{error}");
    assert!(site.jira.met(fault) >= 1);
    site.jira.clear_faults();
    let moved =
        FaultKind::Answer(Reply::json(200, &json!({ "isLast": true, "values": [user("a"), user("a")] })));
    let fault = site.jira.fault(Fault::on("list users", moved).times(1));
    assert_eq!(site.client.read().await.users().len(), 4);
    assert_eq!(site.jira.met(fault), 1);
}

#[tokio::test]
async fn a_group_that_vanishes_is_left_out_only_if_jira_says_so() {
    let mut world = world_of(0);
    world.add_group("team");
    let mut site = Site::with(world).await;
    site.client.wants_groups(&["team"]);
    let own = Reply::json(
        404,
        &json!({ "errorMessages": ["The group named 'team' does not exist."], "errors": {} }),
    );
    let fault = site.jira.fault(Fault::on("list members", FaultKind::Answer(own)));
    assert!(site.client.read().await.groups().is_empty());
    assert_eq!(site.jira.met(fault), 1);
    site.jira.clear_faults();
    let other = site.jira.fault(Fault::on("list members", FaultKind::Answer(Reply::html(404, "Gone"))));
    let error = site.client.try_read().await.unwrap_err().to_string();
    assert!(error.contains("list of members of group team"), "{error}");
    assert_eq!(site.jira.met(other), 1);
}

#[tokio::test]
async fn users_have_their_key_as_id_and_everything_that_jira_shows() {
    let mut world = world_of(0);
    world.add_user("anna");
    let site = Site::with(world).await;
    let seen = site.client.read().await;
    let anna = seen.snapshot.users.iter().find(|user| user.attributes.username == "anna").unwrap();
    assert_eq!(anna.id.0, "JIRAUSER10002");
    assert_eq!(anna.attributes.email, "anna@example.com");
    assert_eq!(anna.attributes.display_name, "anna Local");
    assert!(anna.attributes.first_name.is_empty() && anna.source.is_none());
}

#[tokio::test]
async fn the_account_of_the_daemon_is_protected() {
    let jira = Jira { account: "svc*[a]{b}?".to_owned(), ..Jira::default() };
    let site = Site::start(jira, World::default()).await;
    let protected = site.client.reader.protected(&site.client.control).await.unwrap();
    assert!(protected.users.matches("SVC*[a]{b}?"));
    assert!(!protected.users.matches("svcx[a]{b}?"), "it is a name, not a pattern");
    assert!(protected.groups.matches("jira-administrators"));
    site.client.reader.protected(&site.client.control).await.unwrap();
    assert_eq!(site.jira.book().total(), 1, "asked once");
    assert_eq!(site.client.reader.address(), format!("jira:{}", site.jira.url()));
}

#[tokio::test]
async fn what_is_asked_for_one_by_one_is_asked_for_side_by_side() {
    let mut world = world_of(160);
    let team = world.add_group("team");
    for id in 2..=101 {
        world.add_member(team, id);
    }
    let jira = Jira { version: Version::V10_0, member_cap: 10, ..Jira::default() };
    let mut site = Site::start(jira, world).await;
    for number in 100..160 {
        site.client.wants_users(&[&format!("user{number}")]);
    }
    site.jira.gather("read user", 0, 8);
    site.client.read().await;
    assert!(site.jira.gathered());
    site.client.wants_groups(&["team"]);
    // The first page says how long pages are.
    site.jira.gather("list members", 1, 8);
    site.client.read().await;
    assert!(site.jira.gathered());
    assert_eq!(site.jira.book().most_at_once, 8);
}
