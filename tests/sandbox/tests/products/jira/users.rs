//! One user at a time.

use sandbox::jira::{Jira, Version};
use sandbox::product::{User, World};
use serde_json::json;

use super::{ODD_NAMES, Site, encoded, group_of, new_user, older, users};

#[tokio::test]
async fn a_user_is_read_by_name_or_key() {
    let site = Site::with(group_of("staff", &["fred"])).await;
    let user = site.get("/user?username=FRED").await;
    assert_eq!(user.status, 200);
    let bean = user.json();
    assert_eq!(bean["self"], format!("{}/user?username=fred", site.base));
    assert_eq!(bean["key"], "JIRAUSER10001");
    assert_eq!(bean["name"], "fred");
    assert_eq!(bean["emailAddress"], "fred@example.com");
    assert_eq!(bean["displayName"], "fred Local");
    assert_eq!((&bean["active"], &bean["deleted"]), (&json!(true), &json!(false)));
    assert_eq!(bean["groups"], json!({ "size": 1, "items": [] }), "the items are shown on request only");
    assert_eq!(bean["applicationRoles"], json!({ "size": 1, "items": [] }));
    assert!(bean["avatarUrls"]["48x48"].is_string());

    let expanded = site.get("/user?key=JIRAUSER10001&expand=groups,applicationRoles").await.json();
    assert_eq!(expanded["groups"]["items"][0]["name"], "staff");
    assert_eq!(expanded["applicationRoles"]["items"][0]["key"], "jira-software");
}

#[tokio::test]
async fn an_unknown_user_is_404() {
    let site = Site::with(users(1)).await;
    for query in ["username=nobody", "key=JIRAUSER10002", "key=user0", "key=JIRAUSER7", "includeDeleted=true"]
    {
        let answer = site.get(&format!("/user?{query}")).await;
        assert_eq!(answer.status, 404, "{query}");
        assert_eq!(answer.error().0, "errorMessages");
    }
    let name = site.get("/user?username=nobody").await.error().1;
    assert_eq!(name, "The user named 'nobody' does not exist");
    for (method, body) in [("PUT", Some(json!({ "displayName": "X" }))), ("DELETE", None)] {
        assert_eq!(site.ask(method, "/user?username=nobody", body).await.status, 404, "{method}");
    }
}

