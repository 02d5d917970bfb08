//! Reading both sides for a run about everybody, or about one user.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::interest::{interest, read_target, read_wanted};
use super::propose::check_binding;
use super::read_one::groups_to_ask_for;
use super::{Failure, Services, UserRequest, cache};
use crate::config::model::Connector;
use crate::source::cache::CachedLists;
use crate::source::{GroupFilter, Questions, ReadRequest};
use crate::store::{CacheUpdate, StoredRecords};
use crate::sync::desire::{
    Desired, DesiredUser, decides_about_scope, desire, required_group_problem, wanted_attributes,
    wants_members,
};
use crate::sync::diff::{Claims, Evidence, Input, diff};
use crate::sync::digest::Permission;
use crate::sync::doubt::{Asking, distrust_empty_lists};
use crate::sync::link::find_unanswered;
use crate::sync::model::{
    Absence, Binding, Finding, FindingKind, Ledger, People, SourceId, SourceSnapshot, TargetSnapshot,
};
use crate::sync::plan::{Change, Operation};
use crate::sync::progress::{Phase, RunControl};
use crate::sync::report::View;
use crate::sync::rules::{Existing, OnExisting, Protected, Rules};
use crate::target::{Capabilities, Interest};

/// Both sides as they were read.
pub(super) struct Read {
    pub(super) source: SourceSnapshot,
    pub(super) target: TargetSnapshot,
    /// The connector's rules, with what the target itself protects.
    pub(super) rules: Rules,
    /// How often the target had been written when it was read.
    pub(super) writes: u64,
    /// When it was read: by this time, too, it is judged whose grace is over and who is inactive.
    pub(super) now: DateTime<Utc>,
    /// The one user that was read; none: everybody.
    pub(super) focus: Option<SourceId>,
    /// Who would get an account and is to be asked for first, in a run that reads only what changed.
    pub(super) owed: Owed,
    /// How much the lists showed, before anybody was asked for by id.
    pub(super) listed: View,
    /// How much is known after that.
    pub(super) shown: View,
    /// What the target should hold.
    pub(super) desired: Desired,
    /// What the next run can know of the source without asking.
    pub(super) cache: CacheUpdate,
}

/// The connector's rules, with what the target itself protects (RULES 7), and what a relink asks for (RULES 4).
pub(super) async fn rules_in_force(
    connector: &Connector,
    services: &Services,
    control: &RunControl,
) -> Result<Rules, Failure> {
    let Protected { users, groups } = services.reader.protected(control).await?;
    let mut rules = connector.rules.clone();
    rules.protected.users = rules.protected.users.and(&users);
    rules.protected.groups = rules.protected.groups.and(&groups);
    if services.store.is_relinking(&connector.name).await? {
        rules.existing = Existing { users: OnExisting::AdoptHeld, groups: OnExisting::AdoptHeld };
    }
    Ok(rules)
}

/// The attribute that says when a user last changed: kept where runs between full ones look for changes.
pub(super) const CHANGED: &str = "lastUpdated";

/// What is asked of the source; with `keeps_records`, it is kept from run to run.
pub(super) fn read_request(
    (rules, keeps_records): (&Rules, bool),
    capabilities: Capabilities,
    ledger: &Ledger,
    member_lists: CachedLists,
) -> ReadRequest {
    let with_memberships = ledger.groups.iter().filter(|(_, group)| group.memberships > 0);
    // What was sent and never answered may have made or filled a group.
    let unanswered = ledger.unanswered.iter().map(|sent| &sent.source);
    let groups_with_memberships =
        with_memberships.map(|(source, _)| source).chain(unanswered).cloned().collect();
    let mut attributes = wanted_attributes(rules);
    if keeps_records && !attributes.iter().any(|path| path == CHANGED) {
        attributes.push(CHANGED.into());
        attributes.sort();
    }
    let (rules, deciding) = (rules.clone(), rules.clone());
    ReadRequest {
        attributes: attributes.into(),
        decides: GroupFilter(Arc::new(move |name| decides_about_scope(&deciding, &capabilities, name))),
        wants_members: GroupFilter(Arc::new(move |name| wants_members(&rules, &capabilities, name))),
        groups_with_memberships,
        member_lists: Arc::new(member_lists),
    }
}

