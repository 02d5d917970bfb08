//! The client of jira reads to the end or not at all, and writes so that twice is once.

mod faults;
mod life;
mod read;

use sandbox::jira::{Jira, Version};
use sandbox::product::{Serving, StandIn, User, World};
use usersyncd::config::model::Product;

use super::support::{Client, With};

/// A Jira, and a client of it.
struct Site {
    jira: StandIn<Jira>,
    client: Client,
}

impl Site {
    async fn start(jira: Jira, world: World) -> Self {
        let with_token = jira.version > Version::V8_2;
        let (context, user, password, token) =
            (jira.context.clone(), jira.account.clone(), jira.password.clone(), jira.token.clone());
        let jira = StandIn::start(jira, world, Serving::default()).await.unwrap();
        let with = if with_token { With::Token(&token) } else { With::Password(&user, &password) };
        let client = Client::new(Product::Jira, &format!("{}{context}", jira.url()), with);
        Self { jira, client }
    }

    /// The newest version over a world.
    async fn with(world: World) -> Self {
        Self::start(Jira::default(), world).await
    }

    async fn of(version: Version, world: World) -> Self {
        Self::start(Jira { version, ..Jira::default() }, world).await
    }

    /// How often an operation was asked for since the last time that everything was forgotten.
    fn asked(&self, operation: &str) -> u64 {
        self.jira.book().of(operation)
    }

    fn changes(&self) -> u64 {
        self.jira.world(|world| world.changes)
    }

    fn members(&self, group: &str) -> Option<Vec<String>> {
        self.jira.world(|world| world.member_names(group))
    }

    /// What a user is in the world.
    fn user(&self, name: &str) -> Option<User> {
        self.jira.world(|world| world.user_named(name).and_then(|id| world.users().get(&id).cloned()))
    }
}

/// The account that the client signs in with, and `count` users.
fn world_of(count: usize) -> World {
    let mut world = World::default();
    world.add_user("usersyncd");
    for number in 0..count {
        world.add_user(&format!("user{number}"));
    }
    world
}
