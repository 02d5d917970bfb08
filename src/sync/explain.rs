//! Why one user is in or out, under which name, in which groups, and what a sync would change about it.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::desire::groups::name_in_target;
use super::desire::left_out;
use super::desire::scope::{Belonging, Candidate, Judgement, ORDER, judge};
use super::mapping::UserView;
use super::model::{
    AttributeValue, Finding, ScopeRule, SourceId, SourceUser, Status, TargetId, UserAttributes,
};
use super::report::{HoldSummary, NotProven, PlannedOperation};
use super::rules::Rules;
use crate::target::Capabilities;

/// All that `ctl explain` says about one user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// The connector's name.
    pub connector: String,
    /// What was asked for: a login, a name in the target, or an id.
    pub asked: String,
    /// When it was made.
    pub made: DateTime<Utc>,
    /// What the source says.
    pub source: ExplainedSource,
    /// Scope and mapping; none if the source does not have the user.
    pub user: Option<UserVerdict>,
    /// Each group that the user is a member of at the source, and each group of `groups.always`.
    pub groups: Vec<ExplainedGroup>,
    /// What the target holds.
    pub target: ExplainedTarget,
    /// What a sync would change about this user, in that order.
    pub operations: Vec<PlannedOperation>,
    /// The limits that these count against.
    pub limits: Vec<LimitUse>,
    /// What of it would be held.
    pub holds: Vec<HoldSummary>,
    /// False for a connector with `apply: off`: a sync would plan this and write nothing.
    #[serde(default = "applies")]
    pub apply: bool,
    /// What a person should know.
    pub findings: Vec<Finding>,
    /// Lists that were not read to their end.
    pub not_proven: Vec<NotProven>,
}

fn applies() -> bool {
    true
}

/// What the source says about one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedSource {
    /// Whether it has the user.
    pub found: bool,
    /// The user's id there, if it was found or the ledger knows it.
    pub id: Option<SourceId>,
    /// The login.
    #[schemars(with = "Option<String>")]
    pub login: Option<CompactString>,
    /// The status.
    pub status: Option<Status>,
    /// The same in a sentence.
    pub note: String,
}

/// Scope and mapping of one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserVerdict {
    /// Whether it is in scope; none if something needed for that is not known.
    pub in_scope: Option<bool>,
    /// Each rule in the order of evaluation.
    pub scope: Vec<ScopeStep>,
    /// Each attribute.
    pub mapping: Vec<MappedAttribute>,
}

/// One rule and what it says about a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScopeStep {
    /// The key of the connector file.
    pub rule: String,
    /// What it says.
    pub verdict: Verdict,
    /// Why, as a sentence.
    pub detail: String,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It lets the user in.
    In,
    /// It leaves the user out.
    Out,
    /// The user stays as it is in the target: protected, or nothing may be concluded.
    LeftAlone,
    /// What it needs is not known.
    Unknown,
    /// It is not set.
    NotSet,
}

/// One attribute of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MappedAttribute {
    /// Its name: `username`, `attributes.department`.
    #[schemars(with = "String")]
    pub attribute: CompactString,
    /// The template.
    #[schemars(with = "String")]
    pub template: CompactString,
    /// What it yields.
    #[schemars(with = "Option<String>")]
    pub value: Option<CompactString>,
    /// What is wrong with it, as the end of a sentence.
    pub problem: Option<String>,
}

/// One group of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedGroup {
    /// The source's id; none for a group of `groups.always`.
    pub source: Option<SourceId>,
    /// The name at the source.
    #[schemars(with = "String")]
    pub source_name: CompactString,
    /// The name in the target.
    #[schemars(with = "String")]
    pub name: CompactString,
    /// Which rule renamed it, as `groups.rename[0]`; none if none did.
    pub renamed_by: Option<String>,
    /// The `match` of that rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rename_match: Option<String>,
    /// What becomes of it.
    pub fate: GroupFate,
    /// The key of the connector file that decided so.
    pub rule: Option<String>,
    /// Whether the user is a member of it in the target now.
    pub member_now: bool,
}

