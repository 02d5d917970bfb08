//! `check --online`: what the source shows with a connector's credentials, and whom the rules would take. Writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use serde::Serialize;

use super::{CheckedConnector, capabilities};
use crate::cli::exit::{Exit, Failure};
use crate::cli::no_runtime;
use crate::cli::output::Output;
use crate::cli::text::{Style, plural, table};
use crate::config::model::{Connector, ServiceApp};
use crate::http::Shared;
use crate::source::okta::{Okta, SignIns};
use crate::source::{GroupFilter, Inspection, ReadRequest, Scopes, Source};
use crate::sync::desire::groups::{judge_group, name_in_target};
use crate::sync::desire::wanted_attributes;
use crate::sync::explain::{ScopeStep, Verdict, examine};
use crate::sync::mapping::UserView;
use crate::sync::model::{Finding, Proof, SourceSnapshot};
use crate::sync::progress::RunControl;
use crate::sync::rules::Rules;
use crate::target::Capabilities;
use crate::telemetry::escape::{escape, escape_lines};
use crate::telemetry::metrics::Metrics;

/// How many mapped users are shown.
const SHOWN_USERS: usize = 5;
/// How many findings are told to a person; JSON has all.
const MOST_FINDINGS: usize = 10;

/// What the source says about one connector.
#[derive(Debug, Default, Serialize)]
pub(super) struct Online {
    /// The origin that was asked.
    source: String,
    /// Whose the token is, or the service app.
    principal: Option<String>,
    /// Which roles that has; none if that is not known.
    roles: Option<Vec<String>>,
    /// Of a service app: its scopes.
    scopes: Option<ScopesSeen>,
    /// Users, if they could be read.
    users: Option<UsersSeen>,
    /// Groups, if they could be read.
    groups: Option<GroupsSeen>,
    /// The first users in scope, by login, as the target would get them.
    mapped: Vec<MappedUser>,
    /// What is found about single records.
    findings: Vec<Finding>,
    /// What a person should look at.
    pub(super) warnings: Vec<String>,
    /// Why a run would fail.
    pub(super) errors: Vec<String>,
}

/// The scopes of a service app.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct ScopesSeen {
    requested: Vec<String>,
    missing: Vec<String>,
}

/// How many users are seen.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct UsersSeen {
    visible: u64,
    in_scope: u64,
    out_of_scope: u64,
    /// In scope, but for these reasons left as they are: the key of the connector file that decides, and how many.
    left_alone: BTreeMap<String, u64>,
    /// Members of groups were not read, and without them it is not known.
    not_known: u64,
}

/// How many groups are seen.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct GroupsSeen {
    visible: u64,
    in_scope: u64,
}

/// A user as the target would get it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct MappedUser {
    login: CompactString,
    username: CompactString,
    email: CompactString,
    display_name: CompactString,
    /// False if its groups, which were not read, decide whether it is in scope.
    #[serde(skip)]
    certain: bool,
}

/// Asks the source of each good connector, one after the other.
pub(super) fn look(connectors: &mut [CheckedConnector], output: &Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_runtime)?;
    let http = Shared::new(Metrics::new()).map_err(|error| Failure::new(Exit::Failed, error))?;
    let sign_ins = SignIns::new(output.clock.clone());
    for checked in connectors {
        if let Some(connector) = &checked.connector {
            let okta = Okta::new(connector.source.clone(), &http, &sign_ins);
            if output.messages_on_terminal {
                output.say(&format!("{}: reading {} …", escape(&connector.name), origin(connector)));
            }
            checked.online = Some(runtime.block_on(ask(connector, &okta, output.clock.now())));
        }
    }
    Ok(())
}

fn origin(connector: &Connector) -> String {
    connector.source.origin.origin().ascii_serialization()
}

