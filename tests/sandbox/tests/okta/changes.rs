//! Changes by number, and what the org knows of itself after them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sandbox::okta::{Change, Okta, Options};
use serde_json::{Value, json};

use crate::client::{get, plain, walk_ids};

async fn org() -> Okta {
    let okta = Okta::start(Options { users: 200, groups: 30, memberships: 900, ..Options::default() })
        .await
        .unwrap();
    tokio::time::advance(Duration::from_secs(10)).await;
    okta
}

#[tokio::test(start_paused = true)]
async fn as_many_users_and_groups_change_as_are_asked_for() {
    let okta = org().await;
    let org = okta.org();
    let departments = || {
        org.users().into_iter().map(|user| (user.id, user.profile["department"].clone())).collect::<Vec<_>>()
    };
    let members = || {
        let groups = org.groups().into_iter().filter(|group| group.kind != "BUILT_IN");
        groups.map(|group| (group.id.clone(), org.members(&group.id))).collect::<BTreeMap<_, _>>()
    };
    let (departments_before, members_before) = (departments(), members());
    let changed = org.apply(&Change { changed_users: 40, changed_groups: 8, seed: 5, ..Change::default() });
    let differing =
        departments().iter().zip(&departments_before).filter(|(now, before)| now != before).count();
    assert_eq!((differing, changed.users_updated), (40, 40), "all of them different");
    let members_after = members();
    let touched: Vec<&String> = members_after
        .iter()
        .filter(|(group, now)| members_before[*group] != **now)
        .map(|(group, _)| group)
        .collect();
    assert!((7..=8).contains(&touched.len()), "{touched:?}: a member may have left and come back");
    for group in touched {
        let (now, before): (BTreeSet<&String>, BTreeSet<&String>) =
            (members_after[group].iter().collect(), members_before[group].iter().collect());
        assert!(now.symmetric_difference(&before).count() <= 4);
    }
    let sum = |members: &BTreeMap<String, Vec<String>>| members.values().map(Vec::len).sum::<usize>();
    assert_eq!(
        sum(&members_after) + changed.memberships_removed,
        sum(&members_before) + changed.memberships_added
    );
    let all = org.apply(&Change { changed_users: 100_000, ..Change::default() });
    assert_eq!(all.users_updated, walk_ids(&okta, "/api/v1/users").await.len(), "no more than there are");
}

#[tokio::test(start_paused = true)]
async fn users_and_groups_agree_on_who_is_where() {
    let okta = org().await;
    let org = okta.org();
    let changes = Change {
        mixed: 60,
        delete: 10,
        deactivate: 10,
        move_members: 20,
        changed_groups: 10,
        ..Change::default()
    };
    org.apply(&Change { seed: 7, ..changes });
    let groups: Vec<_> = org.groups().into_iter().filter(|group| group.kind != "BUILT_IN").collect();
    let some: Vec<String> = org.members(&groups[0].id);
    org.set_members(&groups[1].id, &some);
    org.set_members(&groups[0].id, &[""; 0]);
    org.delete_group(&groups[2].id);
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for group in org.groups() {
        for user in org.members(&group.id) {
            expected.entry(user).or_default().insert(group.id.clone());
        }
    }
    for user in org.users() {
        let shown = walk_ids(&okta, &format!("/api/v1/users/{}/groups", user.id)).await;
        assert!(shown.is_sorted());
        assert_eq!(shown.into_iter().collect::<BTreeSet<_>>(), expected.remove(&user.id).unwrap_or_default());
    }
    assert_eq!(expected, BTreeMap::new(), "nobody else is in a group");

    let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
    for user in org.users() {
        *statuses.entry(user.status.to_string()).or_default() += 1;
    }
    let state = get(&okta, "/sandbox/state").await.json();
    assert_eq!(state["statuses"], json!(statuses));
    let everyone = org.groups().into_iter().find(|group| group.kind == "BUILT_IN").unwrap().id;
    let shown = get(&okta, &format!("/api/v1/groups/{everyone}?expand=stats")).await.json();
    assert_eq!(shown["_embedded"]["stats"]["usersCount"], org.members(&everyone).len());
}

#[tokio::test]
async fn the_fewest_requests_for_nothing_new() {
    let okta = Okta::start(Options { users: 900, groups: 250, memberships: 3000, ..Options::default() })
        .await
        .unwrap();
    let least = okta.least_requests();
    assert_eq!((least.users, least.groups, least.unchanged()), (5, 2, 7));
    let state = get(&okta, "/sandbox/state").await.json();
    assert_eq!(state["least_requests"]["unchanged"], 7);
}

#[tokio::test]
async fn the_admin_interface_takes_the_numbers() {
    let okta =
        Okta::start(Options { users: 50, groups: 6, memberships: 60, ..Options::default() }).await.unwrap();
    let request = plain().post(format!("{}/sandbox/change", okta.url()));
    let body = r#"{"seed": 3, "changed_users": 10, "changed_groups": 2}"#;
    let answer = request.body(body).send().await.unwrap().bytes().await.unwrap();
    let changed: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(changed["users_updated"], 10);
    assert!(changed["memberships_removed"].as_u64().unwrap() >= 2, "{changed}");
}
