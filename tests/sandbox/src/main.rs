//! The stand-ins as a program, for the quickstart, benchmarks and tests that want them in a process of their own.

mod ask;
mod serve;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sandbox::okta::{
    CHANGE_HELP, FAULT_HELP, Fault, LinkStyle, Okta, Options, PublicKey, RateLimits, Role, ServiceApp,
};
use tokio::io::AsyncReadExt as _;

/// Loopback servers that behave as the real APIs do.
#[derive(Debug, Parser)]
#[command(name = "sandbox", version)]
struct Arguments {
    #[command(subcommand)]
    which: Which,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// A stand-in for an Okta org.
    Okta(OktaArguments),
    /// A stand-in for a product that is written to.
    Product(serve::ProductArguments),
    /// Change the org of a running stand-in: `sandbox change http://127.0.0.1:PORT '{"add": 3, "suspend": 2}'`
    #[command(after_long_help = CHANGE_HELP)]
    Change {
        /// Where the stand-in is.
        url: String,
        /// What to change, as JSON; `sandbox change --help` lists it all.
        change: String,
    },
}

#[derive(Debug, Args)]
struct OktaArguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Users to generate.
    #[arg(long, default_value_t = 1000)]
    users: usize,
    /// Groups to generate, beside Everyone.
    #[arg(long, default_value_t = 60)]
    groups: usize,
    /// Memberships to generate, beside those of Everyone.
    #[arg(long, default_value_t = 12_000)]
    memberships: usize,
    /// Applications to generate, each with a share of the groups assigned.
    #[arg(long, default_value_t = 0)]
    apps: usize,
    /// The same seed and sizes give the same org.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The org's rate limits, of which a token has half.
    #[arg(long, value_enum, default_value_t = Limit::Off)]
    rate_limits: Limit,
    /// The length of a rate-limit window, in milliseconds.
    #[arg(long, default_value_t = 60_000)]
    window: u64,
    /// The accepted token.
    #[arg(long, default_value_t = Options::default().token)]
    token: String,
    /// A service app that may ask for access tokens; may be given several times. The key is a JWK or PEM; with `:dpop` the
    /// app has to prove its key with every request.
    #[arg(long, value_name = "CLIENT_ID:PUBLIC_KEY_FILE[:dpop]", value_parser = service_app)]
    service_app: Vec<ServiceApp>,
    /// Compress answers for clients that accept it.
    #[arg(long)]
    gzip: bool,
    /// Both links in one header line, as some proxies make of it.
    #[arg(long)]
    folded_links: bool,
    /// How long every answer takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// By how many seconds the server's clock is ahead of the local one.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    clock_skew: i64,
    /// How long lastMembershipUpdated hides a change, in milliseconds.
    #[arg(long, default_value_t = 0)]
    membership_stamp_lag: u64,
    /// How long searches do not see a change, in milliseconds.
    #[arg(long, default_value_t = 0)]
    search_lag: u64,
    /// The role of the token's owner, such as READ_ONLY_ADMIN or CUSTOM; FORBIDDEN where it may not be asked for.
    #[arg(long, default_value_t = Role::default())]
    role: Role,
    /// The token's owner is in the lists like any other user.
    #[arg(long)]
    list_owner: bool,
    /// Deprovisioned users stay listed in their groups.
    #[arg(long)]
    keep_deprovisioned_members: bool,
    /// No group Everyone, as for the token of a group administrator.
    #[arg(long)]
    no_everyone: bool,
    /// Something that goes wrong; may be given several times.
    #[arg(long, value_name = "FAULT", long_help = FAULT_HELP)]
    fault: Vec<Fault>,
    /// End when standard input is closed.
    #[arg(long)]
    until_stdin_closes: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Limit {
    Off,
    Integrator,
    Workforce,
}

// One thread is enough to serve what one client can read, and leaves the other cores to that client.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().which {
        Which::Okta(arguments) => run(arguments).await,
        Which::Product(arguments) => run_product(&arguments).await,
        Which::Change { url, change } => {
            ask::ask(&url, "POST", "/sandbox/change", &change).await.map(|changed| print!("{changed}"))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("sandbox: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: OktaArguments) -> Result<(), String> {
    let listen = arguments.listen;
    let (until_stdin_closes, faults) = (arguments.until_stdin_closes, arguments.fault.clone());
    let apps = arguments.service_app.clone();
    let okta = Okta::start(options(arguments)).await.map_err(|problem| {
        format!("cannot listen on {listen}: {problem}; choose another address with --listen")
    })?;
    for fault in faults {
        okta.fault(fault);
    }
    let mut line = format!("okta stand-in on {} token={} org={}", okta.url(), okta.token(), okta.org().id());
    for app in apps {
        line.push_str(&format!(" client={}", app.client_id));
        okta.add_service_app(app);
    }
    line.push('\n');
    tell(&line)?;
    wait(until_stdin_closes).await;
    Ok(())
}

/// Reads a service app and its key.
fn service_app(text: &str) -> Result<ServiceApp, String> {
    let (client_id, rest) =
        text.split_once(':').ok_or("write CLIENT_ID:PUBLIC_KEY_FILE or CLIENT_ID:PUBLIC_KEY_FILE:dpop")?;
    let (file, dpop) = rest.strip_suffix(":dpop").map_or((rest, false), |file| (file, true));
    let key = std::fs::read_to_string(file).map_err(|problem| format!("{file} was not read: {problem}"))?;
    let key = PublicKey::parse(&key).map_err(|problem| format!("{file}: {problem}"))?;
    Ok(ServiceApp { dpop, ..ServiceApp::new(client_id, key) })
}

async fn run_product(arguments: &serve::ProductArguments) -> Result<(), String> {
    let (running, line) = serve::start(arguments).await?;
    tell(&line)?;
    wait(arguments.until_stdin_closes).await;
    drop(running);
    Ok(())
}

fn tell(line: &str) -> Result<(), String> {
    let mut stdout = std::io::stdout();
    stdout
        .write_all(line.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|problem| format!("cannot say where it listens: {problem}"))
}

/// Waits for the end of standard input, or for ever.
async fn wait(until_stdin_closes: bool) {
    if !until_stdin_closes {
        std::future::pending::<()>().await;
    }
    let mut rest = [0; 256];
    while tokio::io::stdin().read(&mut rest).await.is_ok_and(|read| read > 0) {}
}

fn options(arguments: OktaArguments) -> Options {
    Options {
        users: arguments.users,
        groups: arguments.groups,
        memberships: arguments.memberships,
        apps: arguments.apps,
        seed: arguments.seed,
        token: arguments.token,
        rate_limits: match arguments.rate_limits {
            Limit::Off => RateLimits::Off,
            Limit::Integrator => RateLimits::Integrator,
            Limit::Workforce => RateLimits::Workforce,
        },
        window: Duration::from_millis(arguments.window),
        clock_skew: arguments.clock_skew,
        links: if arguments.folded_links { LinkStyle::Folded } else { LinkStyle::TwoLines },
        gzip: arguments.gzip,
        latency: Duration::from_millis(arguments.latency),
        membership_stamp_lag: Duration::from_millis(arguments.membership_stamp_lag),
        search_lag: Duration::from_millis(arguments.search_lag),
        role: arguments.role,
        list_owner: arguments.list_owner,
        keep_deprovisioned_members: arguments.keep_deprovisioned_members,
        everyone: !arguments.no_everyone,
        listen: arguments.listen,
        ..Options::default()
    }
}
