//! Questions for what has changed since a moment.

use std::collections::BTreeSet;
use std::time::Duration;

use sandbox::okta::{NewUser, Okta, Options, Status};
use serde_json::Value;

use crate::client::{get, walk, walk_ids};

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The stand-in's present second, as its own stamps write it.
async fn now(okta: &Okta) -> String {
    let answer = get(okta, "/api/v1/org").await;
    let date = chrono::DateTime::parse_from_rfc2822(answer.header("date")).unwrap();
    date.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

async fn org(options: Options) -> Okta {
    let okta = Okta::start(Options { users: 300, groups: 40, memberships: 900, ..options }).await.unwrap();
    tokio::time::advance(Duration::from_secs(10)).await;
    okta
}

#[tokio::test(start_paused = true)]
async fn users_changed_since_a_moment_deprovisioned_ones_included() {
    let okta = org(Options::default()).await;
    let org = okta.org();
    let since = now(&okta).await;
    let active: Vec<String> =
        org.users().into_iter().filter(|user| user.status == Status::Active).map(|user| user.id).collect();
    org.update_profile(&active[0], "department", "Legal");
    org.set_status(&active[1], Status::Deprovisioned);
    org.set_status(&active[2], Status::Suspended);
    let new = org.add_user(NewUser::new("ann@example.com"));
    let mut changed = vec![active[0].clone(), active[1].clone(), active[2].clone(), new];
    changed.sort();
    org.set_last_login(&active[3], Some(1_900_000_000));
    let ask = async |parameter: &str, text: String| {
        walk_ids(&okta, &format!("/api/v1/users?limit=3&{parameter}={}", encoded(&text))).await
    };
    let ge = format!("lastUpdated ge \"{since}\"");
    assert_eq!(ask("search", ge.clone()).await, changed, "a sign-in is no change");
    assert_eq!(ask("filter", ge.clone()).await, changed);
    assert_eq!(ask("search", format!("{ge} and (status pr)")).await, changed);
    assert_eq!(ask("search", format!("(status eq \"DEPROVISIONED\") and {ge}")).await, [active[1].clone()]);
    assert_eq!(ask("filter", format!("{ge} and status eq \"DEPROVISIONED\"")).await, [active[1].clone()]);
    assert_eq!(
        ask("search", format!("lastUpdated gt \"{since}\"")).await,
        [""; 0],
        "stamps are whole seconds"
    );
    tokio::time::advance(Duration::from_secs(1)).await;
    org.update_profile(&active[4], "department", "Legal");
    assert_eq!(ask("search", format!("lastUpdated gt \"{since}\"")).await, [active[4].clone()]);
    let either = ask("search", format!("id eq \"{}\" or lastUpdated gt \"{since}\"", active[5])).await;
    assert_eq!(
        either.into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from([active[4].clone(), active[5].clone()])
    );
}

#[tokio::test(start_paused = true)]
async fn the_index_shows_changes_late_to_search_and_filter_alike() {
    let okta = org(Options { search_lag: Duration::from_secs(5), ..Options::default() }).await;
    let org = okta.org();
    let since = now(&okta).await;
    let users = org.users();
    let group = org.groups().into_iter().find(|group| group.kind == "OKTA_GROUP").unwrap().id;
    let users_found = async |parameter: &str| {
        let text = encoded(&format!("lastUpdated ge \"{since}\""));
        walk_ids(&okta, &format!("/api/v1/users?{parameter}={text}")).await
    };
    let groups_found = async |parameter: &str| {
        let text = encoded(&format!("lastUpdated ge \"{since}\" or lastMembershipUpdated ge \"{since}\""));
        walk_ids(&okta, &format!("/api/v1/groups?{parameter}={text}")).await
    };
    org.update_profile(&users[0].id, "title", "Clerk");
    org.rename_group(&group, "renamed");
    tokio::time::advance(Duration::from_secs(3)).await;
    org.update_profile(&users[0].id, "title", "Driver");
    for parameter in ["search", "filter"] {
        assert_eq!(users_found(parameter).await, [""; 0], "{parameter}");
        assert_eq!(groups_found(parameter).await, [""; 0], "{parameter}");
    }
    tokio::time::advance(Duration::from_secs(2)).await;
    for parameter in ["search", "filter"] {
        assert_eq!(users_found(parameter).await, [users[0].id.clone()], "the first change is seen");
        assert_eq!(groups_found(parameter).await, std::slice::from_ref(&group));
    }
    org.delete_user(&users[0].id);
    assert_eq!(users_found("search").await.len(), 1, "the index still has who is purged");
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(users_found("search").await, [""; 0]);

    org.update_profile(&users[1].id, "title", "Clerk");
    tokio::time::advance(Duration::from_secs(5)).await;
    okta.move_clock(-7200);
    org.update_profile(&users[1].id, "title", "Driver");
    assert_eq!(users_found("search").await, [users[1].id.clone()], "the index has the stamp of before");
}

#[tokio::test(start_paused = true)]
async fn groups_changed_since_a_moment_with_their_counts() {
    let lag = Duration::from_secs(4);
    let okta = org(Options { membership_stamp_lag: lag, ..Options::default() }).await;
    let org = okta.org();
    let since = now(&okta).await;
    let groups: Vec<String> =
        org.groups().into_iter().filter(|group| group.kind == "OKTA_GROUP").map(|group| group.id).collect();
    let user = org.users().into_iter().find(|user| user.status == Status::Active).unwrap().id;
    org.rename_group(&groups[0], "renamed");
    org.set_members(&groups[1], &[&user]);
    let ask = async |parameter: &str, text: &str| {
        let path = format!("/api/v1/groups?expand=stats&limit=1&{parameter}={}", encoded(text));
        let pages = walk(&okta, &path).await;
        let records = pages.iter().flat_map(|page| page.json().as_array().unwrap().clone());
        let counts = |group: Value| {
            (
                group["id"].as_str().unwrap().to_owned(),
                group["_embedded"]["stats"]["usersCount"].as_u64().unwrap(),
            )
        };
        records.map(counts).collect::<BTreeSet<_>>()
    };
    let true_count = |group: &String| (group.clone(), org.members(group).len() as u64);
    let (profile, members) =
        (format!("lastUpdated ge \"{since}\""), format!("lastMembershipUpdated ge \"{since}\""));
    for parameter in ["search", "filter"] {
        assert_eq!(ask(parameter, &profile).await, BTreeSet::from([true_count(&groups[0])]));
    }
    assert_eq!(ask("filter", &members).await, BTreeSet::new(), "the stamp of members comes late");
    tokio::time::advance(lag).await;
    for parameter in ["search", "filter"] {
        assert_eq!(ask(parameter, &members).await, BTreeSet::from([(groups[1].clone(), 1)]));
        let both = format!("{profile} or ({members} and type eq \"OKTA_GROUP\")");
        let expected = BTreeSet::from([true_count(&groups[0]), true_count(&groups[1])]);
        assert_eq!(ask(parameter, &both).await, expected, "{parameter}");
    }
    assert_eq!(ask("search", &format!("{members} and {profile}")).await, BTreeSet::new());
    let older = format!("lastMembershipUpdated lt \"{since}\" and lastUpdated lt \"{since}\"");
    assert_eq!(ask("search", &older).await.len(), org.groups().len() - 2);
}

#[tokio::test]
async fn searches_are_sorted_where_that_is_asked_for() {
    let okta = Okta::start(Options { users: 60, groups: 30, ..Options::default() }).await.unwrap();
    let values = async |path: &str, pointer: &str| {
        let pages = walk(&okta, path).await;
        let records: Vec<Value> =
            pages.iter().flat_map(|page| page.json().as_array().unwrap().clone()).collect();
        let text = |record: &Value| record.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        records.iter().map(text).collect::<Vec<_>>()
    };
    for (path, pointer, records) in [
        ("users?search=status+pr&sortBy=lastUpdated", "/lastUpdated", 60),
        ("users?search=status+pr&sortBy=profile.login", "/profile/login", 60),
        (
            "groups?search=created+gt+%222000-01-01T00:00:00Z%22&sortBy=lastMembershipUpdated",
            "/lastMembershipUpdated",
            31,
        ),
        ("groups?search=created+gt+%222000-01-01T00:00:00Z%22&sortBy=created&expand=stats", "/created", 31),
    ] {
        let path = format!("/api/v1/{path}&limit=7");
        let ascending = values(&path, pointer).await;
        let folded: Vec<String> = ascending.iter().map(|value| value.to_lowercase()).collect();
        assert!(folded.is_sorted() && folded.len() == records, "{path}: {ascending:?}");
        let mut descending = values(&format!("{path}&sortOrder=desc"), pointer).await;
        descending.reverse();
        assert_eq!(descending, ascending, "{path}");
    }
}