/// What becomes of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupFate {
    /// It is synced.
    Synced,
    /// It is not.
    Dropped,
    /// It is never touched.
    Protected,
    /// It is left alone: its name is not usable.
    LeftAlone,
    /// Every active managed user is a member.
    Always,
}

/// What the target holds of one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedTarget {
    /// The target's address.
    pub address: String,
    /// The account; none if there is none.
    pub account: Option<ExplainedAccount>,
    /// The same in a sentence: managed or not, by whom, since when it counts as left.
    pub note: String,
}

/// An account of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedAccount {
    /// The target's id.
    pub id: TargetId,
    /// Its attributes.
    #[serde(flatten)]
    pub attributes: UserAttributes,
    /// False if it cannot sign in.
    pub active: bool,
    /// Whether this connector manages it.
    pub managed: bool,
    /// Names of its groups, sorted.
    #[schemars(with = "Vec<String>")]
    pub groups: Vec<CompactString>,
}

/// What operations count against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LimitUse {
    /// The key of the connector file: `limits.leavers`.
    pub limit: String,
    /// The group, for memberships.
    #[schemars(with = "Option<String>")]
    pub group: Option<CompactString>,
    /// How many count against it now.
    pub count: u64,
    /// How many were applied in the last 24 hours.
    pub recent: u64,
    /// How many are allowed; none: no limit.
    pub allowed: Option<u64>,
    /// Of how many.
    pub base: u64,
}

/// A group that is not named yet.
const EXEMPT: &str = "a group in inactive.except_groups";

/// Runs one user through scope and mapping, without an org: `groups` are the names of its groups at the source, none if
/// they are not known. `names` are the paths of what was kept of the user, sorted.
#[must_use]
pub fn examine(
    user: &SourceUser,
    names: &[CompactString],
    groups: Option<&[String]>,
    rules: &Rules,
    capabilities: &Capabilities,
    now: DateTime<Utc>,
) -> UserVerdict {
    let view = UserView { names, user };
    let groups: Option<Vec<CompactString>> =
        groups.map(|groups| groups.iter().map(|name| name_in_target(&rules.groups, name).0).collect());
    let key = |name: &str| capabilities.name_key(name);
    let is_required =
        |name: &str| rules.scope.required_groups.iter().any(|required| key(required) == key(name));
    let is_exempt =
        |name: &str| rules.inactive.as_ref().is_some_and(|inactive| inactive.except_groups.matches(name));
    let candidate = Candidate {
        view,
        login: view.login(),
        left_out_by: None,
        unanswered: None,
        required: Belonging::by_names(groups.as_deref(), is_required),
        exempt: Belonging::by_names(groups.as_deref(), is_exempt),
    };
    let mut verdict = examine_candidate(&candidate, rules, capabilities, now);
    name_groups(&mut verdict, groups.as_deref().unwrap_or_default(), rules, capabilities);
    verdict
}

/// Names the groups of the user, by their names in the target, that let it in by `scope.required_groups` or that exempt it
/// from `inactive`.
pub(super) fn name_groups(
    verdict: &mut UserVerdict,
    groups: &[CompactString],
    rules: &Rules,
    capabilities: &Capabilities,
) {
    let key = |name: &str| capabilities.name_key(name);
    let required = rules.scope.required_groups.iter();
    let required = required.flat_map(|required| groups.iter().find(|name| key(name) == key(required))).next();
    let except = rules.inactive.as_ref().map(|inactive| &inactive.except_groups);
    let exempt = groups.iter().find(|name| except.is_some_and(|except| except.matches(name)));
    for step in verdict.scope.iter_mut().filter(|step| step.verdict == Verdict::In) {
        match (step.rule.as_str(), required, exempt) {
            (rule, Some(group), _) if rule == ScopeRule::RequiredGroups.as_str() => {
                step.detail = format!("it is in {group}");
            }
            (rule, _, Some(group)) if rule == ScopeRule::Inactive.as_str() => {
                step.detail = step.detail.replace(EXEMPT, &format!("{group} in inactive.except_groups"));
            }
            _ => {}
        }
    }
}

