//! Which groups are synced, under which name, and who is in them.

use std::collections::BTreeMap;

use compact_str::CompactString;

use super::{Belonging, Desired};
use crate::sync::desire::DesiredGroup;
use crate::sync::model::{
    Absence, Finding, FindingKind, GroupAttributes, Person, Proof, ScopeRule, SourceGroup, SourceId,
    SourceSnapshot,
};
use crate::sync::rules::{GroupRules, Rules};
use crate::target::Capabilities;

const EVERYONE: &str = "Everyone";

/// What the rules make of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupVerdict {
    /// The name in the target.
    pub name: CompactString,
    /// Which of the rename rules made it, from 0; none if no rule matched.
    pub renamed_by: Option<usize>,
    /// The rule that drops it, if one does.
    pub dropped_by: Option<ScopeRule>,
}

/// The name in the target of a group of that name at the source, and the rename rule that made it.
#[must_use]
pub fn name_in_target(rules: &GroupRules, source_name: &str) -> (CompactString, Option<usize>) {
    let source_name = source_name.trim();
    let renamed = rules.rename.iter().enumerate();
    let mut renamed = renamed.filter_map(|(at, rule)| rule.apply(source_name).map(|name| (name, at)));
    match renamed.next() {
        Some((name, at)) => (name.into(), Some(at)),
        None => (source_name.into(), None),
    }
}

/// RULES 10: rename, drop what no rule matches if asked, exclude, include.
#[must_use]
pub fn judge_group(rules: &GroupRules, source_name: &str) -> GroupVerdict {
    let (name, renamed_by) = name_in_target(rules, source_name);
    let dropped_by = if rules.drop_unmatched && renamed_by.is_none() {
        Some(ScopeRule::Unmatched)
    } else if rules.exclude.matches(&name) {
        Some(ScopeRule::GroupsExclude)
    } else if rules.include.is_empty() {
        // Okta's group of everybody is synced only where somebody asks for it.
        (source_name.trim() == EVERYONE).then_some(ScopeRule::GroupsInclude)
    } else {
        (!rules.include.matches(&name)).then_some(ScopeRule::GroupsInclude)
    };
    GroupVerdict { name, renamed_by, dropped_by }
}

/// True if the members of a group of that name at the source are worth reading: it is synced, or its members decide about
/// the scope of users.
#[must_use]
pub fn wants_members(rules: &Rules, capabilities: &Capabilities, source_name: &str) -> bool {
    judge_group(&rules.groups, source_name).dropped_by.is_none()
        || decides_about_scope(rules, capabilities, source_name)
}

/// True if the members of a group of that name at the source decide about the scope of users.
#[must_use]
pub fn decides_about_scope(rules: &Rules, capabilities: &Capabilities, source_name: &str) -> bool {
    let (name, _) = name_in_target(&rules.groups, source_name);
    let key = capabilities.name_key(&name);
    let is_required = || rules.scope.required_groups.iter().any(|name| capabilities.name_key(name) == key);
    let is_exempt = || rules.inactive.as_ref().is_some_and(|inactive| inactive.except_groups.matches(&name));
    is_required() || is_exempt()
}

/// RULES 11: why the run must fail on account of a required group; none if all are shown and were read to their end.
#[must_use]
pub fn required_group_problem(
    snapshot: &SourceSnapshot,
    rules: &Rules,
    capabilities: &Capabilities,
) -> Option<String> {
    rules.scope.required_groups.iter().find_map(|required| {
        let key = capabilities.name_key(required);
        let is_meant = |group: &&SourceGroup| {
            capabilities.name_key(&name_in_target(&rules.groups, &group.name).0) == key
        };
        let mut parts = snapshot.groups.iter().filter(is_meant).peekable();
        if parts.peek().is_none() {
            let why = match &snapshot.groups_proof {
                Proof::Proven => "Okta does not show a group of that name".to_owned(),
                Proof::NotProven(reason) => format!("the group list does not show it, and {reason}"),
            };
            return Some(format!("the required group {required}: {why}"));
        }
        parts.find_map(|part| match members_proof(part, snapshot) {
            Proof::Proven => None,
            Proof::NotProven(reason) => {
                Some(format!("the members of the required group {required} are not proven: {reason}"))
            }
        })
    })
}

fn members_proof<'a>(group: &'a SourceGroup, snapshot: &'a SourceSnapshot) -> &'a Proof {
    if group.everyone { &snapshot.users_proof } else { &group.members_proof }
}

/// Says that a pattern of `inactive.except_groups` matches no group: somebody may have renamed it.
pub(super) fn note_unmet_exemptions(snapshot: &SourceSnapshot, rules: &Rules, findings: &mut Vec<Finding>) {
    let Some(inactive) = rules.inactive.as_ref().filter(|_| !snapshot.of_one_user) else { return };
    let groups = snapshot.groups.iter();
    let names: Vec<CompactString> =
        groups.map(|group| name_in_target(&rules.groups, &group.name).0).collect();
    if let Some(pattern) = inactive.except_groups.first_unmet(&names) {
        let message = format!(
            "inactive.except_groups names {pattern}, and Okta shows no such group: nobody is exempt on its account"
        );
        findings.push(Finding::new(FindingKind::UnmetPattern, pattern, message));
    }
}

