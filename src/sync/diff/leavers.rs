//! What happens to users that left: whether it is certain, whether their grace is over, and what they lose.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::{CompactString, format_compact};
use sha2::{Digest, Sha256};

use super::leave_out;
use super::sides::{Row, Sides};
use crate::sync::desire::{Reason, left_out};
use crate::sync::model::{
    Absence, Finding, FindingKind, FurtherAttributes, LedgerChange, LedgerUser, Origin, Proof, ScopeRule,
    SourceId, TargetUser, UserAttributes,
};
use crate::sync::plan::{Change, InGrace, NamedGroup, Operation, Plan, Standing};
use crate::sync::rules::{LeaverMemberships, LeaverUsers};

/// What a leaver loses by the connector's rules, apart from grace and proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parting {
    disable: bool,
    anonymize: bool,
    delete: bool,
    memberships: bool,
}

/// What is known of a managed user that is not in scope.
enum Leaver {
    /// Nothing may be concluded.
    Stays,
    /// It left, for its status or for another reason.
    Left { why: Reason, deactivated: bool },
    /// It is absent from the list, and nobody has asked for it yet.
    Absent,
    /// It is in no group that decides about scope, as far as member lists show, and its own groups were not asked for yet.
    InNoGroup(Reason),
    /// It was asked for, without a usable answer.
    Unknown(String),
}

/// Plans what happens to users that left.
pub(super) struct Leavers<'s, 'a> {
    sides: &'s Sides<'a>,
    /// Rows with memberships that leavers lose; empty where leavers keep theirs.
    with_memberships: BTreeSet<u32>,
}

impl<'s, 'a> Leavers<'s, 'a> {
    pub(super) fn new(sides: &'s Sides<'a>) -> Self {
        Self { sides, with_memberships: losable_memberships(sides) }
    }

    /// Plans for one managed user that is not in scope. True if its memberships go as well.
    pub(super) fn plan(&self, row_number: u32, row: &Row<'_>, actual: &TargetUser, plan: &mut Plan) -> bool {
        let sides = self.sides;
        let parting = self.parting(row_number, row, actual);
        if parting == Parting::default() {
            return false;
        }
        let name = &actual.attributes.username;
        let (why, deactivated, standing) = match leaver(sides, row) {
            Leaver::Stays => return false,
            Leaver::Left { why, deactivated } => (why, deactivated, Standing::Sound),
            Leaver::Absent => (Cow::Borrowed("the user list does not show it"), false, Standing::Unconfirmed),
            Leaver::InNoGroup(why) => (why, false, Standing::Unconfirmed),
            Leaver::Unknown(reason) => {
                let message = format!(
                    "user {name} ({}) is absent from the user list, and asking for it failed: {reason}; it is left as it is",
                    row.source
                );
                plan.findings.push(Finding::new(FindingKind::AbsenceUnconfirmed, name, message));
                return false;
            }
        };
        if let Proof::NotProven(reason) = sides.input.evidence.users {
            leave_out(plan, "users", reason, 1, vec![actual.attributes.username.clone()]);
            return false;
        }
        self.remember_since(row, plan);
        if let Some(until) = self.grace_until(row, deactivated) {
            let (source, username) = (row.source.clone(), name.clone());
            plan.in_grace.push(InGrace { source, username, until });
            return false;
        }
        for change in self.changes(row, actual, parting, plan) {
            plan.operations.push(Operation {
                source: row.source.clone(),
                target: Some(actual.id.clone()),
                name: name.clone(),
                change,
                why: why.clone(),
                standing,
            });
        }
        // Who was not asked for loses nothing that is not held with the account.
        parting.memberships && standing == Standing::Sound
    }

    fn parting(&self, row_number: u32, row: &Row<'_>, actual: &TargetUser) -> Parting {
        if row.protected {
            return Parting::default();
        }
        let Some(ledger) = row.ledger else { return Parting::default() };
        // Who was disabled by somebody else stays as that somebody left it (RULES 8).
        let ours = actual.active || ledger.disabled_by_us;
        // Where nobody can be disabled, `check` said so: the account stays, and loses what else the rules say.
        let can_disable = self.sides.input.capabilities.disable_users;
        let disable = Parting { disable: actual.active && can_disable, ..Parting::default() };
        let parting = match self.sides.input.rules.leavers.users {
            LeaverUsers::Keep => Parting::default(),
            LeaverUsers::Disable => disable,
            LeaverUsers::Delete => {
                // Whoever is deleted leaves all groups, and no protected group loses a member (RULES 7).
                let in_protected_group =
                    row.target.is_some_and(|at| self.sides.in_protected_groups.contains(&at));
                let may = ours
                    && !in_protected_group
                    && ledger.origin == Origin::Created
                    && self.sides.input.capabilities.delete_users;
                if may { Parting { delete: true, ..Parting::default() } } else { disable }
            }
            LeaverUsers::Anonymize => Parting { anonymize: ours && ledger.original.is_none(), ..disable },
        };
        // What is deleted takes its memberships with it.
        let memberships = !parting.delete && self.with_memberships.contains(&row_number);
        Parting { memberships, ..parting }
    }

