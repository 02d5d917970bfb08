//! The rules of a generated connector, as the oracle reads them, and the file that says the same to the product.

use std::fmt::Write;

use fastrand::Rng;

use super::limits::{Limit, Limits};

/// Seconds of an hour.
pub(crate) const HOUR: i64 = 3_600;
/// Seconds of a day.
pub(crate) const DAY: i64 = 24 * HOUR;

/// Departments of generated users.
pub(crate) const DEPARTMENTS: [&str; 3] = ["Engineering", "Sales", "Legal"];
/// What names of groups begin with.
pub(crate) const PREFIXES: [&str; 4] = ["okta-", "jira-", "Team ", ""];
/// What names of groups end with.
pub(crate) const WORDS: [&str; 14] = [
    "red", "blue", "green", "staff", "admins", "leads", "ops", "test", "guests", "build", "sales", "legal",
    "night", "day",
];

/// A glob of one of the forms that are generated: `text`, `text*`, `*text`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Glob(pub(crate) String);

impl Glob {
    pub(crate) fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.to_lowercase(), name.to_lowercase());
        match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(end), _) => name.ends_with(end),
            (None, Some(start)) => name.starts_with(start),
            (None, None) => name == pattern,
        }
    }
}

pub(crate) fn any(globs: &[Glob], name: &str) -> bool {
    globs.iter().any(|glob| glob.matches(name))
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LeaverUsers {
    Disable,
    Delete,
    Anonymize,
    Keep,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LeaverGroups {
    Empty,
    Delete,
    Keep,
}

/// What Okta itself is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Users of this department only.
    pub(crate) department: Option<&'static str>,
    /// Groups whose name begins so only.
    pub(crate) group_prefix: Option<&'static str>,
    /// The id of the application.
    pub(crate) app: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) asked: Asked,
    pub(crate) statuses: Vec<&'static str>,
    pub(crate) required: Vec<String>,
    pub(crate) include: Vec<Glob>,
    pub(crate) exclude: Vec<Glob>,
    /// The username is the e-mail address, which several users may have, and not the login.
    pub(crate) by_email: bool,
    /// What stands at the beginning of a name, and what stands there instead.
    pub(crate) rename: Vec<(&'static str, &'static str)>,
    pub(crate) drop_unmatched: bool,
    pub(crate) group_include: Vec<Glob>,
    pub(crate) group_exclude: Vec<Glob>,
    pub(crate) always: Vec<String>,
    pub(crate) protected_users: Vec<Glob>,
    pub(crate) protected_groups: Vec<Glob>,
    pub(crate) leavers: LeaverUsers,
    pub(crate) grace_absent: i64,
    pub(crate) grace_deactivated: i64,
    /// Leavers lose their memberships, but for those in groups that match.
    pub(crate) memberships: Option<Vec<Glob>>,
    pub(crate) left_groups: LeaverGroups,
    pub(crate) limits: Limits,
}

const USUAL: [&str; 5] = ["ACTIVE", "PASSWORD_EXPIRED", "LOCKED_OUT", "RECOVERY", "PROVISIONED"];

impl Rules {
    /// Rules at random, without an application and without what names objects of the org or of the target.
    pub(crate) fn generate(rng: &mut Rng) -> Self {
        let department = rng.choice(DEPARTMENTS).filter(|_| rng.u8(..6) == 0);
        let statuses = match rng.u8(..10) {
            0..6 => USUAL.to_vec(),
            6 => vec!["ACTIVE"],
            7 => [&USUAL[..], &["SUSPENDED"]].concat(),
            8 => [&USUAL[..], &["STAGED", "SUSPENDED"]].concat(),
            // Okta's plain list does not show who is deactivated.
            _ if department.is_none() => USUAL.to_vec(),
            _ => [&USUAL[..], &["DEPROVISIONED"]].concat(),
        };
        let rename = match rng.u8(..4) {
            0 => vec![("okta-", "")],
            1 => vec![("okta-", ""), ("jira-", "team-")],
            2 => vec![("jira-", "okta-")],
            _ => Vec::new(),
        };
        let grace = |rng: &mut Rng| *rng.choice(&[0, 0, 0, 2 * HOUR, 7 * DAY]).unwrap();
        Self {
            asked: Asked {
                department,
                group_prefix: rng.choice(["okta-", "jira-"]).filter(|_| rng.u8(..8) == 0),
                app: None,
            },
            statuses,
            required: Vec::new(),
            include: some(rng, 7, &["u*", "*@example.com"]),
            exclude: some(rng, 4, &["svc-*", "*@contractor.example.com"]),
            by_email: rng.u8(..5) == 0,
            drop_unmatched: !rename.is_empty() && rng.u8(..4) == 0,
            rename,
            group_include: some(rng, 5, &["okta-*", "team-*", "*s", "Everyone"]),
            group_exclude: some(rng, 4, &["*test", "*leads", "jira-*"]),
            always: if rng.u8(..4) == 0 { vec!["all-hands".to_owned()] } else { Vec::new() },
            protected_users: Vec::new(),
            protected_groups: some(rng, 6, &["*admins", "team-*"]),
            leavers: *rng
                .choice(&[
                    LeaverUsers::Disable,
                    LeaverUsers::Disable,
                    LeaverUsers::Delete,
                    LeaverUsers::Anonymize,
                    LeaverUsers::Keep,
                ])
                .unwrap(),
            grace_absent: grace(rng),
            grace_deactivated: grace(rng),
            memberships: rng.bool().then(|| some(rng, 3, &["*staff", "okta-*"])),
            left_groups: *rng
                .choice(&[
                    LeaverGroups::Empty,
                    LeaverGroups::Empty,
                    LeaverGroups::Delete,
                    LeaverGroups::Delete,
                    LeaverGroups::Keep,
                ])
                .unwrap(),
            limits: Limits::generate(rng),
        }
    }

