//! A limit that is in the way of what is right: one approval for one hold, and the limit stays as it is.

use sandbox::okta::{Fault, FaultKind, Resources, Route, Status};
use serde_json::{Value, json};

use super::{Company, held, mail};

const FIVE: [&str; 5] = ["ben", "dora", "frank", "hugo", "jan"];

impl Company {
    /// The open holds of the connector, as `ctl holds` lists them.
    fn open_holds(&self) -> Vec<Value> {
        let (code, holds) = self.site.ctl_json(&["holds", "acme"]);
        assert_eq!(code, 0, "{holds:#}");
        let holds = holds["holds"].as_array().unwrap().iter();
        holds.filter(|hold| hold["state"] == "open").cloned().collect()
    }

    /// The only open hold: its number, as it is typed.
    #[track_caller]
    fn only_hold(&self, kind: &str, count: u64) -> String {
        let holds = self.open_holds();
        assert_eq!(holds.len(), 1, "{holds:#?}");
        assert_eq!((&holds[0]["kind"], &holds[0]["count"]), (&json!(kind), &json!(count)), "{holds:#?}");
        assert_eq!(holds[0]["connector"], "acme");
        holds[0]["id"].to_string()
    }

    /// `ctl approve HOLD --wait`: the exit code of the run that it starts.
    fn approves(&self, hold: &str) -> i32 {
        self.site.ctl(&["approve", hold, "--wait"]).0
    }

    /// How many warnings of the log are about a limit.
    fn warnings(&self, limit: &str) -> usize {
        let log = self.daemon.log();
        log.lines().filter(|line| line.to_lowercase().contains("warn") && line.contains(limit)).count()
    }
}

/// Firezone (firezone/firezone#10898): a breaker at 25 % stopped legitimate clean-ups and was raised to 75 % for everybody.
/// Entra (MicrosoftDocs/azure-docs#35848): administrators turn the threshold off to get through, and cause an outage.
#[test]
fn a_legitimate_clean_up_gets_through_once_and_the_limit_stays() {
    let company = Company::in_sync("limits: { leavers: 2 }");
    company.lets_go(&FIVE);
    company.loses_nothing(5, &["(limits.leavers): 5 of 24 would go"]);
    let hold = company.only_hold("leavers", 5);
    company.hires("zoe", &["staff"]);
    assert_eq!(company.approves(&hold), 0);
    let mails = FIVE.map(mail);
    assert!(company.daemon.names(false).iter().eq(&mails), "exactly these");
    assert!(company.has("zoe", &["staff"]), "the run of an approval is a run like any other");
    assert!(company.open_holds().is_empty());
    let runs = company.daemon.get("/v1/runs?connector=acme")["runs"].clone();
    assert_eq!(runs[0]["trigger"], "approval", "{runs:#}");

    // The limit is what it was, and what was approved is not counted against the day.
    company.lets_go(&["lena", "nora", "rita"]);
    company.loses_nothing(5, &["3 of 20 would go, and the limit allows 2"]);
    company.org().set_status(&company.user("rita"), Status::Active);
    for group in ["staff", "sales"] {
        company.org().add_member(&company.group(group), &company.user("rita"));
    }
    company.recovers();
    assert_eq!(company.daemon.names(false).len(), 7);
}

/// The same where others left between the look and the word: what was seen is approved, and nothing else.
#[test]
fn what_is_approved_is_what_was_shown() {
    let company = Company::in_sync("limits: { leavers: 2 }");
    company.lets_go(&FIVE);
    company.loses_nothing(5, &["5 of 24 would go"]);
    let hold = company.only_hold("leavers", 5);
    company.lets_go(&["lena", "nora", "rita"]);
    assert_eq!(company.approves(&hold), 5, "three more are too many of themselves");
    let mails = FIVE.map(mail);
    assert!(company.daemon.names(false).iter().eq(&mails), "exactly these");
    let next = company.only_hold("leavers", 3);
    assert_ne!(next, hold);
    assert_eq!(company.approves(&next), 0);
    company.recovers();
}

/// An approval in the middle of an incident: what was approved has to be proven again.
#[test]
fn what_was_approved_and_cannot_be_proven_waits() {
    let company = Company::in_sync("limits: { leavers: 2 }");
    company.lets_go(&FIVE);
    company.loses_nothing(5, &["5 of 24 would go"]);
    let hold = company.only_hold("leavers", 5);
    let empty = company.fault(Fault::on(Route::Users).kind(FaultKind::EmptyList));
    let before = company.directory();
    assert_eq!(company.approves(&hold), 6);
    assert!(company.met(empty) > 0);
    assert_eq!(company.directory(), before);
}

/// Entra (MicrosoftDocs/azure-docs#39708): a mail every half hour about the same removals.
#[test]
fn the_same_hold_is_not_shouted_again() {
    let company = Company::in_sync("limits: { leavers: 2 }");
    company.lets_go(&FIVE);
    let report = company.loses_nothing(5, &["5 of 24 would go"]);
    assert_eq!(report["holds"][0]["fresh"], true);
    let (hold, shouted) = (company.only_hold("leavers", 5), company.warnings("limits.leavers"));
    assert_eq!(shouted, 1, "{}", company.daemon.log());
    for _ in 0..2 {
        let report = company.loses_nothing(5, &["5 of 24 would go"]);
        assert_eq!(report["holds"][0]["fresh"], false, "{report:#}");
    }
    assert_eq!(company.warnings("limits.leavers"), shouted, "{}", company.daemon.log());
    assert_eq!(company.only_hold("leavers", 5), hold, "and keeps its number");
}

