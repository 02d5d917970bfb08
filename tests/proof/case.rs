//! One case: an org, a connector, a directory, and some runs with changes and faults between them.

use super::complete::is_complete;
use super::end::compare;
use super::faults::{Armed, KINDS, Planned, denies_users, is_lie, is_lie_about_users, omits_groups};
use super::judge::{Look, judge};
use super::limits::{Limit, Limits};
use super::memory::Memory;
use super::org::World;
use super::product::{Clients, Product};
use super::rules::{DAY, HOUR};
use super::serving::{Known, Serving};
use super::tally::Tally;
use super::target::Target;
use super::truth::{Truth, Wanted};

/// 2026-01-01.
const START: i64 = 1_767_225_600;
/// What lies between two runs: never exactly a grace, or 24 hours.
const PAUSES: [i64; 5] = [HOUR / 6, 2 * HOUR + HOUR / 6, 13 * HOUR, 25 * HOUR, 8 * DAY];
/// After so many runs without changes in Okta nothing is left to do.
const MOST_LAST_RUNS: usize = 8;

struct Case<'a> {
    world: World,
    product: Product,
    target: Target,
    clients: &'a Clients,
    memory: Memory,
    now: i64,
    tally: &'a mut Tally,
}

/// When what the directory holds is compared with what it should hold.
#[derive(Clone, Copy, PartialEq)]
enum Compare {
    Never,
    Always,
    IfUnchanged,
}

/// Runs the case of a seed. The error is its story.
pub(crate) async fn run(seed: u64, clients: &Clients, tally: &mut Tally) -> Result<(), String> {
    let world = World::generate(seed).await;
    let product = Product::open(world.okta.token()).await;
    let target = Target::open(&product.directory_file());
    let memory = Memory::default();
    tally.cases += 1;
    let mut case = Case { world, product, target, clients, memory, now: START, tally };
    let outcome = case.play(seed).await;
    outcome.map_err(|why| case.story(seed, &why))
}

