//! The state directory is lost, and the ledger comes back from what the target keeps (RULES 4).

use std::collections::BTreeSet;

use sandbox::okta::Status;

use super::backend::{House, Kind};
use crate::harness::Daemon;
use crate::people::person;
use nix::sys::signal::Signal;

/// Stops the daemon and starts another that remembers nothing.
fn lose_the_state(house: &House, mut daemon: Daemon) -> Daemon {
    daemon.signal(Signal::SIGTERM);
    daemon.ended();
    let state = house.site.path("state");
    let files = std::fs::read_dir(&state).unwrap().map(|file| file.unwrap().path());
    // The built-in directory is the target, not the state.
    let of_state =
        |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("state.db");
    let lost: Vec<_> = files.filter(of_state).collect();
    assert!(!lost.is_empty());
    lost.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    house.site.start()
}

pub(super) fn a_lost_ledger_comes_back(kind: Kind) {
    let house = House::new(kind);
    let (org, can) = (house.site.okta.org(), kind.can());
    let [anna, ben, carl] = ["anna", "ben", "carl"].map(|name| org.add_user(person(name)));
    let staff = house.site.add_group("staff", &[&anna, &ben, &carl]);
    house.site.add_group("board", &[&carl]);
    let leavers = if can.disable { "" } else { "leavers: { users: keep, memberships: remove }\n" };
    let daemon = house.start(&format!("{leavers}limits: {{ floor: 1 }}\n"));
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    let daemon = lose_the_state(&house, daemon);
    org.set_status(&carl, Status::Deprovisioned);
    let changes = house.changes();
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "failed", "{report:#}");
    assert!(report["error"].as_str().unwrap().contains("usersyncd ctl relink acme"), "{report:#}");

    // It is shown first.
    let (code, said, messages) = house.site.ctl(&["relink", "acme"]);
    assert_eq!(code, 4, "{said}{messages}");
    assert!(said.contains("nothing was changed"), "{said}");
    let (by_id, by_name) = match (can.keeps_user_ids, can.keeps_group_ids) {
        (true, true) => ("linked at once: 3 users and 2 groups\n", None),
        (true, false) => ("linked at once: 3 users\n", Some("for your approval: 2 groups\n")),
        // Who left is known to nobody any more.
        (false, _) => ("", Some("for your approval: 2 users and 2 groups\n")),
    };
    assert!(said.contains(by_id) && by_name.is_none_or(|by_name| said.contains(by_name)), "{said}");
    assert_eq!(
        said.contains("which the next sync treats as left, within the limits: 1 user"),
        can.keeps_user_ids,
        "{said}"
    );

    // Done, and what only a name says is held.
    let (code, said, messages) = house.site.ctl(&["relink", "acme", "--yes"]);
    assert_eq!(code, 0, "{said}{messages}");
    assert_eq!(house.changes(), changes, "the target is not written to");
    let report = daemon.sync("acme");
    if by_name.is_some() {
        assert_eq!(report["outcome"], "held", "{report:#}");
        let hold = report["holds"][0]["id"].to_string();
        let (code, said, messages) = house.site.ctl(&["approve", &hold, "--wait"]);
        assert_eq!(code, 0, "{said}{messages}");
        let report = daemon.sync("acme");
        assert_eq!(report["outcome"], "success", "{report:#}");
    } else {
        assert_eq!(report["outcome"], "success", "{report:#}");
    }
    assert_eq!(house.accounts(&daemon)["carl@example.com"].active, !(can.keeps_user_ids && can.disable));

    // It is ours again.
    org.set_members(&staff, &[&anna]);
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    let members = house.groups(&daemon)["staff"].clone();
    let left: BTreeSet<&str> = members.iter().map(String::as_str).collect();
    let stranger = (!can.keeps_user_ids).then_some("carl@example.com");
    let keeps_carl = stranger.into_iter().chain(can.disable.then_some("carl@example.com"));
    assert_eq!(left, ["anna@example.com"].into_iter().chain(keeps_carl).collect());
    let changes = house.changes();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    assert_eq!(house.changes(), changes);
}
