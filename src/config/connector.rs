//! From the checked tree of a connector file to a [`Connector`], with the checks that concern several keys.

use std::path::{Path, PathBuf};

use url::Url;

use super::address::{EXAMPLE_DOMAIN, is_of_the_examples};
use super::check::Checker;
use super::model::{
    Algorithm, Auth, ChangesFrom, Connector, IncrementalSettings, Missed, OktaSettings, ScheduleSettings,
    SecretRef, ServiceApp, TargetSettings,
};
use super::secret::{Environment, Shape};
use super::text::Complaint;
use super::tree::{Node, Value};
use super::{address, authorities, fitting, notify, rules, schedule, search, secret, target, values};
use crate::source::okta::{KeyFault, PrivateKey};

/// The share of Okta's rate limits that may be used, in hundredths, where nothing is said.
pub(super) const DEFAULT_BUDGET: u8 = 50;

/// What is known of a file before it is parsed.
pub(super) struct Origin<'a> {
    /// The file as it was named.
    pub(super) path: &'a Path,
    /// The directory that relative paths in it start from; absolute.
    pub(super) directory: &'a Path,
    /// The digest of its contents.
    pub(super) digest: String,
    /// Its contents.
    pub(super) text: &'a str,
}

/// Checks the tree and makes a connector of it; none if there is an error. Without an environment, secrets are not read.
pub(super) fn build(
    checker: &mut Checker,
    root: &Node,
    origin: Origin<'_>,
    environment: Option<Environment<'_>>,
) -> Option<Connector> {
    checker.root(root);
    let mut source = source(checker, root, origin.directory, environment);
    let schedule = schedule(checker, root);
    let mut target = target::build(checker, root, origin.directory, environment);
    // Read once, whoever uses it.
    let authorities = authorities::build(checker, root, origin.directory, environment);
    if let Some(source) = &mut source {
        source.authorities.clone_from(&authorities);
    }
    if let Some(TargetSettings::Server(server)) = &mut target {
        server.authorities = authorities;
    }
    let mut rules = rules::build(checker, root);
    if let Some(target) = &target {
        fitting::fit(checker, root, target, &mut rules);
    }
    let notify = notify::of_connector(checker, root, origin.directory, environment);
    Some(Connector {
        name: name(origin.path)?,
        path: origin.path.to_path_buf(),
        digest: origin.digest,
        text: origin.text.into(),
        source: source?,
        target: target?,
        schedule,
        rules,
        apply: text(root, &["apply"]).and_then(|text| values::word(text, &["on", "off"])) != Some("off"),
        notify,
    })
}

/// The connector's name if the file's stem can be one: 1 to 64 of A-Z, a-z, 0-9, dot, underscore and dash, with neither a
/// dot nor a dash at the beginning.
pub(super) fn name(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    let is_part = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let is_name =
        (1..=64).contains(&stem.len()) && stem.chars().all(is_part) && !stem.starts_with(['.', '-']);
    is_name.then(|| stem.to_owned())
}

/// The scalar at the end of a path of keys.
pub(super) fn text<'a>(root: &'a Node, path: &[&str]) -> Option<&'a str> {
    root.find(path)?.scalar()
}

