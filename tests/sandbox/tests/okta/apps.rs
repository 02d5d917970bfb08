//! Applications and who is assigned to them.

use std::collections::BTreeSet;

use sandbox::okta::{Bucket, Fault, FaultKind, NewUser, Okta, Options, PageSizes, RateLimits, Route, Status};
use serde_json::{Value, json};

use crate::client::{get, plain, walk, walk_ids};

/// An org with an application, a user assigned directly, two through a group, and one not at all.
async fn assigned(options: Options) -> (Okta, String, String, [String; 4]) {
    let okta = Okta::start(options).await.unwrap();
    let org = okta.org();
    let users = ["ann", "bob", "cleo", "dora"]
        .map(|name| org.add_user(NewUser::new(&format!("{name}@example.com")).name(name, "Archer")));
    let group = org.add_group("jira-users");
    org.set_members(&group, &users[1..3]);
    let app = org.add_app("Jira");
    org.assign_user(&app, &users[0]);
    org.assign_group(&app, &group);
    (okta, app, group, users)
}

#[tokio::test]
async fn users_are_assigned_directly_or_through_a_group() {
    let (okta, app, group, [ann, bob, cleo, dora]) = assigned(Options::empty()).await;
    let path = format!("/api/v1/apps/{app}/users");
    let seen: BTreeSet<String> = walk_ids(&okta, &path).await.into_iter().collect();
    assert_eq!(seen, BTreeSet::from([ann.clone(), bob.clone(), cleo.clone()]), "ids are the users'");

    let direct = get(&okta, &format!("{path}/{ann}")).await.json();
    assert_eq!((&direct["id"], &direct["scope"]), (&json!(ann), &json!("USER")));
    assert_eq!(direct["_links"].get("group"), None);
    let through = get(&okta, &format!("{path}/{bob}")).await.json();
    assert_eq!((&through["scope"], &through["status"]), (&json!("GROUP"), &json!("ACTIVE")));
    assert_eq!(through["_links"]["group"]["href"], format!("{}/api/v1/groups/{group}", okta.url()));
    assert_eq!(through["credentials"]["userName"], "bob@example.com");
    assert_eq!(through["profile"]["lastName"], "Archer");
    assert!(through.get("_embedded").is_none());
    assert_eq!(through.get("externalId"), Some(&Value::Null), "nothing is provisioned");

    for (path, missing, kind) in [
        (format!("{path}/{dora}"), dora.as_str(), "AppUser"),
        (format!("{path}/00uAAAAAAAAAAAAAA5d7"), "00uAAAAAAAAAAAAAA5d7", "AppUser"),
        (format!("{path}/ann@example.com"), "ann@example.com", "AppUser"),
        ("/api/v1/apps/0oaAAAAAAAAAAAAAA5d7/users".to_owned(), "0oaAAAAAAAAAAAAAA5d7", "AppInstance"),
        (format!("/api/v1/apps/0oaAAAAAAAAAAAAAA5d7/users/{ann}"), "0oaAAAAAAAAAAAAAA5d7", "AppInstance"),
        ("/api/v1/apps/0oaAAAAAAAAAAAAAA5d7/groups".to_owned(), "0oaAAAAAAAAAAAAAA5d7", "AppInstance"),
        ("/api/v1/apps/0oaAAAAAAAAAAAAAA5d7".to_owned(), "0oaAAAAAAAAAAAAAA5d7", "AppInstance"),
    ] {
        let refused = get(&okta, &path).await;
        let expected = format!("Not found: Resource not found: {missing} ({kind})");
        assert_eq!((refused.status, refused.error()), (404, ("E0000007".to_owned(), expected)), "{path}");
    }
}

#[tokio::test]
async fn a_direct_assignment_wins_and_outlives_the_groups() {
    let (okta, app, group, [_, bob, cleo, _]) = assigned(Options::empty()).await;
    let org = okta.org();
    let scope = async |user: &str| {
        let answer = get(&okta, &format!("/api/v1/apps/{app}/users/{user}")).await;
        (answer.status, answer.json()["scope"].as_str().map(str::to_owned))
    };
    org.assign_user(&app, &bob);
    assert_eq!(scope(&bob).await, (200, Some("USER".to_owned())));
    org.remove_member(&group, &bob);
    org.remove_member(&group, &cleo);
    assert_eq!(scope(&bob).await.0, 200);
    assert_eq!(scope(&cleo).await.0, 404, "who leaves the group leaves the application");
    org.add_member(&group, &cleo);
    assert_eq!(scope(&cleo).await, (200, Some("GROUP".to_owned())), "and comes back with it");
    org.unassign_user(&app, &bob);
    org.unassign_group(&app, &group);
    assert_eq!((scope(&bob).await.0, scope(&cleo).await.0), (404, 404));
    org.assign_group(&app, &group);
    org.delete_group(&group);
    assert_eq!(scope(&cleo).await.0, 404, "a deleted group is not assigned");
    org.delete_app(&app);
    assert_eq!(get(&okta, &format!("/api/v1/apps/{app}/users")).await.status, 404);
}

