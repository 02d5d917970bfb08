//! Plan, hold, approve, undo, through the real binary and its socket.

use std::collections::BTreeSet;

use sandbox::okta::Status;
use serde_json::{Value, json};

use crate::harness::{Daemon, Site};
use crate::people::person;

/// Twenty people in two groups, in sync.
struct Office {
    site: Site,
    daemon: Daemon,
}

const KEYS: &str = "limits: { floor: 2 }\nleavers: { groups: delete }";

impl Office {
    fn in_sync(keys: &str) -> Self {
        let site = Site::empty();
        let people: Vec<String> =
            (0..20).map(|i| site.okta.org().add_user(person(&format!("p{i:02}")))).collect();
        site.add_group("staff", &people.iter().collect::<Vec<_>>());
        site.add_group("board", &people[..4].iter().collect::<Vec<_>>());
        site.write("acme", &site.connector(keys));
        let daemon = site.start();
        let office = Self { site, daemon };
        assert_eq!(office.ctl(&["sync", "acme", "--wait"]).0, 0);
        office
    }

    fn ctl(&self, arguments: &[&str]) -> (i32, String) {
        let (code, out, messages) = self.site.ctl(arguments);
        (code, format!("{out}{messages}"))
    }

    fn user(&self, number: usize) -> String {
        self.site.okta.org().user_id_by_login(&format!("p{number:02}@example.com")).unwrap()
    }

    fn lets_go(&self, numbers: std::ops::Range<usize>) {
        numbers.for_each(|number| self.site.okta.org().set_status(&self.user(number), Status::Deprovisioned));
    }

    /// All that the directory holds, byte for byte as it is exported.
    fn export(&self) -> String {
        let users = self.ctl(&["directory", "users", "--json"]).1;
        let groups = self.ctl(&["directory", "groups", "--json"]).1;
        let members = ["staff", "board"].map(|group| self.ctl(&["directory", "members", group]).1);
        format!("{users}{groups}{}", members.concat())
    }

    fn last_run(&self) -> Value {
        self.daemon.get("/v1/runs?connector=acme&limit=1")["runs"][0].clone()
    }
}