fn source(
    checker: &mut Checker,
    root: &Node,
    directory: &Path,
    environment: Option<Environment<'_>>,
) -> Option<OktaSettings> {
    let okta = root.find(&["source"])?.entry("okta")?;
    if !matches!(okta.value.value, Value::Mapping(_)) {
        return None;
    }
    match (okta.value.entry("domain"), okta.value.entry("url")) {
        (Some(domain), Some(url)) => {
            let second = domain.region.from.max(url.region.from);
            let region = if url.region.from == second { url.region } else { domain.region };
            let complaint = Complaint::new("`source.okta` has both `domain` and `url`, but takes one only.");
            checker.error(
                region,
                complaint.advise("Keep `domain`; `url` is for orgs at an address of their own."),
            );
        }
        (None, None) => {
            let complaint = Complaint::new("`source.okta` needs the key `domain`, which is missing.");
            checker.error(
                okta.region,
                complaint.advise("Write the org's domain, as in `domain: your-org.okta.com`."),
            );
        }
        (Some(address), None) | (None, Some(address))
            if org(&okta.value).is_some_and(|org| is_of_the_examples(&org)) =>
        {
            let complaint = Complaint::new(format!(
                "`{EXAMPLE_DOMAIN}` is the domain of the examples; nothing is sent there."
            ));
            checker.warning(address.value.region, complaint.advise("Write the domain of your own org."));
        }
        _ => {}
    }
    let auth = auth(checker, (&okta.value, reads_log(root)), directory, environment);
    let budget = text(&okta.value, &["rate_budget"]).and_then(|text| values::budget(text).ok());
    let skinny = text(&okta.value, &["skinny_users"]).and_then(|text| values::word(text, &["on", "off"]));
    // Whatever is wrong with a search was complained about.
    let search =
        |kind: &str| text(&okta.value, &[kind, "search"]).and_then(|text| search::search(text, "").ok());
    Some(OktaSettings {
        origin: org(&okta.value)?,
        auth: auth?,
        rate_budget: budget.unwrap_or(DEFAULT_BUDGET),
        skinny_users: skinny == Some("on"),
        users_search: search("users"),
        groups_search: search("groups"),
        app: text(&okta.value, &["app"]).map(str::to_owned),
        authorities: None,
    })
}

fn org(okta: &Node) -> Option<Url> {
    match text(okta, &["domain"]) {
        Some(domain) => address::domain(domain).ok(),
        None => address::origin(text(okta, &["url"])?).ok(),
    }
}

/// How to sign in, once the secret was read if it is to be read.
fn auth(
    checker: &mut Checker,
    (okta, reads_log): (&Node, bool),
    directory: &Path,
    environment: Option<Environment<'_>>,
) -> Option<Auth> {
    let auth = okta.get("auth")?;
    if let Some(token) = auth.get("api_token") {
        return secret_at(checker, token, directory, environment).map(Auth::ApiToken);
    }
    let app = auth.get("service_app")?;
    let algorithm = text(app, &["algorithm"]);
    let algorithm = algorithm.and_then(Algorithm::named);
    let private_key = app.get("private_key");
    let private_key = private_key.and_then(|key| key_at(checker, key, directory, environment, algorithm));
    let scopes = scopes(checker, app, (okta.get("app").is_some(), reads_log));
    let client_id = text(app, &["client_id"]).filter(|id| values::client_id(id).is_ok())?;
    Some(Auth::ServiceApp(ServiceApp {
        client_id: client_id.to_owned(),
        private_key: private_key?,
        key_id: text(app, &["key_id"]).map(str::to_owned),
        algorithm,
        scopes,
    }))
}

/// What a service app asks for. Complains where something is left out without which every run would fail.
fn scopes(checker: &mut Checker, app: &Node, (reads_application, reads_log): (bool, bool)) -> Vec<String> {
    let needed = || ServiceApp::needed(reads_application, reads_log);
    let mut scopes: Vec<String> = match app.entry("scopes") {
        None => needed().chain([ServiceApp::ORG]).map(str::to_owned).collect(),
        Some(entry) => {
            let Value::Sequence(items) = &entry.value.value else { return Vec::new() };
            let given: Vec<String> = items.iter().filter_map(Node::scalar).map(str::to_owned).collect();
            let lacking: Vec<&str> =
                needed().filter(|scope| !given.iter().any(|given| given == scope)).collect();
            if !items.is_empty() && !lacking.is_empty() {
                let complaint = Complaint::new(format!(
                    "Without {} every run would fail: `source.okta.auth.service_app.scopes` leaves that out.",
                    lacking.join(" and ")
                ));
                checker.error(
                    entry.region,
                    complaint.advise(
                        "Add it, or remove `scopes` for the default, and grant the app in Okta the same.",
                    ),
                );
            }
            given
        }
    };
    scopes.sort();
    scopes.dedup();
    scopes
}