#[tokio::test]
async fn a_user_is_created() {
    let site = Site::with(World::default()).await;
    let mut body = new_user("fred");
    body["password"] = json!("long-secret");
    let answer = site.post("/user", body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["key"], "JIRAUSER10001");
    assert_eq!(answer.json()["groups"]["size"], 0);
    assert!(!answer.body.contains("long-secret"));
    let user = site.user("fred").unwrap();
    assert_eq!((user.email.as_str(), user.display_name.as_str()), ("new@example.com", "New One"));
    assert_eq!((user.password.as_str(), user.active), ("long-secret", true));
    assert_eq!(site.user("fred").unwrap().attributes["applicationKeys"], Vec::<String>::new());
    assert_eq!(site.jira.book().of("create user"), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_user_is_named_by_field() {
    let site = Site::with(users(1)).await;
    for (field, value, named) in [
        ("name", json!(" "), "username"),
        ("name", json!(null), "username"),
        ("emailAddress", json!(""), "email"),
        ("emailAddress", json!("nowhere"), "email"),
        ("displayName", json!(null), "fullname"),
        ("applicationKeys", json!(["jira-unheard-of"]), "applicationKeys"),
        ("name", json!("USER0"), "username"),
    ] {
        let mut body = new_user("fred");
        body[field] = value;
        let answer = site.post("/user", body).await;
        assert_eq!((answer.status, answer.error().0.as_str()), (400, named), "{field}");
    }
    let taken = site.post("/user", new_user("user0")).await.error();
    assert_eq!(taken, ("username".to_owned(), "A user with that username already exists.".to_owned()));
    assert_eq!(site.post("/user", json!([])).await.status, 400);
    assert_eq!(site.jira.world(|world| world.users().len()), 1);
}

#[tokio::test]
async fn mail_is_sent_on_request_only() {
    let site = Site::with(World::default()).await;
    for (name, notification, mails) in [
        ("a", None, 0),
        ("b", Some(json!(false)), 0),
        ("c", Some(json!("False")), 0),
        ("d", Some(json!(true)), 1),
        ("e", Some(json!("True")), 2),
    ] {
        let mut body = new_user(name);
        if let Some(notification) = notification {
            body["notification"] = notification;
        }
        assert_eq!(site.post("/user", body).await.status, 201);
        assert_eq!(site.jira.product(|jira| jira.mails_sent), mails, "{name}");
    }
    let mut taken = new_user("a");
    taken["notification"] = json!(true);
    assert_eq!(site.post("/user", taken).await.status, 400);
    assert_eq!(site.jira.product(|jira| jira.mails_sent), 2);
}

#[tokio::test]
async fn a_change_leaves_alone_what_it_does_not_name() {
    let site = Site::with(group_of("staff", &["fred"])).await;
    let answer = site.put("/user?username=fred", json!({ "displayName": "Fred Two" })).await;
    assert_eq!((answer.status, &answer.json()["displayName"]), (200, &json!("Fred Two")));
    let after = site.user("fred").unwrap();
    assert_eq!((after.email.as_str(), after.active), ("fred@example.com", true));

    let answer = site.put("/user?key=JIRAUSER10001", json!({ "emailAddress": "two@example.com" })).await;
    assert_eq!(answer.status, 200);
    let after = site.user("fred").unwrap();
    assert_eq!((after.email.as_str(), after.display_name.as_str()), ("two@example.com", "Fred Two"));

    let blank = site.put("/user?username=fred", json!({ "displayName": "", "emailAddress": " " })).await;
    assert_eq!(blank.status, 400);
    assert_eq!(blank.error().1, "error.no.value.found.to.be.changed");
    assert_eq!(site.user("fred").unwrap(), after);
    assert_eq!(site.jira.book().of("update user"), 3);
}

#[tokio::test]
async fn a_new_name_keeps_the_key_and_the_groups() {
    let site = Site::with(group_of("staff", &["fred", "wilma"])).await;
    let renamed = site.put("/user?username=fred", json!({ "name": "freddy" })).await;
    assert_eq!((renamed.status, &renamed.json()["key"]), (200, &json!("JIRAUSER10001")));
    assert_eq!(renamed.json()["groups"]["size"], 1);
    assert_eq!(site.get("/user?username=fred").await.status, 404);
    assert_eq!(site.get("/user?key=JIRAUSER10001").await.json()["name"], "freddy");
    assert_eq!(site.members("staff"), ["freddy", "wilma"]);

    let taken = site.put("/user?username=freddy", json!({ "name": "Wilma" })).await;
    assert_eq!((taken.status, taken.error().0.as_str()), (400, "username"));
    let other_case = site.put("/user?username=freddy", json!({ "name": "Freddy" })).await;
    assert_eq!((other_case.status, &other_case.json()["name"]), (200, &json!("Freddy")));
    assert_eq!(site.jira.book().of("rename user"), 3);
}

#[tokio::test]
async fn users_are_deactivated_and_activated() {
    let site = Site::with(users(1)).await;
    for (value, active, operation) in [
        (json!(false), false, "disable user"),
        (json!(true), true, "enable user"),
        (json!("false"), false, "disable user"),
        (json!("true"), true, "enable user"),
    ] {
        site.jira.forget();
        let answer = site.put("/user?username=user0", json!({ "active": value, "name": "user0" })).await;
        assert_eq!((answer.status, &answer.json()["active"]), (200, &json!(active)));
        assert_eq!(site.user("user0").unwrap().active, active);
        assert_eq!(site.jira.book().of(operation), 1);
    }
    let both = json!({ "active": false, "displayName": "Gone" });
    assert_eq!(site.put("/user?username=user0", both).await.status, 200);
    assert_eq!(site.jira.book().of("update user"), 1);
    assert!(!site.user("user0").unwrap().active);
}

#[tokio::test]
async fn before_8_3_nobody_can_be_deactivated() {
    let site = Site::start(older(Version::V8_2), users(1)).await;
    let answer = site.put("/user?username=user0", json!({ "active": false })).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json(),
        json!({ "errorMessages": ["error.no.value.found.to.be.changed"], "errors": {} })
    );
    let with_name = site.put("/user?username=user0", json!({ "active": false, "name": "user0" })).await;
    assert_eq!((with_name.status, &with_name.json()["active"]), (200, &json!(true)));
    let mut body = new_user("fred");
    body["active"] = json!(false);
    assert_eq!(site.post("/user", body.clone()).await.json()["active"], true);

    let newer = Site::with(World::default()).await;
    assert_eq!(newer.post("/user", body).await.json()["active"], false);
}

#[tokio::test]
async fn a_user_is_deleted_with_its_memberships() {
    let site = Site::with(group_of("staff", &["fred", "wilma"])).await;
    let answer = site.delete("/user?username=fred").await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(site.delete("/user?username=fred").await.status, 404);
    assert_eq!(site.members("staff"), ["wilma"]);
    assert_eq!(site.delete("/user/?key=JIRAUSER10002").await.status, 204);
    assert_eq!(site.jira.book().of("delete user"), 3);
}

#[tokio::test]
async fn users_with_content_stay() {
    let owner = Jira { content_owners: ["user0".to_owned()].into(), ..Jira::default() };
    let site = Site::start(owner, users(2)).await;
    assert_eq!(site.delete("/user?username=user0").await.status, 400);
    assert!(site.user("user0").is_some());
    assert_eq!(site.delete("/user?username=user1").await.status, 204);
    assert_eq!(site.put("/user?username=user0", json!({ "active": false })).await.status, 200);
}

#[tokio::test]
async fn users_of_a_read_only_directory_cannot_be_written() {
    let mut world = World::default();
    let ldap = User { name: "ldap".to_owned(), active: true, read_only: true, ..User::default() };
    world.insert_user(ldap);
    let site = Site::with(world).await;
    let before = site.user("ldap");
    for body in [json!({ "active": false }), json!({ "name": "other" }), json!({ "displayName": "X" })] {
        let answer = site.put("/user?username=ldap", body).await;
        assert_eq!((answer.status, answer.error().0.as_str()), (400, "errorMessages"));
    }
    assert_eq!(site.delete("/user?username=ldap").await.status, 400);
    assert_eq!(site.put("/user/password?username=ldap", json!({ "password": "x" })).await.status, 400);
    assert_eq!(site.user("ldap"), before);
    assert_eq!(site.post("/user", new_user("ldap")).await.status, 400, "the name is taken all the same");
}

#[tokio::test]
async fn the_own_account_cannot_be_taken_away() {
    let mut world = World::default();
    world.add_user("usersyncd");
    let site = Site::with(world).await;
    assert_eq!(site.put("/user?username=usersyncd", json!({ "active": false })).await.status, 400);
    assert_eq!(site.delete("/user?username=UserSyncd").await.status, 400);
    assert!(site.user("usersyncd").unwrap().active);
    assert_eq!(site.put("/user?username=usersyncd", json!({ "displayName": "Sync" })).await.status, 200);
}

#[tokio::test]
async fn a_password_is_set() {
    let site = Site::with(users(1)).await;
    let answer = site.put("/user/password?username=user0", json!({ "password": "new" })).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(site.user("user0").unwrap().password, "new");
    assert_eq!(
        site.put("/user/password?key=JIRAUSER10001", json!({ "password": "newer" })).await.status,
        204
    );
    assert_eq!(site.put("/user/password?username=user0", json!({ "password": "" })).await.status, 400);
    assert_eq!(site.put("/user/password?username=x", json!({ "password": "new" })).await.status, 404);
    assert_eq!(site.user("user0").unwrap().password, "newer");
}

#[tokio::test]
async fn odd_names_are_taken_as_they_are() {
    let site = Site::with(World::default()).await;
    for name in ODD_NAMES {
        let created = site.post("/user", new_user(name)).await;
        assert_eq!((created.status, &created.json()["name"]), (201, &json!(name)));
        let query = format!("/user?username={}", encoded(name));
        assert_eq!(site.get(&query).await.json()["name"], name);
        let link = created.json()["self"].as_str().unwrap().to_owned();
        let path = link.strip_prefix(site.base.as_str()).unwrap();
        assert_eq!(site.get(path).await.json()["name"], name, "{link}");
        let renamed = site.put(&query, json!({ "name": format!("{name}!") })).await;
        assert_eq!((renamed.status, &renamed.json()["name"]), (200, &json!(format!("{name}!"))));
        assert_eq!(
            site.delete(&format!("/user?username={}", encoded(&format!("{name}!")))).await.status,
            204
        );
    }
}

#[tokio::test]
async fn who_asks_and_what_answers() {
    let mut world = World::default();
    world.add_user("usersyncd");
    let site = Site::with(world).await;
    let myself = site.get("/myself").await;
    assert_eq!((myself.status, &myself.json()["key"]), (200, &json!("JIRAUSER10001")));
    assert_eq!(myself.json()["name"], "usersyncd");
    site.jira.world(|world| *world = World::default());
    assert_eq!(site.get("/myself").await.json()["name"], "usersyncd", "it need not be in the world");

    for (version, numbers) in [
        (Version::V8_2, [8, 2]),
        (Version::V9_12, [9, 12]),
        (Version::V10_0, [10, 0]),
        (Version::V10_3, [10, 3]),
        (Version::V11, [11, 1]),
    ] {
        site.jira.product(|jira| jira.version = version);
        let info = site.get("/serverInfo").await.json();
        assert_eq!(info["versionNumbers"].as_array().unwrap()[..2], numbers.map(|number| json!(number)));
        let text = info["version"].as_str().unwrap();
        assert!(text.starts_with(&format!("{}.{}.", numbers[0], numbers[1])), "{text}");
        assert_eq!(info["deploymentType"], "Server");
    }
}