/// Who is in one of several groups.
pub(super) struct Crowd {
    /// False if there are no such groups, so that nobody has to be looked up.
    pub(super) matters: bool,
    everybody: bool,
    members: Vec<bool>,
    /// A list that was not read to its end, and why: then nobody is known to be in none of them.
    pub(super) doubt: Option<(String, String)>,
}

impl Crowd {
    /// Of the groups whose name in the target is meant.
    pub(super) fn of(
        snapshot: &SourceSnapshot,
        rules: &GroupRules,
        matters: bool,
        is_meant: impl Fn(&str) -> bool,
    ) -> Self {
        let mut crowd = Self { matters, everybody: false, members: Vec::new(), doubt: None };
        if !matters {
            return crowd;
        }
        crowd.members = vec![false; snapshot.people.ids().len()];
        if let Proof::NotProven(reason) = &snapshot.groups_proof {
            crowd.doubt = Some(("groups".to_owned(), reason.clone()));
        }
        if let (true, Some(unreadable)) = (snapshot.of_one_user, snapshot.unreadable.first()) {
            let why = format!("the record of the group {unreadable} cannot be read");
            crowd.doubt = Some(("groups of the user".to_owned(), why));
        }
        for group in &snapshot.groups {
            let (name, _) = name_in_target(rules, &group.name);
            match snapshot.absences.get(&group.id) {
                _ if !is_meant(&name) => {}
                Some(Absence::OutOfScope(_)) => {}
                Some(Absence::Unknown(reason)) => crowd.doubt = Some((members_of(&name), reason.clone())),
                Some(Absence::Gone) | None => crowd.add(group, name, snapshot),
            }
        }
        crowd
    }

    fn add(&mut self, group: &SourceGroup, name: CompactString, snapshot: &SourceSnapshot) {
        self.everybody |= group.everyone;
        for member in &group.members {
            if let Some(slot) = self.members.get_mut(member.person as usize) {
                *slot = true;
            }
        }
        if let (Proof::NotProven(reason), None) = (members_proof(group, snapshot), &self.doubt) {
            self.doubt = Some((members_of(&name), reason.clone()));
        }
    }

    pub(super) fn belonging(&self, person: Option<Person>) -> Belonging {
        let is_member = person.and_then(|person| self.members.get(person as usize)).copied();
        match is_member {
            _ if !self.matters => Belonging::No,
            _ if self.everybody => Belonging::Yes,
            Some(true) => Belonging::Yes,
            _ if self.doubt.is_some() => Belonging::Unknown,
            _ => Belonging::No,
        }
    }
}

/// The name of a member list in a report.
fn members_of(group: &str) -> String {
    format!("members of {group}")
}

/// One source group under its name in the target.
struct Part<'a> {
    group: &'a SourceGroup,
    name: CompactString,
}

/// Computes the groups that the target should hold.
pub(super) fn desire_groups(
    snapshot: &SourceSnapshot,
    rules: &Rules,
    capabilities: &Capabilities,
    desired: &mut Desired,
) {
    let mut by_name: BTreeMap<CompactString, Vec<Part<'_>>> = BTreeMap::new();
    for group in &snapshot.groups {
        let verdict = judge_group(&rules.groups, &group.name);
        let left_out_by = match snapshot.absences.get(&group.id) {
            Some(Absence::OutOfScope(rule)) => Some(*rule),
            Some(Absence::Unknown(reason)) => {
                leave_unanswered(group, &verdict.name, reason, desired);
                continue;
            }
            Some(Absence::Gone) | None => None,
        };
        if let Some(rule) = left_out_by.or(verdict.dropped_by) {
            desired.groups_out_of_scope.insert(group.id.clone(), rule);
        } else if let Some(problem) = capabilities.name_problem(&verdict.name) {
            desired.groups_left_alone.insert(group.id.clone());
            desired.groups_not_synced.insert(group.id.clone());
            let message = format!(
                "the name of group {} ({}) {problem}; the group is left as it is",
                group.id,
                if verdict.name.is_empty() { group.name.trim() } else { &verdict.name }
            );
            desired.findings.push(Finding::new(FindingKind::InvalidName, &group.id.0, message));
        } else {
            let key = capabilities.name_key(&verdict.name);
            by_name.entry(key).or_default().push(Part { group, name: verdict.name });
        }
    }
    let positions = MemberPositions::of(snapshot, desired);
    let always = always_by_key(rules, capabilities, desired);
    let mut groups = Vec::with_capacity(by_name.len());
    for (key, mut parts) in by_name {
        parts.sort_unstable_by(|one, other| one.group.id.cmp(&other.group.id));
        if protect(&parts, rules, desired) {
            desired.always_protected.extend(always.get(&key).cloned());
            continue;
        }
        let Some(mut group) = merge(&parts, snapshot, &positions, capabilities, &mut desired.findings) else {
            continue;
        };
        group.always = always.contains_key(&key);
        groups.push(group);
    }
    groups.sort_unstable_by(|one, other| one.sources.cmp(&other.sources));
    desired.groups = groups;
    desired.always = always.into_values().collect();
}

