//! What is true at a moment, asked of the stand-in's own books, and what a connector's rules make of it.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::okta::{Org, OrgUser, Status};

use super::rules::{Rules, any};

/// A true user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) login: String,
    pub(crate) email: String,
    pub(crate) status: Status,
    pub(crate) department: String,
}

/// A true group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) everyone: bool,
    pub(crate) members: BTreeSet<String>,
}

/// The true org.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) groups: BTreeMap<String, Group>,
    app_users: BTreeSet<String>,
    app_groups: BTreeSet<String>,
}

impl Truth {
    pub(crate) fn of(org: &Org, app: Option<&str>) -> Self {
        let text = |user: &OrgUser, name: &str| {
            user.profile.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
        };
        let user = |user: OrgUser| {
            let (email, department) = (text(&user, "email"), text(&user, "department"));
            (user.id, User { login: user.login, email, status: user.status, department })
        };
        let group = |group: sandbox::okta::OrgGroup| {
            let members = org.members(&group.id).into_iter().collect();
            (group.id, Group { name: group.name, everyone: group.kind == "BUILT_IN", members })
        };
        Self {
            users: org.users().into_iter().map(user).collect(),
            groups: org.groups().into_iter().map(group).collect(),
            app_users: app.map(|app| org.app_users(app)).into_iter().flatten().map(|it| it.user).collect(),
            app_groups: app.map(|app| org.app_groups(app)).into_iter().flatten().collect(),
        }
    }

    /// Whether Okta shows a user in answer to what it is asked.
    fn shows_user(&self, rules: &Rules, id: &str, user: &User) -> bool {
        let department = rules.asked.department;
        department.is_none_or(|wanted| wanted.eq_ignore_ascii_case(&user.department))
            && (rules.asked.app.is_none() || self.app_users.contains(id))
    }

    fn shows_group(&self, rules: &Rules, id: &str, group: &Group) -> bool {
        let starts = |prefix: &str| group.name.to_lowercase().starts_with(&prefix.to_lowercase());
        rules.asked.group_prefix.is_none_or(starts)
            && (rules.asked.app.is_none() || self.app_groups.contains(id))
    }
}

/// One group that the target should have.
#[derive(Clone, Debug)]
pub(crate) struct WantedGroup {
    /// The ids of the groups in Okta that bear its name.
    pub(crate) parts: BTreeSet<String>,
    /// The ids of the users in scope who are members of any of them.
    pub(crate) members: BTreeSet<String>,
    /// The same for each of them.
    pub(crate) members_of: BTreeMap<String, BTreeSet<String>>,
    /// It is in scope, and nobody may touch it.
    pub(crate) protected: bool,
}

/// Why somebody is out of scope.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Out {
    pub(crate) by_status: bool,
    pub(crate) otherwise: bool,
}

/// What a complete and correct read and the rules come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Users in scope, with the name that they should bear, in lower case.
    pub(crate) users: BTreeMap<String, String>,
    /// Users that exist and are out of scope.
    pub(crate) out: BTreeMap<String, Out>,
    /// Groups in scope, by name in lower case.
    pub(crate) groups: BTreeMap<String, WantedGroup>,
    /// Why nothing at all may be done: a required group is not there.
    pub(crate) stops: Option<String>,
    /// Whether Okta truly shows nobody, or no group: then a run believes nothing.
    pub(crate) shows_nothing: bool,
}

impl Wanted {
    pub(crate) fn of(truth: &Truth, rules: &Rules) -> Self {
        let mut wanted = Self::default();
        let shown: Vec<(&String, &Group)> =
            truth.groups.iter().filter(|(id, group)| truth.shows_group(rules, id, group)).collect();
        let named = |name: &str| {
            let is_it = move |group: &&Group| key(&rules.renamed(&group.name).0) == key(name);
            shown.iter().map(|(_, group)| *group).filter(is_it).collect::<Vec<_>>()
        };
        wanted.stops = rules.required.iter().find(|name| named(name).is_empty()).cloned();
        let required: Vec<&Group> = rules.required.iter().flat_map(|name| named(name)).collect();
        let belongs = |id: &str| {
            rules.required.is_empty()
                || required.iter().any(|group| group.everyone || group.members.contains(id))
        };
        for (id, user) in &truth.users {
            let out = Out {
                by_status: !rules.statuses.contains(&user.status.as_str()),
                otherwise: !truth.shows_user(rules, id, user)
                    || (!rules.include.is_empty() && !any(&rules.include, &user.login))
                    || any(&rules.exclude, &user.login)
                    || !belongs(id),
            };
            if out == Out::default() {
                let name = if rules.by_email { &user.email } else { &user.login };
                wanted.users.insert(id.clone(), key(name));
            } else {
                wanted.out.insert(id.clone(), out);
            }
        }
        let lists_user = |(id, user): (&String, &User)| {
            let hidden = rules.asked.department.is_none() && user.status == Status::Deprovisioned;
            truth.shows_user(rules, id, user) && !hidden
        };
        wanted.shows_nothing = shown.is_empty() || !truth.users.iter().any(lists_user);
        for (id, group) in shown.iter().filter(|(_, group)| rules.syncs_group(&group.name)) {
            let name = rules.renamed(&group.name).0;
            let slot = wanted.groups.entry(key(&name)).or_insert_with(|| WantedGroup {
                parts: BTreeSet::new(),
                members: BTreeSet::new(),
                members_of: BTreeMap::new(),
                protected: rules.protects_group(&name),
            });
            slot.parts.insert((*id).clone());
            let in_scope = wanted.users.keys().filter(|id| group.everyone || group.members.contains(*id));
            let members: BTreeSet<String> = in_scope.cloned().collect();
            slot.members.extend(members.iter().cloned());
            slot.members_of.insert((*id).clone(), members);
        }
        for group in wanted.groups.values_mut().filter(|group| group.parts.len() > 1) {
            let is_protected = |id: &String| rules.protects_group(&truth.groups[id].name);
            group.protected |= group.parts.iter().any(is_protected);
        }
        wanted
    }
}

/// Names that differ in case only are one name.
pub(crate) fn key(name: &str) -> String {
    name.to_lowercase()
}
