//! Atlassian's published workload (10,000 users, 1,000 groups, 200,000 memberships) into each product's stand-in, which takes
//! 5 ms for every request: a first sync and an unchanged one. Prints the requests beside the fewest that the API allows, and
//! which share of the time the places were in use that the product has for requests at once: from sending a request to the end
//! of its answer (as the daemon measures it), and while the product itself had it. `make bench` builds what it needs;
//! `TARGETS=jira,crowd` chooses.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Daemon, GROUPS, MEMBERSHIPS, Outcome, StandIn, USERS, secret};
use usersyncd::target::{Capabilities, atlassian_cloud, bitbucket, confluence, crowd, jira, scim};

/// What every request takes, in milliseconds.
const LATENCY: &str = "5";

/// A product, and what its API allows (docs/targets.md).
#[derive(Clone, Copy)]
struct Target {
    /// As the stand-in calls it.
    name: &'static str,
    /// As the connector file and the metrics call it.
    key: &'static str,
    can: Capabilities,
    /// Users per page at most.
    users_per_page: u64,
    /// Members per page where each group is asked for its own; 0: they come with the groups, or all at once.
    members_per_page: u64,
    /// Requests that say what the product can do, whose account it is, and the like.
    greetings: u64,
    /// Requests that bring all memberships.
    memberships: u64,
}

fn targets() -> [Target; 7] {
    let page = |can: Capabilities| can.pace.page as u64;
    let scim_service = Target {
        name: "scim",
        key: "scim",
        can: scim::CAPABILITIES,
        users_per_page: page(scim::CAPABILITIES),
        members_per_page: 0,
        greetings: 1,
        memberships: 0,
    };
    let cloud = Target {
        name: "cloud",
        key: "atlassian_cloud",
        can: atlassian_cloud::CAPABILITIES,
        users_per_page: page(atlassian_cloud::CAPABILITIES),
        greetings: 0,
        ..scim_service
    };
    let product =
        |name, can| Target { name, key: name, can, users_per_page: page(can), greetings: 0, ..scim_service };
    [
        scim_service,
        Target { name: "other-scim", ..scim_service },
        cloud,
        Target { memberships: 1, ..product("crowd", crowd::CAPABILITIES) },
        Target {
            users_per_page: 2000,
            members_per_page: 50,
            greetings: 2,
            ..product("jira", jira::CAPABILITIES)
        },
        Target {
            users_per_page: 200,
            members_per_page: 200,
            greetings: 1,
            ..product("confluence", confluence::CAPABILITIES)
        },
        Target { members_per_page: 1000, ..product("bitbucket", bitbucket::CAPABILITIES) },
    ]
}

impl Target {
    /// The fewest requests that create all of it, in an empty product: one for each user and group, and for memberships as few
    /// as fit. The product is read first.
    fn least_first(&self, users: u64, groups: &[u64]) -> u64 {
        let memberships = groups.iter().map(|members| match self.can.pace.new_group as u64 {
            0 => members.div_ceil(self.can.pace.memberships as u64),
            first => members.saturating_sub(first).div_ceil(self.can.pace.memberships as u64),
        });
        self.greetings + 2 + users + groups.len() as u64 + memberships.sum::<u64>()
    }

