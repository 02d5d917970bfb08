//! What changes of the org write into the System Log.

use sandbox::okta::{Change, LogOptions, NewUser, Okta, Options, Status};
use serde_json::Value;

use crate::client::get;

async fn empty(log: LogOptions) -> Okta {
    Okta::start(Options { log, ..Options::empty() }).await.unwrap()
}

/// What a change has written, in the order of the log.
fn written<T>(okta: &Okta, change: impl FnOnce() -> T) -> Vec<String> {
    let before = okta.events().len();
    change();
    okta.events().split_off(before)
}

#[tokio::test]
async fn users_come_change_and_go() {
    let okta = empty(LogOptions::default()).await;
    let org = okta.org();
    let mut ann = String::new();
    let lifecycle =
        |words: &[&str]| words.iter().map(|word| format!("user.lifecycle.{word}")).collect::<Vec<_>>();
    assert_eq!(
        written(&okta, || ann = org.add_user(NewUser::new("ann@example.com"))),
        lifecycle(&["create", "activate"])
    );
    let staged = NewUser::new("bob@example.com").status(Status::Staged);
    assert_eq!(written(&okta, || org.add_user(staged)), lifecycle(&["create"]));
    assert_eq!(
        written(&okta, || org.update_profile(&ann, "department", "Sales")),
        ["user.account.update_profile"]
    );
    assert_eq!(
        written(&okta, || org.update_profile(&ann, "email", "a@example.com")),
        ["user.account.update_profile", "user.account.update_primary_email"]
    );
    assert_eq!(written(&okta, || org.remove_attribute(&ann, "department")), ["user.account.update_profile"]);
    assert_eq!(written(&okta, || org.set_last_login(&ann, Some(1_700_000_000))), [""; 0]);
    for (status, expected) in [
        (Status::Suspended, vec!["user.lifecycle.suspend"]),
        (Status::Active, vec!["user.lifecycle.unsuspend"]),
        (Status::LockedOut, vec!["user.account.lock"]),
        (Status::Active, vec!["user.account.unlock"]),
        (Status::Active, vec![]),
        (Status::PasswordExpired, vec![]),
        (Status::Deprovisioned, vec!["user.lifecycle.deactivate"]),
        (Status::Provisioned, vec!["user.lifecycle.activate"]),
    ] {
        assert_eq!(written(&okta, || org.set_status(&ann, status)), expected, "{status}");
    }
    assert_eq!(
        written(&okta, || org.delete_user(&ann)),
        lifecycle(&["deactivate", "delete.initiated", "delete.completed"])
    );
}

#[tokio::test]
async fn groups_and_their_members() {
    let okta = empty(LogOptions::default()).await;
    let org = okta.org();
    let [ann, bob, cleo] =
        ["ann", "bob", "cleo"].map(|name| org.add_user(NewUser::new(&format!("{name}@example.com"))));
    let mut team = String::new();
    assert_eq!(written(&okta, || team = org.add_group("team")), ["group.lifecycle.create"]);
    assert_eq!(written(&okta, || org.add_member(&team, &ann)), ["group.user_membership.add"]);
    assert_eq!(written(&okta, || org.add_member(&team, &ann)), [""; 0], "no change, no event");
    assert_eq!(
        written(&okta, || org.set_members(&team, &[&bob, &cleo])),
        ["group.user_membership.remove", "group.user_membership.add", "group.user_membership.add"]
    );
    assert_eq!(written(&okta, || org.remove_member(&team, &bob)), ["group.user_membership.remove"]);
    assert_eq!(written(&okta, || org.rename_group(&team, "crew")), ["group.profile.update"]);
    assert_eq!(written(&okta, || org.delete_group(&team)), ["group.lifecycle.delete"]);

    let newest =
        get(&okta, "/api/v1/logs?limit=1&sortOrder=DESCENDING&filter=eventType+sw+%22group.user%22").await;
    let event = &newest.json()[0];
    let target = |at: usize, field: &str| event["target"][at][field].as_str().unwrap().to_owned();
    assert_eq!(
        (target(0, "type"), target(0, "id"), target(0, "alternateId")),
        ("User".into(), bob, "bob@example.com".into())
    );
    assert_eq!(
        (target(1, "type"), target(1, "id"), target(1, "displayName")),
        ("UserGroup".into(), team, "team".into())
    );
    assert_eq!(event["outcome"]["result"], "SUCCESS");
}