#[tokio::test]
async fn who_is_deactivated_loses_the_assignment_for_good() {
    let options = Options { keep_deprovisioned_members: true, ..Options::empty() };
    let (okta, app, group, [ann, bob, cleo, _]) = assigned(options).await;
    let org = okta.org();
    let users = async || walk_ids(&okta, &format!("/api/v1/apps/{app}/users")).await.len();
    for user in [&ann, &bob] {
        org.set_status(user, Status::Suspended);
    }
    assert_eq!(users().await, 3, "who is suspended stays assigned");
    for user in [&ann, &bob] {
        org.set_status(user, Status::Deprovisioned);
    }
    assert_eq!(users().await, 1);
    assert!(org.members(&group).contains(&bob), "though listed as a member");
    for user in [&ann, &bob] {
        assert_eq!(get(&okta, &format!("/api/v1/apps/{app}/users/{user}")).await.status, 404);
    }
    for user in [&ann, &bob] {
        org.set_status(user, Status::Active);
    }
    assert_eq!(users().await, 2, "only what comes from the group comes back");
    org.delete_user(&cleo);
    assert_eq!(users().await, 1);
}

#[tokio::test]
async fn everyone_can_be_assigned() {
    let (okta, app, _, users) = assigned(Options::empty()).await;
    let everyone = okta.org().group_id_by_name("Everyone").unwrap();
    okta.org().assign_group(&app, &everyone);
    okta.org().set_status(&users[3], Status::Deprovisioned);
    assert_eq!(walk_ids(&okta, &format!("/api/v1/apps/{app}/users")).await.len(), 3);
}

#[tokio::test]
async fn app_users_are_paged_by_the_ids_of_their_assignments() {
    let pages = PageSizes { app_users: 60, ..PageSizes::default() };
    let okta = Okta::start(Options { users: 200, pages, ..Options::default() }).await.unwrap();
    let app = okta.org().add_app("Jira");
    okta.org().assign_group(&app, &okta.org().group_id_by_name("Everyone").unwrap());
    let path = format!("/api/v1/apps/{app}/users");
    let first = get(&okta, &path).await;
    assert!(first.link("self").unwrap().ends_with("/users?limit=50"), "the default");
    assert_eq!(first.ids().len(), 50);
    let pages = walk(&okta, &format!("{path}?limit=1000")).await;
    assert!(pages[0].link("self").unwrap().ends_with("/users?limit=60"), "the most");
    let next = pages[0].link("next").unwrap();
    let cursor = next.split("after=").nth(1).unwrap().split('&').next().unwrap();
    assert!(cursor.starts_with("0ua") && cursor.len() == 20, "{cursor}");
    let mut ids: Vec<String> = pages.iter().flat_map(|page| page.ids()).collect();
    assert!(!ids.is_sorted(), "in no order of the users' ids");
    ids.sort();
    let truth = okta.org().app_users(&app).into_iter().map(|user| user.user).collect::<Vec<_>>();
    assert_eq!(ids, truth);
    assert!(ids.len() > 180 && pages.len() == ids.len().div_ceil(60));
    for cursor in ["00u1", ids[0].as_str()] {
        assert_eq!(get(&okta, &format!("{path}?after={cursor}")).await.error().0, "E0000029", "{cursor}");
    }
    // A list goes on behind an assignment that is gone.
    let gone = pages[0].ids()[59].clone();
    okta.org().set_status(&gone, Status::Deprovisioned);
    assert_eq!(get(&okta, &next).await.ids(), pages[1].ids());
}

#[tokio::test]
async fn expand_embeds_the_user_and_is_lost_in_next() {
    let (okta, app, _, [ann, ..]) = assigned(Options::empty()).await;
    let path = format!("/api/v1/apps/{app}/users");
    let first = get(&okta, &format!("{path}?expand=user&limit=1&q=ann")).await;
    let whole = get(&okta, &format!("/api/v1/users/{ann}")).await.json();
    assert_eq!(first.json()[0]["_embedded"]["user"], whole, "q finds ann by her name");
    let first = get(&okta, &format!("{path}?expand=user&limit=1")).await;
    let embedded = |page: &Value| page[0]["_embedded"]["user"]["profile"]["login"].is_string();
    assert!(embedded(&first.json()));
    assert!(first.link("self").unwrap().contains("expand=user"));
    let next = first.link("next").unwrap();
    assert!(!next.contains("expand"), "{next}");
    assert!(!embedded(&get(&okta, &next).await.json()));
    assert!(embedded(&get(&okta, &format!("{next}&expand=user")).await.json()), "who asks again gets it");
    assert!(get(&okta, &format!("{path}/{ann}?expand=user")).await.json()["_embedded"]["user"].is_object());
}

