//! What goes wrong between the daemon and a product, and that nothing comes of it.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use sandbox::okta::Status;
use sandbox::product::{Fault, FaultKind, Reply};

use super::backend::{Account, House, Kind};
use crate::harness::Daemon;
use crate::people::person;

/// An org with some people and groups; [`Office::stir`] changes a bit of everything.
struct Office {
    house: House,
    people: Vec<String>,
    staff: String,
    old: String,
}

type Contents = (BTreeMap<String, Account>, BTreeMap<String, std::collections::BTreeSet<String>>);

impl Office {
    fn new(kind: Kind) -> Self {
        let house = House::new(kind);
        let org = house.site.okta.org();
        let people: Vec<String> =
            ["anna", "ben", "carl", "dora"].map(|name| org.add_user(person(name))).into();
        let staff = house.site.add_group("staff", &people[..2].iter().collect::<Vec<_>>());
        let old = house.site.add_group("old", &[&people[2], &people[3]]);
        Self { house, people, staff, old }
    }

    fn start(&self) -> Daemon {
        let users = if self.house.kind.can().disable { "disable" } else { "keep" };
        self.house.start(&format!("leavers: {{ users: {users}, memberships: remove, groups: delete }}\n"))
    }

    /// Somebody comes, somebody changes or gets another name, somebody leaves, members change, a group comes and another goes.
    fn stir(&self) {
        let org = self.house.site.okta.org();
        let [anna, ben, carl, dora] = &self.people[..] else { panic!() };
        org.update_profile(anna, "email", "anna.new@example.com");
        org.set_status(ben, Status::Suspended);
        let eve = org.add_user(person("eve"));
        org.set_members(&self.staff, &[anna, carl, &eve]);
        self.house.site.add_group("fresh", &[dora, &eve]);
        org.update_profile(dora, "login", "dorothy@example.com");
        org.delete_group(&self.old);
    }

    fn contents(&self, daemon: &Daemon) -> Contents {
        (self.house.accounts(daemon), self.house.groups(daemon))
    }
}

/// What the target holds after the first sync and after the second, where nothing goes wrong.
fn undisturbed(kind: Kind) -> [Contents; 2] {
    let office = Office::new(kind);
    let daemon = office.start();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    let first = office.contents(&daemon);
    office.stir();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    [first, office.contents(&daemon)]
}

/// Lets each kind of request fail once in each of two syncs: they succeed all the same, and the target holds what it would.
fn disturbed(kind: Kind, faults: &[FaultKind]) {
    let expected = undisturbed(kind);
    for fault in faults {
        let office = Office::new(kind);
        let daemon = office.start();
        for (round, expected) in expected.iter().enumerate() {
            if round == 1 {
                office.stir();
            }
            let operations = kind.writes();
            let met: Vec<_> = operations
                .iter()
                .map(|operation| {
                    (operation, office.house.fault(Fault::on(operation, fault.clone()).times(1)))
                })
                .collect();
            let report = daemon.sync("acme");
            assert_eq!(report["outcome"], "success", "{fault:?}: {report:#}");
            if round == 1 {
                for (operation, id) in met {
                    assert!(office.house.met(id) > 0, "{operation} was never asked for");
                }
            }
            office.house.clear_faults();
            assert_eq!(office.contents(&daemon), *expected, "{fault:?} in round {round}");
        }
    }
}

pub(super) fn every_request_may_fail_once(kind: Kind) {
    disturbed(
        kind,
        &[FaultKind::TooManyRequests(Some("0".to_owned())), FaultKind::Status(500), FaultKind::Reset],
    );
}

pub(super) fn every_answer_may_be_lost(kind: Kind) {
    disturbed(kind, &[FaultKind::LostAnswer, FaultKind::StatusAfterwards(502)]);
}

pub(super) fn the_daemon_may_die_at_any_request(kind: Kind) {
    let expected = undisturbed(kind);
    for operation in kind.writes() {
        // The request is carried out, and nobody hears of it.
        let office = Office::new(kind);
        let mut daemon = office.start();
        for (round, expected) in expected.iter().enumerate() {
            if round == 1 {
                office.stir();
            }
            let deadly = office.house.fault(Fault::on(operation, FaultKind::Stall).times(1));
            let mut running = daemon.begin_sync("acme");
            running.until("started");
            let began = std::time::Instant::now();
            let mut died = true;
            while office.house.met(deadly) == 0 {
                if daemon.get("/v1/runs?connector=acme&limit=1")["runs"][0]["outcome"].is_string()
                    && daemon.get("/v1/connectors/acme")["state"] != "running"
                {
                    died = false;
                    break;
                }
                assert!(began.elapsed().as_secs() < 60, "{operation}");
                std::thread::yield_now();
            }
            drop(running);
            if died {
                daemon.signal(Signal::SIGKILL);
                daemon.ended();
                office.house.clear_faults();
                daemon = office.house.site.start();
                let report = daemon.sync("acme");
                assert_eq!(report["outcome"], "success", "{operation}: {report:#}");
            } else {
                assert_eq!(round, 0, "{operation} was never asked for");
                office.house.clear_faults();
            }
            assert_eq!(office.contents(&daemon), *expected, "{operation} in round {round}");
            let changes = office.house.changes();
            daemon.sync("acme");
            assert_eq!(office.house.changes(), changes, "{operation}: nothing is left to do");
        }
    }
}