    /// Until when a leaver is left alone; none if nothing is to be waited for.
    fn grace_until(&self, row: &Row<'_>, deactivated: bool) -> Option<DateTime<Utc>> {
        let grace = self.sides.input.rules.leavers.grace;
        let grace = TimeDelta::from_std(if deactivated { grace.deactivated } else { grace.absent }).ok()?;
        let now = self.sides.input.now;
        let since = row.ledger.and_then(|ledger| ledger.left_since).unwrap_or(now);
        let until = since.checked_add_signed(grace)?;
        (now < until).then_some(until)
    }

    /// The grace begins now, even where none is waited for: who is held, and then leaves for another reason, has left before
    /// (RULES 21).
    fn remember_since(&self, row: &Row<'_>, plan: &mut Plan) {
        if let Some(ledger) = row.ledger.filter(|ledger| ledger.left_since.is_none()) {
            let user = LedgerUser { left_since: Some(self.sides.input.now), ..ledger.clone() };
            plan.ledger_changes.push(LedgerChange::PutUser(row.source.clone(), user));
        }
    }

    fn changes(&self, row: &Row<'_>, actual: &TargetUser, parting: Parting, plan: &mut Plan) -> Vec<Change> {
        let before = || actual.attributes.clone();
        let mut changes = Vec::new();
        if parting.disable {
            changes.push(Change::DisableUser);
        }
        if parting.anonymize {
            let after = self.anonymous(row, actual, plan).filter(|after| *after != actual.attributes);
            changes.extend(after.map(|after| Change::AnonymizeUser { before: before(), after }));
        }
        if parting.delete {
            let (active, groups) = (actual.active, self.groups_of(row));
            let managed = row.ledger.map(|ledger| Box::new(ledger.clone()));
            changes.extend(managed.map(|managed| Change::DeleteUser {
                before: before(),
                active,
                groups,
                managed,
            }));
        }
        changes
    }

    /// Attributes that name nobody; none if the name that they would bring is protected. The name is made of the source's
    /// id, so that it is the same every time.
    fn anonymous(&self, row: &Row<'_>, actual: &TargetUser, plan: &mut Plan) -> Option<UserAttributes> {
        let sides = self.sides;
        let digest = Sha256::digest(row.source.0.as_bytes());
        let digits: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let name = format_compact!("user-{digits}");
        let old = &actual.attributes;
        if sides.input.rules.protected.users.matches(&name) {
            let message = format!(
                "user {} is not anonymized: its new name {name} would be protected by protected.users",
                old.username
            );
            plan.findings.push(Finding::new(FindingKind::Protected, &old.username, message));
            return None;
        }
        let taken = sides.target_user_named(&name).is_some_and(|at| Some(at) != row.target);
        let username = if sides.input.capabilities.rename_users && !taken {
            name.clone()
        } else {
            let kind = if taken { FindingKind::NameCollision } else { FindingKind::CannotRename };
            let message =
                format!("user {} is anonymized but keeps its name, which it cannot lose", old.username);
            plan.findings.push(Finding::new(kind, &old.username, message));
            old.username.clone()
        };
        // Nobody's address: RFC 2606, section 2. Where that is no domain, only the person goes from the address.
        let known = old.email.rsplit_once('@').map(|(_, domain)| domain);
        let domain =
            known.filter(|_| sides.input.capabilities.checks_email_domains).unwrap_or("user.invalid");
        // Attributes that the mapping does not name are not ours to take.
        let mapped = sides.input.rules.mapping.attributes.keys();
        let blank: FurtherAttributes = mapped.map(|name| (name.clone(), CompactString::default())).collect();
        let anonymous = UserAttributes {
            username,
            email: format_compact!("{name}@{domain}"),
            first_name: CompactString::default(),
            last_name: CompactString::default(),
            display_name: name,
            attributes: old.attributes.overlaid(&blank),
        };
        Some(sides.input.capabilities.held_of_user(anonymous))
    }

