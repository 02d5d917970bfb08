//! Atlassian's published workload (10,000 users, 1,000 groups, 200,000 memberships) into each product's stand-in, which takes
//! 5 ms for every request: a first sync and an unchanged one. Prints the requests beside the fewest that the API allows, and
//! which share of the time the places were in use that the product has for requests at once: from sending a request to the end
//! of its answer (as the daemon measures it), and while the product itself had it. `make bench` builds what it needs;
//! `TARGETS=jira,crowd` chooses.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Daemon, GROUPS, MEMBERSHIPS, Outcome, StandIn, USERS, secret};
use usersyncd::target::{Capabilities, atlassian_cloud, bitbucket, confluence, crowd, jira, scim};

/// What every request takes, in milliseconds.
const LATENCY: &str = "5";

/// A product, and what its API needs.
struct Target {
    /// As the stand-in calls it.
    name: &'static str,
    /// As the connector file and the metrics call it.
    key: &'static str,
    can: Capabilities,
    /// Requests that create a user.
    per_user: u64,
    /// Members are listed with their groups, up to this size of group.
    members_in_list: Option<u64>,
    /// All memberships come in one request.
    memberships_at_once: bool,
    /// Members per page where each group is asked for its own; 0: never.
    members_per_page: u64,
    /// Requests that say what the product can do.
    greetings: u64,
}

/// Facts about the APIs: docs/targets.md.
fn targets() -> [Target; 7] {
    let scim_service = Target {
        name: "scim",
        key: "scim",
        can: scim::CAPABILITIES,
        per_user: 1,
        members_in_list: None,
        memberships_at_once: false,
        members_per_page: 0,
        greetings: 1,
    };
    let product = |name, can| Target { name, key: name, can, greetings: 0, ..scim_service };
    [
        Target { ..scim_service },
        Target { name: "other-scim", ..scim_service },
        Target {
            name: "cloud",
            key: "atlassian_cloud",
            can: atlassian_cloud::CAPABILITIES,
            greetings: 0,
            ..scim_service
        },
        Target { per_user: 2, memberships_at_once: true, ..product("crowd", crowd::CAPABILITIES) },
        Target { members_per_page: 50, ..product("jira", jira::CAPABILITIES) },
        Target { members_per_page: 200, ..product("confluence", confluence::CAPABILITIES) },
        Target { members_per_page: 1000, ..product("bitbucket", bitbucket::CAPABILITIES) },
    ]
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    println!("{USERS} users, {GROUPS} groups, {MEMBERSHIPS} memberships; every request takes {LATENCY} ms");
    let chosen = std::env::var("TARGETS").unwrap_or_default();
    for which in targets() {
        if !chosen.is_empty() && !chosen.split(',').any(|one| one == which.name) {
            continue;
        }
        let scratch = tempfile::tempdir()?;
        let okta = StandIn::okta()?;
        let product = StandIn::start(&["product", which.name, "--latency", LATENCY])?;
        let daemon = Daemon::start(scratch.path(), &okta, &connector(scratch.path(), &which, &product)?)?;
        for what in ["first", "unchanged"] {
            product.post("forget", "").await?;
            let started = Instant::now();
            let report = daemon.sync()?;
            let wall = started.elapsed();
            let book = product.get("book").await?;
            println!("{} {what} {:.1} s {}", which.name, wall.as_secs_f64(), report["counts"]);
            println!("{book:#}");
            println!(
                "in use {}",
                daemon
                    .metric(&format!("usersyncd_http_request_duration_seconds_sum{{api=\"{}\"}}", which.key))
                    .await?
            );
        }
    }
    Ok(())
}

/// What the connector file has beside its source.
fn connector(scratch: &Path, which: &Target, product: &StandIn) -> Outcome<String> {
    let url = &product.url;
    let secret = |name: &str| -> Outcome<String> {
        Ok(format!("{{ file: {} }}", secret(scratch, "target-secret", &product.word(name)?)?.display()))
    };
    let settings = match which.key {
        "atlassian_cloud" => {
            let (site, directory) = url.split_once("/scim/directory/").ok_or("no directory")?;
            format!("directory: {directory}, url: \"{site}\", token: {}", secret("token")?)
        }
        "crowd" => {
            format!(
                "url: \"{url}\", application: {}, password: {}",
                product.word("user")?,
                secret("password")?
            )
        }
        "bitbucket" => {
            format!("url: \"{url}\", username: {}, password: {}", product.word("user")?, secret("password")?)
        }
        _ => format!("url: \"{url}\", token: {}", secret("token")?),
    };
    Ok(format!("target:\n  {}: {{ {settings} }}\n", which.key))
}