/// The same, and it may be put aside: that lets nothing through.
#[test]
fn a_hold_that_is_discarded_lets_nothing_through() {
    let company = Company::in_sync("limits: { leavers: 2 }");
    company.lets_go(&FIVE);
    company.loses_nothing(5, &["5 of 24 would go"]);
    let hold = company.only_hold("leavers", 5);
    let before = company.directory();
    assert_eq!(company.site.ctl(&["discard", &hold]).0, 0);
    assert!(company.open_holds().is_empty());
    assert_eq!(company.directory(), before);
    company.loses_nothing(5, &["5 of 24 would go"]);
    assert!(company.open_holds().is_empty(), "and nobody is asked again");
    // Whoever thinks better of it approves it after all.
    assert_eq!(company.approves(&hold), 0);
    assert_eq!(company.daemon.names(false).len(), 5);
}

/// A clean-up of groups, and one of members of a group that got another name as well: each by its own approval.
#[test]
fn groups_and_members_are_cleaned_up_by_approvals_of_their_own() {
    let company = Company::in_sync("leavers: { groups: delete }\nlimits: { groups: 1, memberships: 2 }");
    let engineering = company.group("engineering");
    for name in ["anna", "ben", "carl", "dora"] {
        company.org().remove_member(&engineering, &company.user(name));
    }
    company.org().rename_group(&engineering, "architects");
    for team in ["team-5", "team-6"] {
        company.org().delete_group(&company.group(team));
    }
    let report =
        company.loses_nothing(5, &["its new name architects waits with them", "(limits.groups): 2 of 10"]);
    let kinds: Vec<&str> = held(&report).iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(kinds, ["groups", "memberships", "view"], "{report:#}");
    let of = |kind: &str| {
        let holds = company.open_holds();
        holds.iter().find(|hold| hold["kind"] == kind).unwrap()["id"].to_string()
    };
    assert_eq!(company.approves(&of("memberships")), 5, "the other one is still held");
    let groups = company.daemon.groups();
    assert_eq!((groups["architects"].len(), groups.contains_key("engineering")), (8, false));
    assert!(groups.contains_key("team-5"));
    assert_eq!(company.approves(&of("groups")), 0);
    let groups = company.daemon.groups();
    assert!(!groups.contains_key("team-5") && !groups.contains_key("team-6"));
    company.recovers();
}

/// authentik (goauthentik/authentik#19295), from the other side: of the removals that wait, a person sees how many come from
/// the last edit of the file.
#[test]
fn a_hold_says_how_much_of_it_comes_from_the_file() {
    let company = Company::in_sync("limits: { leavers: 2 }");
    company.lets_go(&["anna"]);
    company.edits("limits: { leavers: 2 }\nscope: { users: { exclude: [\"*@example.com\"] } }");
    let report = company.loses_nothing(5, &["24 of 24 would go"]);
    let cause = &report["holds"][0]["cause"];
    assert_eq!((&cause["from_file"], &cause["from_source"]), (&json!(23), &json!(1)), "{report:#}");
    assert!(cause["file"].as_str().unwrap().ends_with("acme.yaml"), "{report:#}");
}

/// A token whose role was narrowed (RULES 19): everything that would go waits, what is within the limits too.
#[test]
fn a_view_that_shrank_holds_every_removal_and_says_that_the_token_may_see_less() {
    let company = Company::in_sync("leavers: { groups: delete }\nlimits: { floor: 2 }");
    // One user is in no group, and one membership ends: both within every limit.
    for group in ["board", "staff"] {
        company.org().remove_member(&company.group(group), &company.user("yves"));
    }
    company.recovers();
    company.org().remove_member(&company.group("staff"), &company.user("xenia"));
    company.hires("zoe", &["staff"]);
    company.org().bind_role(&Resources::Groups(vec!["staff".to_owned()]));
    let report = company.loses_nothing(5, &["the token may see less than before"]);
    assert!(company.site.okta.requests().narrowed > 0);
    assert!(held(&report).iter().any(|(kind, ..)| *kind == "view"), "{report:#}");
    assert!(company.has("zoe", &["staff"]), "who comes, comes");
    company.loses_nothing(5, &["the token may see less than before"]);
    company.org().bind_role(&Resources::All);
    company.recovers();
}

/// The same, and it was meant: the approval sets what later views are compared with.
#[test]
fn a_view_that_shrank_on_purpose_is_approved_once() {
    let company = Company::in_sync("");
    company.org().bind_role(&Resources::AllButEvery(2));
    let report = company.loses_nothing(5, &["the token may see less than before"]);
    assert_eq!(held(&report).len(), 2, "{report:#}");
    let of = |kind: &str| {
        let holds = company.open_holds();
        holds.iter().find(|hold| hold["kind"] == kind).unwrap()["id"].to_string()
    };
    assert_eq!(company.approves(&of("leavers")), 0);
    assert_eq!(company.daemon.names(false).len(), 12);
    // What the source shows is another question: it comes up with the next removal, and is answered once.
    let visible = company.daemon.names(true);
    let one = |number: usize| visible.iter().nth(number).unwrap().trim_end_matches("@example.com").to_owned();
    company.org().remove_member(&company.group("staff"), &company.user(&one(0)));
    let report = company.loses_nothing(5, &["the token may see less than before"]);
    assert_eq!(held(&report).iter().map(|(kind, ..)| *kind).collect::<Vec<_>>(), ["view"], "{report:#}");
    assert_eq!(company.approves(&of("view")), 0);
    company.org().remove_member(&company.group("staff"), &company.user(&one(1)));
    let (code, report) = company.sync();
    assert_eq!((code, held(&report).len()), (0, 0), "{report:#}");
}
