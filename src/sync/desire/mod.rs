//! What the target should hold, computed from what the source says and the connector's rules. Pure.
//!
//! Users pass the rules of [`scope`], then the mapping, then `protected`; groups those of [`groups`] (RULES 10). Groups
//! that come to bear one name are merged.

pub mod groups;
pub mod scope;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use compact_str::CompactString;

use super::mapping::UserView;
use super::model::{
    Absence, Finding, FindingKind, GroupAttributes, Proof, ScopeRule, SourceId, SourceSnapshot, SourceUser,
    Status, UserAttributes,
};
use super::rules::Rules;
use crate::target::Capabilities;
use groups::Crowd;
use scope::{Belonging, Candidate, Judgement};

pub use groups::{decides_about_scope, required_group_problem, wants_members};

/// Why somebody or something is a leaver; the end of a sentence.
pub type Reason = Cow<'static, str>;

/// One user that the target should hold, active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredUser {
    /// The source's id.
    pub id: SourceId,
    /// What the target should hold.
    pub attributes: UserAttributes,
}

/// One group that the target should hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredGroup {
    /// The source groups that it comes from, sorted; more than one where several bear one name.
    pub sources: Vec<SourceId>,
    /// What the target should hold.
    pub attributes: GroupAttributes,
    /// Members in scope, as positions in [`Desired::users`], sorted.
    pub members: Vec<u32>,
    /// Whether nobody is missing from `members` for want of a complete read.
    pub members_proof: Proof,
    /// True if `groups.always` names it too: then everybody in scope is a member, if it bears that name in the target.
    pub always: bool,
}

/// Why a user is out of scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfScope {
    /// Which rule said so.
    pub rule: ScopeRule,
    /// The status at the source.
    pub status: Status,
}

impl OutOfScope {
    /// In words, as the end of a sentence.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self.rule {
            ScopeRule::Statuses => Cow::Owned(format!("its status is {}", self.status.as_str())),
            rule => left_out(rule),
        }
    }
}

/// What a rule that leaves somebody or something out says, as the end of a sentence.
#[must_use]
pub fn left_out(rule: ScopeRule) -> Reason {
    Cow::Borrowed(match rule {
        ScopeRule::UsersSearch => "the search in source.okta.users does not find it",
        ScopeRule::GroupsSearch => "the search in source.okta.groups does not find it",
        ScopeRule::App => "it is not assigned to the application in source.okta.app",
        ScopeRule::Statuses => "scope.statuses does not name its status",
        ScopeRule::UsersInclude => "scope.users.include does not name it",
        ScopeRule::UsersExclude => "scope.users.exclude names it",
        ScopeRule::RequiredGroups => "it is in none of scope.required_groups",
        ScopeRule::Inactive => "it has not signed in for longer than inactive allows",
        ScopeRule::Unmatched => "no rule of groups.rename matches it, and groups.unmatched is drop",
        ScopeRule::GroupsExclude => "groups.exclude names it",
        ScopeRule::GroupsInclude => "groups.include does not name it",
    })
}

/// What the target should hold, and what is known of everything else that the source showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Users in scope, sorted by id.
    pub users: Vec<DesiredUser>,
    /// Users that the source showed and that are out of scope.
    pub users_out_of_scope: BTreeMap<SourceId, OutOfScope>,
    /// Users about whom nothing may be concluded: they are left as they are (RULES 13).
    pub users_left_alone: BTreeSet<SourceId>,
    /// Groups in scope, sorted by their first source id.
    pub groups: Vec<DesiredGroup>,
    /// Groups that the source showed and that are out of scope.
    pub groups_out_of_scope: BTreeMap<SourceId, ScopeRule>,
    /// Groups about which nothing may be concluded, and protected ones.
    pub groups_left_alone: BTreeSet<SourceId>,
    /// Those of them whose name was read: protected, or none that the target would take. They are part of no other group.
    pub groups_not_synced: BTreeSet<SourceId>,
    /// Names in `groups.always` (RULES 15), no two of them the same to the target.
    pub always: Vec<CompactString>,
    /// Those of them that are protected, by themselves or because a protected source group would be merged into them: they
    /// gain and lose nobody.
    pub always_protected: Vec<CompactString>,
    /// What a person should know.
    pub findings: Vec<Finding>,
    /// Lists on whose account rules could not be applied, with the reason.
    pub doubts: Vec<(String, String)>,
}

/// Paths of what the connector's rules use of a user, sorted: what a source must keep of it.
#[must_use]
pub fn wanted_attributes(rules: &Rules) -> Vec<CompactString> {
    let mut paths = rules.mapping.paths();
    paths.insert("profile.login".into());
    if rules.inactive.is_some() {
        paths.extend(["lastLogin", "created", "activated"].map(CompactString::from));
    }
    paths.into_iter().collect()
}

/// Computes what the target should hold. The order of the snapshot's records does not matter.
#[must_use]
pub fn desire(
    snapshot: &SourceSnapshot,
    rules: &Rules,
    capabilities: &Capabilities,
    now: DateTime<Utc>,
) -> Desired {
    let mut desired = Desired {
        users: Vec::with_capacity(snapshot.users.len()),
        users_out_of_scope: BTreeMap::new(),
        users_left_alone: snapshot.unreadable.clone(),
        groups: Vec::with_capacity(snapshot.groups.len()),
        groups_out_of_scope: BTreeMap::new(),
        groups_left_alone: snapshot.unreadable.clone(),
        groups_not_synced: BTreeSet::new(),
        always: Vec::new(),
        always_protected: Vec::new(),
        findings: snapshot.findings.clone(),
        doubts: Vec::new(),
    };
    let crowds = Crowds::of(snapshot, rules, capabilities);
    for user in &snapshot.users {
        let candidate = crowds.candidate(snapshot, user);
        desire_user(&candidate, rules, capabilities, now, &mut desired);
    }
    desired.users.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    groups::desire_groups(snapshot, rules, capabilities, &mut desired);
    crowds.note_doubts(&mut desired);
    groups::note_unmet_exemptions(snapshot, rules, &mut desired.findings);
    desired.findings.sort();
    desired.findings.dedup();
    desired
}

