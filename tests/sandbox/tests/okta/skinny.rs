//! Lists of users without their credentials' provider.

use sandbox::okta::{Bucket, Fault, FaultKind, NewUser, Okta, Options, Route};
use serde_json::Value;

use crate::client::{get, walk};

const PROVIDER: &str = r#""provider":{"type":"OKTA","name":"OKTA"}"#;

/// An org with an application that a group of 25 is assigned to, both by id.
async fn org(skinny_users: bool) -> (Okta, String, String) {
    let okta = Okta::start(Options { skinny_users, ..Options::empty() }).await.unwrap();
    let org = okta.org();
    let (group, app) = (org.add_group("team"), org.add_app("Jira"));
    for number in 0..25 {
        let user = NewUser::new(&format!("u{number}@example.com")).attribute("motto", PROVIDER);
        org.add_member(&group, &org.add_user(user));
    }
    org.assign_group(&app, &group);
    (okta, group, app)
}

/// The same record without the provider, in the user itself or in the one it embeds.
fn slim(mut record: Value) -> Value {
    for at in ["/credentials", "/_embedded/user/credentials"] {
        if let Some(Value::Object(credentials)) = record.pointer_mut(at) {
            credentials.remove("provider");
        }
    }
    record
}

#[tokio::test]
async fn they_are_the_same_lists_without_the_provider() {
    let (okta, group, app) = org(true).await;
    for (path, query) in [
        (format!("groups/{group}"), "limit=10"),
        (format!("apps/{app}"), "limit=10"),
        (format!("apps/{app}"), "limit=30&expand=user"),
    ] {
        let whole = walk(&okta, &format!("/api/v1/{path}/users?{query}")).await;
        let skinny = walk(&okta, &format!("/api/v1/{path}/skinny_users?{query}")).await;
        assert_eq!(skinny.len(), whole.len());
        for (skinny, whole) in skinny.iter().zip(&whole) {
            let expected: Vec<Value> = whole.json().as_array().unwrap().iter().cloned().map(slim).collect();
            assert_eq!(skinny.json(), Value::from(expected), "{path}");
            let renamed = |link: Option<String>| link.map(|link| link.replace("/users?", "/skinny_users?"));
            assert_eq!(skinny.link("next"), renamed(whole.link("next")));
        }
    }
    let windows = okta.requests().windows;
    assert_eq!(
        (&windows[&Bucket::Groups], &windows[&Bucket::Apps]),
        (&vec![6], &vec![8]),
        "the same buckets"
    );
    assert_eq!(okta.requests().of(Route::SkinnyMembers), 3);
    let missing = get(&okta, "/api/v1/groups/00gAAAAAAAAAAAAAA5d7/skinny_users").await;
    assert_eq!((missing.status, missing.error().0.as_str()), (404, "E0000007"));
}

#[tokio::test]
async fn they_may_not_be_there_and_go_wrong_by_themselves() {
    let (okta, group, app) = org(false).await;
    for path in [format!("groups/{group}"), format!("apps/{app}")] {
        let missing = get(&okta, &format!("/api/v1/{path}/skinny_users")).await;
        assert_eq!((missing.status, missing.error().0.as_str()), (404, "E0000008"));
        assert_eq!(get(&okta, &format!("/api/v1/{path}/users")).await.status, 200);
    }
    let (okta, group, app) = org(true).await;
    let members = okta.fault(Fault::on(Route::SkinnyMembers).kind(FaultKind::Status(503)));
    let users = okta.fault(Fault::on(Route::SkinnyAppUsers).kind(FaultKind::NotFound));
    for (path, status) in [
        (format!("groups/{group}/skinny_users"), 503),
        (format!("groups/{group}/users"), 200),
        (format!("apps/{app}/skinny_users"), 404),
        (format!("apps/{app}/users"), 200),
    ] {
        assert_eq!(get(&okta, &format!("/api/v1/{path}")).await.status, status, "{path}");
    }
    assert_eq!((okta.met(members), okta.met(users)), (1, 1));
}
