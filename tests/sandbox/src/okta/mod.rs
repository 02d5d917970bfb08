//! A stand-in for an Okta org: users, groups, members, applications with who is assigned to them, the token's owner with
//! its role, the schema of users and the org itself, read with an SSWS token, or with the access tokens that the org gives
//! to its service apps.
//!
//! It behaves as Okta was documented and recorded to behave: paging by two `Link` lines and opaque cursors, rate limits
//! in fixed windows with a share per token, error bodies, `DEPROVISIONED` users hidden from the plain list, stamps
//! without fractions, a search index that may run behind. An address of more than 8,000 bytes is refused as a gateway
//! would (414 with an HTML page, no limits touched). What Okta does wrong now and then can be switched on as a
//! [`Fault`], and every fault says how often it was met. Time is tokio's: a test that pauses it moves rate-limit windows,
//! stamps and the index with it.
//!
//! Nothing is published or recorded about some details, and a client should not depend on them: the words in parentheses
//! of 404s below `/api/v1/apps`, the cursors of the groups of an application, what a `limit` below 20 does there, and
//! that `id eq` minds case in a `search`.
//!
//! # Service apps
//!
//! `POST /oauth2/v1/token` takes the client credentials grant with `private_key_jwt` from a [`ServiceApp`], and answers with
//! an access token for `Authorization: Bearer`; or for `Authorization: DPoP`, where the app wants that or the request bears
//! a `DPoP` proof. Every endpoint wants its scope, and the app a role. [`OAuthCounts`] tells what was refused and why, a
//! [`KeyPair`] is made when a test needs one, and faults reach the token endpoint as [`Route::Token`].
//!
//! ```no_run
//! use sandbox::okta::{KeyKind, KeyPair, Okta, Options, Refusal, ServiceApp};
//!
//! # async fn example() -> std::io::Result<()> {
//! let okta = Okta::start(Options::default()).await?;
//! let pair = KeyPair::generate(KeyKind::Rsa2048);
//! okta.add_service_app(ServiceApp { dpop: true, ..ServiceApp::new("0oa1service", pair.public_key()) });
//! // … let the client sign with pair.private_pem() or pair.private_jwk(), and take its tokens away meanwhile …
//! okta.revoke_access_tokens();
//! assert_eq!(okta.requests().oauth.of(Refusal::ProofReplay), 0);
//! # Ok(()) }
//! ```
//!
//! Where nothing is published or recorded, the stand-in is strict, so that a client that pleases it should please Okta too:
//! - Clocks may be 300 s apart: `iat` of an assertion so far ahead, `iat` of a proof so far ahead or back. `exp` has no
//!   grace. All by the stand-in's clock, which [`Options::clock_skew`] moves.
//! - A `jti` is used up once signature and claims are right, whatever is answered then: a 429, a fault, the request for a
//!   nonce. The same assertion is therefore no good for the second request of the nonce round.
//! - `aud` is text, the token endpoint and nothing else. One scope that is not granted spoils the whole request.
//! - Refused token requests count against the share of the app that they name.
//! - `/api/v1/users/me` is a 404 for an app, since no user is behind it.
//! - `WWW-Authenticate` of a 401 or of a missing scope is formed like the one that was recorded of a bad proof.
//! - The nonce of the token endpoint, and the one that [`Options::dpop_resource_nonce`] makes the others want, are not the
//!   same.
//! - [`Options::role`] is that of the API token only; [`Resources`] hide from apps too.
//!
//! # Example
//!
//! ```no_run
//! use sandbox::okta::{Fault, FaultKind, Okta, Options, Route, Status};
//!
//! # async fn example() -> std::io::Result<()> {
//! let okta = Okta::start(Options { users: 1000, groups: 60, memberships: 12_000, ..Options::default() }).await?;
//! let fault = okta.fault(Fault::on(Route::Members).kind(FaultKind::Status(503)).times(2));
//! let org = okta.org();
//! org.set_status(&org.users()[0].id, Status::Suspended);
//! let app = org.add_app("Jira");
//! org.assign_group(&app, &org.groups()[0].id);
//! // … let the client read okta.url() with okta.token() …
//! assert_eq!(okta.met(fault), 2);
//! # Ok(()) }
//! ```

mod admin;
mod answer;
mod app;
mod app_lists;
mod change;
mod change_named;
mod clock;
mod counts;
mod fault;
mod fault_text;
mod faulty;
mod generate;
mod handle;
mod handle_apps;
mod id;
mod lag;
mod limits;
mod lists;
mod members;
mod names;
mod new_user;
mod oauth;
mod org;
mod projection;
mod query;
mod record;
mod record_app;
mod resources;
mod role;
mod route;
mod schema;
mod search;
mod server;
mod state;
mod view;
pub(crate) mod wire;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use admin::LeastRequests;
pub use change::{CHANGE_HELP, Change, Changed};
pub use counts::{Counts, OAuthCounts};
pub use fault::{Broken, Fault, FaultId, FaultKind};
pub use fault_text::FAULT_HELP;
pub use handle::{Org, OrgGroup, OrgUser};
pub use handle_apps::OrgAppUser;
pub use limits::{Bucket, Limits, RateLimits};
pub use new_user::NewUser;
pub use oauth::{AppRole, KeyKind, KeyPair, PublicKey, Refusal, ServiceApp};
pub use resources::Resources;
pub use role::Role;
pub use route::Route;