/// Reads both sides, and asks the source for who is missing. Takes no turn: questions may take long.
pub(super) async fn read(
    connector: &Connector,
    services: &Services,
    user: Option<&UserRequest>,
    permission: &Permission,
    control: &RunControl,
) -> Result<Read, Failure> {
    control.progress.enter(Phase::Reading);
    let rules = rules_in_force(connector, services, control).await?;
    let capabilities = services.reader.capabilities();
    let ledger = services.store.ledger(&connector.name).await?;
    let stored = services.store.cached_lists(&connector.name).await?;
    let member_lists = cache::usable(stored, connector.schedule.as_ref(), services.clock.now());
    let request =
        read_request((&rules, cache::keeps_records(connector)), capabilities, &ledger, member_lists);
    let everybody = Everybody {
        connector,
        services,
        rules: &rules,
        request: &request,
        permission,
        control,
        recalled: None,
    };
    match user {
        None => {
            let source = services.source.read(&request, control).await?;
            everybody.read(source, ledger).await
        }
        Some(user) => {
            let (mut source, focus) = everybody.read_one(user, &ledger).await?;
            let writes = services.turn.writes();
            let desired = desire(&source, &rules, &capabilities, services.clock.now());
            let target = read_wanted(services, (&ledger, &desired), &rules, control).await?;
            let questions = groups_to_ask_for(&source, &focus, &target, &ledger);
            if questions != Questions::default() {
                services.source.confirm(&mut source, &questions, &request, control).await?;
            }
            let (listed, cache, now) = (View::default(), CacheUpdate::default(), services.clock.now());
            let (focus, shown, owed) = (Some(focus), shown(&source), Owed::default());
            let desired = desire(&source, &rules, &capabilities, now);
            Ok(Read { source, target, rules, writes, now, focus, owed, listed, shown, desired, cache })
        }
    }
}

impl Read {
    /// Lets go of the source's records: what is planned from is what follows from them.
    pub(super) fn drop_records(&mut self) {
        self.source.users = Vec::new();
        self.source.groups = Vec::new();
        self.source.people = People::default();
    }

    /// Keeps what was read of the source for the next run, however this one ends; false if it could not be kept. That costs
    /// the next run requests, and this one nothing.
    pub(super) async fn keep(&mut self, connector: &Connector, services: &Services) -> bool {
        let update = std::mem::take(&mut self.cache);
        if update == CacheUpdate::default() {
            return true;
        }
        let kept = services.store.update_cache(&connector.name, update).await;
        if let Err(error) = &kept {
            tracing::warn!("{error}; the next run reads again what it could have known");
        }
        kept.is_ok()
    }
}

/// How often the source is asked about single records. Who was asked for and found may have to be asked for its groups, and
/// a group that was found may have members who are in no list. What then is still open counts as not asked for.
const MOST_ROUNDS: usize = 4;

/// More users than this are not asked for before they get an account in a run between full ones.
const MOST_WHO_COME: usize = 200;

/// What reading needs.
pub(super) struct Everybody<'a> {
    pub(super) connector: &'a Connector,
    pub(super) services: &'a Services,
    pub(super) rules: &'a Rules,
    pub(super) request: &'a ReadRequest,
    /// Who is asked for however many are missing: an approval waits for the answer (RULES 24).
    pub(super) permission: &'a Permission,
    pub(super) control: &'a RunControl,
    /// What a run that reads only what changed began with.
    pub(super) recalled: Option<Recalled<'a>>,
}

/// The source as it was known before what changed was read.
#[derive(Clone, Copy)]
pub(super) struct Recalled<'a> {
    pub(super) stored: &'a StoredRecords,
    /// Whom the source has shown since.
    pub(super) fresh: &'a BTreeSet<SourceId>,
}