    /// The name in the target of a group of that name in Okta, and whether a rule made it.
    pub(crate) fn renamed(&self, name: &str) -> (String, bool) {
        for (from, to) in &self.rename {
            if let Some(rest) = name.strip_prefix(from).filter(|rest| !rest.is_empty()) {
                return (format!("{to}{rest}"), true);
            }
        }
        (name.to_owned(), false)
    }

    /// Whether a group of that name in Okta is synced, as far as the connector's own rules say.
    pub(crate) fn syncs_group(&self, name: &str) -> bool {
        let (new, matched) = self.renamed(name);
        let included = match self.group_include.is_empty() {
            true => name != "Everyone",
            false => any(&self.group_include, &new),
        };
        included && !any(&self.group_exclude, &new) && (matched || !self.drop_unmatched)
    }

    pub(crate) fn protects_user(&self, name: &str) -> bool {
        any(&self.protected_users, name)
    }

    pub(crate) fn protects_group(&self, name: &str) -> bool {
        any(&self.protected_groups, name)
    }

    /// Whether leavers lose their membership in a group of that name.
    pub(crate) fn leavers_lose(&self, group: &str) -> bool {
        let except = self.memberships.as_ref();
        except.is_some_and(|except| !any(except, group)) && !self.protects_group(group)
    }

    pub(crate) fn is_always(&self, group: &str) -> bool {
        self.always.iter().any(|name| name.to_lowercase() == group.to_lowercase())
    }

    /// The connector file.
    pub(crate) fn yaml(&self, url: &str, token: &str) -> String {
        let mut text = format!(
            "source:\n  okta:\n    url: {url}\n    rate_budget: 100%\n    auth: {{ api_token: {{ file: {token} }} }}\n"
        );
        let mut line = |line: String| writeln!(text, "{line}").unwrap();
        if let Some(department) = self.asked.department {
            line(format!("    users: {{ search: 'profile.department eq \"{department}\"' }}"));
        }
        if let Some(prefix) = self.asked.group_prefix {
            line(format!("    groups: {{ search: 'profile.name sw \"{prefix}\"' }}"));
        }
        if let Some(app) = &self.asked.app {
            line(format!("    app: {app}"));
        }
        line(format!("scope:\n  statuses: [{}]", self.statuses.join(", ")));
        line(format!("  required_groups: {}", list(self.required.iter())));
        line(format!("  users: {{ include: {}, exclude: {} }}", globs(&self.include), globs(&self.exclude)));
        if self.by_email {
            line("mapping: { username: '{{ profile.email | lower }}' }".to_owned());
        }
        line("groups:".to_owned());
        if !self.rename.is_empty() {
            line("  rename:".to_owned());
        }
        for (from, to) in &self.rename {
            line(format!("    - {{ match: '^{from}(.+)$', to: '{to}${{1}}' }}"));
        }
        if self.drop_unmatched {
            line("  unmatched: drop".to_owned());
        }
        line(format!("  include: {}", globs(&self.group_include)));
        line(format!("  exclude: {}", globs(&self.group_exclude)));
        line(format!("  always: {}", list(self.always.iter())));
        let (users, groups) = (globs(&self.protected_users), globs(&self.protected_groups));
        line(format!("protected: {{ users: {users}, groups: {groups} }}"));
        line(format!("leavers:\n  users: {}", format!("{:?}", self.leavers).to_lowercase()));
        let (absent, deactivated) = (self.grace_absent, self.grace_deactivated);
        line(format!("  grace: {{ absent: {absent}s, deactivated: {deactivated}s }}"));
        line(match &self.memberships {
            None => "  memberships: keep".to_owned(),
            Some(except) => format!("  memberships: {{ remove: all, except: {} }}", globs(except)),
        });
        line(format!("  groups: {}", format!("{:?}", self.left_groups).to_lowercase()));
        let Limits { leavers, memberships, groups, floor } = &self.limits;
        line(format!(
            "limits: {{ leavers: {leavers}, memberships: {memberships}, groups: {groups}, renames: off, floor: {floor} }}"
        ));
        text
    }
}

/// Now and then one of these patterns.
fn some(rng: &mut Rng, one_in: u8, patterns: &[&str]) -> Vec<Glob> {
    match rng.u8(..one_in) {
        0 => vec![Glob((*rng.choice(patterns).unwrap()).to_owned())],
        _ => Vec::new(),
    }
}

fn globs(globs: &[Glob]) -> String {
    list(globs.iter().map(|glob| &glob.0))
}

fn list<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    format!("[{}]", texts.map(|text| format!("'{text}'")).collect::<Vec<_>>().join(", "))
}

impl std::fmt::Display for Limit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => formatter.write_str("off"),
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Percent(percent) => write!(formatter, "{percent}%"),
        }
    }
}