impl Case<'_> {
    async fn play(&mut self, seed: u64) -> Result<(), String> {
        self.others_were_here();
        self.world.tell("— the first run".to_owned());
        self.sync(&[], Compare::Always).await?;
        self.others_come();
        let runs = self.world.rng.usize(1..=3);
        for number in 0..runs {
            let pause = *self.world.rng.choice(&PAUSES).unwrap();
            self.now += pause;
            self.world.tell(format!("— run {} after {} h", number + 2, pause / HOUR));
            self.world.change_org();
            let faults = self.plan_faults(seed, number);
            self.sync(&faults, Compare::Never).await?;
        }
        self.now += 9 * DAY;
        self.world.tell("— without a fault, after 216 h".to_owned());
        self.sync(&[], Compare::Never).await?;
        self.world.rules.limits = OFF;
        // A name that somebody else held is free only after the run that freed it.
        for _ in 0..MOST_LAST_RUNS {
            self.now += 9 * DAY;
            self.world.tell("— without limits, after 216 h".to_owned());
            if !self.sync(&[], Compare::IfUnchanged).await? {
                return Ok(());
            }
        }
        Err(format!(
            "after {MOST_LAST_RUNS} runs without changes in Okta the directory is still being changed"
        ))
    }

    /// What is in the directory before the connector is.
    fn others_were_here(&mut self) {
        let (rng, rules) = (&mut self.world.rng, &self.world.rules);
        let wanted = Wanted::of(&Truth::of(&self.world.org, rules.asked.app.as_deref()), rules);
        let local = self.target.add_user("local.admin");
        let group = self.target.add_group("Local");
        self.target.add_member(group, local);
        let names: Vec<&String> = wanted.users.values().collect();
        if let Some(name) = rng.choice(names).filter(|_| rules.limits.floor > 0 && rng.u8(..3) == 0) {
            self.target.add_user(name);
        }
        let names: Vec<&String> = wanted.groups.keys().collect();
        if let Some(name) = rng.choice(names).filter(|_| rng.u8(..4) == 0) {
            let group = self.target.add_group(name);
            self.target.add_member(group, local);
        }
        if let Some(name) = rules.always.first().filter(|_| rng.bool()) {
            let group = self.target.add_group(name);
            self.target.add_member(group, local);
        }
    }

    /// Others put members into groups, and somebody edits the connector file.
    fn others_come(&mut self) {
        let content = self.target.read();
        let rng = &mut self.world.rng;
        let accounts: Vec<i64> = content.ours().map(|(id, ..)| id).collect();
        let groups: Vec<i64> =
            content.groups.iter().filter(|(_, group)| group.is_synced()).map(|(id, _)| *id).collect();
        let local = content.users.iter().find(|(_, user)| user.source.is_none()).map(|(id, _)| *id);
        let local_group = content.groups.iter().find(|(_, group)| group.name == "Local").map(|(id, _)| *id);
        let mut told = Vec::new();
        if let (Some(group), Some(user), true) = (rng.choice(&groups), local, rng.bool()) {
            self.target.add_member(*group, user);
            told.push(format!("others put account {user} into group {group}"));
        }
        if let (Some(group), Some(user), true) = (local_group, rng.choice(&accounts), rng.bool()) {
            self.target.add_member(group, *user);
            told.push(format!("others put account {user} into group {group}"));
        }
        told.into_iter().for_each(|line| self.world.tell(line));
        let names: Vec<String> = content.ours().map(|(_, account, _)| account.username.clone()).collect();
        let group_names: Vec<String> = groups.iter().map(|id| content.groups[id].name.clone()).collect();
        self.world.change_rules(&names, &group_names);
    }

    /// Up to three faults. The first of a case's first changed run goes through all kinds in turn.
    fn plan_faults(&mut self, seed: u64, run: usize) -> Vec<Planned> {
        let truth = self.world.truth();
        let World { rng, rules, .. } = &mut self.world;
        let turn = usize::try_from(seed).unwrap_or_default() + run * 17;
        let count = rng.usize(0..=3);
        let kinds = std::iter::once(KINDS[turn % KINDS.len()]).chain(std::iter::repeat_with(|| {
            KINDS[fastrand::Rng::with_seed(rng.u64(..)).usize(..KINDS.len())]
        }));
        let kinds: Vec<&'static str> = kinds.take(count).collect();
        kinds.into_iter().map(|kind| Planned::random(rng, kind, rules, &truth)).collect()
    }

    /// One run, judged; with what should be there compared at the end. True if it changed the directory.
    async fn sync(&mut self, faults: &[Planned], compares: Compare) -> Result<bool, String> {
        let world = &mut self.world;
        for fault in faults {
            world.story.push(format!("fault: {}: {}", fault.kind, fault.fault));
        }
        let armed: Vec<Armed> = faults
            .iter()
            .map(|fault| Armed { kind: fault.kind, id: world.okta.fault(fault.fault.clone()) })
            .collect();
        let truth = world.truth();
        let wanted = Wanted::of(&truth, &world.rules);
        let token = self.product.token_file();
        let yaml = world.rules.yaml(world.okta.url(), &token);
        let before = self.target.read();
        let impatient = faults.iter().any(|fault| fault.kind == "stall");
        let ran = self.product.sync(&yaml, self.clients, impatient, self.now).await;
        let after = self.target.read();
        world.okta.clear_faults();
        world.story.push(format!("ended: {}", ran.text));
        let mut met_faults = Vec::new();
        for (fault, planned) in armed.into_iter().zip(faults) {
            let met = world.okta.met(fault.id);
            world.story.push(format!("met: {} {met} times", fault.kind));
            *self.tally.faults.entry(fault.kind).or_default() += met;
            met_faults.extend((met > 0).then(|| planned.clone()));
        }
        let look = Look {
            rules: &world.rules,
            wanted: &wanted,
            before: &before,
            after: &after,
            ran: &ran,
            now: self.now,
            faults: met_faults.len(),
            lie: is_lie(&met_faults, &world.rules, world.counts_members),
            lie_about_users: is_lie_about_users(&met_faults, &world.rules),
            denied: denies_users(&met_faults),
            groups_omitted: omits_groups(&met_faults),
        };
        let told =
            |why: String| format!("{why}\n  before:\n{}  after:\n{}", before.describe(), after.describe());
        self.memory.notice(&look);
        let serving = Serving::of(&Known {
            before: &before,
            after: &after,
            wanted: &wanted,
            rules: &world.rules,
            links: &self.memory.links,
            maybe: &self.memory.maybe,
            groups_omitted: look.groups_omitted,
        });
        let removals = judge(&look, &self.memory, &serving).map_err(told)?;
        self.tally.count_run(&look, &removals);
        if look.is_clean() {
            is_complete(&look, &self.memory, &serving, &removals).map_err(told)?;
        }
        if compares == Compare::Always || (compares == Compare::IfUnchanged && before == after) {
            self.tally.count_end(compare(&look, &serving).map_err(told)?);
        }
        self.memory.learn(&look, &serving, &removals);
        Ok(before != after)
    }

    fn story(&self, seed: u64, why: &str) -> String {
        let truth = self.world.truth();
        let mut text = format!("seed {seed}: {why}\n  the true org now:\n");
        for (id, user) in &truth.users {
            text += &format!("    user {id} {} {} {}\n", user.login, user.status, user.department);
        }
        for (id, group) in &truth.groups {
            let members: Vec<&str> = group.members.iter().map(String::as_str).collect();
            let members = if group.everyone { "everyone".to_owned() } else { members.join(" ") };
            text += &format!("    group {id} {:?}: {members}\n", group.name);
        }
        text += &format!("  the file now:\n{}", self.world.rules.yaml("URL", "TOKEN"));
        text += &format!("  Okta counts members: {}\n  what happened:\n", self.world.counts_members);
        self.world.story.iter().for_each(|line| text += &format!("  {line}\n"));
        text + &format!(
            "To run it alone: USERSYNCD_PROOF_SEED={seed} cargo test --test proof -- --nocapture\n"
        )
    }
}

const OFF: Limits = Limits { leavers: Limit::Off, memberships: Limit::Off, groups: Limit::Off, floor: 10 };
