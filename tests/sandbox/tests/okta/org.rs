//! Single objects, and changes while the org is served.

use std::time::Duration;

use sandbox::okta::{Change, NewUser, Okta, Options, Status};
use serde_json::{Value, json};

use crate::client::{get, plain, walk_ids};

#[tokio::test]
async fn a_user_is_found_by_id_login_and_short_name() {
    let okta = Okta::start(Options::empty()).await.unwrap();
    let id = okta.org().add_user(NewUser::new("ann@example.com"));
    okta.org().add_user(NewUser::new("bob@example.com"));
    okta.org().add_user(NewUser::new("bob@example.org"));
    for name in [id.as_str(), "ann@example.com", "ANN%40example.com", "ann"] {
        let user = get(&okta, &format!("/api/v1/users/{name}")).await;
        assert_eq!((user.status, user.json()["id"].as_str()), (200, Some(id.as_str())), "{name}");
        assert!(
            user.json()["_links"]["deactivate"]["href"].is_string(),
            "a single user has links for its life cycle"
        );
    }
    for name in ["bob", "nobody@example.com", "00uAAAAAAAAAAAAAA5d7"] {
        let missing = get(&okta, &format!("/api/v1/users/{name}")).await;
        let expected = format!("Not found: Resource not found: {name} (User)");
        assert_eq!((missing.status, missing.error()), (404, ("E0000007".to_owned(), expected)));
    }
    let missing = get(&okta, "/api/v1/groups/00gAAAAAAAAAAAAAA5d7/users").await;
    assert_eq!(missing.error().1, "Not found: Resource not found: 00gAAAAAAAAAAAAAA5d7 (UserGroup)");
}

#[tokio::test]
async fn who_is_deactivated_leaves_the_groups_and_stays_by_id() {
    for keep in [false, true] {
        let options = Options { keep_deprovisioned_members: keep, ..Options::empty() };
        let okta = Okta::start(options).await.unwrap();
        let org = okta.org();
        let (ann, bob) =
            (org.add_user(NewUser::new("ann@example.com")), org.add_user(NewUser::new("bob@example.com")));
        let group = org.add_group("team");
        org.set_members(&group, &[&ann, &bob]);
        org.set_status(&ann, Status::Deprovisioned);
        let members = walk_ids(&okta, &format!("/api/v1/groups/{group}/users")).await;
        assert_eq!(members.contains(&ann), keep);
        assert!(members.contains(&bob));
        assert_eq!(walk_ids(&okta, "/api/v1/users").await, std::slice::from_ref(&bob));
        assert_eq!(get(&okta, &format!("/api/v1/users/{ann}")).await.json()["status"], "DEPROVISIONED");
        org.delete_user(&ann);
        assert_eq!(get(&okta, &format!("/api/v1/users/{ann}")).await.status, 404);
        assert_eq!(org.members(&group), [bob]);
    }
}

#[tokio::test(start_paused = true)]
async fn stamps_tell_what_changed_the_members_late() {
    let lag = Duration::from_secs(4);
    let okta = Okta::start(Options { membership_stamp_lag: lag, ..Options::empty() }).await.unwrap();
    let org = okta.org();
    let user = org.add_user(NewUser::new("ann@example.com"));
    let group = org.add_group("team");
    let stamps = async || {
        let group = get(&okta, &format!("/api/v1/groups/{group}")).await.json();
        let user = get(&okta, &format!("/api/v1/users/{user}")).await.json();
        [&group["lastUpdated"], &group["lastMembershipUpdated"], &user["lastUpdated"]]
            .map(|it| it.as_str().unwrap().to_owned())
    };
    let first = stamps().await;
    assert!(first.iter().all(|stamp| stamp.ends_with(".000Z")), "{first:?}");
    tokio::time::advance(Duration::from_secs(10)).await;
    org.add_member(&group, &user);
    tokio::time::advance(Duration::from_millis(3999)).await;
    assert_eq!(stamps().await, first, "the change of members is not shown yet");
    tokio::time::advance(Duration::from_millis(1)).await;
    let second = stamps().await;
    assert_eq!((&second[0], &second[2]), (&first[0], &first[2]), "members touch neither profile");
    assert!(second[1] > first[1]);
    org.update_profile(&user, "department", "Legal");
    org.rename_group(&group, "crew");
    let third = stamps().await;
    assert!(third[0] > second[0] && third[2] > second[2]);
    assert_eq!(third[1], second[1], "a member's profile does not touch the group");
}

