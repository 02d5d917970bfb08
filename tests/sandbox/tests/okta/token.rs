//! Whose token it is, which role that is, and what the schema says of users.

use sandbox::okta::{Fault, FaultKind, NewUser, Okta, Options, RateLimits, Role, Route, Status};
use serde_json::{Value, json};

use crate::client::{get, plain, walk_ids};

#[tokio::test]
async fn the_owner_of_the_token_is_behind_me_and_in_no_list() {
    let okta = Okta::start(Options { users: 5, ..Options::default() }).await.unwrap();
    let me = get(&okta, "/api/v1/users/me").await;
    let id = okta.org().owner().unwrap();
    assert_eq!((me.status, &me.json()["id"]), (200, &json!(id)));
    assert_eq!(me.json()["status"], "ACTIVE");
    let login = me.json()["profile"]["login"].as_str().unwrap().to_owned();
    for name in [&id, &login] {
        assert_eq!(get(&okta, &format!("/api/v1/users/{name}")).await.json(), me.json());
    }
    assert_eq!(walk_ids(&okta, &format!("/api/v1/users/{id}/groups")).await.len(), 0);
    for list in ["users", "users?search=status+pr"] {
        assert!(!walk_ids(&okta, &format!("/api/v1/{list}")).await.contains(&id), "{list}");
    }
    assert!(okta.org().users().iter().all(|user| user.id != id));

    let listed = Okta::start(Options { users: 5, list_owner: true, ..Options::default() }).await.unwrap();
    let id = listed.org().owner().unwrap();
    assert_eq!(get(&listed, "/api/v1/users/me").await.json()["id"], id);
    assert!(walk_ids(&listed, "/api/v1/users").await.contains(&id));
    assert_eq!(walk_ids(&listed, &format!("/api/v1/users/{id}/groups")).await.len(), 1, "Everyone");
    listed.org().delete_user(&id);
    assert_eq!(get(&listed, "/api/v1/users/me").await.error().0, "E0000011", "no owner, no token");
}

#[tokio::test]
async fn roles_are_those_of_the_owner_and_may_be_refused() {
    let options =
        Options { rate_limits: RateLimits::Workforce, role: Role::ReadOnlyAdmin, ..Options::empty() };
    let okta = Okta::start(options).await.unwrap();
    let org = okta.org();
    let (owner, ann) = (org.owner().unwrap(), org.add_user(NewUser::new("ann@example.com")));
    let roles = async |user: &str| get(&okta, &format!("/api/v1/users/{user}/roles")).await;
    let seen = roles(&owner).await;
    assert_eq!(seen.number("x-rate-limit-limit"), 300, "they count against the list of users");
    let role = &seen.json()[0];
    for (field, expected) in [
        ("type", "READ_ONLY_ADMIN"),
        ("label", "Read-only Administrator"),
        ("status", "ACTIVE"),
        ("assignmentType", "USER"),
    ] {
        assert_eq!(role[field], expected);
    }
    for field in ["id", "created", "lastUpdated"] {
        assert!(role[field].is_string(), "{field}");
    }
    assert_eq!(role["_links"]["assignee"]["href"], format!("{}/api/v1/users/{owner}", okta.url()));
    assert_eq!(roles(&ann).await.json(), json!([]));
    assert_eq!(roles("nobody").await.error().0, "E0000007");

    org.set_role(Role::Custom);
    let role = &roles(&owner).await.json()[0];
    assert_eq!(role["type"], "CUSTOM");
    assert!(role["role"].is_string() && role["resource-set"].is_string());
    org.set_role(Role::Forbidden);
    let refused = roles(&owner).await;
    assert_eq!((refused.status, refused.error().0.as_str()), (403, "E0000006"));
    assert_eq!(get(&okta, "/api/v1/users/me").await.status, 200);
    for word in ["SUPER_ADMIN", "USER_ADMIN", "GROUP_MEMBERSHIP_ADMIN"] {
        org.set_role(word.parse().unwrap());
        assert_eq!(roles(&owner).await.json()[0]["type"], word);
    }
    assert!("ADMIN".parse::<Role>().unwrap_err().contains("READ_ONLY_ADMIN"));
}