impl<'e> Everybody<'e> {
    /// Reads the target for what the source showed, and asks the source for who is missing.
    pub(super) async fn read(&self, mut source: SourceSnapshot, mut ledger: Ledger) -> Result<Read, Failure> {
        let Self { connector, services, rules, permission, control, .. } = *self;
        let listed = shown(&source);
        let binding = Binding { source: source.address.clone(), target: services.reader.address() };
        check_binding(&connector.name, &ledger, &binding)?;
        let capabilities = services.reader.capabilities();
        if let Some(problem) = required_group_problem(&source, rules, &capabilities) {
            return Err(required_group_failure(&connector.name, &problem));
        }
        let (writes, now) = (services.turn.writes(), services.clock.now());
        distrust_empty_lists(&mut source, &ledger);
        let (mut desired, mut target, looked_for) = self.both_sides(&source, &ledger, now).await?;
        let claims = services.store.claims(&connector.name, &binding.target).await?;
        find_unanswered(&mut ledger, &target, &claims, capabilities);
        let (users, later) = self.who_would_come(&mut source, &desired, (&target, &ledger, &claims), now);
        let groups = groups_that_decide(&source, &ledger, rules);
        let first = Questions { users, groups, ..Questions::default() };
        let mut asked_for = BTreeSet::new();
        if first != Questions::default() {
            asked_for.extend(first.users.iter().chain(&first.groups).cloned());
            desired = self.ask(&first, &mut source, &ledger, now).await?;
        }
        let owed = Owed::of(&first.users, later, &source);
        source.findings.extend(owed.findings());
        desired.findings.extend(owed.findings());
        let mut asking = Asking::new(permission);
        for _ in 0..MOST_ROUNDS {
            let input = self.input(&desired, &source, (&target, &ledger, &claims), now);
            let asked = asking.next(&source, &input);
            if asked == Questions::default() {
                break;
            }
            asked_for.extend(asked.users.iter().chain(&asked.groups).chain(&asked.own_groups).cloned());
            desired = self.ask(&asked, &mut source, &ledger, now).await?;
        }
        if let Some(looked_for) = looked_for.filter(|_| !asked_for.is_empty()) {
            // Who was found by asking only may have an account of which nobody knows yet.
            let wanted = interest(&ledger, Some(&desired), rules, &capabilities);
            if !looked_for.names_all_of(&wanted) {
                target = read_target(services, &wanted, &ledger, control).await?;
            }
        }
        let cache = self.cache_update(&source, asked_for).await?;
        let (rules, shown) = (rules.clone(), shown(&source));
        Ok(Read { source, target, rules, writes, now, focus: None, owed, listed, shown, desired, cache })
    }

    /// What the target should hold and what it holds, and what was looked for there. Where that is everything, it is read
    /// meanwhile.
    async fn both_sides(
        &self,
        source: &SourceSnapshot,
        ledger: &Ledger,
        now: DateTime<Utc>,
    ) -> Result<(Desired, TargetSnapshot, Option<Interest>), Failure> {
        let Self { services, rules, control, .. } = *self;
        let capabilities = services.reader.capabilities();
        let desired = async { desire(source, rules, &capabilities, now) };
        if services.reader.reads_everything() {
            let everything = Interest::default();
            let target = read_target(services, &everything, ledger, control);
            let (target, desired) = futures_util::future::join(target, desired).await;
            return Ok((desired, target?, None));
        }
        let desired = desired.await;
        let interest = interest(ledger, Some(&desired), rules, &capabilities);
        let target = read_target(services, &interest, ledger, control).await?;
        Ok((desired, target, Some(interest)))
    }

    /// What a plan would be made of, as far as is known.
    fn input<'a>(
        &self,
        desired: &'a Desired,
        source: &'a SourceSnapshot,
        (target, ledger, claims): (&'a TargetSnapshot, &'a Ledger, &'a Claims),
        now: DateTime<Utc>,
    ) -> Input<'a>
    where
        'e: 'a,
    {
        let (rules, capabilities) = (self.rules, self.services.reader.capabilities());
        let evidence = Evidence::of(source);
        let (first_run, focus) = (false, None);
        Input { desired, target, ledger, claims, rules, capabilities, evidence, now, first_run, focus }
    }

    /// Asks the source about single records; returns what the target should hold after the answers.
    async fn ask(
        &self,
        questions: &Questions,
        source: &mut SourceSnapshot,
        ledger: &Ledger,
        now: DateTime<Utc>,
    ) -> Result<Desired, Failure> {
        let Self { services, rules, request, control, .. } = *self;
        services.source.confirm(source, questions, request, control).await?;
        distrust_empty_lists(source, ledger);
        Ok(desire(source, rules, &services.reader.capabilities(), now))
    }

    /// Nobody gets an account, or an account back, for what was known of them before: who would, and was not shown just now, is
    /// to be asked for, and not known until then. They may have gone since, as a run of that user, or a full one, may have seen.
    /// Returns who is asked for now, and how many have to wait.
    fn who_would_come(
        &self,
        source: &mut SourceSnapshot,
        desired: &Desired,
        known: (&TargetSnapshot, &Ledger, &Claims),
        now: DateTime<Utc>,
    ) -> (BTreeSet<SourceId>, usize) {
        let Some(Recalled { fresh, .. }) = self.recalled else { return (BTreeSet::new(), 0) };
        let comes = |operation: &Operation| match operation.change {
            Change::CreateUser { .. }
            | Change::EnableUser
            | Change::AdoptUser { .. }
            | Change::RestoreUser { .. } => !fresh.contains(&operation.source),
            _ => false,
        };
        // An account comes to who has none, or is given back by who took it.
        let could_come = |user: &DesiredUser| {
            let ledger = known.1.users.get(&user.id);
            ledger.is_none_or(|user| user.disabled_by_us || user.original.is_some())
                && !fresh.contains(&user.id)
        };
        if !desired.users.iter().any(could_come) {
            return (BTreeSet::new(), 0);
        }
        let plan = diff(&self.input(desired, source, known, now));
        let would_come = plan.operations.into_iter().filter(comes);
        let mut would_come: BTreeSet<SourceId> = would_come.map(|operation| operation.source).collect();
        if would_come.is_empty() {
            return (would_come, 0);
        }
        source.users.retain(|user| !would_come.contains(&user.id));
        let mut later = BTreeSet::new();
        if let Some(rest) = would_come.iter().nth(MOST_WHO_COME).cloned() {
            // They are left alone until it is their turn.
            later = would_come.split_off(&rest);
            source.unreadable.extend(later.iter().cloned());
        }
        if let Some(asked) = &mut source.of_changes {
            asked.extend(would_come.iter().cloned());
        }
        (would_come, later.len())
    }