/// Asks the source of one connector. Whatever goes wrong stands in the answer.
async fn ask(connector: &Connector, source: &dyn Source, now: DateTime<Utc>) -> Online {
    let request = ReadRequest {
        attributes: wanted_attributes(&connector.rules).into(),
        wants_members: GroupFilter(Arc::new(|_| false)),
        decides: crate::source::GroupFilter::none(),
        groups_with_memberships: BTreeSet::new(),
        member_lists: Arc::default(),
    };
    let mut online = Online { source: origin(connector), ..Online::default() };
    match source.inspect(&request, &RunControl::default()).await {
        Ok(inspection) => online.take(inspection, connector, now),
        Err(error) => online.errors.push(error.to_string()),
    }
    online
}

impl Online {
    fn take(&mut self, inspection: Inspection, connector: &Connector, now: DateTime<Utc>) {
        let Inspection { principal, roles, scopes, snapshot, unknown_attributes } = inspection;
        let (rules, capabilities) = (&connector.rules, capabilities(&connector.target));
        self.principal = principal.map_err(|why| self.warn("the owner of the token", &why)).ok();
        // What a service app was never meant to read is no surprise.
        let is_meant = |scope: &str| {
            scopes.as_ref().is_none_or(|scopes| scopes.requested.iter().any(|requested| requested == scope))
        };
        let mut unless_meant = |what: &str, scope: &str, why: String| {
            if is_meant(scope) {
                self.warn(what, &why);
            }
        };
        let roles =
            roles.map_err(|why| unless_meant("the role behind the credentials", ServiceApp::ROLES, why));
        let unknown = unknown_attributes.map_err(|why| {
            unless_meant("which attributes users of this org have", ServiceApp::SCHEMAS, why);
        });
        self.roles = roles.ok();
        self.warnings
            .extend(scopes.iter().flat_map(|scopes| &scopes.missing).map(|scope| missing_scope(scope)));
        let is_app = scopes.is_some();
        self.scopes = scopes.map(|Scopes { requested, missing }| ScopesSeen { requested, missing });
        for (list, proof) in [("users", &snapshot.users_proof), ("groups", &snapshot.groups_proof)] {
            if let Proof::NotProven(why) = proof {
                self.warnings.push(format!(
                    "the list of {list} was not read to its end ({why}); the numbers are those of what was read, and a \
                     sync would remove nobody on account of it"
                ));
            }
        }
        if is_app && snapshot.users.is_empty() && snapshot.groups.is_empty() {
            self.warnings.push(
                "the service app sees neither a user nor a group: it probably has no administrator role. Assign one under \
                 Applications > the app > Admin roles, such as Read-only Administrator"
                    .to_owned(),
            );
        }
        self.count_users(&snapshot, rules, &capabilities, now);
        self.count_groups(&snapshot, rules, &capabilities);
        let unknown = unknown.unwrap_or_default();
        self.warnings.extend(unknown.iter().map(|path| unknown_attribute(path, rules)));
        self.findings = snapshot.findings;
    }

    fn warn(&mut self, what: &str, why: &str) {
        self.warnings.push(format!("{what} is not known: {why}"));
    }

