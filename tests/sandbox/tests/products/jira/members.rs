//! Memberships.

use sandbox::jira::{ErrorPlace, Jira};
use sandbox::product::{User, World};
use serde_json::json;

use super::{Site, group_of, users};

/// `outer` with `user0` to `user59`, and in it `inner` with `user55` to `user69`.
fn nested() -> World {
    let mut world = users(70);
    let (outer, inner) = (world.add_group("outer"), world.add_group("inner"));
    world.change_group(outer, |group| {
        group.members = (1..=60).collect();
        group.children.insert(inner);
    });
    world.change_group(inner, |group| {
        group.members = (56..=70).collect();
        // A circle, as no directory should have.
        group.children.insert(outer);
    });
    world
}

#[tokio::test]
async fn members_come_with_those_of_subgroups_in_pages_of_50() {
    let site = Site::with(nested()).await;
    let first = site.get("/group/member?groupname=OUTER&maxResults=1000").await;
    let body = first.json();
    assert_eq!(first.names().len(), 50, "whatever was asked for");
    assert_eq!((&body["maxResults"], &body["startAt"]), (&json!(50), &json!(0)));
    assert_eq!((&body["total"], &body["isLast"]), (&json!(70), &json!(false)), "user55 to user59 count once");
    let next = body["nextPage"].as_str().unwrap().strip_prefix(site.base.as_str()).unwrap();
    let last = site.get(next).await;
    assert_eq!((&last.json()["startAt"], &last.json()["isLast"]), (&json!(50), &json!(true)));
    assert!(last.json().get("nextPage").is_none());
    let mut names = first.names();
    names.extend(last.names());
    let mut expected: Vec<String> = (0..70).map(|number| format!("user{number}")).collect();
    expected.sort();
    assert_eq!(names, expected, "all of them, ordered by name");
    let fields = &body["values"][0];
    assert_eq!(fields["emailAddress"], "user0@example.com");
    assert_eq!((&fields["key"], &fields["active"]), (&json!("JIRAUSER10001"), &json!(true)));
}

#[tokio::test]
async fn pages_of_members_start_where_they_are_asked_to() {
    let site = Site::with(group_of("staff", &["a", "b", "c", "d"])).await;
    for (query, names, is_last) in [
        ("&startAt=1&maxResults=2", &["b", "c"][..], false),
        ("&startAt=2&maxResults=2", &["c", "d"], true),
        ("&startAt=4", &[], true),
        ("&startAt=9", &[], true),
    ] {
        let page = site.get(&format!("/group/member?groupname=staff{query}")).await;
        assert_eq!(page.names(), names, "{query}");
        assert_eq!(page.json()["isLast"], is_last, "{query}");
        assert_eq!(page.json()["total"], 4);
    }
    site.jira.product(|jira| jira.member_cap = 3);
    assert_eq!(site.get("/group/member?groupname=staff").await.names().len(), 3);
    assert_eq!(site.get("/group/member").await.status, 400);
    assert_eq!(site.get("/group/member?groupname=").await.status, 400);
    assert_eq!(site.get("/group/member?groupname=nobody").await.status, 404);
}

#[tokio::test]
async fn inactive_members_are_shown_on_request_only() {
    let site = Site::with(group_of("staff", &["fred", "wilma"])).await;
    site.put("/user?username=fred", json!({ "active": false })).await;
    let hidden = site.get("/group/member?groupname=staff").await;
    assert_eq!((hidden.names(), &hidden.json()["total"]), (vec!["wilma".to_owned()], &json!(1)));
    for truth in ["true", "True"] {
        let path = format!("/group/member?groupname=staff&includeInactiveUsers={truth}");
        assert_eq!(site.get(&path).await.names(), ["fred", "wilma"]);
    }
    assert_eq!(site.members("staff"), ["fred", "wilma"]);
}

#[tokio::test]
async fn a_list_of_members_follows_every_change() {
    let site = Site::with(group_of("staff", &["fred", "wilma"])).await;
    let names = async || site.get("/group/member?groupname=staff").await.names();
    assert_eq!(names().await, ["fred", "wilma"]);
    site.jira.world(|world| world.remove_member(3, 1));
    assert_eq!(names().await, ["wilma"], "a change by a person");
    site.put("/user?username=wilma", json!({ "name": "betty" })).await;
    assert_eq!(names().await, ["betty"]);
    site.delete("/group/user?groupname=staff&username=betty").await;
    assert!(names().await.is_empty());
}