use clock::Clock;
use server::Shared;
use state::State;

/// A user's status, as the published schema lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are Okta's")]
pub enum Status {
    Staged,
    Provisioned,
    Active,
    Recovery,
    PasswordExpired,
    LockedOut,
    Suspended,
    Deprovisioned,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Staged,
        Self::Provisioned,
        Self::Active,
        Self::Recovery,
        Self::PasswordExpired,
        Self::LockedOut,
        Self::Suspended,
        Self::Deprovisioned,
    ];

    /// The word in Okta's JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "STAGED",
            Self::Provisioned => "PROVISIONED",
            Self::Active => "ACTIVE",
            Self::Recovery => "RECOVERY",
            Self::PasswordExpired => "PASSWORD_EXPIRED",
            Self::LockedOut => "LOCKED_OUT",
            Self::Suspended => "SUSPENDED",
            Self::Deprovisioned => "DEPROVISIONED",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text));
        known.ok_or_else(|| format!("'{text}' is no status of Okta's; write one like ACTIVE or SUSPENDED"))
    }
}

/// The form of the `Link` headers.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum LinkStyle {
    /// `self` and `next` in two header lines, as Okta sends them.
    #[default]
    TwoLines,
    /// Both in one line, as some proxies make of it.
    Folded,
    /// All links name this origin instead of the one the client knows, for instance `https://acme.okta.com`.
    Origin(String),
}

/// The most records of one page; a larger `limit` is cut to it, and where none is given it is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSizes {
    /// `/users`.
    pub users: usize,
    /// `/groups`.
    pub groups: usize,
    /// `/groups/{id}/users`.
    pub members: usize,
    /// `/users/{id}/groups`.
    pub user_groups: usize,
    /// `/apps/{id}/users`; without `limit` 50 of them.
    pub app_users: usize,
    /// `/apps/{id}/groups`; without `limit` 20 of them, and never fewer.
    pub app_groups: usize,
}

impl Default for PageSizes {
    fn default() -> Self {
        Self { users: 200, groups: 10_000, members: 1000, user_groups: 200, app_users: 500, app_groups: 200 }
    }
}

/// What org to make, and how it behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Users to generate, all statuses together.
    pub users: usize,
    /// Groups to generate, beside `Everyone`.
    pub groups: usize,
    /// Memberships to generate, those of `Everyone` not counted.
    pub memberships: usize,
    /// Applications to generate, each with about a quarter of the groups assigned and a few users by themselves. The rest
    /// of the org is the same with and without them.
    pub apps: usize,
    /// The same seed and sizes give the same org, ids included.
    pub seed: u64,
    /// The accepted token.
    pub token: String,
    /// Further accepted tokens, each with its own share of the limits.
    pub more_tokens: Vec<String>,
    /// The org's rate limits; off by default.
    pub rate_limits: RateLimits,
    /// The share of each limit that one token or service app may use, in percent; 50 as in Okta.
    pub token_share_percent: u32,
    /// How long an access token lasts, and is said to last; an hour as in Okta, where it cannot be changed.
    pub access_token_lifetime: Duration,
    /// Whether calls with DPoP must bear a nonce of the endpoints' own too (RFC 9449, section 9). Okta does not ask for
    /// one at present.
    pub dpop_resource_nonce: bool,
    /// The length of a rate-limit window; 60 seconds as in Okta.
    pub window: Duration,
    /// By how many seconds the server's clock (`Date`, reset, stamps) is ahead of the local one.
    pub clock_skew: i64,
    /// The form of the `Link` headers.
    pub links: LinkStyle,
    /// Whether answers are compressed for clients that accept it. Okta does; off by default, so that a bench measures the
    /// client and not the stand-in's compressor.
    pub gzip: bool,
    /// How long every answer takes.
    pub latency: Duration,
    /// How long `lastMembershipUpdated` hides a change of members (recorded: up to more than 4 s); none by default.
    pub membership_stamp_lag: Duration,
    /// How long `search` of users and of groups does not see a change (recorded: typically less than a second, up to
    /// several); none by default.
    pub search_lag: Duration,
    /// Whether deprovisioned users stay listed in their groups, as was reported of some orgs.
    pub keep_deprovisioned_members: bool,
    /// Whether there is a group `Everyone`; group administrators' tokens do not see it.
    pub everyone: bool,
    /// What `/api/v1/users/{id}/roles` says of the token's owner.
    pub role: Role,
    /// Whether the token's owner (`/api/v1/users/me`) is in the lists like any other user, instead of only behind `me`
    /// and its own id.
    pub list_owner: bool,
    /// Whether `expand=stats` is answered.
    pub stats: bool,
    /// The most records per page.
    pub pages: PageSizes,
    /// Where to listen; a free port of 127.0.0.1 by default.
    pub listen: SocketAddr,
    /// Whether there is an admin interface under `/sandbox/`.
    pub admin: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            users: 100,
            groups: 10,
            memberships: 300,
            apps: 0,
            seed: 1,
            token: "00stand-in-token".to_owned(),
            more_tokens: Vec::new(),
            rate_limits: RateLimits::Off,
            token_share_percent: 50,
            access_token_lifetime: Duration::from_secs(3600),
            dpop_resource_nonce: false,
            window: Duration::from_secs(60),
            clock_skew: 0,
            links: LinkStyle::TwoLines,
            gzip: false,
            latency: Duration::ZERO,
            membership_stamp_lag: Duration::ZERO,
            search_lag: Duration::ZERO,
            keep_deprovisioned_members: false,
            everyone: true,
            role: Role::default(),
            list_owner: false,
            stats: true,
            pages: PageSizes::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin: true,
        }
    }
}

