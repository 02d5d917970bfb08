//! What is known while a plan is being applied, and what each answer changes in it.

mod filled;
mod members;
mod resolve;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Applying, Workplace, intent, memberships};
use compact_str::CompactString;

use crate::store::{Answer, Applied, Intent, JournalBatch};
use crate::sync::digest::{Digest, Permission};
use crate::sync::guard::ApprovedPlan;
use crate::sync::model::{
    GroupAttributes, Ledger, LedgerChange, LedgerGroup, LedgerUser, Origin, SourceId, TargetId,
    UserAttributes,
};
use crate::sync::plan::{Change, Operation, Plan, Tie, always_name};
use crate::sync::report::HoldKind;
use crate::sync::tally::count;
use crate::target::{Capabilities, WriteError, Written};
use filled::Filled;
use members::{MembersDone, partial};

/// What is known while a plan is being applied.
pub(super) struct Work<'a> {
    plan: &'a Plan,
    /// What somebody permitted: no limit applies to it, and it is used up by what is done.
    permission: &'a Permission,
    ledger: &'a mut Ledger,
    pub(super) applying: Applying,
    /// The target ids of the plan's people, as far as they exist by now.
    people: Vec<Option<TargetId>>,
    /// Names that this run changed.
    renamed: HashMap<TargetId, CompactString>,
    /// Ids of groups that this run created, by their first source id.
    created_groups: HashMap<SourceId, TargetId>,
    /// Groups that are created together with their members.
    filled: Filled,
    /// The source groups that each target group stands for.
    sources_of_group: BTreeMap<TargetId, Vec<SourceId>>,
    /// Groups that should have got another name and did not: who was to come under that name must not come.
    not_renamed: BTreeSet<TargetId>,
    /// What the target can do.
    capabilities: Capabilities,
    /// Users and groups that were counted as having left: each counts once, whatever is done to it.
    left: BTreeSet<SourceId>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        approved: &'a ApprovedPlan,
        ledger: &'a mut Ledger,
        capabilities: Capabilities,
    ) -> Self {
        let plan = approved.plan();
        let mut sources_of_group: BTreeMap<TargetId, Vec<SourceId>> = BTreeMap::new();
        for (source, group) in &ledger.groups {
            sources_of_group.entry(group.target.clone()).or_default().push(source.clone());
        }
        Self {
            plan,
            permission: approved.permission(),
            ledger,
            applying: Applying::default(),
            people: plan.people.iter().map(|person| person.target.clone()).collect(),
            created_groups: HashMap::new(),
            filled: Filled::of(plan, capabilities.pace.new_group),
            sources_of_group,
            not_renamed: BTreeSet::new(),
            renamed: HashMap::new(),
            capabilities,
            left: BTreeSet::new(),
        }
    }

    pub(super) fn stop(&mut self, why: String) {
        self.applying.stopped.get_or_insert(why);
    }

    /// What is to be on the disk before these operations are sent.
    pub(super) fn intents(&mut self, batch: &[Operation], first: usize) -> Vec<Intent> {
        let mut intents = Vec::with_capacity(batch.len());
        for (position, operation) in (first..).zip(batch) {
            if self.filled.is_taken_along(position) {
                continue;
            }
            intents.push(intent(operation, position as u64, self.group_of(operation), self.plan));
            let with = self.filled.with(position);
            if let Some((at, members)) = with.and_then(|at| Some((at, self.plan.operations.get(at)?))) {
                intents.push(intent(members, at as u64, None, self.plan));
                self.filled.journaled(at);
            }
        }
        intents
    }

    /// How many memberships are journaled with an operation.
    pub(super) fn memberships(&self, position: usize, operation: &Operation) -> usize {
        if self.filled.is_taken_along(position) {
            return 0;
        }
        let with = self.filled.with(position).and_then(|at| self.plan.operations.get(at));
        memberships(with.unwrap_or(operation))
    }

    /// True if an operation went with another one, or may have.
    pub(super) fn is_over(&self, position: usize) -> bool {
        self.filled.is_over(position)
    }

    /// How many operations went with others, or may have.
    pub(super) fn over_with_others(&self) -> usize {
        self.filled.count()
    }

    /// Operations whose intent is on the disk and that were certainly not sent, beside those that the conveyor knows of.
    pub(super) fn left_behind(&self) -> impl Iterator<Item = u64> {
        self.filled.left_behind().map(|position| position as u64)
    }

    /// Books the answer to one operation: counts, ledger, journal.
    pub(super) fn settle(
        &mut self,
        operation: &Operation,
        position: usize,
        answer: Result<Written, WriteError>,
        place: &Workplace<'_>,
        pending: &mut JournalBatch,
    ) {
        if let Ok(Written::Filled(id)) = answer {
            self.settle(operation, position, Ok(Written::Created(id)), place, pending);
            let with = self.filled.with(position);
            if let Some((at, members)) = with.and_then(|at| Some((at, self.plan.operations.get(at)?))) {
                self.settle(members, at, Ok(Written::Done), place, pending);
                self.filled.done(at);
            }
            return;
        }
        let mut line = Answer { position: position as u64, ..Answer::of("applied") };
        match answer {
            Ok(written) => {
                line.created = match &written {
                    Written::Created(id) => Some(id.clone()),
                    _ => self.group_of(operation),
                };
                let done = self.members_done(operation, &written);
                self.count_done(operation, &done);
                if done.left_out > 0 {
                    line.result = "partial";
                    line.error = Some(partial(&written, done.left_out));
                    line.left_out = self.left_out(operation, &done);
                }
                self.applying.applied += 1;
                self.remember(operation, &written, &mut pending.ledger_changes);
                let used = self.permitted(operation, &done);
                self.applying.approvals.extend(used.iter().filter_map(|digest| {
                    self.permission.changes.get(digest).copied().filter(|hold| *hold > 0)
                }));
                pending.applied.extend(self.limit_use(operation, &done, &used, place));
                pending.used.extend(used);
            }
            Err(error) => {
                tracing::warn!(operation = operation.summary(), error = %error, "an operation failed");
                line.result = "failed";
                self.count_failed(operation);
                if matches!(&operation.change, Change::UpdateGroup { before, after } if before.name != after.name)
                {
                    self.not_renamed.extend(operation.target.clone());
                }
                if error.uncertain {
                    let with = self.filled.with(position);
                    if let Some((at, members)) = with.and_then(|at| Some((at, self.plan.operations.get(at)?)))
                    {
                        self.count_failed(members);
                        self.filled.unclear(at);
                        pending.unclear.push((at as u64, error.message.clone()));
                    }
                    pending.unclear.push((position as u64, error.message));
                    // Without an answer in the journal the next run looks for what became of it.
                    return;
                }
                line.error = Some(error.message);
            }
        }
        pending.answers.push(line);
    }

    /// Counts what was done.
    fn count_done(&mut self, operation: &Operation, done: &MembersDone) {
        count(&mut self.applying.counts, &operation.change, (done.added.len() as u64, done.gone()));
        self.applying.adopted += u64::from(operation.change.is_adoption());
        self.applying.counts.memberships.failed += done.left_out;
    }

    /// The changes that were done and that somebody had permitted.
    fn permitted(&self, operation: &Operation, done: &MembersDone) -> Vec<Digest> {
        if self.permission.is_empty() {
            return Vec::new();
        }
        let people = &self.plan.people;
        let digests = match &operation.change {
            Change::ChangeMembers { .. } => {
                let gone = done.removed.iter().chain(&done.leavers);
                let gone = gone.map(|person| operation.member_digest(*person, people, false));
                let come = done.added.iter().map(|person| operation.member_digest(*person, people, true));
                come.chain(gone).collect()
            }
            _ => operation.digests(people),
        };
        digests.into_iter().filter(|digest| self.permission.allows(digest)).collect()
    }

    fn count_failed(&mut self, operation: &Operation) {
        let counts = &mut self.applying.counts;
        match &operation.change {
            Change::ChangeMembers { added, removed, leavers, .. } => {
                counts.memberships.failed += (added.len() + removed.len() + leavers.len()) as u64;
            }
            change if change.is_about_user() => counts.users.failed += 1,
            _ => counts.groups.failed += 1,
        }
    }

    fn sources(&self, people: &[u32]) -> Vec<SourceId> {
        let person = |person: &u32| self.plan.people.get(*person as usize);
        people.iter().filter_map(person).map(|person| person.source.clone()).collect()
    }

    /// Puts what was done into the ledger, in memory and for the store.
    fn remember(&mut self, operation: &Operation, written: &Written, changes: &mut Vec<LedgerChange>) {
        let source = &operation.source;
        if let (Some(target), Some(name)) = (&operation.target, new_name(&operation.change)) {
            self.renamed.insert(target.clone(), name.clone());
        }
        match (&operation.change, written) {
            (Change::CreateUser { after }, Written::Created(id)) => {
                let user = LedgerUser::created(id.clone(), after.username.clone());
                self.put_new_user(source, LedgerUser { email: self.kept_email(after), ..user }, changes);
            }
            (Change::RecreateUser { managed, after, .. }, Written::Created(id)) => {
                let email = self.kept_email(after);
                let user = LedgerUser { target: id.clone(), email, ..LedgerUser::clone(managed) };
                self.put_new_user(source, user, changes);
            }
            (Change::AdoptUser { after, .. }, _) => {
                let Some(target) = operation.target.clone() else { return };
                let user = LedgerUser::created(target, after.username.clone());
                let user = LedgerUser { origin: Origin::Adopted, email: self.kept_email(after), ..user };
                self.note(LedgerChange::PutUser(source.clone(), user), changes);
            }
            (Change::UpdateUser { after, .. } | Change::RestoreUser { after, .. }, _) => {
                let email = self.kept_email(after);
                self.change_user(source, changes, |user| {
                    user.username = after.username.clone();
                    user.original = None;
                    user.email = email;
                })
            }
            (Change::AnonymizeUser { before, after }, _) => {
                let email = self.kept_email(after);
                self.change_user(source, changes, |user| {
                    user.username = after.username.clone();
                    user.original.get_or_insert_with(|| Box::new(before.clone()));
                    user.email = email;
                });
            }
            (Change::EnableUser, _) => self.change_user(source, changes, |user| user.disabled_by_us = false),
            (Change::DisableUser, _) => self.change_user(source, changes, |user| user.disabled_by_us = true),
            (Change::DeleteUser { .. } | Change::ReleaseUser { .. }, _) => {
                self.note(LedgerChange::ForgetUser(source.clone()), changes);
            }
            (Change::CreateGroup { after, sources }, Written::Created(id)) => {
                self.created_groups.insert(source.clone(), id.clone());
                match always_name(source) {
                    Some(name) => self.put_always(name, id, changes),
                    None => self.put_groups(sources, id, after, (Origin::Created, 0), changes),
                }
            }
            (Change::UpdateGroup { after, .. }, _) => {
                self.change_group(operation, changes, |group| group.name = after.name.clone());
            }
            (Change::AdoptGroup { after, sources, members, .. }, _) => {
                if let Some(id) = &operation.target {
                    let origin = Origin::Adopted;
                    self.put_groups(sources, id, after, (origin, *members), changes);
                }
            }
            (Change::DeleteGroup { sources, .. } | Change::ReleaseGroup { sources, .. }, _) => {
                if let Some(name) = always_name(source) {
                    self.note(LedgerChange::ForgetAlways(name.into()), changes);
                }
                for source in sources {
                    // Unless it stands for another group by now.
                    let known = self.ledger.groups.get(source).map(|group| &group.target);
                    if known == operation.target.as_ref() {
                        self.note(LedgerChange::ForgetGroup(source.clone()), changes);
                    }
                }
            }
            (Change::ChangeMembers { before, tie, .. }, _) => {
                let done = self.members_done(operation, written);
                if let (Tie::Always, Some(name)) = (tie, always_name(source)) {
                    let mut removed = self.sources(&done.removed);
                    removed.extend(self.sources(&done.leavers));
                    let (name, added) = (name.into(), self.sources(&done.added));
                    self.note(LedgerChange::ChangeAlways { name, added, removed }, changes);
                    return;
                }
                let now = (*before + done.added.len() as u64).saturating_sub(done.gone());
                self.change_group(operation, changes, |group| group.memberships = now);
            }
            (Change::CreateUser { .. } | Change::RecreateUser { .. } | Change::CreateGroup { .. }, _) => {}
        }
    }

    /// The address that the ledger keeps, if it keeps any.
    fn kept_email(&self, after: &UserAttributes) -> Option<CompactString> {
        (!self.capabilities.email_readable).then(|| after.email.clone())
    }

    /// From now on the plan's memberships know its id.
    fn put_new_user(&mut self, source: &SourceId, user: LedgerUser, changes: &mut Vec<LedgerChange>) {
        let at = self.plan.people.binary_search_by(|person| person.source.cmp(source));
        if let Some(slot) = at.ok().and_then(|at| self.people.get_mut(at)) {
            *slot = Some(user.target.clone());
        }
        self.note(LedgerChange::PutUser(source.clone(), user), changes);
    }

    fn note(&mut self, change: LedgerChange, changes: &mut Vec<LedgerChange>) {
        self.ledger.change(&change);
        changes.push(change);
    }

    fn put_groups(
        &mut self,
        sources: &[SourceId],
        id: &TargetId,
        attributes: &GroupAttributes,
        (origin, memberships): (Origin, u64),
        changes: &mut Vec<LedgerChange>,
    ) {
        self.sources_of_group.insert(id.clone(), sources.to_vec());
        for source in sources {
            let group =
                LedgerGroup { target: id.clone(), name: attributes.name.clone(), origin, memberships };
            self.note(LedgerChange::PutGroup(source.clone(), group), changes);
        }
    }

    /// A new group: whoever was in one of that name before is not in this one.
    fn put_always(&mut self, name: &str, id: &TargetId, changes: &mut Vec<LedgerChange>) {
        self.note(LedgerChange::ForgetAlways(name.into()), changes);
        self.note(LedgerChange::PutAlways { name: name.into(), target: id.clone(), created: true }, changes);
    }

    fn change_user(
        &mut self,
        source: &SourceId,
        changes: &mut Vec<LedgerChange>,
        change: impl FnOnce(&mut LedgerUser),
    ) {
        if let Some(mut user) = self.ledger.users.get(source).cloned() {
            change(&mut user);
            self.note(LedgerChange::PutUser(source.clone(), user), changes);
        }
    }

    fn change_group(
        &mut self,
        operation: &Operation,
        changes: &mut Vec<LedgerChange>,
        change: impl Fn(&mut LedgerGroup),
    ) {
        let Some(target) = self.group_of(operation) else { return };
        for source in self.sources_of_group.get(&target).cloned().unwrap_or_default() {
            if let Some(mut group) = self.ledger.groups.get(&source).cloned() {
                change(&mut group);
                self.note(LedgerChange::PutGroup(source, group), changes);
            }
        }
    }

    /// What an applied operation adds to the counts of the last 24 hours: what nobody permitted (RULES 20).
    fn limit_use(
        &mut self,
        operation: &Operation,
        done: &MembersDone,
        permitted: &[Digest],
        place: &Workplace<'_>,
    ) -> Vec<Applied> {
        let bases = self.plan.bases;
        let at = place.clock.now();
        let applied =
            |kind, group, count: usize, base| Applied { at, kind, group, count: count as u64, base };
        let mut all = Vec::new();
        match &operation.change {
            Change::ChangeMembers { .. } => {}
            _ if !permitted.is_empty() => return all,
            _ => {}
        }
        match &operation.change {
            change if change.is_leaving() => {
                let new = usize::from(self.left.insert(operation.source.clone()));
                all.push(applied(HoldKind::Leavers, None, new, bases.active_users));
            }
            Change::CreateUser { .. } if !self.plan.first_run => {
                all.push(applied(HoldKind::Creates, None, 1, bases.active_users));
            }
            Change::UpdateUser { before, after } if before.username != after.username => {
                all.push(applied(HoldKind::Renames, None, 1, bases.active_users));
            }
            Change::DeleteGroup { .. } => {
                let new = usize::from(self.left.insert(operation.source.clone()));
                all.push(applied(HoldKind::Groups, None, new, bases.groups_with_members));
            }
            Change::ChangeMembers { before, tie, .. } => {
                let people = &self.plan.people;
                let counts = |person: &&u32| {
                    permitted.is_empty()
                        || !permitted.contains(&operation.member_digest(**person, people, false))
                };
                let removed = done.removed.iter().filter(counts).count();
                let leavers: Vec<u32> = done.leavers.iter().filter(counts).copied().collect();
                if *tie == Tie::Left {
                    let new = removed > 0 && self.left.insert(operation.source.clone());
                    all.push(applied(HoldKind::Groups, None, usize::from(new), bases.groups_with_members));
                } else {
                    all.push(applied(HoldKind::Memberships, self.group_of(operation), removed, *before));
                }
                let leavers = self.sources(&leavers);
                let new = leavers.into_iter().filter(|source| self.left.insert(source.clone())).count();
                all.push(applied(HoldKind::Leavers, None, new, bases.active_users));
            }
            _ => {}
        }
        all.retain(|applied| applied.count > 0);
        all
    }
}

/// The name that an object has once the change was made; none if it keeps what it has.
fn new_name(change: &Change) -> Option<&CompactString> {
    match change {
        Change::UpdateUser { before, after }
        | Change::RestoreUser { before, after }
        | Change::AdoptUser { before, after }
        | Change::AnonymizeUser { before, after } => {
            Some(&after.username).filter(|name| **name != before.username)
        }
        Change::UpdateGroup { before, after } | Change::AdoptGroup { before, after, .. } => {
            Some(&after.name).filter(|name| **name != before.name)
        }
        _ => None,
    }
}