#[tokio::test]
async fn app_groups_have_a_priority_and_no_page_below_twenty() {
    let okta = Okta::start(Options { groups: 30, ..Options::default() }).await.unwrap();
    let org = okta.org();
    let app = org.add_app("Jira");
    let mut groups: Vec<String> = org.groups().into_iter().map(|group| group.id).collect();
    groups.reverse();
    groups.iter().for_each(|group| org.assign_group(&app, group));
    let path = format!("/api/v1/apps/{app}/groups");
    let pages = walk(&okta, &format!("{path}?limit=5")).await;
    assert_eq!(pages.iter().map(|page| page.ids().len()).collect::<Vec<_>>(), [20, 11]);
    assert!(pages[0].link("self").unwrap().ends_with("/groups?limit=20"));
    assert_eq!(walk_ids(&okta, &path).await, groups, "in the order in which they were assigned");
    assert_eq!(org.app_groups(&app), groups);
    let priorities: Vec<Value> =
        pages[1].json().as_array().unwrap().iter().map(|it| it["priority"].clone()).collect();
    assert_eq!(priorities, (20..31).map(Value::from).collect::<Vec<_>>());

    org.unassign_group(&app, &groups[19]);
    assert_eq!(
        get(&okta, &pages[0].link("next").unwrap()).await.ids(),
        groups[20..],
        "cursors keep their place"
    );
    assert_eq!(get(&okta, &format!("{path}?after=nothing")).await.error().0, "E0000029");

    let single = get(&okta, &format!("{path}/{}?expand=group", groups[0])).await.json();
    assert_eq!((&single["id"], &single["priority"]), (&json!(groups[0]), &json!(0)));
    let name = org.groups().into_iter().find(|group| group.id == groups[0]).unwrap().name;
    assert_eq!(single["_embedded"]["group"]["profile"]["name"], name);
    let missing = get(&okta, &format!("{path}/{}", groups[19])).await;
    assert_eq!((missing.status, missing.error().0.as_str()), (404, "E0000007"));
}

#[tokio::test]
async fn applications_have_limits_and_counts_of_their_own() {
    let options = Options { rate_limits: RateLimits::Workforce, ..Options::empty() };
    let (okta, app, group, [ann, ..]) = assigned(options).await;
    let base = format!("/api/v1/apps/{app}");
    for (path, limit) in [
        (format!("{base}/users"), 50),
        (format!("{base}/users/{ann}"), 50),
        (format!("{base}/groups"), 50),
        (format!("{base}/groups/{group}"), 50),
        (base.clone(), 250),
    ] {
        let answer = get(&okta, &path).await;
        assert_eq!((answer.status, answer.number("x-rate-limit-limit")), (200, limit), "{path}");
    }
    let counts = okta.requests();
    assert_eq!(counts.windows[&Bucket::Apps], [4]);
    assert_eq!(counts.windows[&Bucket::App], [1]);
    for route in [Route::AppUsers, Route::AppUser, Route::AppGroups, Route::AppGroup, Route::App] {
        assert_eq!(counts.of(route), 1, "{route}");
    }
    let small =
        Okta::start(Options { rate_limits: RateLimits::Integrator, apps: 1, ..Options::default() }).await;
    let small = small.unwrap();
    let app = small.org().app_id_by_label("Jira").unwrap();
    assert_eq!(get(&small, &format!("/api/v1/apps/{app}/users")).await.number("x-rate-limit-limit"), 10);
}

