//! What all of these tests need: a client over a stand-in, and short ways to say what is to be written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sandbox::product::World;
use url::Url;
use usersyncd::config::model::{Product, SecretRef, ServerSettings, SignIn};
use usersyncd::http::{Patience, Shared};
use usersyncd::sync::model::{GroupAttributes, TargetId, TargetSnapshot, UserAttributes};
use usersyncd::sync::progress::{RunControl, Side};
use usersyncd::target::{
    self, Capabilities, Interest, Named, Reader, TargetError, Write, WriteError, Writer, Written,
};
use usersyncd::telemetry::metrics::Metrics;

/// A client, with what it was told to be interested in.
pub(crate) struct Client {
    pub(crate) reader: Arc<dyn Reader>,
    pub(crate) writer: Arc<dyn Writer>,
    pub(crate) interest: Interest,
    pub(crate) control: RunControl,
    _secret: tempfile::NamedTempFile,
}

/// How to sign in.
pub(crate) enum With<'a> {
    Token(&'a str),
    Password(&'a str, &'a str),
}

impl Client {
    /// A client of a product at an address; it is patient for a moment only.
    pub(crate) fn new(product: Product, url: &str, with: With<'_>) -> Self {
        let secret = tempfile::NamedTempFile::new().unwrap();
        let (word, user) = match with {
            With::Token(token) => (token, None),
            With::Password(user, password) => (password, Some(user)),
        };
        std::fs::write(secret.path(), word).unwrap();
        let place = SecretRef::File(secret.path().to_path_buf());
        let sign_in = match user {
            None => SignIn::Token(place),
            Some(user) => SignIn::Password { user: user.to_owned(), password: place },
        };
        let settings = ServerSettings { product, url: Url::parse(url).unwrap(), sign_in, authorities: None };
        let patience = Patience { tries: 3, first_pause: Duration::from_millis(1), ..Patience::default() };
        let shared = Shared::with_patience(Metrics::new(), patience).unwrap();
        let (reader, writer) = target::open(&settings, &shared);
        Self {
            reader,
            writer,
            interest: Interest::default(),
            control: RunControl::default(),
            _secret: secret,
        }
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        self.reader.capabilities()
    }

    /// Users of these names are wanted from now on.
    pub(crate) fn wants_users(&mut self, names: &[&str]) {
        let capabilities = self.capabilities();
        names.iter().for_each(|name| self.interest.users.want(name, &capabilities));
    }

    /// Groups of these names are wanted from now on, with their members.
    pub(crate) fn wants_groups(&mut self, names: &[&str]) {
        let capabilities = self.capabilities();
        names.iter().for_each(|name| self.interest.groups.want(name, &capabilities));
    }

    pub(crate) async fn try_read(&self) -> Result<TargetSnapshot, TargetError> {
        self.reader.read(&self.interest, &self.control).await
    }

    pub(crate) async fn read(&self) -> Seen {
        Seen::new(self.try_read().await.unwrap())
    }

    pub(crate) async fn write(&self, write: Write) -> Result<Written, WriteError> {
        self.writer.write(&[write], &self.control).await.remove(0)
    }

    /// Whether the product ever refused what the client signs in with.
    pub(crate) fn was_refused(&self) -> bool {
        self.control.progress.was_refused(Side::Target)
    }

    /// Creates a user and returns it.
    pub(crate) async fn create_user(&self, source: &str, name: &str) -> Named {
        let write = Write::CreateUser { source: source.into(), attributes: person(name), active: true };
        Named { id: created(self.write(write).await), name: name.into() }
    }

    /// Creates a group and returns it.
    pub(crate) async fn create_group(&self, source: &str, name: &str) -> Named {
        let write =
            Write::CreateGroup { source: source.into(), attributes: group(name), members: Vec::new() };
        Named { id: created(self.write(write).await), name: name.into() }
    }

    /// Adds and removes members, and says who was left out.
    pub(crate) async fn change_members(
        &self,
        group: &Named,
        added: &[Named],
        removed: &[Named],
    ) -> Vec<(TargetId, String)> {
        let write =
            Write::ChangeMembers { group: group.clone(), added: added.to_vec(), removed: removed.to_vec() };
        match self.write(write).await {
            Ok(Written::Members { failed }) => failed,
            other => panic!("{other:?}"),
        }
    }
}

/// A world with the account of the daemon, and these users.
pub(crate) fn world(users: &[&str]) -> World {
    let mut world = World::default();
    world.add_user("usersyncd");
    users.iter().for_each(|name| {
        world.add_user(name);
    });
    world
}

/// The creation of a user of that name.
pub(crate) fn create(name: &str) -> Write {
    Write::CreateUser { source: "00u1".into(), attributes: person(name), active: true }
}

/// The id of what was created.
pub(crate) fn created(answer: Result<Written, WriteError>) -> TargetId {
    match answer {
        Ok(Written::Created(id)) => id,
        other => panic!("nothing was created: {other:?}"),
    }
}

/// Attributes of a user of that name, as far as every product holds them.
pub(crate) fn person(name: &str) -> UserAttributes {
    UserAttributes {
        username: name.into(),
        email: format!("{name}@example.com").into(),
        first_name: "".into(),
        last_name: "".into(),
        display_name: format!("{name} Example").into(),
        attributes: Default::default(),
    }
}

/// Attributes of a group of that name.
pub(crate) fn group(name: &str) -> GroupAttributes {
    GroupAttributes { name: name.into(), description: "".into() }
}

/// A snapshot by names.
pub(crate) struct Seen {
    pub(crate) snapshot: TargetSnapshot,
}

impl Seen {
    fn new(snapshot: TargetSnapshot) -> Self {
        Self { snapshot }
    }

    /// Names of users with whether they are active.
    pub(crate) fn users(&self) -> BTreeMap<String, bool> {
        let users = self.snapshot.users.iter();
        users.map(|user| (user.attributes.username.to_string(), user.active)).collect()
    }

    /// The attributes of a user.
    pub(crate) fn user(&self, name: &str) -> UserAttributes {
        let mut users = self.snapshot.users.iter();
        users.find(|user| user.attributes.username == name).map(|user| user.attributes.clone()).unwrap()
    }

    /// Names of groups with the names of their members.
    pub(crate) fn groups(&self) -> BTreeMap<String, Vec<String>> {
        let name = |at: &u32| self.snapshot.users[*at as usize].attributes.username.to_string();
        let groups = self.snapshot.groups.iter();
        groups
            .map(|group| {
                let mut members: Vec<String> = group.members.iter().map(name).collect();
                members.sort();
                (group.attributes.name.to_string(), members)
            })
            .collect()
    }
}