    fn count_users(
        &mut self,
        snapshot: &SourceSnapshot,
        rules: &Rules,
        capabilities: &Capabilities,
        now: DateTime<Utc>,
    ) {
        let names = &snapshot.attribute_names;
        let mut users = UsersSeen { visible: snapshot.users.len() as u64, ..UsersSeen::default() };
        let mut out_by: BTreeMap<String, u64> = BTreeMap::new();
        let mut candidates = Vec::new();
        let mut problems = Problems::default();
        for user in &snapshot.users {
            let verdict = examine(user, names, None, rules, capabilities, now);
            let view = UserView { names, user };
            let decides = |step: &&ScopeStep| !matches!(step.verdict, Verdict::In | Verdict::NotSet);
            let deciding = verdict.scope.iter().find(decides);
            match deciding.map(|step| (step.verdict, &step.rule)) {
                None => users.in_scope += 1,
                Some((Verdict::Out, rule)) => {
                    users.out_of_scope += 1;
                    *out_by.entry(rule.clone()).or_default() += 1;
                    continue;
                }
                Some((Verdict::LeftAlone, rule)) => {
                    *users.left_alone.entry(rule.clone()).or_default() += 1;
                }
                Some(_) => users.not_known += 1,
            }
            let left_alone = verdict.scope.iter().find(|step| step.verdict == Verdict::LeftAlone);
            match left_alone {
                Some(step) => problems.note(step, &view.login()),
                None => candidates.push((view.login(), deciding.is_none(), view)),
            }
        }
        if users.visible == 0 {
            self.warnings.push(
                "no user is visible: a sync would change nothing, since an empty list proves nothing. Look at the roles \
                 behind the credentials, and at `search` and `app` in the connector file"
                    .to_owned(),
            );
        } else if users.in_scope == 0 && users.not_known == 0 {
            let mut why = out_by;
            why.extend(users.left_alone.clone());
            self.warnings.push(format!(
                "none of {} is in scope ({}): a sync would create nobody, and whoever it manages and leaves out is a \
                 leaver. Look at the rules that are named",
                plural(users.visible, "visible user"),
                counted(&why)
            ));
        }
        self.warnings.extend(problems.sentences());
        candidates.sort_by(|(one, _, one_view), (other, _, other_view)| {
            (one, &one_view.user.id).cmp(&(other, &other_view.user.id))
        });
        let mut by_name: BTreeMap<CompactString, (CompactString, u64)> = BTreeMap::new();
        for (login, certain, view) in candidates {
            // What fails for somebody is counted above.
            let Ok(mapped) = rules.mapping.map(view) else { continue };
            let key = capabilities.name_key(&mapped.username);
            by_name.entry(key).or_insert_with(|| (mapped.username.clone(), 0)).1 += 1;
            if self.mapped.len() < SHOWN_USERS {
                self.mapped.push(MappedUser {
                    login,
                    username: mapped.username,
                    email: mapped.email,
                    display_name: mapped.display_name,
                    certain,
                });
            }
        }
        self.warnings.extend(collisions(&by_name));
        self.users = Some(users);
    }

    fn count_groups(&mut self, snapshot: &SourceSnapshot, rules: &Rules, capabilities: &Capabilities) {
        let in_scope = snapshot
            .groups
            .iter()
            .filter(|group| judge_group(&rules.groups, &group.name).dropped_by.is_none());
        self.groups =
            Some(GroupsSeen { visible: snapshot.groups.len() as u64, in_scope: in_scope.count() as u64 });
        let key = |name: &str| capabilities.name_key(name.trim());
        let visible: BTreeSet<_> =
            snapshot.groups.iter().map(|group| key(&name_in_target(&rules.groups, &group.name).0)).collect();
        for required in &rules.scope.required_groups {
            if !visible.contains(&key(required)) {
                // RULES 11.
                self.errors.push(format!(
                    "scope.required_groups names {required}, and no group of that name is visible, so every run \
                     would fail; correct the name (after groups.rename), or let the token or app see the group"
                ));
            }
        }
    }

    /// Says what is wrong, like diagnostics.
    pub(super) fn say(&self, name: &str, output: &Output) {
        let style = output.message_style;
        let name = escape(name);
        for error in &self.errors {
            output.say(&format!("{} {name}: {}", style.red("error:"), escape_lines(error)));
        }
        for warning in &self.warnings {
            output.say(&format!("{} {name}: {}", style.yellow("warning:"), escape_lines(warning)));
        }
        for finding in self.findings.iter().take(MOST_FINDINGS) {
            output.say(&format!(
                "{} {name}: {}: {}",
                style.yellow(finding.kind.as_str()),
                escape(&finding.subject),
                escape(&finding.message)
            ));
        }
        if self.findings.len() > MOST_FINDINGS {
            output.say(&format!("… {} more with --json", self.findings.len() - MOST_FINDINGS));
        }
    }

