//! The built-in directory as anybody may read it, with SQL; and what others put there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, Row};

/// An account of the directory.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Account {
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) active: bool,
    /// The id in Okta of the user that it was created for; none if somebody else made it.
    pub(crate) source: Option<String>,
    /// All the other columns.
    rest: String,
}

impl Account {
    pub(crate) fn is_anonymous(&self) -> bool {
        self.email.ends_with("@user.invalid")
    }
}

/// A group of the directory.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) source: Option<String>,
    description: String,
}

impl Group {
    /// Created for a group in Okta.
    pub(crate) fn is_synced(&self) -> bool {
        self.source.as_ref().is_some_and(|source| !source.starts_with("always:"))
    }
}

/// All that is in the directory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Content {
    pub(crate) users: BTreeMap<i64, Account>,
    pub(crate) groups: BTreeMap<i64, Group>,
    /// Group and user.
    pub(crate) members: BTreeSet<(i64, i64)>,
}

impl Content {
    pub(crate) fn members_of(&self, group: i64) -> impl Iterator<Item = i64> {
        self.members.range((group, i64::MIN)..=(group, i64::MAX)).map(|(_, user)| *user)
    }

    /// Members that were created for somebody, with whom.
    pub(crate) fn ours_of(&self, group: i64) -> impl Iterator<Item = (i64, &str)> {
        self.members_of(group).filter_map(|user| Some((user, self.users.get(&user)?.source.as_deref()?)))
    }

    /// Accounts that were created for somebody, with whom.
    pub(crate) fn ours(&self) -> impl Iterator<Item = (i64, &Account, &str)> {
        self.users.iter().filter_map(|(id, account)| Some((*id, account, account.source.as_deref()?)))
    }

    /// Lines for a story.
    pub(crate) fn describe(&self) -> String {
        let mut text = String::new();
        for (id, user) in &self.users {
            let state = if user.active { "active" } else { "disabled" };
            let source = user.source.as_deref().unwrap_or("somebody else's");
            text += &format!("    user {id} {} {state} ({source})\n", user.username);
        }
        for (id, group) in &self.groups {
            let members: Vec<String> = self.members_of(*id).map(|user| user.to_string()).collect();
            let source = group.source.as_deref().unwrap_or("somebody else's");
            text += &format!("    group {id} {:?} ({source}): {}\n", group.name, members.join(" "));
        }
        text
    }
}

/// A connection beside the product's.
pub(crate) struct Target(Connection);

impl Target {
    pub(crate) fn open(file: &Path) -> Self {
        let connection = Connection::open(file).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
        connection.pragma_update(None, "foreign_keys", "ON").unwrap();
        Self(connection)
    }

    pub(crate) fn read(&self) -> Content {
        let account = |row: &Row<'_>| {
            let rest: [String; 4] = [row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?];
            let account = Account {
                username: row.get(1)?,
                email: row.get(2)?,
                active: row.get(3)?,
                source: row.get(4)?,
                rest: rest.join("|"),
            };
            Ok((row.get(0)?, account))
        };
        let group = |row: &Row<'_>| {
            Ok((row.get(0)?, Group { name: row.get(1)?, source: row.get(2)?, description: row.get(3)? }))
        };
        let users = "SELECT id, username, email, active, source_id, first_name, last_name, display_name, attributes FROM users";
        Content {
            users: self.all(users, account).into_iter().collect(),
            groups: self
                .all("SELECT id, name, source_id, description FROM groups", group)
                .into_iter()
                .collect(),
            members: self
                .all("SELECT group_id, user_id FROM memberships", |row| Ok((row.get(0)?, row.get(1)?)))
                .into_iter()
                .collect(),
        }
    }

    fn all<T>(&self, sql: &str, make: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
        let mut statement = self.0.prepare_cached(sql).unwrap();
        statement.query_map([], |row| make(row)).unwrap().map(Result::unwrap).collect()
    }

    /// An account that somebody else made.
    pub(crate) fn add_user(&self, username: &str) -> i64 {
        let sql = "INSERT INTO users (username, username_key, email, first_name, last_name, display_name)
                   VALUES (?1, ?2, '', 'Local', 'User', ?1)";
        self.0.execute(sql, [username, &username.to_lowercase()]).unwrap();
        self.0.last_insert_rowid()
    }

    /// A group that somebody else made.
    pub(crate) fn add_group(&self, name: &str) -> i64 {
        let sql = "INSERT INTO groups (name, name_key, description) VALUES (?1, ?2, 'local')";
        self.0.execute(sql, [name, &name.to_lowercase()]).unwrap();
        self.0.last_insert_rowid()
    }

    /// A membership that somebody else made.
    pub(crate) fn add_member(&self, group: i64, user: i64) {
        self.0.execute("INSERT OR IGNORE INTO memberships VALUES (?1, ?2)", [group, user]).unwrap();
    }
}