    /// All groups that a row's account is a member of, sorted by name.
    fn groups_of(&self, row: &Row<'_>) -> Vec<NamedGroup> {
        let Some(at) = row.target else { return Vec::new() };
        let groups = self.sides.input.target.groups.iter();
        let mut names: Vec<_> = groups
            .filter(|group| group.members.contains(&at))
            .map(|group| NamedGroup { name: group.attributes.name.clone(), id: group.id.clone() })
            .collect();
        names.sort();
        names
    }

    /// True if a managed user would lose something were it found to have left.
    fn has_something_to_lose(&self, row_number: u32, row: &Row<'_>) -> bool {
        let actual = row.target.and_then(|at| self.sides.target_user(at));
        actual.is_some_and(|actual| self.parting(row_number, row, actual) != Parting::default())
    }
}

/// Rows with a membership that a leaver would lose: in a managed group, and not excepted.
fn losable_memberships(sides: &Sides<'_>) -> BTreeSet<u32> {
    let mut rows = BTreeSet::new();
    for (at, group) in (0u32..).zip(&sides.input.target.groups) {
        if !leavers_lose(sides, &group.attributes.name) {
            continue;
        }
        if sides.owners.contains_key(&at) {
            rows.extend(sides.managed_members(at));
        } else if let Some(ours) = sides.input.ledger.always.values().find(|always| always.target == group.id)
        {
            let members = sides.managed_members(at).into_iter();
            rows.extend(members.filter(|row| {
                sides.rows.get(*row as usize).is_some_and(|row| ours.members.contains(row.source))
            }));
        }
    }
    rows
}

/// True if leavers lose their memberships in a group of that name.
pub(super) fn leavers_lose(sides: &Sides<'_>, group: &str) -> bool {
    match &sides.input.rules.leavers.memberships {
        LeaverMemberships::Keep => false,
        LeaverMemberships::Remove { except } => {
            !except.matches(group) && !sides.input.rules.protected.groups.matches(group)
        }
    }
}

fn leaver(sides: &Sides<'_>, row: &Row<'_>) -> Leaver {
    let left = |why, deactivated| Leaver::Left { why, deactivated };
    if sides.input.desired.users_left_alone.contains(row.source) {
        return Leaver::Stays;
    }
    if let Some(out) = sides.input.desired.users_out_of_scope.get(row.source) {
        // Nothing tells a run of changes that somebody has signed in.
        if out.rule == ScopeRule::Inactive && sides.input.evidence.of_changes.is_some() {
            return Leaver::Stays;
        }
        if sides.input.rules.rests_on_groups(out.rule)
            && !sides.input.evidence.own_groups_asked.contains(row.source)
        {
            return Leaver::InNoGroup(out.reason());
        }
        let deactivated = !sides.input.rules.scope.statuses.contains(&out.status);
        return left(out.reason(), deactivated || out.rule == ScopeRule::Statuses);
    }
    match sides.input.evidence.absences.get(row.source) {
        Some(Absence::Gone | Absence::OutOfScope(_)) | None
            if !sides.input.evidence.tells_absence_of(row.source) =>
        {
            Leaver::Stays
        }
        Some(Absence::Gone) => {
            left(Cow::Borrowed("the source no longer has it, or hides it from the token"), false)
        }
        Some(Absence::OutOfScope(rule)) => left(left_out(*rule), false),
        Some(Absence::Unknown(reason)) => Leaver::Unknown(reason.clone()),
        None => Leaver::Absent,
    }
}

/// Managed users who would lose something and have to be asked about first: those whom a whole list does not show, and those
/// who are in no group that decides about scope, as far as member lists show.
pub(super) fn unconfirmed_users(sides: &Sides<'_>) -> (BTreeSet<SourceId>, BTreeSet<SourceId>) {
    let (mut absent, mut in_no_group) = (BTreeSet::new(), BTreeSet::new());
    if !sides.input.evidence.users.is_proven() {
        return (absent, in_no_group);
    }
    let leavers = Leavers::new(sides);
    for (number, row) in (0u32..).zip(&sides.rows) {
        let may_leave = row.desired.is_none() && sides.concerns(row);
        if !may_leave || !leavers.has_something_to_lose(number, row) {
            continue;
        }
        match leaver(sides, row) {
            Leaver::Absent => absent.insert(row.source.clone()),
            Leaver::InNoGroup(_) => in_no_group.insert(row.source.clone()),
            Leaver::Stays | Leaver::Left { .. } | Leaver::Unknown(_) => false,
        };
    }
    (absent, in_no_group)
}