/// Where a private key is, once it was seen that it can be used if it is to be read.
fn key_at(
    checker: &mut Checker,
    place: &Node,
    directory: &Path,
    environment: Option<Environment<'_>>,
    algorithm: Option<Algorithm>,
) -> Option<SecretRef> {
    let (region, secret) = secret::place(place, directory)?;
    let Some(environment) = environment else { return Some(secret) };
    let key = secret.read_from(environment, Shape::Lines).and_then(|text| {
        PrivateKey::read(&text, algorithm).map_err(|KeyFault { why, advice }| {
            Complaint::new(format!("The private key in the {secret} cannot be used: {why}.")).advise(advice)
        })
    });
    if let Err(complaint) = key {
        checker.error(region, complaint);
    } else if let Some(complaint) = secret.exposure() {
        checker.warning(region, complaint);
    }
    Some(secret)
}

/// Where a secret is, once it was read there if it is to be read.
pub(super) fn secret_at(
    checker: &mut Checker,
    place: &Node,
    directory: &Path,
    environment: Option<Environment<'_>>,
) -> Option<SecretRef> {
    let (region, secret) = secret::place(place, directory)?;
    let Some(environment) = environment else { return Some(secret) };
    if let Err(complaint) = secret.read_from(environment, Shape::Line) {
        checker.error(region, complaint);
    } else if let Some(complaint) = secret.exposure() {
        checker.warning(region, complaint);
    }
    Some(secret)
}

fn schedule(checker: &mut Checker, root: &Node) -> Option<ScheduleSettings> {
    let node = root.get("schedule")?;
    let cron = node.get("cron")?;
    let duration = |key: &str| text(node, &[key]).and_then(|text| values::duration(text).ok());
    let missed = text(node, &["missed"]).and_then(|text| values::word(text, &["run_once", "skip"]));
    let schedule = ScheduleSettings {
        expression: cron.scalar()?.to_owned(),
        cron: schedule::parse(cron.scalar()?).ok()?,
        timezone: text(node, &["timezone"])
            .and_then(|text| values::timezone(text).ok())
            .unwrap_or(chrono_tz::UTC),
        jitter: duration("jitter").unwrap_or_default(),
        missed: if missed == Some("skip") { Missed::Skip } else { Missed::RunOnce },
        incremental: node.get("incremental").and_then(incremental),
    };
    // A look for changes uses the token too.
    let can_lapse =
        schedule.incremental.is_none() && root.find(&["source", "okta", "auth", "service_app"]).is_none();
    if let Some(gap) = schedule::outlives_token(&schedule).filter(|_| can_lapse) {
        let complaint = Complaint::new(format!(
            "Up to {} days pass between two runs, and Okta drops an API token that was not used for 30 days.",
            gap.num_days()
        ));
        checker.warning(
            cron.region,
            complaint.advise("Run at least every four weeks, unless something else uses the token."),
        );
    }
    Some(schedule)
}

/// Whether changes come from the System Log.
fn reads_log(root: &Node) -> bool {
    text(root, &["schedule", "incremental", "from"]) == Some("system_log")
}

fn incremental(node: &Node) -> Option<IncrementalSettings> {
    let every = node.scalar().or_else(|| text(node, &["every"])).unwrap_or("5m");
    let from = text(node, &["from"]).and_then(|text| values::word(text, &["lists", "system_log"]));
    let from = if from == Some("system_log") { ChangesFrom::SystemLog } else { ChangesFrom::Lists };
    Some(IncrementalSettings { every: values::duration(every).ok()?, from })
}

/// The directory that relative paths in the file at `path` start from; absolute.
pub(super) fn directory_of(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    absolute.parent().map_or_else(|| PathBuf::from("/"), Path::to_path_buf)
}
