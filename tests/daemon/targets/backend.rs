//! A site whose connector writes to one of the targets, and what that target holds.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::bitbucket::Bitbucket;
use sandbox::confluence::Confluence;
use sandbox::crowd::Crowd;
use sandbox::jira::Jira;
use sandbox::product::{Fault, FaultId, Product, Running, Serving, StandIn, World};
use sandbox::scim::Scim;
use serde_json::Value;

use crate::harness::{Daemon, Site};

/// Which target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    Scim,
    AnotherScim,
    AtlassianCloud,
    Crowd,
    Jira,
    Confluence,
    Bitbucket,
}

/// What a target can do, as far as the stories differ by it; said here once more, so that a wrong capability is noticed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Can {
    pub(crate) rename_users: bool,
    pub(crate) rename_groups: bool,
    pub(crate) disable: bool,
    pub(crate) delete_users: bool,
    pub(crate) given_names: bool,
    pub(crate) shows_email: bool,
    pub(crate) keeps_user_ids: bool,
    pub(crate) keeps_group_ids: bool,
}

/// An account as the target holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) display_name: String,
    pub(crate) active: bool,
}

/// The site, the daemon and the target.
pub(crate) struct House {
    pub(crate) kind: Kind,
    pub(crate) site: Site,
    target: Option<Box<dyn Running>>,
    yaml: String,
}

impl Kind {
    pub(crate) fn can(self) -> Can {
        let all = Can {
            rename_users: true,
            rename_groups: true,
            disable: true,
            delete_users: true,
            given_names: true,
            shows_email: true,
            keeps_user_ids: true,
            keeps_group_ids: true,
        };
        let forgets = Can {
            keeps_user_ids: false,
            keeps_group_ids: false,
            rename_groups: false,
            given_names: false,
            ..all
        };
        match self {
            Self::Directory | Self::Scim | Self::AnotherScim => all,
            Self::AtlassianCloud => Can { rename_groups: false, delete_users: false, ..all },
            Self::Crowd => Can { rename_groups: false, keeps_group_ids: false, ..all },
            Self::Jira => forgets,
            Self::Confluence => Can { rename_users: false, shows_email: false, ..forgets },
            Self::Bitbucket => Can { disable: false, ..forgets },
        }
    }

    /// What metrics call the API; none where there is none.
    pub(crate) fn api(self) -> Option<&'static str> {
        Some(match self {
            Self::Directory => return None,
            Self::Scim | Self::AnotherScim => "scim",
            Self::AtlassianCloud => "atlassian_cloud",
            Self::Crowd => "crowd",
            Self::Jira => "jira",
            Self::Confluence => "confluence",
            Self::Bitbucket => "bitbucket",
        })
    }

    /// Names of the requests that change something, each of which the first sync of [`House::fill`] and the changes of
    /// [`House::stir`] make at least once.
    pub(crate) fn writes(self) -> Vec<&'static str> {
        match self {
            Self::Directory => Vec::new(),
            Self::Scim | Self::AnotherScim | Self::AtlassianCloud => vec![
                "create user",
                "update user",
                "rename user",
                "disable user",
                "create group",
                "change members",
                "delete group",
            ],
            Self::Crowd | Self::Bitbucket => vec![
                "create user",
                "update user",
                "rename user",
                "create group",
                "add member",
                "remove member",
                "delete group",
            ],
            Self::Jira => vec![
                "create user",
                "update user",
                "rename user",
                "disable user",
                "create group",
                "add member",
                "remove member",
                "delete group",
            ],
            Self::Confluence => vec![
                "create user",
                "update user",
                "disable user",
                "create group",
                "add member",
                "remove member",
                "delete group",
            ],
        }
    }
}

impl House {
    /// With nobody in the org and nobody in the target.
    pub(crate) fn new(kind: Kind) -> Self {
        Self::with_world(kind, World::default())
    }