#[tokio::test]
async fn faults_hit_applications_too() {
    let (okta, app, _, [ann, bob, cleo, _]) = assigned(Options::empty()).await;
    let list = format!("/api/v1/apps/{app}/users");
    let gone = okta.fault(Fault::on(Route::AppUsers).kind(FaultKind::NotFound).times(1));
    assert_eq!(
        get(&okta, &list).await.error().1,
        format!("Not found: Resource not found: {app} (AppInstance)")
    );
    let skipped = okta.fault(Fault::on(Route::AppUsers).kind(FaultKind::Skip).record(&bob));
    let mut expected = [ann.clone(), cleo.clone()];
    expected.sort();
    let mut seen = walk_ids(&okta, &list).await;
    seen.sort();
    assert_eq!(seen, expected);
    okta.clear_fault(skipped);
    let short = okta.fault(Fault::on(Route::AppUsers).kind(FaultKind::ShortList(1)));
    assert_eq!(walk_ids(&okta, &format!("{list}?limit=1")).await.len(), 1);
    okta.clear_fault(short);
    let missing = okta.fault(Fault::on(Route::AppUser).kind(FaultKind::NotFound).matching(&ann));
    assert_eq!(get(&okta, &format!("{list}/{ann}")).await.status, 404);
    assert_eq!([gone, skipped, short, missing].map(|fault| okta.met(fault)), [1; 4]);
    let narrowed = okta.fault(Fault::on(Route::Any).kind(FaultKind::Narrowed { users: 0, groups: 0 }));
    assert_eq!(walk_ids(&okta, &list).await.len(), 0, "a narrower role sees nobody");
    assert_eq!(get(&okta, &format!("{list}/{bob}")).await.status, 404);
    assert_eq!(walk_ids(&okta, &format!("/api/v1/apps/{app}/groups")).await.len(), 0);
    assert_eq!(okta.met(narrowed), 3);
}

#[tokio::test]
async fn the_generator_makes_applications_and_nothing_else_differs() {
    let with =
        Okta::start(Options { users: 300, groups: 40, memberships: 900, apps: 8, ..Options::default() });
    let without = Okta::start(Options { users: 300, groups: 40, memberships: 900, ..Options::default() });
    let (with, without) = (with.await.unwrap(), without.await.unwrap());
    let ids = |okta: &Okta| okta.org().users().into_iter().map(|user| user.id).collect::<Vec<_>>();
    assert_eq!(ids(&with), ids(&without));
    for label in ["Jira", "Travel", "Confluence 2"] {
        let app = with.org().app_id_by_label(label).unwrap();
        assert!((1..30).contains(&with.org().app_groups(&app).len()), "{label}");
        let users = with.org().app_users(&app);
        let direct = users.iter().filter(|user| user.through.is_none()).count();
        assert!(
            direct > 0 && direct < users.len() && users.len() < 300,
            "{label}: {direct} of {}",
            users.len()
        );
        assert_eq!(walk_ids(&with, &format!("/api/v1/apps/{app}/users")).await.len(), users.len());
        assert_eq!(get(&with, &format!("/api/v1/apps/{app}")).await.json()["label"], label);
    }
}

#[tokio::test]
async fn the_admin_interface_assigns() {
    let okta = Okta::start(Options { users: 20, groups: 3, ..Options::default() }).await.unwrap();
    let post = async |change: Value| {
        let request = plain().post(format!("{}/sandbox/change", okta.url())).body(change.to_string());
        serde_json::from_slice::<Value>(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
    };
    let user = okta.org().users().into_iter().find(|user| user.status == Status::Active).unwrap();
    let group = okta.org().groups().into_iter().find(|group| group.kind != "BUILT_IN").unwrap();
    let assign = json!({
        "app": "Jira", "create_app": true, "assign_users": [user.login], "assign_groups": [group.name],
    });
    let changed = post(assign.clone()).await;
    let counts = ["apps_added", "assignments_added", "assignments_removed"];
    assert_eq!(counts.map(|count| changed[count].clone()), [1, 2, 0], "{changed}");
    let changed = post(assign).await;
    assert_eq!(
        counts.map(|count| changed[count].clone()),
        [0, 0, 0],
        "an application is created once: {changed}"
    );
    let app = okta.org().app_id_by_label("Jira").unwrap();
    let truth = get(&okta, "/sandbox/org").await.json();
    assert_eq!((&truth["apps"][0]["id"], &truth["apps"][0]["groups"]), (&json!(app), &json!([group.id])));
    assert_eq!(truth["apps"][0]["users"].as_array().unwrap().len(), okta.org().app_users(&app).len());
    let changed =
        post(json!({ "app": app, "unassign_users": [user.id], "unassign_groups": [group.id] })).await;
    assert_eq!(changed["assignments_removed"], 2);
    assert_eq!(okta.org().app_users(&app), []);
    for (change, word) in [
        (json!({ "assign_users": [user.id] }), "which application"),
        (json!({ "app": "Nothing", "assign_users": [user.id] }), "no application"),
        (json!({ "app": "Jira", "assign_groups": ["nothing"] }), "no group"),
    ] {
        let refused = post(change).await;
        assert!(refused["problem"].as_str().unwrap().contains(word), "{refused}");
    }
    post(json!({ "app": "Jira", "delete_app": true })).await;
    assert_eq!(get(&okta, "/sandbox/org").await.json()["apps"], json!([]));
}