/// Scope and mapping of one user, by the same rules as a sync.
pub(super) fn examine_candidate(
    candidate: &Candidate<'_>,
    rules: &Rules,
    capabilities: &Capabilities,
    now: DateTime<Utc>,
) -> UserVerdict {
    let mut scope: Vec<ScopeStep> = Vec::new();
    if candidate.view.user.status == Status::Unknown {
        let detail = "this version does not know the user's status; the user is left as it is".to_owned();
        scope.push(ScopeStep { rule: "status".to_owned(), verdict: Verdict::LeftAlone, detail });
    }
    scope.extend(ORDER.into_iter().map(|rule| step(rule, candidate, rules, now)));
    let mapping = map_each(candidate.view, rules);
    scope.extend(step_of_name(&mapping, rules, capabilities));
    // The first that does not let it in decides.
    let against = scope
        .iter()
        .map(|step| step.verdict)
        .find(|verdict| !matches!(verdict, Verdict::In | Verdict::NotSet));
    let in_scope = match against {
        None => Some(true),
        Some(Verdict::Out) => Some(false),
        Some(_) => None,
    };
    UserVerdict { in_scope, scope, mapping }
}

fn step(rule: ScopeRule, candidate: &Candidate<'_>, rules: &Rules, now: DateTime<Utc>) -> ScopeStep {
    let judgement = judge(rule, candidate, rules, now);
    let status = candidate.view.user.status.as_str();
    let (verdict, detail) = match (judgement, rule) {
        (Judgement::NotSet, _) => (Verdict::NotSet, "not set".to_owned()),
        (Judgement::In, ScopeRule::Statuses) => (Verdict::In, format!("the status is {status}")),
        (Judgement::Out, ScopeRule::Statuses) if candidate.view.user.status == Status::Unknown => {
            (Verdict::LeftAlone, "the status is not known".to_owned())
        }
        (Judgement::Out, ScopeRule::Statuses) => {
            (Verdict::Out, format!("the status is {status}, which is not in scope"))
        }
        (Judgement::In, ScopeRule::UsersInclude) => (
            Verdict::In,
            format!("{} names {}", pattern(&rules.scope.include, &candidate.login), candidate.login),
        ),
        (Judgement::Out, ScopeRule::UsersExclude) => (
            Verdict::Out,
            format!("{} names {}", pattern(&rules.scope.exclude, &candidate.login), candidate.login),
        ),
        (Judgement::In, ScopeRule::UsersExclude) => {
            (Verdict::In, format!("no pattern names {}", candidate.login))
        }
        (Judgement::In, ScopeRule::RequiredGroups) => {
            (Verdict::In, "it is in one of the required groups".to_owned())
        }
        (Judgement::In | Judgement::Out, ScopeRule::Inactive) => {
            let verdict = if judgement == Judgement::In { Verdict::In } else { Verdict::Out };
            (verdict, activity(candidate, rules, now))
        }
        (Judgement::In, _) => (Verdict::In, "it lets the user in".to_owned()),
        (Judgement::Out, rule) => (Verdict::Out, left_out(rule).into_owned()),
        (Judgement::Unknown, ScopeRule::UsersSearch | ScopeRule::App) => {
            (Verdict::Unknown, "Okta did not say whether it lets the user in".to_owned())
        }
        (Judgement::Unknown, ScopeRule::Inactive) => (
            Verdict::Unknown,
            format!(
                "{}; whether a group in inactive.except_groups exempts it is not known",
                activity(candidate, rules, now)
            ),
        ),
        (Judgement::Unknown, _) => {
            (Verdict::Unknown, "the groups of the user that decide are not known".to_owned())
        }
    };
    ScopeStep { rule: rule.as_str().to_owned(), verdict, detail }
}

