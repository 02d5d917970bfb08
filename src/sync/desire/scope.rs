//! The rules that decide whether a user is in scope, in the order in which they are asked.

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;

use crate::sync::mapping::UserView;
use crate::sync::model::{AttributeValue, ScopeRule};
use crate::sync::rules::{Inactive, Rules};

/// The order of the rules: the first that leaves a user out decides.
pub const ORDER: [ScopeRule; 7] = [
    ScopeRule::UsersSearch,
    ScopeRule::App,
    ScopeRule::Statuses,
    ScopeRule::UsersInclude,
    ScopeRule::UsersExclude,
    ScopeRule::RequiredGroups,
    ScopeRule::Inactive,
];

/// A user with everything that its scope depends on.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The user.
    pub view: UserView<'a>,
    /// Its login.
    pub login: CompactString,
    /// The source's own part of the scope, if that leaves it out.
    pub left_out_by: Option<ScopeRule>,
    /// Why the source did not say whether its own part of the scope lets it in, if it did not.
    pub unanswered: Option<&'a str>,
    /// Whether it is in one of the required groups.
    pub required: Belonging,
    /// Whether it is in one of the groups whose members may be inactive.
    pub exempt: Belonging,
}

/// Whether a user is in one of several groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belonging {
    /// It is.
    Yes,
    /// It is in none of them.
    No,
    /// Not enough is known.
    Unknown,
}

/// What a rule says about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The rule is not set.
    NotSet,
    /// It lets the user in.
    In,
    /// It leaves the user out.
    Out,
    /// What it needs is not known: the user is left as it is.
    Unknown,
}

impl Candidate<'_> {
    /// The login, or the id where there is none.
    #[must_use]
    pub fn subject(&self) -> &str {
        if self.login.is_empty() { &self.view.user.id.0 } else { &self.login }
    }
}

/// The first rule that does not let the user in; if all do, the last one and that it does.
#[must_use]
pub fn judge_all(candidate: &Candidate<'_>, rules: &Rules, now: DateTime<Utc>) -> (ScopeRule, Judgement) {
    let judged = ORDER.into_iter().map(|rule| (rule, judge(rule, candidate, rules, now)));
    let mut against =
        judged.filter(|(_, judgement)| matches!(judgement, Judgement::Out | Judgement::Unknown));
    against.next().unwrap_or((ScopeRule::Inactive, Judgement::In))
}

/// What one rule says about a user.
#[must_use]
pub fn judge(rule: ScopeRule, candidate: &Candidate<'_>, rules: &Rules, now: DateTime<Utc>) -> Judgement {
    let scope = &rules.scope;
    let out_if = |out: bool| if out { Judgement::Out } else { Judgement::In };
    match rule {
        ScopeRule::UsersSearch | ScopeRule::App => match candidate.left_out_by {
            Some(left_out_by) if left_out_by == rule => Judgement::Out,
            None if candidate.unanswered.is_some() => Judgement::Unknown,
            _ => Judgement::NotSet,
        },
        ScopeRule::Statuses => out_if(!scope.statuses.contains(&candidate.view.user.status)),
        ScopeRule::UsersInclude if scope.include.is_empty() => Judgement::NotSet,
        ScopeRule::UsersInclude => out_if(!scope.include.matches(&candidate.login)),
        ScopeRule::UsersExclude if scope.exclude.is_empty() => Judgement::NotSet,
        ScopeRule::UsersExclude => out_if(scope.exclude.matches(&candidate.login)),
        ScopeRule::RequiredGroups if scope.required_groups.is_empty() => Judgement::NotSet,
        ScopeRule::RequiredGroups => match candidate.required {
            Belonging::Yes => Judgement::In,
            Belonging::No => Judgement::Out,
            Belonging::Unknown => Judgement::Unknown,
        },
        ScopeRule::Inactive => match &rules.inactive {
            None => Judgement::NotSet,
            Some(_) if candidate.exempt == Belonging::Yes => Judgement::In,
            Some(inactive) if !is_inactive(inactive, candidate.view, now) => Judgement::In,
            Some(_) if candidate.exempt == Belonging::Unknown => Judgement::Unknown,
            Some(_) => Judgement::Out,
        },
        ScopeRule::GroupsSearch
        | ScopeRule::Unmatched
        | ScopeRule::GroupsExclude
        | ScopeRule::GroupsInclude => Judgement::NotSet,
    }
}

/// RULES 16: who never signed in counts from `created` or `activated`, whichever is later.
fn is_inactive(inactive: &Inactive, view: UserView<'_>, now: DateTime<Utc>) -> bool {
    let time = |path: &str| match view.get(path) {
        AttributeValue::Text(text) => {
            DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
        }
        _ => None,
    };
    let since = match view.get("lastLogin") {
        AttributeValue::Absent if inactive.never_signed_in => time("created").max(time("activated")),
        AttributeValue::Absent => None,
        // A time that cannot be read proves nothing.
        _ => time("lastLogin"),
    };
    since.is_some_and(|since| now - since >= TimeDelta::days(i64::from(inactive.days)))
}
