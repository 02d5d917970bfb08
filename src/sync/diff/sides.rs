//! Both sides and the ledger between them, with the look-ups that planning needs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;
use hashbrown::HashMap;

use super::Input;
use crate::sync::desire::{DesiredUser, Reason};
use crate::sync::model::{FindingKind, LedgerUser, SourceId, TargetId, TargetUser};
use crate::sync::rules::{LeaverUsers, OnExisting};

/// One person: in scope at the source, or in the ledger, or both. Rows are sorted by source id.
pub(super) struct Row<'a> {
    pub(super) source: &'a SourceId,
    /// Position in the desired users, if in scope.
    pub(super) desired: Option<u32>,
    /// What the ledger remembers.
    pub(super) ledger: Option<&'a LedgerUser>,
    /// Position in the target's users, if it is managed and still there.
    pub(super) target: Option<u32>,
    /// True if its name in the target is protected.
    pub(super) protected: bool,
    /// The other connector that manages the same account, if there is one: then nobody touches it (RULES 2).
    pub(super) claimed_by: Option<&'a str>,
    /// True if the account is to be taken over in this run: it is in the target and not in the ledger (RULES 6).
    pub(super) adopting: bool,
}

/// What becomes of an account that bears a wanted name and is not managed.
pub(super) enum Existing {
    /// It may be taken over.
    Adoptable,
    /// It may be, once somebody has looked: the target does not show whose it is, or the ledger that knew was lost.
    Doubtful,
    /// It is left alone.
    Refused(FindingKind, Reason),
}

pub(super) struct Sides<'a> {
    pub(super) input: Input<'a>,
    pub(super) rows: Vec<Row<'a>>,
    /// The row of each desired user.
    pub(super) row_of_desired: Vec<u32>,
    /// The row of each managed user of the target.
    pub(super) row_of_target: Vec<Option<u32>>,
    target_users_by_name: HashMap<CompactString, u32>,
    target_groups_by_name: HashMap<CompactString, u32>,
    target_groups_by_id: HashMap<&'a str, u32>,
    /// The source groups that the ledger links to each target group that still exists.
    pub(super) owners: BTreeMap<u32, Vec<&'a SourceId>>,
    /// How many desired users want each name.
    wanted_names: HashMap<CompactString, u32>,
    /// Users of the target who are members of a protected group; filled only where it matters.
    pub(super) in_protected_groups: BTreeSet<u32>,
}

impl<'a> Sides<'a> {
    pub(super) fn new(input: &Input<'a>) -> Self {
        let key = |name: &str| input.capabilities.name_key(name);
        let mut wanted_names: HashMap<CompactString, u32> = HashMap::with_capacity(input.desired.users.len());
        for user in &input.desired.users {
            *wanted_names.entry(key(&user.attributes.username)).or_default() += 1;
        }
        let mut sides = Self {
            input: *input,
            rows: Vec::with_capacity(input.desired.users.len()),
            row_of_desired: Vec::with_capacity(input.desired.users.len()),
            row_of_target: vec![None; input.target.users.len()],
            target_users_by_name: (0u32..)
                .zip(&input.target.users)
                .map(|(at, user)| (key(&user.attributes.username), at))
                .collect(),
            target_groups_by_name: (0u32..)
                .zip(&input.target.groups)
                .map(|(at, group)| (key(&group.attributes.name), at))
                .collect(),
            target_groups_by_id: (0u32..)
                .zip(&input.target.groups)
                .map(|(at, group)| (group.id.0.as_str(), at))
                .collect(),
            owners: BTreeMap::new(),
            wanted_names,
            in_protected_groups: BTreeSet::new(),
        };
        sides.owners = sides.sources_of_target_groups();
        sides.fill_rows();
        let adopts = input.rules.existing.users.takes_over();
        if adopts || input.rules.leavers.users == LeaverUsers::Delete {
            sides.in_protected_groups = sides.members_of_protected_groups();
        }
        if adopts {
            sides.adopt();
        }
        sides
    }

