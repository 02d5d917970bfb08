//! What a batch of cases has met.

use std::collections::BTreeMap;

use super::end::Compared;
use super::faults::KINDS;
use super::judge::{Look, Removals};

#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) cases: u64,
    /// By outcome.
    runs: BTreeMap<&'static str, u64>,
    lies: u64,
    removals: BTreeMap<&'static str, u64>,
    holds: BTreeMap<&'static str, u64>,
    unproven: u64,
    left_out: u64,
    compared: Compared,
    /// How often faults of each kind were met.
    pub(crate) faults: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn count_run(&mut self, look: &Look<'_>, removals: &Removals) {
        *self.runs.entry(look.ran.outcome).or_default() += 1;
        self.lies += u64::from(look.lie);
        for (kind, count) in &removals.kinds {
            *self.removals.entry(kind).or_default() += count;
        }
        for hold in look.ran.holds.iter().filter(|hold| !hold.announced) {
            *self.holds.entry(hold.kind).or_default() += 1;
        }
        self.unproven += look.ran.unproven as u64;
        self.left_out += look.ran.left_out;
    }

    pub(crate) fn count_end(&mut self, compared: Compared) {
        self.compared.users += compared.users;
        self.compared.groups += compared.groups;
        self.compared.memberships += compared.memberships;
        self.compared.skipped += compared.skipped;
    }

    pub(crate) fn add(&mut self, other: Self) {
        fn add(all: &mut BTreeMap<&'static str, u64>, more: BTreeMap<&'static str, u64>) {
            more.into_iter().for_each(|(kind, count)| *all.entry(kind).or_default() += count);
        }
        self.cases += other.cases;
        self.lies += other.lies;
        self.unproven += other.unproven;
        self.left_out += other.left_out;
        self.count_end(other.compared);
        add(&mut self.runs, other.runs);
        add(&mut self.removals, other.removals);
        add(&mut self.holds, other.holds);
        add(&mut self.faults, other.faults);
    }

    pub(crate) fn print(&self) {
        println!(
            "{} cases, runs by outcome: {:?}, of them {} that were lied to",
            self.cases, self.runs, self.lies
        );
        println!("removals: {:?}", self.removals);
        println!("holds: {:?}", self.holds);
        println!("lists not proven: {}, removals left out for it: {}", self.unproven, self.left_out);
        println!("compared at the end: {:?}", self.compared);
        println!("faults met: {:?}", self.faults);
    }

    /// What was never seen proves nothing.
    pub(crate) fn assert_seen(&self) {
        for kind in KINDS {
            assert!(self.faults.get(kind).is_some_and(|met| *met > 0), "no {kind} was ever met");
        }
        for kind in [
            "disabled",
            "deleted",
            "anonymized",
            "membership",
            "membership of a leaver",
            "membership of a group that left",
            "group deleted",
        ] {
            assert!(self.removals.contains_key(kind), "nothing of the kind was ever removed: {kind}");
        }
        for kind in ["leavers", "memberships", "groups"] {
            assert!(self.holds.contains_key(kind), "no {kind} were ever held");
        }
        for outcome in ["success", "held", "partial", "failed"] {
            assert!(self.runs.contains_key(outcome), "no run ever ended with {outcome}");
        }
        assert!(self.unproven > 0 && self.left_out > 0 && self.lies > 0, "nothing was ever unproven");
        let Compared { users, groups, memberships, skipped } = self.compared;
        assert!(users > 0 && groups > 0 && memberships > 0, "nothing was ever compared");
        assert!(skipped * 5 < users + groups, "too much was not compared: {:?}", self.compared);
    }
}
