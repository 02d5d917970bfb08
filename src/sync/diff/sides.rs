//! Both sides and the ledger between them, with the look-ups that planning needs.

use std::collections::{BTreeMap, HashMap};

use compact_str::CompactString;

use super::Input;
use crate::sync::model::{LedgerUser, SourceId, TargetUser};

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
        };
        sides.owners = sides.sources_of_target_groups();
        sides.fill_rows();
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
            });
            self.claim(row, target);
        }
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

    /// The form in which the target compares names.
    pub(super) fn key(&self, name: &str) -> CompactString {
        self.input.capabilities.name_key(name)
    }

    /// True if more than one user in scope maps to this name.
    pub(super) fn is_contested(&self, name: &str) -> bool {
        self.wanted_names.get(&self.key(name)).is_some_and(|count| *count > 1)
    }

    /// Users that the connector manages and that are active: the base of the limit on leavers.
    pub(super) fn active_managed_users(&self) -> u64 {
        let active =
            |row: &&Row<'_>| row.target.and_then(|at| self.target_user(at)).is_some_and(|user| user.active);
        self.rows.iter().filter(|row| row.ledger.is_some()).filter(active).count() as u64
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
}
