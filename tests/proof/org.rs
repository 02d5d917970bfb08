//! A generated org in a stand-in.

use fastrand::Rng;
use sandbox::okta::{LinkStyle, NewUser, Okta, Options, Org, PageSizes, Status};

use super::rules::{DEPARTMENTS, PREFIXES, Rules, WORDS};
use super::truth::Truth;

const NAMES: [&str; 8] = ["ann", "bob", "cleo", "dan", "eve", "finn", "gus", "hal"];

/// A stand-in, its org, and the rules of the one connector that reads it.
pub(crate) struct World {
    pub(crate) okta: Okta,
    pub(crate) org: Org,
    pub(crate) rng: Rng,
    pub(crate) rules: Rules,
    /// Whether Okta counts the members of groups.
    pub(crate) counts_members: bool,
    /// What happened, line by line.
    pub(crate) story: Vec<String>,
    users_made: u32,
}

impl World {
    pub(crate) async fn generate(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let options = options(&mut rng, seed);
        let counts_members = options.stats;
        let rules = Rules::generate(&mut rng);
        let okta = Okta::start(options).await.unwrap();
        let org = okta.org();
        let mut world = Self { okta, org, rng, rules, counts_members, story: Vec::new(), users_made: 0 };
        let most = *world.rng.choice(&[10, 40, 40]).unwrap();
        for _ in 0..world.rng.usize(5..=most) {
            world.add_user();
        }
        for _ in 0..world.rng.usize(2..=12) {
            world.add_group();
        }
        if world.rng.u8(..4) == 0 {
            world.add_app();
        }
        world.require_groups();
        world
    }

    pub(crate) fn truth(&self) -> Truth {
        Truth::of(&self.org, self.rules.asked.app.as_deref())
    }

    pub(crate) fn tell(&mut self, line: String) {
        self.story.push(line);
    }

    /// A new user, in no group.
    pub(crate) fn add_user(&mut self) -> String {
        self.users_made += 1;
        let (number, name) = (self.users_made, NAMES[self.rng.usize(..NAMES.len())]);
        let login = match self.rng.u8(..8) {
            0 => format!("svc-{number}@example.com"),
            1 => format!("U{number}.{name}@Contractor.Example.com"),
            2 => format!("x{number}.{name}@example.org"),
            _ => format!("u{number}.{name}@example.com"),
        };
        let others: Vec<String> = self.truth_of_emails();
        let shared = self.rules.by_email && self.rng.u8(..15) == 0;
        let email = self.rng.choice(others).filter(|_| shared).unwrap_or_else(|| login.clone());
        let status = match self.rng.u8(..4) {
            0 => *self.rng.choice(&Status::ALL).unwrap(),
            _ => Status::Active,
        };
        let department = *self.rng.choice(&DEPARTMENTS).unwrap();
        let user = NewUser::new(&login).email(&email).status(status).attribute("department", department);
        self.org.add_user(user)
    }

    fn truth_of_emails(&self) -> Vec<String> {
        if !self.rules.by_email {
            return Vec::new();
        }
        self.truth().users.into_values().map(|user| user.email).collect()
    }

    /// A name for a group, now and then one that exists.
    pub(crate) fn group_name(&mut self) -> String {
        let (prefix, word) = (self.rng.choice(PREFIXES).unwrap(), self.rng.choice(WORDS).unwrap());
        format!("{prefix}{word}")
    }

    /// A new group with some members.
    pub(crate) fn add_group(&mut self) -> String {
        let name = self.group_name();
        let id = self.org.add_group(&name);
        let members = self.some_users();
        self.org.set_members(&id, &members);
        id
    }

    /// Users who may be put into a group: none, few, or many.
    pub(crate) fn some_users(&mut self) -> Vec<String> {
        let truth = self.truth();
        let share = *self.rng.choice(&[0, 0, 10, 20, 40, 80]).unwrap();
        let alive = truth.users.iter().filter(|(_, user)| user.status != Status::Deprovisioned);
        alive.filter(|_| self.rng.u8(..100) < share).map(|(id, _)| id.clone()).collect()
    }

    fn add_app(&mut self) {
        let app = self.org.add_app("Jira");
        let truth = self.truth();
        for id in truth.groups.keys().filter(|_| self.rng.bool()) {
            self.org.assign_group(&app, id);
        }
        let alive = truth.users.iter().filter(|(_, user)| user.status != Status::Deprovisioned);
        for (id, _) in alive.filter(|_| self.rng.u8(..3) == 0) {
            self.org.assign_user(&app, id);
        }
        self.rules.asked.app = Some(app);
    }

    /// Requires one or two of the groups, whether they are synced or not.
    fn require_groups(&mut self) {
        if self.rng.u8(..4) != 0 {
            return;
        }
        let truth = self.truth();
        let crowded = truth.groups.values().filter(|group| group.members.len() > 3);
        let names: Vec<String> = crowded.map(|group| self.rules.renamed(&group.name).0).collect();
        for _ in 0..self.rng.usize(1..=2) {
            self.rules.required.extend(self.rng.choice(&names).cloned());
        }
        self.rules.required.sort();
        self.rules.required.dedup();
    }
}

fn options(rng: &mut Rng, seed: u64) -> Options {
    let mut size = |most: usize| if rng.u8(..3) == 0 { 200 } else { rng.usize(2..=most) };
    let (users, groups, members) = (size(12), size(6), size(8));
    let pages = PageSizes { users, groups, members, app_users: users, ..PageSizes::default() };
    Options {
        seed,
        pages,
        everyone: rng.u8(..6) != 0,
        stats: rng.u8(..6) != 0,
        keep_deprovisioned_members: rng.u8(..5) == 0,
        gzip: rng.u8(..5) == 0,
        links: if rng.u8(..5) == 0 { LinkStyle::Folded } else { LinkStyle::TwoLines },
        ..Options::empty()
    }
}