/// Whose membership in groups decides about their scope.
struct Crowds {
    required: Crowd,
    exempt: Crowd,
}

impl Crowds {
    fn of(snapshot: &SourceSnapshot, rules: &Rules, capabilities: &Capabilities) -> Self {
        let required = &rules.scope.required_groups;
        let keys: BTreeSet<CompactString> = required.iter().map(|name| capabilities.name_key(name)).collect();
        let is_required = |name: &str| keys.contains(&capabilities.name_key(name));
        let except = rules.inactive.as_ref().map(|inactive| &inactive.except_groups);
        let is_exempt = |name: &str| except.is_some_and(|globs| globs.matches(name));
        Self {
            required: Crowd::of(snapshot, &rules.groups, !keys.is_empty(), is_required),
            exempt: Crowd::of(
                snapshot,
                &rules.groups,
                except.is_some_and(|globs| !globs.is_empty()),
                is_exempt,
            ),
        }
    }

    fn candidate<'a>(&self, snapshot: &'a SourceSnapshot, user: &'a SourceUser) -> Candidate<'a> {
        let view = UserView { names: &snapshot.attribute_names, user };
        let needs_person = self.required.matters || self.exempt.matters;
        let person = if needs_person { snapshot.people.find(&user.id.0) } else { None };
        let (left_out_by, unanswered) = match snapshot.absences.get(&user.id) {
            Some(Absence::OutOfScope(rule)) => (Some(*rule), None),
            Some(Absence::Unknown(reason)) => (None, Some(reason.as_str())),
            Some(Absence::Gone) | None => (None, None),
        };
        Candidate {
            view,
            login: view.login(),
            left_out_by,
            unanswered,
            required: self.required.belonging(person),
            exempt: self.exempt.belonging(person),
        }
    }

    /// Says that rules which rest on groups were not applied to everybody for want of a whole list.
    fn note_doubts(&self, desired: &mut Desired) {
        desired.doubts.extend([&self.required.doubt, &self.exempt.doubt].into_iter().flatten().cloned());
    }
}

fn desire_user(
    candidate: &Candidate<'_>,
    rules: &Rules,
    capabilities: &Capabilities,
    now: DateTime<Utc>,
    desired: &mut Desired,
) {
    let user = candidate.view.user;
    let leave_alone = |desired: &mut Desired, finding: Option<Finding>| {
        desired.users_left_alone.insert(user.id.clone());
        desired.findings.extend(finding);
    };
    if user.status == Status::Unknown {
        return leave_alone(desired, None);
    }
    match scope::judge_all(candidate, rules, now) {
        (_, Judgement::In | Judgement::NotSet) => {}
        (rule, Judgement::Out) => {
            let out = OutOfScope { rule, status: user.status };
            desired.users_out_of_scope.insert(user.id.clone(), out);
            return;
        }
        (_, Judgement::Unknown) => {
            let finding = candidate.unanswered.map(|reason| {
                desired.doubts.push((format!("scope of {}", candidate.subject()), reason.to_owned()));
                let message = format!(
                    "whether {} ({}) is in scope could not be told: {reason}; the user is left as it is",
                    candidate.subject(),
                    user.id
                );
                Finding::new(FindingKind::AbsenceUnconfirmed, candidate.subject(), message)
            });
            desired.users_left_alone.insert(user.id.clone());
            desired.findings.extend(finding);
            return;
        }
    }
    let subject = candidate.subject();
    let attributes = match rules.mapping.map(candidate.view) {
        Ok(attributes) => attributes,
        Err(problem) => {
            let message = format!(
                "mapping.{} of {} ({subject}) failed: {}; the user is left as it is",
                problem.attribute, user.id, problem.problem
            );
            return leave_alone(desired, Some(Finding::new(FindingKind::MappingFailed, subject, message)));
        }
    };
    let attributes = capabilities.held_of_user(attributes);
    if let Some(problem) = capabilities.username_problem(&attributes.username) {
        let message = format!("the username of {} ({subject}) {problem}; the user is left as it is", user.id);
        return leave_alone(desired, Some(Finding::new(FindingKind::InvalidName, subject, message)));
    }
    if let Some(problem) = capabilities.email_problem(&attributes.email) {
        let message =
            format!("mapping.email of {} ({subject}) {problem}; the user is left as it is", user.id);
        return leave_alone(desired, Some(Finding::new(FindingKind::MappingFailed, subject, message)));
    }
    if rules.protected.users.matches(&attributes.username) {
        let name = &attributes.username;
        let message = format!("user {name} is protected by protected.users and is left as it is");
        return leave_alone(desired, Some(Finding::new(FindingKind::Protected, name, message)));
    }
    desired.users.push(DesiredUser { id: user.id.clone(), attributes });
}

impl Belonging {
    /// Of a user of whose groups all names are known, or nothing.
    #[must_use]
    pub fn by_names(names: Option<&[CompactString]>, is_meant: impl Fn(&str) -> bool) -> Self {
        match names {
            None => Self::Unknown,
            Some(names) if names.iter().any(|name| is_meant(name)) => Self::Yes,
            Some(_) => Self::No,
        }
    }
}