/// A group about which the source did not say whether its own part of the scope lets it in.
fn leave_unanswered(group: &SourceGroup, name: &str, reason: &str, desired: &mut Desired) {
    desired.groups_left_alone.insert(group.id.clone());
    desired.doubts.push((format!("scope of group {name}"), reason.to_owned()));
    let message = format!(
        "whether group {name} ({}) is in scope could not be told: {reason}; the group is left as it is",
        group.id
    );
    desired.findings.push(Finding::new(FindingKind::AbsenceUnconfirmed, name, message));
}

/// The names in `groups.always`, by the form in which the target compares names.
fn always_by_key(
    rules: &Rules,
    capabilities: &Capabilities,
    desired: &mut Desired,
) -> BTreeMap<CompactString, CompactString> {
    let mut by_key = BTreeMap::new();
    for name in &rules.groups.always {
        if rules.protected.groups.matches(name) {
            let message = format!(
                "group {name} is protected by protected.groups, so that groups.always adds nobody to it"
            );
            desired.findings.push(Finding::new(FindingKind::Protected, name, message));
            desired.always_protected.push(name.clone());
        }
        by_key.entry(capabilities.name_key(name)).or_insert_with(|| name.clone());
    }
    by_key
}

/// True if the parts of a group are to be left alone because one of them is protected: by the name in the target, or,
/// where several are merged, by its name at the source.
fn protect(parts: &[Part<'_>], rules: &Rules, desired: &mut Desired) -> bool {
    let is_protected = |name: &str| rules.protected.groups.matches(name.trim());
    let merged = parts.len() > 1;
    let is_reason = |part: &&Part<'_>| is_protected(&part.name) || (merged && is_protected(&part.group.name));
    let Some(part) = parts.iter().find(is_reason) else { return false };
    let ids = || parts.iter().map(|part| part.group.id.clone());
    desired.groups_left_alone.extend(ids());
    desired.groups_not_synced.extend(ids());
    let name = &part.name;
    let mut message = format!("group {name} is protected by protected.groups and is left as it is");
    if merged {
        let names: Vec<&str> = parts.iter().map(|part| part.group.name.trim()).collect();
        message.push_str(&format!(
            "; {} source groups would be merged into it, none of which is synced: {}",
            names.len(),
            names.join(", ")
        ));
    }
    desired.findings.push(Finding::new(FindingKind::Protected, name, message));
    true
}

/// One target group out of the source groups that come to bear its name; `parts` is sorted by id.
fn merge(
    parts: &[Part<'_>],
    snapshot: &SourceSnapshot,
    positions: &MemberPositions,
    capabilities: &Capabilities,
    findings: &mut Vec<Finding>,
) -> Option<DesiredGroup> {
    let first = parts.first()?;
    let name = &first.name;
    if parts.len() > 1 {
        let from: Vec<String> =
            parts.iter().map(|part| format!("{} ({})", part.group.name.trim(), part.group.id)).collect();
        let message =
            format!("{} source groups are merged into group {name}: {}", from.len(), from.join(", "));
        findings.push(Finding::new(FindingKind::MergedGroups, name, message));
    }
    let mut members: Vec<u32> = Vec::with_capacity(parts.iter().map(|part| part.group.members.len()).sum());
    let mut proof = Proof::Proven;
    for part in parts {
        if part.group.everyone {
            members.extend(positions.everybody());
        } else {
            members.extend(part.group.members.iter().filter_map(|member| positions.of_person(member.person)));
        }
        // A merged list is proven only if every part is.
        let part = members_proof(part.group, snapshot);
        if proof.is_proven() && !part.is_proven() {
            proof = part.clone();
        }
    }
    members.sort_unstable();
    members.dedup();
    Some(DesiredGroup {
        sources: parts.iter().map(|part| part.group.id.clone()).collect::<Vec<SourceId>>(),
        attributes: capabilities.held_of_group(GroupAttributes {
            name: name.clone(),
            description: first.group.description.trim().into(),
        }),
        members,
        members_proof: proof,
        always: false,
    })
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

    fn of_person(&self, person: Person) -> Option<u32> {
        self.by_person.get(person as usize).copied().flatten()
    }

    fn everybody(&self) -> std::ops::Range<u32> {
        0..self.count
    }
}