    /// Joins the two sorted lists, desired users and the ledger's.
    fn fill_rows(&mut self) {
        let users_by_id: HashMap<&str, u32> =
            (0u32..).zip(&self.input.target.users).map(|(at, user)| (user.id.0.as_str(), at)).collect();
        let mut desired = (0u32..).zip(&self.input.desired.users).peekable();
        let mut ledger = self.input.ledger.users.iter().peekable();
        loop {
            let order = match (desired.peek(), ledger.peek()) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((_, user)), Some((id, _))) => user.id.cmp(id),
            };
            let wanted = if order.is_le() { desired.next() } else { None };
            let known = if order.is_ge() { ledger.next() } else { None };
            let Some(source) = wanted.map(|(_, user)| &user.id).or(known.map(|(id, _)| id)) else { break };
            let row = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
            let claims = &self.input.claims.users;
            let claimed_by = known.and_then(|(_, user)| claims.get(&user.target)).map(String::as_str);
            let target = known
                .filter(|_| claimed_by.is_none())
                .and_then(|(_, user)| users_by_id.get(user.target.0.as_str()).copied());
            if wanted.is_some() {
                self.row_of_desired.push(row);
            }
            self.rows.push(Row {
                source,
                desired: wanted.map(|(position, _)| position),
                ledger: known.map(|(_, user)| user),
                target,
                protected: false,
                claimed_by,
                adopting: false,
            });
            self.claim(row, target);
        }
    }

    fn members_of_protected_groups(&self) -> BTreeSet<u32> {
        let protected = &self.input.rules.protected.groups;
        let groups = self.input.target.groups.iter();
        let groups = groups.filter(|group| protected.matches(&group.attributes.name));
        groups.flat_map(|group| group.members.iter().copied()).collect()
    }

    /// Links the rows whose accounts are to be taken over, as if they were managed already.
    fn adopt(&mut self) {
        for row in 0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX) {
            let Some(known) = self.rows.get(row as usize).filter(|row| row.ledger.is_none()) else {
                continue;
            };
            let Some(wanted) = known.desired.and_then(|at| self.input.desired.users.get(at as usize)) else {
                continue;
            };
            let Some(holder) = self.target_user_named(&wanted.attributes.username) else { continue };
            if matches!(self.existing(holder, wanted), Existing::Adoptable) {
                self.claim(row, Some(holder));
                if let Some(row) = self.rows.get_mut(row as usize) {
                    row.target = Some(holder);
                    row.adopting = true;
                }
            }
        }
    }

    /// What becomes of the account at `holder`, which bears the name that `wanted` maps to, and is not managed for it.
    pub(super) fn existing(&self, holder: u32, wanted: &DesiredUser) -> Existing {
        let Some(actual) = self.target_user(holder) else {
            return Existing::Refused(FindingKind::NotManaged, Cow::Borrowed("the target does not show it"));
        };
        let managed_for = self.row_of_target.get(holder as usize).copied().flatten();
        let managed_for = managed_for.and_then(|row| self.rows.get(row as usize)).map(|row| row.source);
        if let Some(other) = managed_for.filter(|source| **source != wanted.id) {
            let reason = format!("the account of that name is managed for user {other}");
            return Existing::Refused(FindingKind::NameCollision, Cow::Owned(reason));
        }
        if let Some(connector) = self.input.claims.users.get(&actual.id) {
            let reason = format!("the account of that name is managed by the connector {connector}");
            return Existing::Refused(FindingKind::ClaimedElsewhere, Cow::Owned(reason));
        }
        let rules = self.input.rules;
        if rules.existing.users == OnExisting::Skip {
            let reason = "the target has an account of that name that is not managed";
            return Existing::Refused(FindingKind::NotManaged, Cow::Borrowed(reason));
        }
        if self.is_contested(&wanted.attributes.username) {
            let reason = "another user in scope has the same name";
            return Existing::Refused(FindingKind::NameCollision, Cow::Borrowed(reason));
        }
        if rules.protected.users.matches(&actual.attributes.username)
            || self.in_protected_groups.contains(&holder)
        {
            let reason = "the account of that name is protected, or is a member of a protected group, and is not adopted";
            return Existing::Refused(FindingKind::Protected, Cow::Borrowed(reason));
        }
        let (theirs, ours) = (actual.attributes.email.trim(), wanted.attributes.email.trim());
        if theirs.is_empty() {
            return Existing::Doubtful;
        }
        if theirs.to_lowercase() != ours.to_lowercase() {
            let reason = "the account of that name has another e-mail address and is not adopted";
            return Existing::Refused(FindingKind::NotManaged, Cow::Borrowed(reason));
        }
        if rules.existing.users == OnExisting::AdoptHeld {
            return Existing::Doubtful;
        }
        Existing::Adoptable
    }

    /// Marks a target user as managed by a row.
    fn claim(&mut self, row: u32, target: Option<u32>) {
        let Some(target) = target else { return };
        let protected = self
            .target_user(target)
            .is_some_and(|user| self.input.rules.protected.users.matches(&user.attributes.username));
        if let Some(slot) = self.row_of_target.get_mut(target as usize) {
            *slot = Some(row);
        }
        if let Some(row) = self.rows.get_mut(row as usize) {
            row.protected = protected;
        }
    }

    pub(super) fn target_user(&self, at: u32) -> Option<&'a TargetUser> {
        self.input.target.users.get(at as usize)
    }

    pub(super) fn target_user_named(&self, name: &str) -> Option<u32> {
        self.target_users_by_name.get(&self.key(name)).copied()
    }

    pub(super) fn target_group_named(&self, name: &str) -> Option<u32> {
        self.target_groups_by_name.get(&self.key(name)).copied()
    }

    pub(super) fn target_group_with_id(&self, id: &str) -> Option<u32> {
        // What another connector manages too is touched by neither (RULES 2).
        self.target_groups_by_id.get(id).copied().filter(|_| !self.input.claims.groups.contains_key(id))
    }

    /// The position of a target group, whoever manages it.
    pub(super) fn group_with_id(&self, id: &TargetId) -> Option<u32> {
        self.target_groups_by_id.get(id.0.as_str()).copied()
    }

    /// The form in which the target compares names.
    pub(super) fn key(&self, name: &str) -> CompactString {
        self.input.capabilities.name_key(name)
    }

    /// True if more than one user in scope maps to this name, as far as they were read; of others the last run tells.
    pub(super) fn is_contested(&self, name: &str) -> bool {
        let key = self.key(name);
        self.wanted_names.get(&key).is_some_and(|count| *count > 1)
            || self.input.focus.is_some_and(|focus| focus.contested.contains(&key))
    }

    /// Users that the connector manages and that are active: the base of the limit on leavers.
    pub(super) fn active_managed_users(&self) -> u64 {
        let active =
            |row: &&Row<'_>| row.target.and_then(|at| self.target_user(at)).is_some_and(|user| user.active);
        self.rows.iter().filter(|row| row.ledger.is_some()).filter(active).count() as u64
    }

    /// Groups that the connector manages and that have managed members: the base of the limit on groups that left.
    pub(super) fn managed_groups_with_members(&self) -> u64 {
        self.owners.keys().filter(|at| !self.managed_members(**at).is_empty()).count() as u64
    }

    /// Which rows are members of a target group, sorted; unmanaged members are left out.
    pub(super) fn managed_members(&self, group: u32) -> Vec<u32> {
        let Some(group) = self.input.target.groups.get(group as usize) else { return Vec::new() };
        let mut rows: Vec<u32> = group
            .members
            .iter()
            .filter_map(|member| self.row_of_target.get(*member as usize).copied().flatten())
            .collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    fn sources_of_target_groups(&self) -> BTreeMap<u32, Vec<&'a SourceId>> {
        let mut sources: BTreeMap<u32, Vec<&'a SourceId>> = BTreeMap::new();
        for (source, group) in &self.input.ledger.groups {
            if let Some(at) = self.target_group_with_id(&group.target.0) {
                sources.entry(at).or_default().push(source);
            }
        }
        sources
    }

    /// True if planning concerns this row: everybody, or the one user in focus.
    pub(super) fn concerns(&self, row: &Row<'_>) -> bool {
        self.input.focus.is_none_or(|focus| focus.user == row.source)
    }

    /// The row of a source id.
    pub(super) fn row_of_source(&self, source: &SourceId) -> Option<u32> {
        let at = self.rows.binary_search_by(|row| row.source.cmp(source)).ok()?;
        u32::try_from(at).ok()
    }

    /// True if the connector made that target group because `groups.always` names it.
    pub(super) fn made_by_always(&self, id: &TargetId) -> bool {
        self.input.ledger.always.values().any(|always| always.created && always.target == *id)
    }
}
