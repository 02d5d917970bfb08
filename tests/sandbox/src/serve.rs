//! The stand-ins of products as programs: made, filled, served, and told where they are.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use sandbox::bitbucket::Bitbucket;
use sandbox::confluence::Confluence;
use sandbox::crowd::Crowd;
use sandbox::jira::Jira;
use sandbox::product::{Product, Serving, StandIn, World};
use sandbox::scim::Scim;

/// Which product.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Which {
    /// A SCIM service like scim2-server.
    Scim,
    /// A SCIM service that does what RFC 7644 leaves open in other ways.
    OtherScim,
    /// A directory of Atlassian Cloud.
    Cloud,
    /// Crowd Data Center.
    Crowd,
    /// Jira Data Center.
    Jira,
    /// Confluence Data Center.
    Confluence,
    /// Bitbucket Data Center.
    Bitbucket,
}

#[derive(Debug, Args)]
pub(crate) struct ProductArguments {
    /// Which product.
    which: Which,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Users that are there already.
    #[arg(long, default_value_t = 0)]
    users: usize,
    /// How long every answer takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// End when standard input is closed.
    #[arg(long)]
    pub(crate) until_stdin_closes: bool,
}

/// A stand-in that runs until this is dropped.
pub(crate) type Running = Box<dyn std::any::Any>;

/// Starts a product; the line says where it is and how to sign in.
pub(crate) async fn start(arguments: &ProductArguments) -> Result<(Running, String), String> {
    match arguments.which {
        Which::Scim => scim(Scim::reference(), arguments).await,
        Which::OtherScim => scim(Scim::other(), arguments).await,
        Which::Cloud => scim(Scim::cloud(), arguments).await,
        Which::Crowd => {
            let crowd = Crowd::default();
            let signs = format!("user={} password={}", crowd.application, crowd.password);
            serve("crowd", crowd.context.clone(), signs, crowd, arguments).await
        }
        Which::Jira => {
            let jira = Jira::default();
            let signs = format!("user={} password={} token={}", jira.account, jira.password, jira.token);
            serve("jira", jira.context.clone(), signs, jira, arguments).await
        }
        Which::Confluence => {
            let confluence = Confluence::default();
            let (user, password, token) = (&confluence.account, &confluence.password, &confluence.token);
            let signs = format!("user={user} password={password} token={token}");
            serve("confluence", confluence.context.clone(), signs, confluence, arguments).await
        }
        Which::Bitbucket => {
            let bitbucket = Bitbucket::default();
            let signs = format!("user={} password={}", bitbucket.account, bitbucket.password);
            serve("bitbucket", bitbucket.context.clone(), signs, bitbucket, arguments).await
        }
    }
}

async fn scim(scim: Scim, arguments: &ProductArguments) -> Result<(Running, String), String> {
    let signs = format!("token={}", scim.token);
    serve("scim", scim.base.clone(), signs, scim, arguments).await
}

async fn serve<P: Product>(
    name: &str,
    path: String,
    signs: String,
    product: P,
    arguments: &ProductArguments,
) -> Result<(Running, String), String> {
    let mut world = World::default();
    for number in 0..arguments.users {
        world.add_user(&format!("user{number:05}"));
    }
    let serving = Serving { listen: arguments.listen, latency: Duration::from_millis(arguments.latency) };
    let stand_in = StandIn::start(product, world, serving).await.map_err(|problem| {
        format!("cannot listen on {}: {problem}; choose another address with --listen", arguments.listen)
    })?;
    let line = format!("{name} stand-in on {}{path} {signs}\n", stand_in.url());
    Ok((Box::new(stand_in), line))
}