    /// What was seen, as a person reads it.
    pub(super) fn render(&self, style: Style) -> String {
        let mut out = String::new();
        let mut line = |what: &str, value: &str| out.push_str(&format!("  {what:<10}{}\n", escape(value)));
        line("source", &self.source);
        let (Some(users), Some(groups)) = (&self.users, &self.groups) else {
            return format!("{out}  {}\n", style.red("it could not be read"));
        };
        let principal = self.principal.as_deref().unwrap_or("not known");
        line(if self.scopes.is_some() { "as" } else { "token of" }, principal);
        if let Some(ScopesSeen { requested, missing }) = &self.scopes {
            let granted: Vec<String> =
                requested.iter().filter(|scope| !missing.contains(scope)).cloned().collect();
            line("scopes", &list(&granted));
        }
        let unknown = || match self.scopes {
            Some(_) => format!("not known ({} shows them)", ServiceApp::ROLES),
            None => "not known".to_owned(),
        };
        line("roles", &self.roles.as_ref().map_or_else(unknown, |roles| list(roles)));
        let mut seen = format!("{} visible, {} in scope", users.visible, users.in_scope);
        if users.not_known > 0 {
            let depends = "more if their groups say so (scope.required_groups, inactive.except_groups)";
            seen.push_str(&format!(", {} {depends}", users.not_known));
        }
        let left_alone: u64 = users.left_alone.values().sum();
        if left_alone > 0 {
            seen.push_str(&format!(", {left_alone} left alone ({})", counted(&users.left_alone)));
        }
        line("users", &seen);
        line("groups", &format!("{} visible, {} in scope", groups.visible, groups.in_scope));
        if !self.mapped.is_empty() {
            let shown = plural(self.mapped.len() as u64, "user");
            let may_be =
                if self.mapped.iter().all(|user| user.certain) { "" } else { "that may be in scope, " };
            let title = format!("the first {shown} {may_be}as the target would get them");
            out.push_str(&format!("  {}\n", style.bold(&title)));
            let rows = self.mapped.iter().map(|user| {
                vec![user.username.to_string(), user.email.to_string(), user.display_name.to_string()]
            });
            for row in table(&["username", "email", "display_name"], &[], rows).lines() {
                out.push_str(&format!("    {row}\n"));
            }
        }
        out
    }
}

/// What keeps users from being synced who may be in scope: by the key of the connector file, how many, and the first.
#[derive(Default)]
struct Problems(BTreeMap<String, (u64, String)>);

impl Problems {
    fn note(&mut self, step: &ScopeStep, login: &str) {
        // Protection is meant; a status that is not known is a finding.
        if step.rule.starts_with("mapping.") {
            let first = || (0, format!("{login}: {}", step.detail));
            self.0.entry(step.rule.clone()).or_insert_with(first).0 += 1;
        }
    }

    fn sentences(self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|(rule, (count, first))| {
            format!("{rule} gives nothing usable for {}, such as {first}", plural(count, "user"))
        })
    }
}

/// The warning about users who map to the same name, if there are any.
fn collisions(by_name: &BTreeMap<CompactString, (CompactString, u64)>) -> Option<String> {
    let shared: Vec<_> = by_name.values().filter(|(_, count)| *count > 1).collect();
    let (first, _) = shared.first()?;
    let users: u64 = shared.iter().map(|(_, count)| count).sum();
    Some(format!(
        "{users} users share {} (such as {first}): who has the account keeps it, and the others are not synced. Look at \
         mapping.username",
        plural(shared.len() as u64, "username")
    ))
}

/// `mapping.username 2, protected.users 1`.
fn counted(by_rule: &BTreeMap<String, u64>) -> String {
    let shown: Vec<String> = by_rule.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
    shown.join(", ")
}

fn list(roles: &[String]) -> String {
    if roles.is_empty() { "none".to_owned() } else { roles.join(", ") }
}

fn missing_scope(scope: &str) -> String {
    let (what, fix) = Scopes::lacking(scope);
    format!("{what}. {fix}")
}

/// Which templates name an attribute that no user has.
fn unknown_attribute(path: &str, rules: &Rules) -> String {
    let path = if path.starts_with("profile.") { path.to_owned() } else { format!("profile.{path}") };
    let named = rules.mapping.templates().filter(|(_, template)| template.paths().contains(path.as_str()));
    let named: Vec<String> = named.map(|(attribute, _)| format!("mapping.{attribute}")).collect();
    format!(
        "users of this org have no attribute {path}, so it is always empty; it is named by {}",
        if named.is_empty() { "the connector file".to_owned() } else { named.join(", ") }
    )
}

#[cfg(test)]
#[path = "online_tests.rs"]
mod tests;