#[tokio::test]
async fn the_schema_has_the_standard_attributes_and_the_orgs_own() {
    let options = Options { rate_limits: RateLimits::Workforce, ..Options::empty() };
    let okta = Okta::start(options).await.unwrap();
    let org = okta.org();
    let ann = org.add_user(
        NewUser::new("ann@example.com")
            .attribute("costs", 1.5)
            .attribute("desk", 7)
            .attribute("remote", true)
            .attribute("tags", json!(["a"]))
            .attribute("unset", Value::Null),
    );
    org.update_profile(&ann, "grade", "A1");
    org.define_attribute("nobodyHasIt", "text");
    let answer = get(&okta, "/api/v1/meta/schemas/user/default").await;
    assert_eq!((answer.status, answer.number("x-rate-limit-limit")), (200, 600));
    let schema = answer.json();
    let base = schema["definitions"]["base"]["properties"].as_object().unwrap();
    assert_eq!(base.len(), 31);
    assert!(base.values().all(|property| property["type"] == "string"));
    assert_eq!((&base["login"]["maxLength"], &base["login"]["required"]), (&json!(100), &json!(true)));
    let custom = schema["definitions"]["custom"]["properties"].as_object().unwrap();
    let types: Vec<(&str, &str)> =
        custom.iter().map(|(name, property)| (name.as_str(), property["type"].as_str().unwrap())).collect();
    let expected = [
        ("costs", "number"),
        ("desk", "integer"),
        ("grade", "string"),
        ("nobodyHasIt", "string"),
        ("remote", "boolean"),
        ("tags", "array"),
        ("unset", "string"),
    ];
    assert_eq!(types, expected);
    assert_eq!(custom["tags"]["items"]["type"], "string");
    // Single users link to the same schema by its id.
    let user = get(&okta, &format!("/api/v1/users/{ann}")).await.json();
    let link = user["_links"]["schema"]["href"].as_str().unwrap();
    assert_eq!(get(&okta, link).await.json(), schema);
    assert_eq!(get(&okta, "/api/v1/meta/schemas/user/other").await.error().0, "E0000007");
}

#[tokio::test]
async fn they_are_counted_and_go_wrong_like_all_others() {
    let okta = Okta::start(Options::empty()).await.unwrap();
    let owner = okta.org().owner().unwrap();
    let paths =
        ["users/me".to_owned(), format!("users/{owner}/roles"), "meta/schemas/user/default".to_owned()];
    for (path, route) in paths.iter().zip([Route::Me, Route::Roles, Route::Schema]) {
        let fault = okta.fault(Fault::on(route).kind(FaultKind::Status(403)).times(1));
        let path = format!("/api/v1/{path}");
        let statuses = [get(&okta, &path).await.status, get(&okta, &path).await.status];
        assert_eq!((statuses, okta.met(fault), okta.requests().of(route)), ([403, 200], 1, 2), "{route}");
    }
}