    /// With a target that has these accounts and groups.
    pub(crate) fn with_world(kind: Kind, world: World) -> Self {
        let site = Site::empty();
        let secret = site.path("target-secret");
        let (target, yaml): (Option<Box<dyn Running>>, String) = match kind {
            Kind::Directory => (None, String::new()),
            Kind::Scim => scim(&site, Scim::reference(), world),
            Kind::AnotherScim => scim(&site, Scim::other(), world),
            Kind::AtlassianCloud => {
                let cloud = Scim::cloud();
                let id = cloud.base.rsplit('/').next().unwrap_or_default().to_owned();
                std::fs::write(&secret, &cloud.token).unwrap();
                let target = start(&site, cloud, world);
                let yaml = format!(
                    "atlassian_cloud: {{ directory: {id}, url: \"{}\", token: {{ file: {} }} }}",
                    target.url(),
                    secret.display()
                );
                (Some(target), yaml)
            }
            Kind::Crowd => {
                let crowd = Crowd::default();
                std::fs::write(&secret, &crowd.password).unwrap();
                let (user, context) = (crowd.application.clone(), crowd.context.clone());
                let target = start(&site, crowd, world);
                let signs = format!("application: {user}, password: {{ file: {} }}", secret.display());
                let yaml = format!("crowd: {{ url: \"{}{context}\", {signs} }}", target.url());
                (Some(target), yaml)
            }
            Kind::Jira => {
                let jira = Jira::default();
                std::fs::write(&secret, &jira.token).unwrap();
                let target = start(&site, jira, world);
                let signs = format!("token: {{ file: {} }}", secret.display());
                let yaml = format!("jira: {{ url: \"{}\", {signs} }}", target.url());
                (Some(target), yaml)
            }
            Kind::Confluence => {
                let confluence = Confluence::default();
                std::fs::write(&secret, &confluence.token).unwrap();
                let target = start(&site, confluence, world);
                let signs = format!("token: {{ file: {} }}", secret.display());
                let yaml = format!("confluence: {{ url: \"{}\", {signs} }}", target.url());
                (Some(target), yaml)
            }
            Kind::Bitbucket => {
                let bitbucket = Bitbucket::default();
                std::fs::write(&secret, &bitbucket.password).unwrap();
                let user = bitbucket.account.clone();
                let target = start(&site, bitbucket, world);
                let signs = format!("username: {user}, password: {{ file: {} }}", secret.display());
                let yaml = format!("bitbucket: {{ url: \"{}\", {signs} }}", target.url());
                (Some(target), yaml)
            }
        };
        let yaml = if yaml.is_empty() { yaml } else { format!("target: {{ {yaml} }}\n") };
        Self { kind, site, target, yaml }
    }

    /// The connector file, with more keys.
    pub(crate) fn connector(&self, more: &str) -> String {
        self.site.connector(&format!("{}{more}", self.yaml))
    }

    /// Writes the connector and starts the daemon.
    pub(crate) fn start(&self, more: &str) -> Daemon {
        self.site.write("acme", &self.connector(more));
        self.site.start()
    }

    /// Writes the connector anew while the daemon runs.
    pub(crate) fn rewrite(&self, daemon: &Daemon, more: &str) {
        self.site.write("acme", &self.connector(more));
        let (status, answer) = daemon.ask("POST /v1/reload", "");
        assert_eq!((status, answer["rejected"].as_array().map(Vec::len)), (200, Some(0)), "{answer}");
    }

    fn target(&self) -> &dyn Running {
        self.target.as_deref().unwrap_or_else(|| panic!("the directory has no stand-in"))
    }

    pub(crate) fn fault(&self, fault: Fault) -> FaultId {
        self.target().fault(fault)
    }

    pub(crate) fn met(&self, fault: FaultId) -> u64 {
        self.target().met(fault)
    }

    pub(crate) fn clear_faults(&self) {
        self.target().clear_faults();
    }

    /// How often a product was asked for something since [`Self::forget`].
    pub(crate) fn asked_for(&self, operation: &str) -> u64 {
        self.target().book().of(operation)
    }

    /// Begins to count requests anew; the directory gets none.
    pub(crate) fn forget(&self) {
        if let Some(target) = &self.target {
            target.forget();
        }
    }