#[test]
fn a_mass_removal_is_held_looked_at_approved_and_taken_back() {
    let office = Office::in_sync(KEYS);
    let before = office.export();
    office.lets_go(0..8);
    let (code, told) = office.ctl(&["plan", "acme"]);
    assert_eq!(code, 5, "{told}");
    assert!(told.contains("8 of 20 would go") && told.contains("disable user p00@example.com"), "{told}");
    let (code, told) = office.ctl(&["sync", "acme", "--wait"]);
    assert_eq!(code, 5, "{told}");
    assert_eq!(office.export(), before, "nothing of it was done");
    assert_eq!(office.daemon.get("/v1/connectors/acme")["state"], "held");

    // What the answers say to type next is enough.
    let (code, holds) = office.site.ctl_json(&["holds", "acme"]);
    assert_eq!((code, holds["holds"].as_array().unwrap().len()), (0, 1), "{holds:#}");
    let hold = &holds["holds"][0];
    assert_eq!((&hold["kind"], &hold["count"], &hold["changes"]), (&json!("leavers"), &json!(8), &json!(8)));
    assert_eq!((&hold["state"], &hold["first_run"]), (&json!("open"), &office.last_run()["run"]));
    let number = hold["id"].to_string();
    assert!(told.contains(&format!("usersyncd ctl approve {number}")), "{told}");
    let (code, shown) = office.ctl(&["hold", &number]);
    assert!(code == 0 && shown.matches("disable user p0").count() == 8, "{shown}");

    let (code, told) = office.ctl(&["approve", &number, "--wait"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(office.daemon.names(false).len(), 8);
    let run = office.last_run();
    assert_eq!(run["trigger"], "approval");
    let number = run["run"].to_string();
    let report = office.daemon.get(&format!("/v1/runs/{number}"));
    assert_eq!(report["approvals"], json!([hold["id"]]), "{report:#}");
    let uid = nix::unistd::Uid::effective().as_raw();
    let approved = office.daemon.get(&format!("/v1/holds/{}", hold["id"]));
    assert_eq!(approved["approval"]["uid"], uid, "{approved:#}");
    assert!(office.daemon.log().contains(&format!("uid {uid} approves hold {}", hold["id"])));
    let (code, refused) = office.ctl(&["approve", &hold["id"].to_string()]);
    assert!(code == 1 && refused.contains("nothing of hold"), "{refused}");

    // And it was wrong after all.
    let (code, shown) = office.ctl(&["undo", &number]);
    assert_eq!(code, 4, "{shown}");
    assert!(shown.contains("enable user p00@example.com") && shown.contains("--yes"), "{shown}");
    assert_eq!(office.daemon.names(false).len(), 8, "it only says so");
    let (code, told) = office.ctl(&["undo", &number, "--yes"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(office.export(), before);
    let status = office.daemon.get("/v1/connectors/acme");
    assert_eq!(
        (&status["state"], status["pause_reason"].as_str().unwrap().contains("was undone")),
        (&json!("paused"), true)
    );
    let (code, told) = office.ctl(&["sync", "acme"]);
    assert!(code == 1 && told.contains("is paused"), "{told}");
    let (code, told) = office.ctl(&["resume", "acme"]);
    assert!(code == 0 && told.contains("does again what the source still asks for"), "{told}");
    assert_eq!(office.ctl(&["sync", "acme", "--wait"]).0, 5, "held again, by a hold of its own");
}

#[test]
fn an_undo_brings_the_directory_back_byte_for_byte() {
    for leavers in ["disable", "delete", "anonymize"] {
        let keys = format!(
            "limits: {{ leavers: off, memberships: off, groups: off, renames: off }}\n\
             leavers: {{ users: {leavers}, memberships: remove, groups: delete }}\n\
             groups: {{ always: [everybody] }}\nmapping: {{ attributes: {{ city: \"{{{{ profile.city }}}}\" }} }}"
        );
        let office = Office::in_sync(&keys);
        let before = office.export();
        let org = office.site.okta.org();
        office.lets_go(0..3);
        org.update_profile(&office.user(5), "login", "renamed@example.com");
        org.update_profile(&office.user(6), "city", "Bern");
        let board = org.group_id_by_name("board").unwrap();
        org.delete_group(&board);
        let staff = org.group_id_by_name("staff").unwrap();
        org.remove_member(&staff, &office.user(7));
        let new = org.add_user(person("new"));
        office.site.add_group("fresh", &[&new, &office.user(8)]);
        org.rename_group(&staff, "everyone here");
        let (code, told) = office.ctl(&["sync", "acme", "--wait"]);
        assert_eq!(code, 0, "{told}");
        assert_ne!(office.export(), before);
        let run = office.last_run()["run"].to_string();
        let (_, shown) = office.site.ctl_json(&["undo", &run]);
        let losses = shown["losses"].to_string();
        assert!(losses.contains("group board was deleted and gets a new id"), "{losses}");
        assert_eq!(
            losses.contains("user p00@example.com was deleted and gets a new id"),
            leavers == "delete"
        );
        assert_eq!(shown["stale"], json!([]), "{leavers}: {shown:#}");
        let (code, told) = office.ctl(&["undo", &run, "--yes"]);
        assert_eq!(code, 0, "{told}");
        assert_eq!(office.export(), before, "{leavers}");
    }
}

#[test]
fn a_kept_plan_is_applied_and_nothing_else() {
    let office = Office::in_sync(KEYS);
    office.site.okta.org().add_user(person("zoe"));
    let (code, told) = office.ctl(&["plan", "acme", "--out", "review"]);
    assert!(code == 4 && told.contains("usersyncd ctl apply review"), "{told}");
    office.site.okta.org().add_user(person("zack"));
    let (code, told) = office.ctl(&["apply", "review", "--wait"]);
    assert_eq!(code, 0, "{told}");
    let names: BTreeSet<String> = office.daemon.names(true);
    assert!(names.contains("zoe@example.com") && !names.contains("zack@example.com"), "{names:?}");
    assert_eq!(office.last_run()["trigger"], "apply");
    let (code, told) = office.ctl(&["apply", "review", "--wait"]);
    assert!(code == 0 && told.contains("create user zoe@example.com"), "it is stale now: {told}");
    assert_eq!(office.ctl(&["plan", "acme"]).0, 4, "zack waits for the next sync");
    assert_eq!(office.ctl(&["apply", "nothing"]).0, 1);
    let (code, plans) = office.site.ctl_json(&["plans"]);
    assert_eq!((code, &plans["plans"][0]["id"]), (0, &json!("review")));
}

#[test]
fn a_change_of_the_file_is_named_as_the_cause() {
    let office = Office::in_sync(KEYS);
    office.lets_go(0..1);
    office.site.rewrite(
        &office.daemon,
        "acme",
        &format!("{KEYS}\nscope: {{ users: {{ exclude: [\"p0*\", \"p10*\"] }} }}"),
    );
    let (code, told) = office.ctl(&["plan", "acme"]);
    assert_eq!(code, 5, "{told}");
    assert!(told.contains("10 of 11 come from the change of connectors.d/acme.yaml, 1 from Okta"), "{told}");
    let (code, told) = office.ctl(&["sync", "acme", "--wait"]);
    assert!(code == 5 && told.contains("10 of 11 come from the change of connectors.d/acme.yaml"), "{told}");
}

#[test]
fn where_nothing_is_written_nothing_is_approved_or_undone() {
    let office = Office::in_sync(KEYS);
    let run = office.last_run()["run"].to_string();
    office.lets_go(0..8);
    office.site.rewrite(&office.daemon, "acme", &format!("{KEYS}\napply: off"));
    assert_eq!(office.ctl(&["sync", "acme", "--wait"]).0, 5);
    let hold = office.site.ctl_json(&["holds"]).1["holds"][0]["id"].to_string();
    for refused in [vec!["approve", &hold], vec!["undo", &run, "--yes"]] {
        let (code, told) = office.ctl(&refused);
        assert!(code == 1 && told.contains("apply: off"), "{refused:?}: {told}");
    }
    assert_eq!(office.daemon.names(false).len(), 0);
}
