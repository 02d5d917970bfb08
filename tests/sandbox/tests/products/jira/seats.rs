//! Licence seats and access to applications.

use sandbox::jira::Jira;
use serde_json::{Value, json};

use super::{Site, new_user, users};

fn with_keys(name: &str, keys: Option<Value>) -> Value {
    let mut body = new_user(name);
    match keys {
        Some(keys) => body["applicationKeys"] = keys,
        None => drop(body.as_object_mut().unwrap().remove("applicationKeys")),
    }
    body
}

#[tokio::test]
async fn a_full_licence_takes_no_more_users_with_access() {
    let site = Site::start(Jira { seats: Some(3), ..Jira::default() }, users(2)).await;
    assert_eq!(site.post("/user", with_keys("a", None)).await.status, 201);
    for keys in [None, Some(json!(["jira-software"])), Some(json!(null))] {
        let answer = site.post("/user", with_keys("b", keys)).await;
        assert_eq!(answer.status, 400);
        let (place, text) = answer.error();
        assert_eq!(place, "errorMessages");
        assert!(text.contains("license"), "{text}");
    }
    assert!(site.user("b").is_none());
    let without = site.post("/user", with_keys("c", Some(json!([])))).await;
    assert_eq!((without.status, &without.json()["applicationRoles"]["size"]), (201, &json!(0)));
    let give = "/user/application?username=c&applicationKey=jira-software";
    assert_eq!(site.ask("POST", give, None).await.status, 400);
    assert_eq!(site.get("/user?username=c").await.json()["applicationRoles"]["size"], 0);
}

#[tokio::test]
async fn seats_become_free() {
    let site = Site::start(Jira { seats: Some(2), ..Jira::default() }, users(2)).await;
    let full = async |name: &str| match site.post("/user", with_keys(name, None)).await.status {
        400 => true,
        201 => false,
        other => panic!("{other}"),
    };
    assert!(full("a").await);
    site.put("/user?username=user0", json!({ "active": false })).await;
    assert!(!full("a").await, "a deactivated user takes no seat");
    assert!(full("b").await);
    site.delete("/user?username=user1").await;
    assert!(!full("b").await);
    assert!(full("c").await);
    let take = "/user/application?username=a&applicationKey=jira-software";
    assert_eq!(site.delete(take).await.status, 200);
    assert!(!full("c").await);
    assert!(full("d").await);
    site.jira.world(|world| world.change_user(2, |user| user.active = false));
    assert!(full("d").await, "user1 is gone already");
    site.jira.world(|world| {
        let id = world.user_named("b").unwrap();
        world.change_user(id, |user| user.active = false)
    });
    assert!(!full("d").await, "a person's change counts too");
    site.jira.product(|jira| jira.seats = None);
    assert!(!full("e").await);
}

#[tokio::test]
async fn applications_are_given_and_taken() {
    let applications = vec!["jira-software".to_owned(), "jira-servicedesk".to_owned()];
    let site = Site::start(Jira { applications, ..Jira::default() }, users(1)).await;
    let path = |key: &str| format!("/user/application?username=user0&applicationKey={key}");
    let keys = async || {
        let user = site.get("/user?username=user0&expand=applicationRoles").await.json();
        let roles = user["applicationRoles"]["items"].as_array().unwrap().clone();
        roles.iter().map(|role| role["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys().await, ["jira-software"]);
    for _ in 0..2 {
        assert_eq!(site.ask("POST", &path("jira-servicedesk"), None).await.status, 200);
        assert_eq!(keys().await, ["jira-software", "jira-servicedesk"]);
    }
    for _ in 0..2 {
        assert_eq!(site.delete(&path("jira-software")).await.status, 200);
        assert_eq!(keys().await, ["jira-servicedesk"]);
    }
    assert_eq!(site.ask("POST", &path("jira-unheard-of"), None).await.status, 400);
    let nobody = "/user/application?username=nobody&applicationKey=jira-software";
    assert_eq!(site.ask("POST", nobody, None).await.status, 400);
    assert_eq!(site.delete(nobody).await.status, 400);
}

#[tokio::test]
async fn access_comes_with_the_default_group() {
    let jira = Jira { default_group: Some("jira-software-users".to_owned()), ..Jira::default() };
    let site = Site::start(jira, users(0)).await;
    site.post("/group", json!({ "name": "jira-software-users" })).await;
    assert_eq!(site.post("/user", with_keys("a", Some(json!([])))).await.json()["groups"]["size"], 0);
    assert_eq!(site.post("/user", with_keys("b", None)).await.json()["groups"]["size"], 1);
    assert_eq!(site.post("/user", with_keys("c", Some(json!(["jira-software"])))).await.status, 201);
    assert_eq!(site.members("jira-software-users"), ["b", "c"]);
}
