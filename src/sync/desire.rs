//! What the target should hold, computed from what the source says and the connector's rules. Pure.
//!
//! Groups pass, in this order: exclude, include, protected; users: status, include, exclude, mapping, protected
//! (RULES 10). Groups that bear one name are merged.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;

use super::model::{
    Finding, FindingKind, GroupAttributes, Proof, SourceGroup, SourceId, SourceSnapshot, SourceUser, Status,
    UserAttributes,
};
use super::rules::{GroupRules, Rules};
use crate::target::Capabilities;

/// The profile attributes that the mapping and the scope use, sorted: what a source must keep of a profile.
pub const WANTED_ATTRIBUTES: [&str; 5] =
    ["profile.displayName", "profile.email", "profile.firstName", "profile.lastName", "profile.login"];

/// Why somebody or something is not in scope, or is a leaver; the end of a sentence.
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
}

/// What the target should hold, and what is known of everything else that the source showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Users in scope, sorted by id.
    pub users: Vec<DesiredUser>,
    /// Users that the source showed and that are out of scope.
    pub users_out_of_scope: BTreeMap<SourceId, Reason>,
    /// Users about whom nothing may be concluded: they are left as they are (RULES 13).
    pub users_left_alone: BTreeSet<SourceId>,
    /// Groups in scope, sorted by their first source id.
    pub groups: Vec<DesiredGroup>,
    /// Groups that the source showed and that are out of scope.
    pub groups_out_of_scope: BTreeMap<SourceId, Reason>,
    /// Groups about which nothing may be concluded, and protected ones.
    pub groups_left_alone: BTreeSet<SourceId>,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

/// True if a group of that name is in scope, protected or not: whether its members are worth reading.
#[must_use]
pub fn wants_group(rules: &GroupRules, name: &str) -> bool {
    let name = name.trim();
    !rules.exclude.matches(name)
        && if rules.include.is_empty() { name != EVERYONE } else { rules.include.matches(name) }
}

const EVERYONE: &str = "Everyone";

/// Computes what the target should hold. The order of the snapshot's records does not matter.
#[must_use]
pub fn desire(snapshot: &SourceSnapshot, rules: &Rules, capabilities: &Capabilities) -> Desired {
    let mut desired = Desired {
        users: Vec::with_capacity(snapshot.users.len()),
        users_out_of_scope: BTreeMap::new(),
        users_left_alone: snapshot.unreadable.clone(),
        groups: Vec::with_capacity(snapshot.groups.len()),
        groups_out_of_scope: BTreeMap::new(),
        groups_left_alone: snapshot.unreadable.clone(),
        findings: snapshot.findings.clone(),
    };
    let attributes = AttributePositions::of(snapshot);
    for user in &snapshot.users {
        desire_user(user, &attributes, rules, capabilities, &mut desired);
    }
    desired.users.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    desire_groups(snapshot, rules, capabilities, &mut desired);
    desired.findings.sort();
    desired.findings.dedup();
    desired
}

fn desire_user(
    user: &SourceUser,
    attributes: &AttributePositions,
    rules: &Rules,
    capabilities: &Capabilities,
    desired: &mut Desired,
) {
    let mapped = attributes.map(user);
    let login = attributes.login(user);
    let subject = if login.is_empty() { user.id.0.clone() } else { login.clone() };
    if user.status == Status::Unknown {
        desired.users_left_alone.insert(user.id.clone());
        return;
    }
    if let Some(reason) = out_of_scope(user.status, &login, rules) {
        desired.users_out_of_scope.insert(user.id.clone(), reason);
        return;
    }
    if let Some(problem) = name_problem(&mapped.username, capabilities) {
        desired.users_left_alone.insert(user.id.clone());
        desired.findings.push(Finding::new(
            FindingKind::InvalidName,
            &subject,
            format!("the username of {} ({subject}) {problem}; the user is left as it is", user.id),
        ));
        return;
    }
    if rules.protected.users.matches(&mapped.username) {
        desired.users_left_alone.insert(user.id.clone());
        desired.findings.push(Finding::new(
            FindingKind::Protected,
            &mapped.username,
            format!("user {} is protected by protected.users and is left as it is", mapped.username),
        ));
        return;
    }
    desired.users.push(DesiredUser { id: user.id.clone(), attributes: mapped });
}

fn out_of_scope(status: Status, login: &str, rules: &Rules) -> Option<Reason> {
    if !rules.scope.statuses.contains(&status) {
        return Some(Cow::Owned(format!("its status is {}", status.as_str())));
    }
    if !rules.scope.include.is_empty() && !rules.scope.include.matches(login) {
        return Some(Cow::Borrowed("scope.users.include does not name it"));
    }
    if rules.scope.exclude.matches(login) {
        return Some(Cow::Borrowed("scope.users.exclude names it"));
    }
    None
}

/// What is wrong with a user or group name, as the end of a sentence.
fn name_problem(name: &str, capabilities: &Capabilities) -> Option<Reason> {
    if name.is_empty() {
        return Some(Cow::Borrowed("is empty"));
    }
    if name.chars().any(char::is_control) {
        return Some(Cow::Borrowed("has a control character in it"));
    }
    let length = name.chars().count();
    (length > capabilities.longest_name).then(|| {
        Cow::Owned(format!("has {length} characters, and the target takes {}", capabilities.longest_name))
    })
}

/// Where the attributes of the default mapping stand in a user's values.
struct AttributePositions {
    login: Option<usize>,
    email: Option<usize>,
    first_name: Option<usize>,
    last_name: Option<usize>,
    display_name: Option<usize>,
}