/// The first pattern that names somebody, as in the file.
fn pattern(globs: &super::rules::Globs, login: &str) -> String {
    globs
        .first_match(login)
        .map_or_else(|| "a pattern".to_owned(), |pattern| format!("the pattern {pattern}"))
}

/// The time that counts for `inactive`, how long ago it is, and why it counts (RULES 16).
fn activity(candidate: &Candidate<'_>, rules: &Rules, now: DateTime<Utc>) -> String {
    let Some(inactive) = &rules.inactive else { return String::new() };
    let days = inactive.days;
    let exempt =
        if candidate.exempt == Belonging::Yes { format!("; {EXEMPT} exempts it") } else { String::new() };
    let time = |path: &str| {
        DateTime::parse_from_rfc3339(&candidate.view.get(path).render()).ok().map(|at| at.with_timezone(&Utc))
    };
    let ago = |at: DateTime<Utc>| {
        let passed = match (now - at).num_days() {
            ..=0 => "less than a day ago".to_owned(),
            1 => "1 day ago".to_owned(),
            many => format!("{many} days ago"),
        };
        format!("{}, {passed}", at.format("%Y-%m-%d %H:%M UTC"))
    };
    let text = match candidate.view.get("lastLogin") {
        AttributeValue::Absent if !inactive.never_signed_in => {
            "never signed in; inactive.never_signed_in is keep, so it stays".to_owned()
        }
        AttributeValue::Absent => {
            let began = [("created", time("created")), ("activated", time("activated"))];
            let latest = began.into_iter().filter_map(|(name, at)| Some((at?, name))).max();
            match latest {
                Some((at, name)) => {
                    format!("never signed in, and counts from {name} {}; inactive.days is {days}", ago(at))
                }
                None => "never signed in, and it is not known since when it could, so it stays".to_owned(),
            }
        }
        last => match time("lastLogin") {
            Some(at) => format!("last signed in {}; inactive.days is {days}", ago(at)),
            None => format!("last signed in {}, which is no time, so it stays", last.render()),
        },
    };
    format!("{text}{exempt}")
}

/// Each attribute by itself, so that one that fails hides no other.
fn map_each(view: UserView<'_>, rules: &Rules) -> Vec<MappedAttribute> {
    rules
        .mapping
        .templates()
        .map(|(attribute, template)| {
            let (value, problem) = match template.render(view) {
                Ok(value) => (Some(value), None),
                Err(problem) => (None, Some(problem)),
            };
            MappedAttribute { attribute, template: template.text().into(), value, problem }
        })
        .collect()
}

/// What keeps a user who is in scope from being synced: a template that failed, an unusable name, protection.
fn step_of_name(
    mapping: &[MappedAttribute],
    rules: &Rules,
    capabilities: &Capabilities,
) -> Option<ScopeStep> {
    let left_alone = |rule: &str, detail: String| {
        Some(ScopeStep { rule: rule.to_owned(), verdict: Verdict::LeftAlone, detail })
    };
    if let Some((failed, problem)) =
        mapping.iter().find_map(|mapped| Some((mapped, mapped.problem.as_ref()?)))
    {
        let rule = format!("mapping.{}", failed.attribute);
        return left_alone(&rule, format!("the template failed: {problem}; the user is left as it is"));
    }
    let username = mapping.iter().find(|mapped| mapped.attribute == "username")?.value.as_ref()?;
    if let Some(problem) = capabilities.username_problem(username) {
        return left_alone("mapping.username", format!("the username {problem}; the user is left as it is"));
    }
    if rules.protected.users.matches(username) {
        return left_alone("protected.users", format!("{username} is protected and is left as it is"));
    }
    None
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
