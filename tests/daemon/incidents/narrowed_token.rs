//! An API token sees what the role of its administrator sees (Okta's documentation of API tokens, and User Sync's): after the
//! role was narrowed, Okta answers 200 with fewer users and groups, and 404 for whoever is hidden.

use sandbox::okta::{Resources, Route};

use super::{Company, held, mail};

const DELETES: &str = "leavers: { users: delete, memberships: remove, groups: delete }\n";

/// What the report says of a view that shrank (RULES 19).
const LESS: &str = "the token may see less than before";

impl Company {
    /// The administrator's role sees only this from now on.
    fn narrows(&self, resources: &Resources) {
        self.site.okta.reset_counts();
        self.org().bind_role(resources);
    }

    /// The role did hide something from the sync.
    #[track_caller]
    fn was_narrowed(&self) {
        assert!(self.site.okta.requests().narrowed > 0, "the role hid nothing");
    }
}

fn groups(names: &[&str]) -> Resources {
    Resources::Groups(names.iter().map(|name| (*name).to_owned()).collect())
}

/// Crowd (Atlassian's knowledge base) with an account that may read a part of the tree only: whoever it could not see was
/// deleted. Here the role is bound to two groups; even Okta's answer about each single user is "not found".
#[test]
fn a_role_that_sees_two_groups_only_deletes_nobody() {
    let company = Company::in_sync(DELETES);
    company.hires("zoe", &["sales"]);
    company.narrows(&groups(&["sales", "board"]));
    let report = company.loses_nothing(5, &[LESS]);
    company.was_narrowed();
    assert!(company.site.okta.requests().of(Route::User) >= 12, "everybody who is missing was asked for");
    assert!(company.has("zoe", &["sales"]), "whom it sees comes: {report:#}");
    company.loses_nothing(5, &[]);
    company.org().bind_role(&Resources::All);
    company.recovers();
}

/// The same where every user is still seen, and all groups but one are not.
#[test]
fn a_role_that_sees_everybody_and_one_group_deletes_no_group() {
    let company = Company::in_sync(&format!("{DELETES}limits: {{ floor: 2 }}"));
    company.hires("zoe", &["staff"]);
    company.narrows(&groups(&["staff"]));
    let report = company.loses_nothing(5, &[LESS]);
    company.was_narrowed();
    assert!(report["counts"]["groups"]["held"].as_u64() > Some(0), "{report:#}");
    assert!(company.has("zoe", &["staff"]));
    company.org().bind_role(&Resources::All);
    company.recovers();
}

/// The same where the role hides each third user of every group: member lists are short, and Okta's counts agree with them.
#[test]
fn a_role_that_hides_each_third_user_removes_no_membership() {
    let company = Company::in_sync(&format!("{DELETES}limits: {{ floor: 0 }}"));
    company.hires("zoe", &["sales"]);
    company.narrows(&Resources::AllButEvery(3));
    // zoe is the 25th.
    let report = company.loses_nothing(5, &[LESS]);
    company.was_narrowed();
    assert!(company.has("zoe", &["sales"]), "{report:#}");
    company.org().bind_role(&Resources::All);
    company.recovers();
}

/// The same, narrowed just so that the users who are missing are within the limit, while most groups are.
#[test]
fn a_role_that_hides_few_users_and_many_groups_is_held_for_the_groups() {
    let company = Company::in_sync("leavers: { groups: delete }\nlimits: { floor: 2 }");
    company.hires("zoe", &["staff"]);
    // Everybody is in the one group that stays in sight, but for one.
    company.org().remove_member(&company.group("board"), &company.user("yves"));
    company.org().remove_member(&company.group("staff"), &company.user("yves"));
    let (code, report) = company.sync();
    assert_eq!(code, 0, "{report:#}");
    let before = company.daemon.groups();
    company.narrows(&groups(&["staff"]));
    company.hires("zack", &["staff"]);
    let report = company.loses_nothing(5, &[LESS]);
    company.was_narrowed();
    let kept = company.daemon.groups();
    for (name, members) in before.iter().filter(|(name, _)| *name != "staff") {
        assert_eq!(&kept[name], members, "{name}: {report:#}");
    }
    assert!(held(&report).iter().any(|(kind, ..)| *kind == "view"), "{report:#}");
    assert!(company.has("zack", &["staff"]));
    company.org().bind_role(&Resources::All);
    company.recovers();
}

/// The same bit by bit: with each run the role sees one user less, and no single run exceeds a limit.
#[test]
fn a_role_that_is_narrowed_bit_by_bit_takes_no_more_in_a_day_than_one_run_may() {
    let company = Company::in_sync("limits: { leavers: 2 }");
    let hidden = ["yves", "xenia", "will", "vera", "uwe"];
    let mut disabled = Vec::new();
    for so_far in 1..=hidden.len() {
        company.narrows(&Resources::AllButUsers(hidden[..so_far].iter().map(|name| mail(name)).collect()));
        let (code, report) = company.sync();
        disabled.push((code, company.daemon.names(false).len()));
        assert!(code == 0 || !held(&report).is_empty());
    }
    assert_eq!(disabled, [(0, 1), (0, 2), (5, 2), (5, 2), (5, 2)]);
    company.was_narrowed();
    company.org().bind_role(&Resources::All);
    company.recovers();
}