impl AttributePositions {
    fn of(snapshot: &SourceSnapshot) -> Self {
        let find = |name: &str| snapshot.attribute_names.iter().position(|known| known == name);
        Self {
            login: find("profile.login"),
            email: find("profile.email"),
            first_name: find("profile.firstName"),
            last_name: find("profile.lastName"),
            display_name: find("profile.displayName"),
        }
    }

    fn value(user: &SourceUser, position: Option<usize>) -> CompactString {
        position
            .and_then(|position| user.attributes.get(position))
            .map(|value| value.render())
            .unwrap_or_default()
    }

    fn login(&self, user: &SourceUser) -> CompactString {
        Self::value(user, self.login)
    }

    /// The default mapping: login in lower case, and the display name or first and last name.
    fn map(&self, user: &SourceUser) -> UserAttributes {
        let first_name = Self::value(user, self.first_name);
        let last_name = Self::value(user, self.last_name);
        let mut display_name = Self::value(user, self.display_name);
        if display_name.is_empty() {
            display_name = CompactString::from(format!("{first_name} {last_name}").trim());
        }
        UserAttributes {
            username: self.login(user).to_lowercase(),
            email: Self::value(user, self.email),
            first_name,
            last_name,
            display_name,
            attributes: BTreeMap::new(),
        }
    }
}

fn desire_groups(
    snapshot: &SourceSnapshot,
    rules: &Rules,
    capabilities: &Capabilities,
    desired: &mut Desired,
) {
    let mut by_name: BTreeMap<CompactString, Vec<&SourceGroup>> = BTreeMap::new();
    for group in &snapshot.groups {
        let name = group.name.trim();
        if !wants_group(&rules.groups, name) {
            desired.groups_out_of_scope.insert(group.id.clone(), group_out_of_scope(name, &rules.groups));
        } else if let Some(problem) = name_problem(name, capabilities) {
            desired.groups_left_alone.insert(group.id.clone());
            desired.findings.push(Finding::new(
                FindingKind::InvalidName,
                &group.id.0,
                format!("the name of group {} ({name}) {problem}; the group is left as it is", group.id),
            ));
        } else {
            by_name.entry(capabilities.name_key(name)).or_default().push(group);
        }
    }
    let positions = MemberPositions::of(snapshot, desired);
    let mut groups = Vec::with_capacity(by_name.len());
    for mut parts in by_name.into_values() {
        parts.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        if let Some(part) = parts.iter().find(|part| rules.protected.groups.matches(part.name.trim())) {
            let name = part.name.trim();
            desired.groups_left_alone.extend(parts.iter().map(|part| part.id.clone()));
            desired.findings.push(Finding::new(
                FindingKind::Protected,
                name,
                format!("group {name} is protected by protected.groups and is left as it is"),
            ));
            continue;
        }
        groups.extend(merge(&parts, snapshot, &positions, &mut desired.findings));
    }
    groups.sort_unstable_by(|one, other| one.sources.cmp(&other.sources));
    desired.groups = groups;
}

fn group_out_of_scope(name: &str, rules: &GroupRules) -> Reason {
    if rules.exclude.matches(name) {
        Cow::Borrowed("groups.exclude names it")
    } else if rules.include.is_empty() {
        Cow::Borrowed("Everyone is not synced unless groups.include names it")
    } else {
        Cow::Borrowed("groups.include does not name it")
    }
}

/// One target group out of the source groups that bear its name; `parts` is sorted by id.
fn merge(
    parts: &[&SourceGroup],
    snapshot: &SourceSnapshot,
    positions: &MemberPositions,
    findings: &mut Vec<Finding>,
) -> Option<DesiredGroup> {
    let first = parts.first()?;
    let name = first.name.trim();
    if parts.len() > 1 {
        let ids: Vec<&str> = parts.iter().map(|part| part.id.0.as_str()).collect();
        findings.push(Finding::new(
            FindingKind::MergedGroups,
            name,
            format!("{} source groups bear the name {name} and are merged: {}", ids.len(), ids.join(", ")),
        ));
    }
    let mut members: Vec<u32> = Vec::with_capacity(parts.iter().map(|part| part.members.len()).sum());
    let mut members_proof = Proof::Proven;
    for part in parts {
        if part.everyone {
            members.extend(positions.everybody());
            keep_doubt(&mut members_proof, &snapshot.users_proof);
        } else {
            members.extend(part.members.iter().filter_map(|member| positions.of_person(member.person)));
            keep_doubt(&mut members_proof, &part.members_proof);
        }
    }
    members.sort_unstable();
    members.dedup();
    Some(DesiredGroup {
        sources: parts.iter().map(|part| part.id.clone()).collect(),
        attributes: GroupAttributes { name: name.into(), description: first.description.trim().into() },
        members,
        members_proof,
    })
}

/// A merged list is proven only if every part is.
fn keep_doubt(proof: &mut Proof, part: &Proof) {
    if proof.is_proven() && !part.is_proven() {
        *proof = part.clone();
    }
}

/// Translates people of the snapshot into positions of desired users.
struct MemberPositions {
    by_person: Vec<Option<u32>>,
    count: u32,
}

impl MemberPositions {
    fn of(snapshot: &SourceSnapshot, desired: &Desired) -> Self {
        let mut by_person = vec![None; snapshot.people.ids().len()];
        for (position, user) in (0u32..).zip(&desired.users) {
            let slot = snapshot.people.find(&user.id.0).and_then(|person| by_person.get_mut(person as usize));
            if let Some(slot) = slot {
                *slot = Some(position);
            }
        }
        Self { by_person, count: u32::try_from(desired.users.len()).unwrap_or(u32::MAX) }
    }

    fn of_person(&self, person: u32) -> Option<u32> {
        self.by_person.get(person as usize).copied().flatten()
    }

    fn everybody(&self) -> std::ops::Range<u32> {
        0..self.count
    }
}