#[tokio::test]
async fn moments_of_a_life_are_set_and_do_not_touch_last_updated() {
    let okta = Okta::start(Options::empty()).await.unwrap();
    let org = okta.org();
    let day = |day: i64| 1_767_225_600 + day * 86_400;
    let ann =
        org.add_user(NewUser::new("ann@example.com").created(day(0)).activated(day(1)).last_login(day(2)));
    let bob = org.add_user(NewUser::new("bob@example.com").status(Status::Staged));
    let stamps = async |user: &str| {
        let user = get(&okta, &format!("/api/v1/users/{user}")).await.json();
        ["created", "activated", "lastLogin"]
            .map(|name| user[name].as_str().map(|text| text[..10].to_owned()))
    };
    let days = |days: [&str; 3]| days.map(|day| Some(day.to_owned()).filter(|day| !day.is_empty()));
    assert_eq!(stamps(&ann).await, days(["2026-01-01", "2026-01-02", "2026-01-03"]));
    assert_eq!(stamps(&bob).await[1..], days(["", "", ""])[1..], "a staged user was never activated");
    let updated = async || get(&okta, &format!("/api/v1/users/{ann}")).await.json()["lastUpdated"].clone();
    let before = updated().await;
    org.set_last_login(&ann, None);
    org.set_created(&ann, day(3));
    org.set_activated(&ann, Some(day(4)));
    assert_eq!(stamps(&ann).await, days(["2026-01-04", "2026-01-05", ""]));

    let post = async |change: Value| {
        let request = plain().post(format!("{}/sandbox/change", okta.url())).body(change.to_string());
        serde_json::from_slice::<Value>(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
    };
    let changed = post(json!({ "user": "ann@example.com", "last_login": "2026-02-01T10:00:00Z" })).await;
    assert_eq!(changed["users_updated"], 1);
    assert_eq!(stamps(&ann).await, days(["2026-01-04", "2026-01-05", "2026-02-01"]), "what is absent stays");
    post(json!({ "user": "ann@example.com", "last_login": null, "activated": null, "created": "2026-02-02T00:00:00Z" }))
        .await;
    assert_eq!(stamps(&ann).await, days(["2026-02-02", "", ""]));
    assert_eq!(updated().await, before);
    let refused = post(json!({ "user": "ann@example.com", "created": "yesterday" })).await;
    assert!(refused["problem"].as_str().unwrap().contains("\"created\" wants a moment"), "{refused}");
}

#[tokio::test]
async fn a_whole_demo_is_made_over_the_admin_interface() {
    let okta = Okta::start(Options::empty()).await.unwrap();
    let post = async |change: Value| {
        let request = plain().post(format!("{}/sandbox/change", okta.url())).body(change.to_string());
        serde_json::from_slice::<Value>(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
    };
    let changed = post(json!({
        "user": "ann@example.com", "create": true, "profile": { "costCode": 7, "title": null, "firstName": "Ann" },
        "last_login": "2026-01-01T00:00:00Z", "group": "jira-users", "create_group": true,
        "add_members": ["ann@example.com"], "app": "Jira", "create_app": true, "assign_groups": ["jira-users"],
        "role": "USER_ADMIN",
    }))
    .await;
    for count in ["users_added", "groups_added", "apps_added", "memberships_added", "assignments_added"] {
        assert_eq!(changed[count], 1, "{count} in {changed}");
    }
    let org = okta.org();
    let (app, user) = (org.app_id_by_label("Jira").unwrap(), org.user("ann@example.com").unwrap());
    assert_eq!(walk_ids(&okta, &format!("/api/v1/apps/{app}/users")).await, [user.id.as_str()]);
    assert_eq!((&user.profile["costCode"], &user.profile["title"]), (&json!(7), &Value::Null));
    let roles = get(&okta, &format!("/api/v1/users/{}/roles", org.owner().unwrap())).await.json();
    assert_eq!(roles[0]["type"], "USER_ADMIN");
    let changed = post(json!({ "group": "jira-users", "create_group": true })).await;
    assert_eq!(changed["groups_added"], 0, "a group is created once");
    post(json!({ "user": user.id, "remove_attributes": ["title"] })).await;
    assert!(!org.user(&user.id).unwrap().profile.contains_key("title"));
    let changed = post(json!({ "group": "jira-users", "delete_group": true })).await;
    assert_eq!((&changed["groups_deleted"], &changed["memberships_removed"]), (&json!(1), &json!(1)));
    assert_eq!(org.group_id_by_name("jira-users"), None);
    for (change, word) in [
        (json!({ "create_group": true }), "which group"),
        (json!({ "create_app": true }), "which application"),
        (json!({ "last_login": null }), "which user"),
        (json!({ "group": "Everyone", "delete_group": true }), "cannot be deleted"),
        (json!({ "role": "BOSS" }), "no role"),
    ] {
        let refused = post(change).await;
        assert!(refused["problem"].as_str().unwrap().contains(word), "{refused}");
    }
}