/// An account that goes for good goes once, whatever becomes of the answer.
pub(super) fn a_deletion_may_fail_once_and_the_daemon_die_at_it(kind: Kind) {
    if !kind.can().delete_users {
        return;
    }
    let faults = [
        FaultKind::TooManyRequests(Some("0".to_owned())),
        FaultKind::Status(500),
        FaultKind::Reset,
        FaultKind::LostAnswer,
        FaultKind::StatusAfterwards(502),
        FaultKind::Stall,
    ];
    for fault in faults {
        let office = Office::new(kind);
        let mut daemon = office.house.start("leavers: { users: delete, memberships: remove }\n");
        assert_eq!(daemon.sync("acme")["outcome"], "success");
        office.house.site.okta.org().set_status(&office.people[1], Status::Deprovisioned);
        let id = office.house.fault(Fault::on("delete user", fault.clone()).times(1));
        if matches!(fault, FaultKind::Stall) {
            let running = daemon.begin_sync("acme");
            while office.house.met(id) == 0 {
                std::thread::yield_now();
            }
            daemon.signal(Signal::SIGKILL);
            daemon.ended();
            drop(running);
            daemon = office.house.site.start();
        }
        let report = daemon.sync("acme");
        assert_eq!(office.house.met(id), 1, "{fault:?}");
        assert_eq!((&report["outcome"], &report["findings"]), (&"success".into(), &serde_json::json!([])));
        assert!(!house_has(&office, &daemon, "ben@example.com"), "{fault:?}");
        let changes = office.house.changes();
        daemon.sync("acme");
        assert_eq!(office.house.changes(), changes, "{fault:?}: nothing is left to do");
    }
}

pub(super) fn refusals_are_told_in_words(kind: Kind) {
    let office = Office::new(kind);
    let daemon = office.start();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    let before = office.contents(&daemon);
    office.stir();
    for (fault, words) in [
        (FaultKind::Status(401), "refused what is in the file"),
        (FaultKind::Maintenance, "Down for maintenance"),
        (FaultKind::Status(403), "403"),
    ] {
        let id = office.house.fault(Fault::on_any(fault.clone()));
        let report = daemon.sync("acme");
        assert!(office.house.met(id) > 0);
        office.house.clear_faults();
        assert_eq!(report["outcome"], "failed", "{fault:?}: {report:#}");
        let error = report["error"].as_str().unwrap();
        assert!(error.contains(words) && error.contains("nothing was changed"), "{error}");
        assert_eq!(office.contents(&daemon), before);
    }
    assert_eq!(daemon.sync("acme")["outcome"], "success", "and afterwards all is well");
}

pub(super) fn a_run_that_cannot_write_says_why_and_the_next_one_goes_on(kind: Kind) {
    let expected = undisturbed(kind);
    for (fault, words) in [
        (FaultKind::Status(401), "refused what is in the file"),
        (FaultKind::Maintenance, "Down for maintenance"),
    ] {
        let office = Office::new(kind);
        let daemon = office.start();
        let id = office.house.fault(Fault::on("create user", fault.clone()));
        let report = daemon.sync("acme");
        assert!(office.house.met(id) > 0);
        office.house.clear_faults();
        // With the credentials refused nothing could be applied at all.
        assert!(
            ["partial", "failed"].contains(&report["outcome"].as_str().unwrap()),
            "{fault:?}: {report:#}"
        );
        let run = daemon.get(&format!("/v1/runs/{}", report["run"]));
        let errors: Vec<&str> = run["operations"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|operation| operation["error"].as_str())
            .chain(report["error"].as_str())
            .collect();
        assert!(errors.iter().any(|error| error.contains(words)), "{errors:#?}");
        assert!(office.house.accounts(&daemon).is_empty(), "{fault:?}: nobody was created");
        assert_eq!(daemon.sync("acme")["outcome"], "success");
        assert_eq!(office.contents(&daemon), expected[0], "{fault:?}");
    }
}

pub(super) fn no_seat_is_free(kind: Kind) {
    for status in [402, 403] {
        no_seat_is_free_as(kind, status);
    }
}

fn no_seat_is_free_as(kind: Kind, status: u16) {
    let office = Office::new(kind);
    let daemon = office.start();
    let refusal = Reply::json(status, &serde_json::json!({ "detail": "The license limit is reached" }))
        .header("x-embedded-crowd-version", "Crowd/6.0.0");
    let fault = match status {
        402 => FaultKind::Status(402),
        _ => FaultKind::Answer(refusal),
    };
    let fault = office.house.fault(Fault::on("create user", fault).matching("anna@"));
    let report = daemon.sync("acme");
    assert_eq!(office.house.met(fault), 1);
    assert_eq!(report["outcome"], "partial", "{report:#}");
    assert_eq!(report["counts"]["users"]["failed"], 1, "{report:#}");
    let run = daemon.get(&format!("/v1/runs/{}", report["run"]));
    let failed: Vec<_> = run["operations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|operation| operation["result"] == "failed")
        .collect();
    let error = failed[0]["error"].as_str().unwrap();
    assert!(error.contains("user anna@example.com was not created"), "{error}");
    assert!(error.contains("No seat of the licence is free"), "{error}");
    assert!(house_has(&office, &daemon, "ben@example.com"), "the others were created");
    office.house.clear_faults();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    assert!(house_has(&office, &daemon, "anna@example.com"));
}

fn house_has(office: &Office, daemon: &Daemon, name: &str) -> bool {
    office.house.accounts(daemon).contains_key(name)
}
