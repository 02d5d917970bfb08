//! Leavers and inactive users: what is read, what is refused where, what is warned about.

use std::time::Duration;

use super::*;
use crate::sync::rules::{Grace, Inactive, LeaverGroups, LeaverMemberships, LeaverUsers};

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

#[test]
fn leavers_are_read() {
    let leavers = |rest: &str| rules(&format!("leavers: {rest}")).leavers;
    for (word, expected) in [
        ("disable", LeaverUsers::Disable),
        ("delete", LeaverUsers::Delete),
        ("anonymize", LeaverUsers::Anonymize),
        ("keep", LeaverUsers::Keep),
    ] {
        assert_eq!(leavers(&format!("{{ users: {word} }}")).users, expected);
    }
    for (word, expected) in
        [("empty", LeaverGroups::Empty), ("delete", LeaverGroups::Delete), ("keep", LeaverGroups::Keep)]
    {
        assert_eq!(leavers(&format!("{{ groups: {word} }}")).groups, expected);
    }
    assert_eq!(
        leavers("{ grace: { absent: 7d, deactivated: 1h30m } }").grace,
        Grace { absent: days(7), deactivated: Duration::from_secs(5_400) }
    );
    let except = |memberships: LeaverMemberships| match memberships {
        LeaverMemberships::Keep => None,
        LeaverMemberships::Remove { except } => Some(except.patterns().to_vec()),
    };
    assert_eq!(except(leavers("{ memberships: keep }").memberships), None);
    assert_eq!(except(leavers("{ memberships: remove }").memberships), Some(vec![]));
    assert_eq!(except(leavers("{ memberships: { remove: all } }").memberships), Some(vec![]));
    assert_eq!(
        except(leavers("{ memberships: { remove: all, except: ['*-alumni'] } }").memberships),
        Some(vec!["*-alumni".into()])
    );
}

#[test]
fn leavers_that_cannot_be() {
    assert_eq!(
        errors(with(
            "leavers:\n  users: disabled\n  memberships: { except: [a] }\n  grace: { absent: 7, deactivated: never }\n"
        )),
        [
            "3:10 `leavers.users` must be `disable`, `delete`, `anonymize` or `keep`, but it is `disabled`. [Did you mean \
             `disable`?]",
            "4:3 `leavers.memberships` needs the key `remove`, which is missing. [Write `remove: all`.]",
            "5:20 `7` is not a duration. [Add the unit: `7s`, `7m`, `7h` or `7d`.]",
            "5:36 `never` is not a duration. [Write whole numbers with units, the larger first: `90s`, `5m`, `1h30m`, `7d`.]",
        ]
    );
    assert_eq!(
        errors(with("leavers: { memberships: { remove: some, except: ['[a'] } }")),
        [
            "2:35 `leavers.memberships.remove` must be `all`, but it is `some`.",
            "2:50 `[a` is not a pattern: unclosed character class; missing ']'. [`*` is any text, `?` one character, `[ab]` a \
             choice, `{a,b}` alternatives; a backslash before one of them means the character itself.]",
        ]
    );
    assert_eq!(
        errors(with("leavers: { memberships: removed }\ninactive: [90]")),
        [
            "2:25 `leavers.memberships` must be `keep` or `remove` or a mapping of keys to values, but it is `removed`. [Did you \
             mean `remove`?]",
            "3:11 `inactive` must be `off` or a mapping of keys to values, but it is a list. [Its keys are `days`, `from`, \
             `never_signed_in` or `except_groups`.]",
        ]
    );
}

#[test]
fn what_cannot_be_taken_back_is_a_warning() {
    assert_eq!(
        warnings(&with("leavers: { users: delete, groups: delete }")),
        [
            "2:19 On most targets a deleted account cannot be brought back, and what belonged to it may be lost; a disabled one \
             is enabled again when its user comes back. [Write `disable` unless accounts must go.]",
            "2:35 What a target grants to a group is lost when the group is deleted, also if the group comes back. [Write \
             `empty` unless groups must go.]",
        ]
    );
    assert_eq!(warnings(&with("leavers: { users: anonymize, memberships: remove }")), [""; 0]);
}

#[test]
fn keys_without_effect_are_noticed() {
    assert_eq!(
        warnings(&with("leavers: { users: keep, grace: { absent: 1d } }\ninactive: { days: 90 }")),
        [
            "2:32 `leavers.grace` has no effect: `leavers` keeps both the accounts and the memberships of users who left. \
             [Remove it, or change `leavers.users`.]",
            "3:11 `inactive` has no effect: `leavers` keeps both the accounts and the memberships of users who left. [Remove it, \
             or change `leavers.users`.]",
        ]
    );
    for leavers in [
        "{ users: keep, grace: { absent: 0s } }",
        "{ users: keep, memberships: remove, grace: { absent: 1d } }",
    ] {
        assert_eq!(warnings(&with(&format!("leavers: {leavers}"))), [""; 0]);
    }
}

#[test]
fn inactive_users_are_read() {
    let inactive = |rest: &str| rules(&format!("inactive: {rest}")).inactive;
    for off in ["off", "no", "false"] {
        assert_eq!(inactive(off), None);
    }
    let least = Inactive { days: 90, never_signed_in: false, except_groups: Default::default() };
    assert_eq!(inactive("{ days: 90 }"), Some(least.clone()));
    assert_eq!(
        inactive("{ days: 90, from: last_login, never_signed_in: keep, except_groups: [] }"),
        Some(least)
    );
    let full = inactive("{ days: 3650, never_signed_in: disable, except_groups: ['board'] }").unwrap();
    assert!(full.never_signed_in && full.except_groups.matches("Board"));
}

#[test]
fn inactivity_that_cannot_be() {
    for (rest, expected) in [
        (
            "{}",
            "2:1 `inactive` needs the key `days`, which is missing. [Write `days: 90`, or `inactive: off`.]",
        ),
        (
            "90",
            "2:11 `inactive` must be `off` or a mapping of keys to values, but it is `90`. [Its keys are `days`, `from`, `never_signed_in` or `except_groups`.]",
        ),
        (
            "{ days: 0 }",
            "2:19 With 0 days everybody who is not signing in right now would be a leaver. [Write a number such as `90`, or `inactive: off`.]",
        ),
        (
            "{ days: 3651 }",
            "2:19 `3651` days are more than ten years. [Write a number up to 3650, such as `90`, or `inactive: off`.]",
        ),
        (
            "{ days: 99999999999 }",
            "2:19 `99999999999` days are more than ten years. [Write a number up to 3650, such as `90`, or `inactive: off`.]",
        ),
        ("{ days: 90d }", "2:19 `90d` is not a whole number. [Write `90`: it is a number of days.]"),
        ("{ days: 90, from: created }", "2:29 `inactive.from` must be `last_login`, but it is `created`."),
        (
            "{ days: 90, never_signed_in: delete }",
            "2:40 `inactive.never_signed_in` must be `keep` or `disable`, but it is `delete`.",
        ),
        (
            "{ days: 90, except_groups: board }",
            r#"2:38 `inactive.except_groups` must be a list, but it is `board`. [Write ["board"].]"#,
        ),
    ] {
        assert_eq!(refused(&with(&format!("inactive: {rest}"))), expected);
    }
    assert_eq!(
        warnings(&with("inactive: { days: 29 }")),
        [
            "2:19 Who is on leave for 29 days becomes a leaver. [Write a number such as `90`, unless that is meant.]"
        ]
    );
    assert_eq!(warnings(&with("inactive: { days: 30 }")), [""; 0]);
}