impl Options {
    /// An org without users and groups (but for `Everyone`), to be filled by hand.
    pub fn empty() -> Self {
        Self { users: 0, groups: 0, memberships: 0, ..Self::default() }
    }
}

/// A running stand-in; it stops when dropped.
#[derive(Debug)]
pub struct Okta {
    shared: Arc<Shared>,
    server: JoinHandle<()>,
    url: String,
    token: String,
}

impl Drop for Okta {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Okta {
    /// Generates the org and listens.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let clock = Clock::start(options.clock_skew);
        let mut org = org::Org::empty(url.clone(), options.seed);
        org.keep_deprovisioned = options.keep_deprovisioned_members;
        org.stamp_lag = clock::whole_milliseconds(options.membership_stamp_lag);
        generate::fill(
            &mut org,
            generate::Sizes {
                users: options.users,
                groups: options.groups,
                memberships: options.memberships,
                apps: options.apps,
                everyone: options.everyone,
            },
        );
        if options.list_owner {
            org.list_owner(clock.milliseconds());
        }
        // From here on: an org that has just been made is known to its index.
        org.user_lag.milliseconds = clock::whole_milliseconds(options.search_lag);
        org.group_lag.milliseconds = org.user_lag.milliseconds;
        let limits = options.rate_limits.limits();
        let token = options.token.clone();
        let state = State {
            limiter: limits::Limiter::new(limits, options.token_share_percent, options.window),
            options,
            base: url.clone(),
            clock,
            org,
            faults: fault::Faults::default(),
            book: counts::Book::default(),
            searches: lists::Searches::default(),
            bounds: resources::Bounds::default(),
            authority: oauth::Authority::default(),
        };
        let shared = Arc::new(Shared::new(state));
        let server = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Self { shared, server, url, token })
    }

    /// Its address, `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The accepted token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The org, to change it and to compare with.
    pub fn org(&self) -> Org {
        Org::new(Arc::clone(&self.shared))
    }

    /// Switches a fault on.
    pub fn fault(&self, fault: Fault) -> FaultId {
        self.shared.state().faults.add(fault)
    }

    /// How often a fault was really delivered. A test of a fault asserts this.
    pub fn met(&self, fault: FaultId) -> u64 {
        self.shared.state().faults.met(fault)
    }

    /// Switches one fault off.
    pub fn clear_fault(&self, fault: FaultId) {
        self.shared.state().faults.clear(Some(fault));
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.shared.state().faults.clear(None);
    }

    /// What was asked so far.
    pub fn requests(&self) -> Counts {
        self.shared.state().counts()
    }

    /// Counts from nought again, and forgets the log; rate-limit windows stay as they are.
    pub fn reset_counts(&self) {
        self.shared.state().reset_counts();
    }

    /// Registers a service app, or registers it anew where its id is known: keys, scopes, DPoP and role are as given from
    /// the next request on, while access tokens that it has stay as they are.
    pub fn add_service_app(&self, app: ServiceApp) {
        self.shared.state().authority.register(app);
    }

    /// Revokes every access token there is: calls with them are answered 401.
    pub fn revoke_access_tokens(&self) {
        self.shared.state().authority.revoke();
    }

    /// Begins a new DPoP nonce before its 24 hours are over. The old ones stay valid, or do not.
    pub fn rotate_dpop_nonce(&self, keep_old: bool) {
        let mut state = self.shared.state();
        let now = state.clock.milliseconds();
        state.authority.rotate_nonces(keep_old, now);
    }

    /// The last request lines: method, path, query, host, whether an accepted token came with it, the status. Never the
    /// token itself, nor an assertion or a proof.
    pub fn log(&self) -> Vec<String> {
        self.shared.state().book.lines()
    }

    /// The fewest requests that read the whole org once.
    pub fn least_requests(&self) -> LeastRequests {
        LeastRequests::of(&self.shared.state())
    }

    /// Other clients of the same org use up requests of a bucket.
    pub fn use_up(&self, bucket: Bucket, requests: u64) {
        let mut state = self.shared.state();
        let now = state.clock.milliseconds();
        state.limiter.use_up(bucket, requests, now);
    }

    /// Makes every answer take this long from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.state().options.latency = latency;
    }
}