#[tokio::test]
async fn who_is_deactivated_leaves_groups_without_a_word_unless_it_is_wanted() {
    for leavings in [false, true] {
        let okta = empty(LogOptions { leavings, ..LogOptions::default() }).await;
        let org = okta.org();
        let ann = org.add_user(NewUser::new("ann@example.com"));
        for name in ["one", "two"] {
            org.add_member(&org.add_group(name), &ann);
        }
        let mut expected = vec!["user.lifecycle.deactivate"];
        expected.extend(["group.user_membership.remove"].repeat(if leavings { 2 } else { 0 }));
        assert_eq!(written(&okta, || org.set_status(&ann, Status::Deprovisioned)), expected);
    }
}

#[tokio::test]
async fn applications_gain_and_lose_users() {
    let okta = empty(LogOptions::default()).await;
    let org = okta.org();
    let [ann, bob] = ["ann", "bob"].map(|name| org.add_user(NewUser::new(&format!("{name}@example.com"))));
    let team = org.add_group("team");
    org.add_member(&team, &ann);
    let mut app = String::new();
    assert_eq!(written(&okta, || app = org.add_app("Jira")), [""; 0]);
    let (user_added, user_removed) =
        ("application.user_membership.add", "application.user_membership.remove");
    let (group_added, group_removed) =
        ("group.application_assignment.add", "group.application_assignment.remove");
    assert_eq!(written(&okta, || org.assign_user(&app, &ann)), [user_added]);
    assert_eq!(written(&okta, || org.assign_group(&app, &team)), [group_added], "ann is assigned already");
    assert_eq!(written(&okta, || org.add_member(&team, &bob)), ["group.user_membership.add", user_added]);
    assert_eq!(written(&okta, || org.unassign_user(&app, &ann)), [""; 0], "the group keeps ann there");
    assert_eq!(
        written(&okta, || org.remove_member(&team, &ann)),
        ["group.user_membership.remove", user_removed]
    );
    assert_eq!(
        written(&okta, || org.set_members(&team, &[&ann])),
        ["group.user_membership.remove", "group.user_membership.add", user_removed, user_added]
    );
    assert_eq!(
        written(&okta, || org.set_status(&ann, Status::Deprovisioned)),
        ["user.lifecycle.deactivate", user_removed]
    );
    org.set_members(&team, &[&bob]);
    assert_eq!(written(&okta, || org.unassign_group(&app, &team)), [group_removed, user_removed]);
    org.assign_group(&app, &team);
    let crew = org.add_group("crew");
    org.assign_group(&app, &crew);
    assert_eq!(written(&okta, || org.delete_group(&team)), ["group.lifecycle.delete", user_removed]);
    org.assign_user(&app, &bob);
    assert_eq!(written(&okta, || org.delete_app(&app)), [group_removed, user_removed]);

    let page = get(&okta, "/api/v1/logs?limit=1&filter=eventType+sw+%22application.%22").await.json();
    let types: Vec<&Value> = page[0]["target"].as_array().unwrap().iter().map(|it| &it["type"]).collect();
    assert_eq!(types, ["AppUser", "AppInstance", "User"]);
}

#[tokio::test]
async fn imports_into_directory_groups_may_be_silent() {
    for silent_imports in [false, true] {
        let log = LogOptions { silent_imports, ..LogOptions::default() };
        let okta = Okta::start(Options { groups: 40, log, ..Options::default() }).await.unwrap();
        let org = okta.org();
        let groups = org.groups();
        let of_kind = |kind: &str| groups.iter().find(|group| group.kind == kind).unwrap().id.clone();
        let user = org.users().into_iter().find(|user| user.status == Status::Active).unwrap().id;
        org.set_members(&of_kind("APP_GROUP"), &[""; 0]);
        org.set_members(&of_kind("OKTA_GROUP"), &[""; 0]);
        let added = |group: String| written(&okta, || org.add_member(&group, &user)).len();
        assert_eq!(
            (added(of_kind("APP_GROUP")), added(of_kind("OKTA_GROUP"))),
            (usize::from(!silent_imports), 1)
        );
    }
}

#[tokio::test]
async fn changes_at_random_and_by_name_are_written_too() {
    let okta = Okta::start(Options { users: 50, groups: 8, ..Options::default() }).await.unwrap();
    let org = okta.org();
    let all = written(&okta, || {
        org.apply(&Change {
            add: 1,
            update: 1,
            rename: 1,
            suspend: 1,
            move_members: 1,
            rename_groups: 1,
            seed: 3,
            ..Change::default()
        })
    });
    for kind in [
        "user.lifecycle.create",
        "user.lifecycle.suspend",
        "group.user_membership.remove",
        "group.profile.update",
    ] {
        assert_eq!(all.iter().filter(|written| *written == kind).count(), 1, "{kind} in {all:?}");
    }
    let updates = all.iter().filter(|written| *written == "user.account.update_profile").count();
    assert_eq!(updates, 2, "two attributes of a name are one change");
}