    /// The fewest requests that read all of it.
    fn least_unchanged(&self, users: u64, groups: &[u64]) -> u64 {
        let pages = users.div_ceil(self.users_per_page);
        let groups_pages = match self.name {
            // The only lists with pages of fewer groups.
            "cloud" => groups.len().div_ceil(100),
            "confluence" => groups.len().div_ceil(200),
            // No totals: a page that is full may not be the last.
            "crowd" => groups.len() / 1000 + 1,
            _ => 1,
        };
        let members = |members: &u64| match self.members_per_page {
            0 => 0,
            page => members.div_ceil(page).max(1),
        };
        self.greetings
            + pages
            + groups_pages as u64
            + self.memberships
            + groups.iter().map(members).sum::<u64>()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    println!("{USERS} users, {GROUPS} groups, {MEMBERSHIPS} memberships; every request takes {LATENCY} ms\n");
    println!(
        "| target     | sync      | wall    | peak     | requests | least  | over  | in use | at the product |"
    );
    println!(
        "|------------|-----------|--------:|---------:|---------:|-------:|------:|-------:|---------------:|"
    );
    let chosen = std::env::var("TARGETS").unwrap_or_default();
    for which in targets() {
        if chosen.is_empty() || chosen.split(',').any(|one| one == which.name) {
            round(&which).await?;
        }
    }
    Ok(())
}

/// A first sync and an unchanged one, a row each.
async fn round(which: &Target) -> Outcome<()> {
    let scratch = tempfile::tempdir()?;
    let okta = StandIn::okta()?;
    let product = StandIn::start(&["product", which.name, "--latency", LATENCY])?;
    let daemon = Daemon::start(scratch.path(), &okta, &connector(scratch.path(), which, &product)?)?;
    let mut syncs = Vec::new();
    for _ in 0..2 {
        syncs.push(measure(which, &product, &daemon).await?);
    }
    let [first, unchanged] = &syncs[..] else { return Err("two syncs".into()) };
    let users = first.report["counts"]["users"]["created"].as_u64().unwrap_or(0);
    let groups = sizes(&daemon.ask(&["run", &first.report["run"].to_string()])?);
    if !unchanged.book["changes"].is_null() {
        return Err(format!("{} was written to: {:#}", which.name, unchanged.book).into());
    }
    first.print(which, "first", which.least_first(users, &groups));
    unchanged.print(which, "unchanged", which.least_unchanged(users, &groups));
    Ok(())
}

/// One sync.
struct Sync {
    wall: Duration,
    peak_kib: u64,
    /// Seconds that requests took, as the daemon measures them.
    in_use: f64,
    book: Value,
    report: Value,
}

async fn measure(which: &Target, product: &StandIn, daemon: &Daemon) -> Outcome<Sync> {
    let series = format!("usersyncd_http_request_duration_seconds_sum{{api=\"{}\"}}", which.key);
    product.post("forget", "").await?;
    daemon.reset_peak();
    let (before, started) = (daemon.metric(&series).await?, Instant::now());
    let report = daemon.sync()?;
    let (wall, peak_kib) = (started.elapsed(), daemon.peak_kib()?);
    let in_use = daemon.metric(&series).await? - before;
    Ok(Sync { wall, peak_kib, in_use, book: product.get("book").await?, report })
}

impl Sync {
    fn print(&self, which: &Target, what: &str, least: u64) {
        let requests = self.book["total"].as_u64().unwrap_or(0);
        let changes = &self.book["changes"];
        // Of the places that the product has for requests at once, while it was written to.
        let busy = |seconds: f64| match changes["seconds"].as_f64() {
            Some(time) => format!("{:.1} %", 100.0 * seconds / time / which.can.pace.at_once as f64),
            None => "-".to_owned(),
        };
        let there = changes["at_once"].as_f64().unwrap_or(0.0) * changes["seconds"].as_f64().unwrap_or(0.0);
        println!(
            "| {:<10} | {what:<9} | {:>5.1} s | {:>5.1} MB | {requests:>8} | {least:>6} | {:>5.3} | {:>6} | {:>14} |",
            which.name,
            self.wall.as_secs_f64(),
            self.peak_kib as f64 * 1024.0 / 1e6,
            requests as f64 / least as f64,
            busy(self.in_use),
            busy(there),
        );
    }
}

/// How many members each new group got.
fn sizes(run: &Value) -> Vec<u64> {
    let operations = run["operations"].as_array().map(Vec::as_slice).unwrap_or_default();
    let kind = |kind: &'static str| operations.iter().filter(move |one| one["operation"]["kind"] == kind);
    let added = |one: &Value| one["operation"]["after"]["added"].as_array().map_or(0, Vec::len) as u64;
    let mut sizes: Vec<u64> = kind("change_members").map(added).collect();
    sizes.resize(kind("create_group").count(), 0);
    sizes
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
