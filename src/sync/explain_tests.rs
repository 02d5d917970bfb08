//! What is said of one user who is examined alone.

use super::super::rules::{Globs, Inactive};
use super::*;
use crate::target::directory::CAPABILITIES;

/// What is said of somebody with these times, and the verdict; `groups` are its groups, if they are known.
fn told(never_signed_in: bool, times: [&str; 3], groups: Option<&[&str]>) -> (Verdict, String) {
    let names = ["activated", "created", "lastLogin", "profile.login"].map(CompactString::from);
    let value = |text: &str| match text {
        "" => AttributeValue::Absent,
        text => AttributeValue::Text(text.into()),
    };
    let [created, activated, last_login] = times.map(value);
    let attributes = [activated, created, last_login, AttributeValue::Text("ann".into())].into();
    let user = SourceUser { id: "00u1".into(), status: Status::Active, attributes };
    let except_groups = Globs::new(&["board"]).unwrap();
    let rules =
        Rules { inactive: Some(Inactive { days: 90, never_signed_in, except_groups }), ..Rules::default() };
    let groups: Option<Vec<String>> =
        groups.map(|groups| groups.iter().map(|name| (*name).to_owned()).collect());
    let now = "2026-11-23T06:00:00Z".parse().unwrap();
    let verdict = examine(&user, &names, groups.as_deref(), &rules, &CAPABILITIES, now);
    let step = verdict.scope.into_iter().find(|step| step.rule == "inactive").unwrap();
    (step.verdict, step.detail)
}

#[test]
fn the_required_group_that_lets_somebody_in_is_named() {
    let user = SourceUser { id: "00u1".into(), status: Status::Active, attributes: Box::default() };
    let mut rules = Rules::default();
    rules.scope.required_groups = vec!["sales".into(), "STAFF".into()];
    let detail = |groups: &[&str]| {
        let groups: Vec<String> = groups.iter().map(|name| (*name).to_owned()).collect();
        let verdict = examine(&user, &[], Some(&groups), &rules, &CAPABILITIES, DateTime::default());
        verdict.scope.into_iter().find(|step| step.rule == "scope.required_groups").unwrap().detail
    };
    assert_eq!(detail(&["board", "staff"]), "it is in staff");
    assert_eq!(detail(&["board"]), "it is in none of scope.required_groups");
}

#[test]
fn the_time_that_counts_is_named_with_its_age() {
    let (early, late) = ("2026-01-01T06:00:00.000Z", "2026-11-22T05:00:00.000Z");
    let out =
        (Verdict::Out, "last signed in 2026-01-01 06:00 UTC, 326 days ago; inactive.days is 90".to_owned());
    assert_eq!(told(false, [late, late, early], Some(&[])), out);
    for (never_signed_in, times, groups, verdict, expected) in [
        (
            true,
            [early, late, ""],
            &[][..],
            Verdict::In,
            "never signed in, and counts from activated 2026-11-22 05:00 UTC, 1 day ago; inactive.days is 90",
        ),
        (
            true,
            [early, "", ""],
            &[],
            Verdict::Out,
            "never signed in, and counts from created 2026-01-01 06:00 UTC, 326 days ago; inactive.days is 90",
        ),
        (
            false,
            [early, early, ""],
            &[],
            Verdict::In,
            "never signed in; inactive.never_signed_in is keep, so it stays",
        ),
        (
            true,
            ["", "", ""],
            &[],
            Verdict::In,
            "never signed in, and it is not known since when it could, so it stays",
        ),
        (
            true,
            ["", "", "yesterday"],
            &[],
            Verdict::In,
            "last signed in yesterday, which is no time, so it stays",
        ),
        (
            true,
            ["", "", early],
            &["board"],
            Verdict::In,
            "last signed in 2026-01-01 06:00 UTC, 326 days ago; inactive.days is 90; board in inactive.except_groups \
             exempts it",
        ),
    ] {
        assert_eq!(told(never_signed_in, times, Some(groups)), (verdict, expected.to_owned()), "{times:?}");
    }
    let (verdict, detail) = told(true, ["", "", early], None);
    assert_eq!(verdict, Verdict::Unknown);
    assert!(detail.ends_with("326 days ago; inactive.days is 90; whether a group in inactive.except_groups exempts it is not known"), "{detail}");
}
