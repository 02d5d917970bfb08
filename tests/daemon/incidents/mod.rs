//! What went wrong elsewhere, made to happen here: each incident is a test of its own, named after it, and says in one
//! line what happened to whom. Before it, a small company is in sync; while it lasts, nobody loses anything that a correct
//! read would not take away, and all else goes on; after it, the next run sets everything right.

mod narrowed_token;
mod one_page;
mod thresholds;
mod thresholds_approve;
mod unfinished_lists;
mod unfinished_reads;
mod wrong_filters;
mod wrong_settings;

use std::collections::{BTreeMap, BTreeSet};

use sandbox::okta::{Fault, FaultId, Options, Org, PageSizes, Status};
use serde_json::Value;

use crate::harness::{Daemon, Site};
use crate::people::person;

/// Everybody at the company, in the order in which Okta lists them.
const PEOPLE: [&str; 24] = [
    "anna", "ben", "carl", "dora", "eve", "frank", "gina", "hugo", "ida", "jan", "kim", "lena", "max",
    "nora", "otto", "paul", "rita", "sam", "tina", "uwe", "vera", "will", "xenia", "yves",
];

/// The groups, in the order in which Okta lists them, each with the people between two places.
const GROUPS: [(&str, usize, usize); 10] = [
    ("staff", 0, 24),
    ("engineering", 0, 12),
    ("sales", 12, 20),
    ("board", 20, 24),
    ("team-1", 0, 2),
    ("team-2", 2, 4),
    ("team-3", 4, 6),
    ("team-4", 6, 8),
    ("team-5", 8, 10),
    ("team-6", 10, 12),
];

/// What an account has: whether it can sign in, and its groups.
type Belongings = BTreeMap<String, (bool, BTreeSet<String>)>;

/// A small company, its Okta org, and a daemon that serves it.
struct Company {
    site: Site,
    daemon: Daemon,
}

impl Company {
    /// In sync, by a connector file with these keys.
    fn in_sync(keys: &str) -> Self {
        let company = Self::before_first_sync(keys);
        let (code, report) = company.sync();
        assert_eq!(code, 0, "{report:#}");
        assert_eq!(company.active(), company.truth());
        company
    }

    /// Not synced yet; the directory is empty.
    fn before_first_sync(keys: &str) -> Self {
        // Every list takes several pages; a rate-limit window is over in a second.
        let pages = PageSizes { users: 10, groups: 4, members: 10, ..PageSizes::default() };
        let window = std::time::Duration::from_secs(1);
        let site = Site::with_org(Options { pages, window, ..Options::empty() });
        let people = site.add(PEOPLE);
        for (name, from, to) in GROUPS {
            site.add_group(name, &people[from..to].iter().collect::<Vec<_>>());
        }
        site.write("acme", &site.connector(keys));
        let daemon = site.start();
        Self { site, daemon }
    }

    fn org(&self) -> Org {
        self.site.okta.org()
    }

    /// Okta's id of somebody.
    fn user(&self, name: &str) -> String {
        self.org().user_id_by_login(&mail(name)).unwrap()
    }

    /// Okta's id of a group.
    fn group(&self, name: &str) -> String {
        self.org().group_id_by_name(name).unwrap()
    }

    /// Somebody new comes to Okta, and into these groups there.
    fn hires(&self, name: &str, groups: &[&str]) {
        let user = self.org().add_user(person(name));
        groups.iter().for_each(|group| self.org().add_member(&self.group(group), &user));
    }

    /// These people are deactivated in Okta.
    fn lets_go(&self, names: &[&str]) {
        names.iter().for_each(|name| self.org().set_status(&self.user(name), Status::Deprovisioned));
    }

    /// Switches a fault on.
    fn fault(&self, fault: Fault) -> FaultId {
        self.site.okta.fault(fault)
    }

    /// How often a fault was met.
    fn met(&self, fault: FaultId) -> u64 {
        self.site.okta.met(fault)
    }

    /// The keys of the connector file are now these.
    fn edits(&self, keys: &str) {
        self.site.rewrite(&self.daemon, "acme", keys);
    }

    /// `ctl sync --wait`: exit code and report.
    fn sync(&self) -> (i32, Value) {
        self.site.ctl_json(&["sync", "acme", "--wait"])
    }