#[tokio::test]
async fn profiles_keep_null_apart_from_absent() {
    let okta = Okta::start(Options::empty()).await.unwrap();
    let org = okta.org();
    let user =
        org.add_user(NewUser::new("ann@example.com").attribute("costs", 1.5).attribute("tags", json!(["a"])));
    org.update_profile(&user, "title", Value::Null);
    org.remove_attribute(&user, "firstName");
    org.update_profile(&user, "login", "anna@example.com");
    let shown = get(&okta, &format!("/api/v1/users/{user}")).await.json();
    let profile = shown["profile"].as_object().unwrap();
    assert_eq!(profile.get("title"), Some(&Value::Null));
    assert_eq!(profile.get("secondEmail"), Some(&Value::Null));
    assert_eq!(profile.get("firstName"), None);
    assert_eq!((&profile["costs"], &profile["tags"]), (&json!(1.5), &json!(["a"])));
    assert_eq!(org.user_id_by_login("anna@example.com"), Some(user));
    assert_eq!(org.user_id_by_login("ann@example.com"), None);
}

#[tokio::test]
async fn a_hundred_random_changes_are_counted_and_served() {
    let options = Options { users: 400, groups: 30, memberships: 2000, ..Options::default() };
    let okta = Okta::start(options.clone()).await.unwrap();
    let before: usize = okta
        .org()
        .groups()
        .iter()
        .filter(|group| group.kind != "BUILT_IN")
        .map(|group| okta.org().members(&group.id).len())
        .sum();
    let changed = okta.org().apply(&Change { mixed: 100, seed: 3, ..Change::default() });
    assert!(
        changed.users_added > 0 && changed.users_updated > 0 && changed.users_deactivated > 0,
        "{changed:?}"
    );
    let after: usize = okta
        .org()
        .groups()
        .iter()
        .filter(|group| group.kind != "BUILT_IN")
        .map(|group| okta.org().members(&group.id).len())
        .sum();
    assert_eq!(
        after + changed.memberships_removed + changed.memberships_ended,
        before + changed.memberships_added
    );
    assert_eq!(okta.org().users().len(), 400 + changed.users_added);
    let twin = Okta::start(options).await.unwrap();
    assert_eq!(
        twin.org().apply(&Change { mixed: 100, seed: 3, ..Change::default() }),
        changed,
        "the seed decides"
    );
    let listed = okta.org().users().iter().filter(|user| user.status != Status::Deprovisioned).count();
    assert_eq!(walk_ids(&okta, "/api/v1/users").await.len(), listed);
}

#[tokio::test]
async fn the_admin_interface_changes_and_tells() {
    let okta =
        Okta::start(Options { users: 40, groups: 5, memberships: 60, ..Options::default() }).await.unwrap();
    let client = plain();
    let post = async |path: &str, body: &str| {
        let response =
            client.post(format!("{}/sandbox/{path}", okta.url())).body(body.to_owned()).send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice::<Value>(&response.bytes().await.unwrap()).unwrap())
    };
    let login = okta.org().users().into_iter().find(|user| user.status == Status::Active).unwrap().login;
    let (status, changed) =
        post("change", &json!({ "user": login, "status": "SUSPENDED", "add": 5, "seed": 1 }).to_string())
            .await;
    assert_eq!((status, &changed["users_suspended"], &changed["users_added"]), (200, &json!(1), &json!(5)));
    assert_eq!(okta.org().user(&login).unwrap().status, Status::Suspended);
    let group = okta.org().groups()[0].name.clone();
    for (body, word) in [
        ("{\"ad\": 5}", "unknown field"),
        ("{\"user\": \"nobody\", \"status\": \"ACTIVE\"}", "no user"),
        ("{\"status\": \"ACTIVE\"}", "which user"),
        (&json!({ "user": login, "status": "GONE" }).to_string(), "no status"),
        (&json!({ "group": group, "add_members": ["nobody"] }).to_string(), "no user"),
    ] {
        let (status, problem) = post("change", body).await;
        assert!(status == 400 && problem["problem"].as_str().unwrap().contains(word), "{body}: {problem}");
    }

    let (_, fault) = post("fault", "users=503,times=1").await;
    assert_eq!(get(&okta, "/api/v1/users").await.status, 503);
    let see = async |path: &str| get(&okta, &format!("/sandbox/{path}")).await.json();
    assert_eq!(see("fault").await, json!([{ "id": fault["id"], "fault": "users=503,times=1", "met": 1 }]));
    let state = see("state").await;
    assert_eq!(
        (&state["users"], &state["requests"]["total"]),
        (&json!(45), &json!(1)),
        "only the org's own requests count"
    );
    assert_eq!(state["least_requests"]["users"], 1);
    assert_eq!(post("fault", "users=what").await.0, 400);
    assert!(
        client.delete(format!("{}/sandbox/fault", okta.url())).send().await.unwrap().status().is_success()
    );
    assert_eq!(see("fault").await, json!([]));
    post("reset-counts", "").await;
    assert_eq!(see("state").await["requests"]["total"], 0);

    let truth = see("org").await;
    assert_eq!(truth["users"].as_array().unwrap().len(), 45);
    for group in truth["groups"].as_array().unwrap() {
        let ids: Vec<&str> =
            group["members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        assert_eq!(ids, okta.org().members(group["id"].as_str().unwrap()));
    }
}
