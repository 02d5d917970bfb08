//! Small orgs whose people have names, and what becomes of them in the directory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::UNIX_EPOCH;

use sandbox::okta::{NewUser, Options};
use serde_json::Value;

use crate::harness::{Daemon, Site};

/// The longest time ago that tests speak of: September 2020, in seconds since the Unix epoch.
pub(crate) const LONG_AGO: i64 = 1_600_000_000;

/// A user as the tests name it.
pub(crate) fn person(name: &str) -> NewUser {
    NewUser::new(&format!("{name}@example.com"))
}

/// The names of what a JSON list holds under a key, sorted.
pub(crate) fn each<'a>(list: &'a Value, key: &str) -> BTreeSet<&'a str> {
    list.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap()).collect()
}

/// What a report or plan found, as kind and subject.
pub(crate) fn findings(report: &Value) -> BTreeSet<(&str, &str)> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|one| (one["kind"].as_str().unwrap(), one["subject"].as_str().unwrap())).collect()
}

impl Site {
    /// A site with an org that has nobody in it yet.
    pub(crate) fn empty() -> Self {
        Self::with_org(Options::empty())
    }

    /// Adds users like [`person`] to the org; their ids.
    pub(crate) fn add<const N: usize>(&self, names: [&str; N]) -> [String; N] {
        names.map(|name| self.okta.org().add_user(person(name)))
    }

    /// Adds a group with these users, by id, to the org; its id.
    pub(crate) fn add_group(&self, name: &str, members: &[&String]) -> String {
        let group = self.okta.org().add_group(name);
        self.okta.org().set_members(&group, members);
        group
    }

    /// The moment at which the site was made, in seconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        let made = std::fs::metadata(self.path("token")).unwrap().modified().unwrap();
        made.duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
    }

    /// Replaces a connector file and has it read.
    pub(crate) fn rewrite(&self, daemon: &Daemon, name: &str, keys: &str) {
        self.write(name, &self.connector(keys));
        let (status, answer) = daemon.ask("POST /v1/reload", "");
        assert_eq!((status, answer["rejected"].as_array().map(Vec::len)), (200, Some(0)), "{answer}");
    }

    /// `usersyncd ctl --json …`: the exit code and the document.
    pub(crate) fn ctl_json(&self, arguments: &[&str]) -> (i32, Value) {
        let (code, said, messages) = self.ctl(&[&["--json"], arguments].concat());
        let document = serde_json::from_str(&said);
        (code, document.unwrap_or_else(|error| panic!("{error}: {said}{messages}")))
    }

    /// Does to the directory what somebody else might do; the daemon has made it before.
    pub(crate) fn somebody_else(&self, sql: &str) {
        let directory = rusqlite::Connection::open(self.path("state").join("directory.db")).unwrap();
        directory.execute_batch(sql).unwrap();
    }

    /// An account that somebody else makes.
    pub(crate) fn somebody_else_adds(&self, name: &str, email: &str) {
        self.somebody_else(&format!(
            "INSERT INTO users (username, username_key, email, first_name, last_name, display_name)
             VALUES ('{name}', lower('{name}'), '{email}', 'Their', 'Own', 'Their own')"
        ));
    }

    /// A group that somebody else makes, with these members.
    pub(crate) fn somebody_else_groups(&self, name: &str, members: &[&str]) {
        let members: Vec<String> = members.iter().map(|member| format!("'{member}'")).collect();
        self.somebody_else(&format!(
            "INSERT OR IGNORE INTO groups (name, name_key, description) VALUES ('{name}', lower('{name}'), '');
             INSERT INTO memberships SELECT groups.id, users.id FROM groups, users
             WHERE name = '{name}' AND username IN ({})",
            members.join(", ")
        ));
    }
}

impl Daemon {
    /// Every account of the directory by its name.
    pub(crate) fn accounts(&self) -> BTreeMap<String, Value> {
        let users = self.get("/v1/directory/users")["users"].as_array().unwrap().clone();
        users.into_iter().map(|user| (user["username"].as_str().unwrap().to_owned(), user)).collect()
    }

    /// The names of the accounts that can sign in, or of those that cannot.
    pub(crate) fn names(&self, active: bool) -> BTreeSet<String> {
        let accounts = self.accounts().into_iter();
        accounts.filter(|(_, account)| account["active"] == active).map(|(name, _)| name).collect()
    }

    /// Every group of the directory with the names of its members.
    pub(crate) fn groups(&self) -> BTreeMap<String, BTreeSet<String>> {
        let listed = self.get("/v1/directory/groups");
        let mut groups: BTreeMap<String, BTreeSet<String>> = each(&listed["groups"], "name")
            .into_iter()
            .map(|name| (name.to_owned(), BTreeSet::new()))
            .collect();
        for (name, account) in self.accounts() {
            for group in account["groups"].as_array().unwrap() {
                groups.get_mut(group.as_str().unwrap()).unwrap().insert(name.clone());
            }
        }
        groups
    }

    /// What a run did, operation by operation: what was done, and why.
    pub(crate) fn operations(&self, report: &Value) -> BTreeMap<String, String> {
        let run = self.get(&format!("/v1/runs/{}", report["run"]));
        let operations = run["operations"].as_array().into_iter().flatten();
        let operations = operations.filter(|one| one["result"] != "held");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        operations.map(|one| (text(&one["summary"]), text(&one["operation"]["why"]))).collect()
    }
}

/// Names as the directory tells them.
pub(crate) fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}
