//! What a role sees that is bound to a part of the org, and that no answer says what it does not see.

use sandbox::okta::{NewUser, Okta, Options, Resources, Status};
use serde_json::{Value, json};

use crate::client::{get, plain, walk, walk_ids};

/// Twelve users, the first eight of them in one group or another.
async fn company() -> (Okta, Vec<String>, [String; 2]) {
    let okta = Okta::start(Options::empty()).await.unwrap();
    let org = okta.org();
    let add = |number: usize| org.add_user(NewUser::new(&format!("user{number}@example.com")));
    let users: Vec<String> = (1..=12).map(add).collect();
    let groups = ["jira", "staff"].map(|name| org.add_group(name));
    org.set_members(&groups[0], &users[..5]);
    org.set_members(&groups[1], &users[3..8]);
    (okta, users, groups)
}

async fn listed(okta: &Okta) -> Vec<String> {
    walk_ids(okta, "/api/v1/users?limit=5").await
}

/// The name of each group that is shown, with `usersCount` and the number of members that are shown.
async fn counted(okta: &Okta) -> Vec<(String, u64, u64)> {
    let mut counted = Vec::new();
    for page in walk(okta, "/api/v1/groups?expand=stats").await {
        for group in page.json().as_array().unwrap() {
            let members = format!("/api/v1/groups/{}/users?limit=2", group["id"].as_str().unwrap());
            let shown = walk_ids(okta, &members).await.len() as u64;
            let name = group["profile"]["name"].as_str().unwrap().to_owned();
            counted.push((name, group["_embedded"]["stats"]["usersCount"].as_u64().unwrap(), shown));
        }
    }
    counted.sort();
    counted
}

fn of(name: &str, members: u64) -> (String, u64, u64) {
    (name.to_owned(), members, members)
}

#[tokio::test]
async fn a_role_bound_to_groups_sees_them_and_their_members_only() {
    let (okta, users, [jira, staff]) = company().await;
    let org = okta.org();
    assert_eq!(counted(&okta).await, [of("Everyone", 12), of("jira", 5), of("staff", 5)]);
    assert_eq!(okta.requests().narrowed, 0);

    org.bind_role(&Resources::Groups(vec![jira.clone()]));
    assert_eq!(listed(&okta).await, users[..5]);
    assert_eq!(counted(&okta).await, [of("jira", 5)], "Everyone is not shown to such a role");
    assert!(okta.requests().narrowed > 0);
    for (path, status) in [
        (format!("users/{}", users[4]), 200),
        (format!("users/{}", users[5]), 404),
        ("users/user6@example.com".to_owned(), 404),
        (format!("groups/{jira}"), 200),
        (format!("groups/{staff}"), 404),
        (format!("groups/{staff}/users"), 404),
    ] {
        let answer = get(&okta, &format!("/api/v1/{path}")).await;
        assert_eq!(answer.status, status, "{path}");
        if status == 404 {
            assert_eq!(answer.error().0, "E0000007", "as for somebody who never was");
        }
    }
    assert_eq!(get(&okta, "/api/v1/users/me").await.status, 200, "but the owner of the token sees itself");
    let found = walk_ids(&okta, "/api/v1/users?search=profile.login+sw+%22user%22").await;
    assert_eq!(found.len(), 5);
    let groups = walk_ids(&okta, &format!("/api/v1/users/{}/groups", users[4])).await;
    assert_eq!(groups, [jira.as_str()]);

    // What changes in the org changes what is seen, searches that were made before included.
    org.add_member(&jira, &users[9]);
    assert!(listed(&okta).await.contains(&users[9]));
    assert_eq!(walk_ids(&okta, "/api/v1/users?search=profile.login+sw+%22user%22").await.len(), 6);
    org.set_status(&users[0], Status::Deprovisioned);
    let gone = get(&okta, &format!("/api/v1/users/{}", users[0])).await;
    assert_eq!(gone.status, 404, "who is deactivated leaves the group, and the role's sight with it");

    org.bind_role(&Resources::All);
    assert_eq!(listed(&okta).await.len(), 11);
    assert_eq!(walk_ids(&okta, "/api/v1/users?search=profile.login+sw+%22user%22").await.len(), 12);
}

#[tokio::test]
async fn a_role_may_be_blind_to_each_third_user() {
    let (okta, users, [_, staff]) = company().await;
    let org = okta.org();
    org.bind_role(&Resources::AllButEvery(3));
    let seen: Vec<String> =
        users.iter().enumerate().filter(|(at, _)| at % 3 != 2).map(|(_, id)| id.clone()).collect();
    assert_eq!(listed(&okta).await, seen);
    assert_eq!(counted(&okta).await, [of("Everyone", 8), of("jira", 4), of("staff", 4)]);
    assert_eq!(get(&okta, &format!("/api/v1/users/{}", users[5])).await.status, 404);
    let members = walk_ids(&okta, &format!("/api/v1/groups/{staff}/users")).await;
    assert!(!members.contains(&users[5]) && members.contains(&users[6]));
    let app = org.add_app("Jira");
    org.assign_group(&app, &staff);
    assert_eq!(walk_ids(&okta, &format!("/api/v1/apps/{app}/users")).await.len(), 4);
    assert_eq!(get(&okta, &format!("/api/v1/apps/{app}/users/{}", users[5])).await.status, 404);
    org.bind_role(&Resources::AllButEvery(1));
    assert_eq!(listed(&okta).await, [""; 0]);
}

#[tokio::test]
async fn a_person_narrows_the_role_over_the_admin_interface() {
    let (okta, users, _) = company().await;
    let post = async |change: Value| {
        let request = plain().post(format!("{}/sandbox/change", okta.url())).body(change.to_string());
        serde_json::from_slice::<Value>(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
    };
    let sees = async || get(&okta, "/sandbox/state").await.json()["role_sees"].clone();
    assert_eq!(sees().await, "all");
    post(json!({ "sees_groups": ["jira"], "role": "USER_ADMIN" })).await;
    assert_eq!((listed(&okta).await, sees().await), (users[..5].to_vec(), json!("groups: 1")));
    post(json!({ "hides_every": 4 })).await;
    assert_eq!((listed(&okta).await.len(), sees().await), (9, json!("all but every user number 4")));
    post(json!({ "hides_users": ["user2@example.com", users[3]] })).await;
    assert_eq!((listed(&okta).await.len(), sees().await), (10, json!("all but users: 2")));
    assert_eq!(counted(&okta).await, [of("Everyone", 10), of("jira", 3), of("staff", 4)]);
    for (change, words) in [
        (json!({ "hides_users": ["nobody"] }), "there is no user nobody"),
        (json!({ "sees_groups": ["jria"] }), "there is no group jria"),
        (json!({ "hides_every": 0 }), "write 1 or more"),
        (json!({ "hides_every": 2, "sees_all": true }), "say only one of"),
    ] {
        let refused = post(change).await;
        assert!(refused["problem"].as_str().unwrap().contains(words), "{refused}");
    }
    let state = get(&okta, "/sandbox/state").await.json();
    assert!(state["requests"]["narrowed"].as_u64() > Some(0), "{state}");
    post(json!({ "sees_all": true })).await;
    assert_eq!((listed(&okta).await.len(), sees().await), (12, json!("all")));
}
