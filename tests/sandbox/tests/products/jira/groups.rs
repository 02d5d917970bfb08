//! Groups themselves.

use sandbox::jira::{ErrorPlace, Jira, Version};
use sandbox::product::World;
use serde_json::json;

use super::{ODD_NAMES, Site, encoded, group_of, older, users};

#[tokio::test]
async fn a_group_is_created_once() {
    for (place, field) in [(ErrorPlace::Messages, "errorMessages"), (ErrorPlace::Errors, "groupName")] {
        let site = Site::start(Jira { error_place: place, ..Jira::default() }, World::default()).await;
        let created = site.post("/group", json!({ "name": "Staff" })).await;
        assert_eq!((created.status, &created.json()["name"]), (201, &json!("Staff")));
        assert_eq!(created.json()["self"], format!("{}/group?groupname=Staff", site.base));
        let again = site.post("/group", json!({ "name": "staff" })).await;
        assert_eq!(again.status, 400);
        let text = "A group or user with this name already exists.";
        assert_eq!(again.error(), (field.to_owned(), text.to_owned()));
        for body in [json!({ "name": "" }), json!({}), json!("Staff")] {
            assert_eq!(site.post("/group", body).await.status, 400);
        }
        assert_eq!(site.jira.world(|world| world.groups().len()), 1);
        assert_eq!(site.jira.book().of("create group"), 5);
    }
}

#[tokio::test]
async fn a_group_is_deleted() {
    let mut world = group_of("staff", &["fred"]);
    world.add_group("heirs");
    world.add_group("jira-administrators");
    let site = Site::with(world).await;
    assert_eq!(site.delete("/group").await.status, 400);
    assert_eq!(site.delete("/group?groupname=nobody").await.status, 404);
    assert_eq!(site.delete("/group?groupname=staff&swapGroup=nobody").await.status, 404);
    assert_eq!(site.delete("/group?groupname=Jira-administrators").await.status, 400);
    assert_eq!(site.jira.world(|world| world.groups().len()), 3);
    let deleted = site.delete("/group?groupname=STAFF&swapGroup=heirs").await;
    assert_eq!((deleted.status, deleted.body.as_str()), (200, ""));
    assert_eq!(site.delete("/group?groupname=staff").await.status, 404);
    assert!(site.user("fred").is_some());
    site.jira.product(|jira| jira.needed_groups.clear());
    assert_eq!(site.delete("/group?groupname=jira-administrators").await.status, 200);
}

#[tokio::test]
async fn until_10_a_group_shows_its_users() {
    for version in [Version::V8_2, Version::V9_12, Version::V10_0, Version::V10_3] {
        let mut world = users(120);
        let (parent, child) = (world.add_group("parent"), world.add_group("child"));
        world.change_group(parent, |group| {
            group.members = (1..=100).collect();
            group.children.insert(child);
        });
        world.change_group(child, |group| group.members = (100..=120).collect());
        world.change_user(1, |user| user.active = false);
        let site = Site::start(older(version), world).await;
        let plain = site.get("/group?groupname=parent").await.json()["users"].clone();
        assert_eq!((&plain["size"], &plain["items"]), (&json!(119), &json!([])));
        let mut seen = 0;
        for (expand, start, count) in
            [("users", 0, 50), ("users[50:99]", 50, 50), ("users[100:200]", 100, 19), ("users[0:500]", 0, 50)]
        {
            let path = format!("/group?groupname=parent&expand={}", encoded(expand));
            let page = site.get(&path).await.json()["users"].clone();
            assert_eq!(page["items"].as_array().unwrap().len(), count, "{expand}");
            assert_eq!(
                (&page["start-index"], &page["end-index"]),
                (&json!(start), &json!(start + count - 1))
            );
            assert_eq!((&page["size"], &page["max-results"]), (&json!(119), &json!(50)));
            seen += count;
        }
        assert_eq!(seen, 169);
        assert_eq!(site.get("/group?groupname=nobody&expand=users").await.status, 404);
    }
}

#[tokio::test]
async fn from_11_on_a_group_is_not_read() {
    let site = Site::with(group_of("staff", &["fred"])).await;
    assert_eq!(site.get("/group?groupname=staff&expand=users").await.status, 405);
    assert_eq!(site.get("/group/member?groupname=staff").await.names(), ["fred"]);
}

#[tokio::test]
async fn odd_group_names_are_taken_as_they_are() {
    let site = Site::with(users(1)).await;
    for name in ODD_NAMES {
        let query = encoded(name);
        assert_eq!(site.post("/group", json!({ "name": name })).await.json()["name"], name);
        let added = site.post(&format!("/group/user?groupname={query}"), json!({ "name": "user0" })).await;
        assert_eq!((added.status, &added.json()["name"]), (201, &json!(name)));
        let page = site.get(&format!("/group/member?groupname={query}")).await;
        assert_eq!(page.names(), ["user0"]);
        let path = page.json()["self"].as_str().unwrap().strip_prefix(site.base.as_str()).unwrap().to_owned();
        assert_eq!(site.get(&path).await.names(), ["user0"]);
        let path = format!("/group/user?groupname={query}&username=user0");
        assert_eq!(site.delete(&path).await.status, 200);
        assert_eq!(site.delete(&format!("/group?groupname={query}")).await.status, 200);
    }
}