    /// What of the source is to be kept for the next run, after these users were asked for.
    async fn cache_update(
        &self,
        source: &SourceSnapshot,
        asked_for: BTreeSet<SourceId>,
    ) -> Result<CacheUpdate, Failure> {
        let Self { connector, services, request, .. } = *self;
        let mut update = cache::update(source, &request.member_lists, services.clock.now());
        if cache::keeps_records(connector) {
            let settings = cache::settings(connector, request, &services.reader.address());
            match self.recalled {
                Some(Recalled { stored, fresh }) => {
                    let mut touched = asked_for;
                    touched.extend(fresh.iter().cloned());
                    cache::add_records(&mut update, source, (stored, Some(&touched)), settings);
                }
                None => {
                    let stored = services.store.cached_records(&connector.name).await?;
                    cache::add_records(&mut update, source, (&stored, None), settings);
                }
            }
        } else {
            update.forgets_read = services.store.cached_read(&connector.name).await?.is_some();
        }
        Ok(update)
    }
}

/// Who would get an account in a run that reads only what changed, and does not get it in this one.
#[derive(Clone, Debug, Default)]
pub(super) struct Owed {
    /// How many were too many to be asked for at once.
    pub(super) later: usize,
    /// How many of those who were asked for turned out to be gone, or out of scope, so that nothing is known of them any more.
    pub(super) gone: usize,
    /// Of whom no usable answer came, and why.
    pub(super) unanswered: Vec<(SourceId, String)>,
}

impl Owed {
    fn of(asked: &BTreeSet<SourceId>, later: usize, source: &SourceSnapshot) -> Self {
        let mut owed = Self { later, ..Self::default() };
        if asked.is_empty() {
            return owed;
        }
        let there: BTreeSet<&SourceId> =
            source.users.iter().map(|user| &user.id).filter(|id| asked.contains(*id)).collect();
        for id in asked.iter().filter(|id| !there.contains(id)) {
            match source.absences.get(id) {
                Some(Absence::Unknown(why)) => owed.unanswered.push((id.clone(), why.clone())),
                Some(Absence::Gone | Absence::OutOfScope(_)) => owed.gone += 1,
                None => {}
            }
        }
        owed
    }

    fn findings(&self) -> impl Iterator<Item = Finding> {
        self.unanswered.iter().map(|(id, why)| {
            let message = format!(
                "whether {id}, who would get an account, is still in scope could not be told: {why}; the next run asks again"
            );
            Finding::new(FindingKind::AbsenceUnconfirmed, &id.0, message)
        })
    }
}

/// How much of a source can be seen.
pub(super) fn shown(source: &SourceSnapshot) -> View {
    View { users: source.users.len() as u64, groups: source.groups.len() as u64 }
}

/// Managed groups whose members may be inactive and that the list does not show: asked for before anybody is found inactive
/// for want of them (RULES 17).
fn groups_that_decide(source: &SourceSnapshot, ledger: &Ledger, rules: &Rules) -> BTreeSet<SourceId> {
    let Some(inactive) = &rules.inactive else { return BTreeSet::new() };
    let shown: BTreeSet<&SourceId> = source.groups.iter().map(|group| &group.id).collect();
    let exempt = ledger.groups.iter().filter(|(_, group)| inactive.except_groups.matches(&group.name));
    let missing = exempt.filter(|(id, _)| !shown.contains(id));
    missing.map(|(id, _)| id.clone()).collect()
}

pub(super) fn required_group_failure(connector: &str, problem: &str) -> Failure {
    Failure::new(format!(
        "{problem}. Without it nobody can be told to be in or out of scope, so nothing was planned or changed. Look at \
         scope.required_groups in the file of {connector}, at groups.rename, which comes first, and at what the token may see"
    ))
}
