//! Why one user is in or out, under which name, in which groups, and what a sync would change about it.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::mapping::UserView;
use super::model::{Finding, SourceId, SourceUser, Status, TargetId, UserAttributes};
use super::report::{HoldSummary, NotProven, PlannedOperation};
use super::rules::Rules;
use crate::target::Capabilities;

/// All that `ctl explain` says about one user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// [`super::report::FORMAT_VERSION`].
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
    /// What a person should know.
    pub findings: Vec<Finding>,
    /// Lists that were not read to their end.
    pub not_proven: Vec<NotProven>,
}

/// What the source says about one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedSource {
    /// Whether it has the user.
    pub found: bool,
    /// The user's id there, if it was found or the ledger knows it.
    pub id: Option<SourceId>,
    /// The login.
    pub login: Option<CompactString>,
    /// The status.
    pub status: Option<Status>,
    /// The same in a sentence.
    pub note: String,
}

/// Scope and mapping of one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserVerdict {
    /// Whether it is in scope; none if something needed for that is not known.
    pub in_scope: Option<bool>,
    /// Each rule in the order of evaluation.
    pub scope: Vec<ScopeStep>,
    /// Each attribute.
    pub mapping: Vec<MappedAttribute>,
}

/// One rule and what it says about a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeStep {
    /// The key of the connector file.
    pub rule: String,
    /// What it says.
    pub verdict: Verdict,
    /// Why, as a sentence.
    pub detail: String,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedAttribute {
    /// Its name: `username`, `attributes.department`.
    pub attribute: CompactString,
    /// The template.
    pub template: CompactString,
    /// What it yields.
    pub value: Option<CompactString>,
    /// What is wrong with it, as the end of a sentence.
    pub problem: Option<String>,
}

/// One group of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedGroup {
    /// The source's id; none for a group of `groups.always`.
    pub source: Option<SourceId>,
    /// The name at the source.
    pub source_name: CompactString,
    /// The name in the target.
    pub name: CompactString,
    /// Which rule renamed it, as `groups.rename[0]`; none if none did.
    pub renamed_by: Option<String>,
    /// What becomes of it.
    pub fate: GroupFate,
    /// The key of the connector file that decided so.
    pub rule: Option<String>,
    /// Whether the user is a member of it in the target now.
    pub member_now: bool,
}

/// What becomes of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedTarget {
    /// The target's address.
    pub address: String,
    /// The account; none if there is none.
    pub account: Option<ExplainedAccount>,
    /// The same in a sentence: managed or not, by whom, since when it counts as left.
    pub note: String,
}

/// An account of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    pub groups: Vec<CompactString>,
}

/// What operations count against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitUse {
    /// The key of the connector file: `limits.leavers`.
    pub limit: String,
    /// The group, for memberships.
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

/// What scope and mapping say about a user. `names` are the paths of its attributes; `groups` are the names of its groups
/// at the source, none if they are not known.
#[must_use]
pub fn examine(
    user: &SourceUser,
    names: &[CompactString],
    groups: Option<&[String]>,
    rules: &Rules,
    _capabilities: &Capabilities,
    _now: DateTime<Utc>,
) -> UserVerdict {
    let view = UserView { names, user };
    let (login, status) = (view.login(), user.status.as_str());
    let said = |passes: bool| if passes { Verdict::In } else { Verdict::Out };
    let step = |rule: &str, verdict, detail: String| ScopeStep { rule: rule.to_owned(), verdict, detail };
    let statuses = said(rules.scope.statuses.contains(&user.status));
    let mut scope = vec![step("scope.statuses", statuses, format!("its status is {status}"))];
    let required = &rules.scope.required_groups;
    let member = match groups {
        _ if required.is_empty() => Verdict::NotSet,
        None => Verdict::Unknown,
        Some(groups) => said(groups.iter().any(|group| required.iter().any(|name| name == group))),
    };
    scope.push(step("scope.required_groups", member, "at least one of them".to_owned()));
    let excluded = said(!rules.scope.exclude.matches(&login));
    scope.push(step("scope.users.exclude", excluded, format!("its login is {login}")));
    let mapping = rules.mapping.templates().map(|(attribute, template)| {
        let (value, problem) = match template.render(view) {
            Ok(value) => (Some(value), None),
            Err(problem) => (None, Some(problem)),
        };
        MappedAttribute { attribute, template: template.text().into(), value, problem }
    });
    let any = |verdict| scope.iter().any(|step| step.verdict == verdict);
    let in_scope = if any(Verdict::Out) { Some(false) } else { (!any(Verdict::Unknown)).then_some(true) };
    UserVerdict { in_scope, mapping: mapping.collect(), scope }
}