    /// Looks at the product's world, or changes it.
    pub(crate) fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let (mut look, mut seen) = (Some(look), None);
        self.target().change(&mut |world| seen = look.take().map(|look| look(world)));
        seen.unwrap()
    }

    /// How often the target was really changed; always 0 for the directory, which counts nothing.
    pub(crate) fn changes(&self) -> u64 {
        if self.target.is_some() { self.world(|world| world.changes) } else { 0 }
    }

    /// Everybody in the target, by username.
    pub(crate) fn accounts(&self, daemon: &Daemon) -> BTreeMap<String, Account> {
        if self.target.is_some() {
            return self.world(|world| {
                let account = |user: &sandbox::product::User| Account {
                    email: user.email.clone(),
                    first_name: user.first_name.clone(),
                    last_name: user.last_name.clone(),
                    display_name: user.display_name.clone(),
                    active: user.active,
                };
                world.users().values().map(|user| (user.name.clone(), account(user))).collect()
            });
        }
        let text = |user: &Value, key: &str| user[key].as_str().unwrap().to_owned();
        let account = |user: &Value| Account {
            email: text(user, "email"),
            first_name: text(user, "first_name"),
            last_name: text(user, "last_name"),
            display_name: text(user, "display_name"),
            active: user["active"] == true,
        };
        let users = daemon.get("/v1/directory/users");
        let users = users["users"].as_array().unwrap();
        users.iter().map(|user| (text(user, "username"), account(user))).collect()
    }

    /// Who is in each group of the target, by name.
    pub(crate) fn groups(&self, daemon: &Daemon) -> BTreeMap<String, BTreeSet<String>> {
        if self.target.is_some() {
            return self.world(|world| {
                let groups = world.groups().values();
                groups
                    .map(|group| {
                        let members = group.members.iter().filter_map(|id| world.users().get(id));
                        (group.name.clone(), members.map(|user| user.name.clone()).collect())
                    })
                    .collect()
            });
        }
        let mut groups: BTreeMap<String, BTreeSet<String>> = daemon.get("/v1/directory/groups")["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| (group["name"].as_str().unwrap().to_owned(), BTreeSet::new()))
            .collect();
        for user in daemon.get("/v1/directory/users")["users"].as_array().unwrap() {
            for group in user["groups"].as_array().unwrap() {
                let members = groups.get_mut(group.as_str().unwrap()).unwrap();
                members.insert(user["username"].as_str().unwrap().to_owned());
            }
        }
        groups
    }

    /// Somebody disables an account in the target.
    pub(crate) fn disable_by_hand(&self, name: &str) {
        if self.target.is_some() {
            self.world(|world| {
                let id = world.user_named(name).unwrap();
                assert!(world.change_user(id, |user| user.active = false));
            });
        } else {
            self.sql("UPDATE users SET active = 0 WHERE username = ?1", name);
        }
    }

    /// Somebody deletes an account in the target.
    pub(crate) fn delete_by_hand(&self, name: &str) {
        if self.target.is_some() {
            self.world(|world| assert!(world.user_named(name).is_some_and(|id| world.remove_user(id))));
        } else {
            self.sql("DELETE FROM users WHERE username = ?1", name);
        }
    }

    /// An account that nobody but the target knows of.
    pub(crate) fn add_by_hand(&self, name: &str, email: &str) {
        if self.target.is_some() {
            self.world(|world| {
                let id = world.add_user(name);
                world.change_user(id, |user| email.clone_into(&mut user.email));
            });
        } else {
            let sql = "INSERT INTO users (username, username_key, email, first_name, last_name, display_name)
                       VALUES (?1, lower(?1), ?2, '', '', 'by hand')";
            self.database().execute(sql, [name, email]).unwrap();
        }
    }

    /// A group that nobody but the target knows of, with these members.
    pub(crate) fn add_group_by_hand(&self, name: &str, members: &[&str]) {
        if self.target.is_some() {
            self.world(|world| {
                let group = world.add_group(name);
                for member in members {
                    let id = world.user_named(member).unwrap();
                    world.add_member(group, id);
                }
            });
            return;
        }
        let database = self.database();
        let sql = "INSERT INTO groups (name, name_key, description) VALUES (?1, lower(?1), '')";
        database.execute(sql, [name]).unwrap();
        for member in members {
            let sql = "INSERT INTO memberships SELECT groups.id, users.id FROM groups, users
                       WHERE groups.name = ?1 AND users.username = ?2";
            assert_eq!(database.execute(sql, [name, member]).unwrap(), 1);
        }
    }

    fn sql(&self, sql: &str, name: &str) {
        assert_eq!(self.database().execute(sql, [name]).unwrap(), 1, "{name}");
    }

    fn database(&self) -> rusqlite::Connection {
        let database = rusqlite::Connection::open(self.site.path("state").join("directory.db")).unwrap();
        database.pragma_update(None, "foreign_keys", true).unwrap();
        database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        database
    }
}

fn start<P: Product>(site: &Site, product: P, world: World) -> Box<dyn Running> {
    Box::new(site.runtime().block_on(StandIn::start(product, world, Serving::default())).unwrap())
}

fn scim(site: &Site, scim: Scim, world: World) -> (Option<Box<dyn Running>>, String) {
    let secret = site.path("target-secret");
    std::fs::write(&secret, &scim.token).unwrap();
    let base = scim.base.clone();
    let target = start(site, scim, world);
    let yaml =
        format!("scim: {{ url: \"{}{base}\", token: {{ file: {} }} }}", target.url(), secret.display());
    (Some(target), yaml)
}