#[tokio::test]
async fn who_is_a_member_is_not_added_again() {
    for (place, field) in [(ErrorPlace::Messages, "errorMessages"), (ErrorPlace::Errors, "users")] {
        let site =
            Site::start(Jira { error_place: place, ..Jira::default() }, group_of("staff", &["fred"])).await;
        site.jira.world(|world| world.add_user("wilma"));
        let added = site.post("/group/user?groupname=staff", json!({ "name": "WILMA" })).await;
        assert_eq!((added.status, &added.json()["name"]), (201, &json!("staff")));
        assert_eq!(added.json()["users"]["size"], 2);
        assert_eq!(site.members("staff"), ["fred", "wilma"]);
        let again = site.post("/group/user?groupname=staff", json!({ "name": "wilma" })).await;
        assert_eq!(again.status, 400);
        let text = "Cannot add user 'wilma', user is already a member of 'staff'";
        assert_eq!(again.error(), (field.to_owned(), text.to_owned()));
        assert_eq!(site.jira.book().of("add member"), 2);
    }
}

#[tokio::test]
async fn who_or_what_is_unknown_is_404_for_memberships() {
    let site = Site::with(group_of("staff", &["fred"])).await;
    for (path, name, status) in [
        ("/group/user?groupname=nobody", "fred", 404),
        ("/group/user?groupname=staff", "nobody", 404),
        ("/group/user?groupname=", "fred", 400),
        ("/group/user", "fred", 400),
    ] {
        assert_eq!(site.post(path, json!({ "name": name })).await.status, status, "{path}");
        let separator = if path.contains('?') { '&' } else { '?' };
        assert_eq!(site.delete(&format!("{path}{separator}username={name}")).await.status, status, "{path}");
    }
    assert_eq!(site.members("staff"), ["fred"]);
}

#[tokio::test]
async fn removing_who_is_no_member() {
    for (status, place) in
        [(400, ErrorPlace::Messages), (404, ErrorPlace::Errors), (200, ErrorPlace::Messages)]
    {
        let jira = Jira { remove_absent: status, error_place: place, ..Jira::default() };
        let site = Site::start(jira, group_of("staff", &["fred"])).await;
        let path = "/group/user?groupname=staff&username=fred";
        let removed = site.delete(path).await;
        assert_eq!((removed.status, removed.body.as_str()), (200, ""));
        assert!(site.members("staff").is_empty());
        let again = site.delete(path).await;
        assert_eq!(again.status, status);
        if status != 200 {
            let text = "Cannot remove user 'fred' from group 'staff' since user is not a member of 'staff'";
            assert_eq!(again.error().1, text);
            assert_eq!(again.error().0 == "errorMessages", place == ErrorPlace::Messages);
        }
        assert_eq!(site.jira.book().of("remove member"), 2);
    }
}

#[tokio::test]
async fn members_of_a_subgroup_are_listed_but_cannot_be_removed() {
    let site = Site::with(nested()).await;
    assert_eq!(site.delete("/group/user?groupname=outer&username=user69").await.status, 400);
    assert_eq!(site.get("/group/member?groupname=outer").await.json()["total"], 70);
    let added = site.post("/group/user?groupname=outer", json!({ "name": "user69" })).await;
    assert_eq!(added.status, 201, "and they can be added");
}

#[tokio::test]
async fn read_only_users_are_put_into_local_groups_if_there_are_any() {
    for (local_groups, added, removed) in [(true, 201, 200), (false, 400, 400)] {
        let mut world = World::default();
        let ldap = User { name: "ldap".to_owned(), active: true, read_only: true, ..User::default() };
        let user = world.insert_user(ldap);
        world.add_group("new");
        let group = world.add_group("old");
        world.add_member(group, user);
        let site = Site::start(Jira { local_groups, ..Jira::default() }, world).await;
        let answer = site.post("/group/user?groupname=new", json!({ "name": "ldap" })).await;
        assert_eq!(answer.status, added);
        assert_eq!(site.members("new").len(), usize::from(local_groups));
        assert_eq!(site.delete("/group/user?groupname=old&username=ldap").await.status, removed);
        assert_eq!(site.members("old").is_empty(), local_groups);
    }
}