    /// Everybody in the directory, as `ctl directory users` tells it.
    fn directory(&self) -> Belongings {
        let (code, users) = self.site.ctl_json(&["directory", "users"]);
        assert_eq!(code, 0, "{users}");
        let groups = |user: &Value| {
            let groups = user["groups"].as_array().unwrap().iter();
            groups.map(|group| group.as_str().unwrap().to_owned()).collect()
        };
        let users = users["users"].as_array().unwrap().iter();
        users
            .map(|user| {
                (user["username"].as_str().unwrap().to_owned(), (user["active"] == true, groups(user)))
            })
            .collect()
    }

    /// Those in the directory who can sign in.
    fn active(&self) -> Belongings {
        self.directory().into_iter().filter(|(_, (active, _))| *active).collect()
    }

    /// What a correct read of Okta gives to everybody who works there.
    fn truth(&self) -> Belongings {
        let org = self.org();
        let working = org.users().into_iter().filter(|user| user.status == Status::Active);
        let mut truth: BTreeMap<String, _> =
            working.map(|user| (user.id, (user.login, (true, BTreeSet::new())))).collect();
        for group in org.groups().into_iter().filter(|group| group.kind != "BUILT_IN") {
            for member in org.members(&group.id) {
                if let Some((_, (_, groups))) = truth.get_mut(&member) {
                    groups.insert(group.name.clone());
                }
            }
        }
        truth.into_values().collect()
    }

    /// A sync in the middle of the incident: nobody loses anything, the run ends with this code, and the report says these
    /// words. Returns the report.
    #[track_caller]
    fn loses_nothing(&self, code: i32, words: &[&str]) -> Value {
        let (before, groups) = (self.directory(), self.daemon.groups());
        let (ended, report) = self.sync();
        assert_eq!(lost(&before, &self.directory()), [""; 0], "{report:#}");
        let kept = self.daemon.groups();
        assert!(groups.keys().all(|group| kept.contains_key(group)), "a group is gone: {kept:?}\n{report:#}");
        assert_eq!(ended, code, "{report:#}");
        let said = said(&report);
        for words in words {
            assert!(said.contains(words), "{words:?} is not said:\n{said}\n{report:#}");
        }
        report
    }

    /// The incident is over: the next run succeeds, and everybody has what Okta says.
    #[track_caller]
    fn recovers(&self) {
        self.site.okta.clear_faults();
        let (code, report) = self.sync();
        assert_eq!(code, 0, "{report:#}");
        assert_eq!(self.active(), self.truth(), "{report:#}");
    }

    /// True if this person has come, with these groups.
    fn has(&self, name: &str, groups: &[&str]) -> bool {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        self.directory().get(&mail(name)) == Some(&(true, groups))
    }
}

/// The login of somebody, and the name in the directory.
fn mail(name: &str) -> String {
    format!("{name}@example.com")
}

/// What somebody had before and has no more.
fn lost(before: &Belongings, after: &Belongings) -> Vec<String> {
    let mut lost = Vec::new();
    for (name, (active, groups)) in before {
        let Some((still_active, kept)) = after.get(name) else {
            lost.push(format!("{name} is gone"));
            continue;
        };
        lost.extend((*active && !still_active).then(|| format!("{name} is disabled")));
        lost.extend(groups.difference(kept).map(|group| format!("{name} is not in {group}")));
    }
    lost
}

/// All reasons that a report gives, one a line.
fn said(report: &Value) -> String {
    let texts = |list: &str, key: &str| -> Vec<String> {
        let list = report[list].as_array().unwrap().iter();
        list.map(|one| {
            format!("{}: {}", one["list"].as_str().unwrap_or_default(), one[key].as_str().unwrap())
        })
        .collect()
    };
    let error = report["error"].as_str().unwrap_or_default().to_owned();
    let parts =
        [vec![error], texts("not_proven", "reason"), texts("holds", "reason"), texts("findings", "message")];
    parts.concat().join("\n")
}

/// Kind, group and number of everything that a report holds.
fn held(report: &Value) -> Vec<(&str, &str, u64)> {
    let holds = report["holds"].as_array().unwrap().iter();
    holds
        .map(|hold| {
            let group = hold["group"].as_str().unwrap_or_default();
            (hold["kind"].as_str().unwrap(), group, hold["count"].as_u64().unwrap())
        })
        .collect()
}
