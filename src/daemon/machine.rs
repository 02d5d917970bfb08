//! What a connector does with a request in each of its states: the pure half of [`super::connector`].
//!
//! A request never joins work that has begun, because that may have read already what the caller just changed (RULES 3).
//! It waits in the queue slot of its kind instead, and equal requests share that slot. Full syncs, plans and syncs of one
//! user are different requests, so each has a slot: a plan cannot take a sync's place, nor the other way round. Slots are
//! served in the order in which they were taken. Only [`MOST_WAITING`] others wait at a time; a full sync and a plan
//! always find their slot. Nothing is ever done twice at once, not even a plan beside a sync: it would show a
//! target that is half changed.

use crate::sync::engine::{Keeping, Undoing, UserRequest};
use crate::sync::report::Trigger;

/// How many requests may wait that are not a full sync or a plain plan: syncs of one user, kept plans, undos. Whoever has
/// more users to sync than that wants a full sync.
pub(super) const MOST_WAITING: usize = 16;

/// What is asked for. Equal requests share their slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A full sync.
    Sync,
    /// A sync of what changed.
    Changes,
    /// A sync of one user.
    User(UserRequest),
    /// A plan, which writes nothing; it may be kept.
    Plan(Option<Keeping>),
    /// A sync that is limited to the plan kept under that name.
    Apply(String),
    /// What undoing a run would be; writes nothing.
    PlanUndo(u64),
    /// The undoing of a run.
    Undo(Undoing),
}

impl Kind {
    /// Whether a pause stops it: whatever writes, but for an undo, which itself pauses.
    fn stops_at_pause(&self) -> bool {
        matches!(self, Self::Sync | Self::Changes | Self::User(_) | Self::Apply(_))
    }

    /// Whether only so many may wait: of those without such a bound there is one slot each.
    fn is_one_of_many(&self) -> bool {
        !matches!(self, Self::Sync | Self::Changes | Self::Plan(None))
    }

    /// What starts the run that it becomes.
    pub(super) fn trigger(&self) -> Trigger {
        match self {
            Self::Apply(_) => Trigger::Apply,
            Self::Undo(_) => Trigger::Undo,
            Self::Changes => Trigger::Incremental,
            Self::Sync | Self::User(_) | Self::Plan(_) | Self::PlanUndo(_) => Trigger::Manual,
        }
    }
}

/// What the connector is busy with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// A sync or a plan.
    Requested(Kind),
    /// Somebody changes its ledger (rebind, rename, release).
    Maintenance,
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Somebody paused the connector (RULES 26).
    Paused,
    /// There is no good configuration.
    NotRunnable,
    /// Its file is gone.
    Removed,
    /// The daemon stops.
    Stopping,
    /// Something else is busy, and this does not wait.
    Busy,
    /// Somebody cancelled what waits.
    Cancelled,
    /// As many syncs of one user wait as may.
    Full,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It begins now.
    Start,
    /// It takes the free slot of its kind.
    Wait,
    /// It shares what waits in the slot of its kind.
    Share,
    /// It is turned away.
    Refuse(Refusal),
}

/// The state of one connector; `R` is what a waiting request carries.
#[derive(Debug)]
pub(super) struct Machine<R> {
    work: Option<Work>,
    slots: Vec<(Kind, R)>,
    paused: bool,
    runnable: bool,
    closed: Option<Refusal>,
}

impl<R> Machine<R> {
    /// An idle connector.
    pub(super) fn new(paused: bool, runnable: bool) -> Self {
        Self { work: None, slots: Vec::new(), paused, runnable, closed: None }
    }

    /// What it is busy with.
    #[cfg(test)]
    fn work(&self) -> Option<&Work> {
        self.work.as_ref()
    }

    /// Whether a run is being undone.
    pub(super) fn is_undoing(&self) -> bool {
        matches!(self.work, Some(Work::Requested(Kind::Undo(_))))
    }

    /// Whether somebody paused it.
    pub(super) fn paused(&self) -> bool {
        self.paused
    }

    /// How many syncs wait, full ones and those of one user.
    pub(super) fn waiting_syncs(&self) -> usize {
        self.slots.iter().filter(|(kind, _)| kind.stops_at_pause()).count()
    }

    /// Says that there is a good configuration now.
    pub(super) fn make_runnable(&mut self) {
        self.runnable = true;
    }

    /// What would become of a request of that kind.
    pub(super) fn admission(&self, kind: &Kind) -> Admission {
        if let Some(refusal) = self.closed {
            return Admission::Refuse(refusal);
        }
        if !self.runnable {
            return Admission::Refuse(Refusal::NotRunnable);
        }
        if self.paused && kind.stops_at_pause() {
            return Admission::Refuse(Refusal::Paused);
        }
        match self.work {
            None => Admission::Start,
            Some(_) if self.slots.iter().any(|(waiting, _)| waiting == kind) => Admission::Share,
            Some(_) if kind.is_one_of_many() && self.waiting_of_many() >= MOST_WAITING => {
                Admission::Refuse(Refusal::Full)
            }
            Some(_) => Admission::Wait,
        }
    }

    fn waiting_of_many(&self) -> usize {
        self.slots.iter().filter(|(kind, _)| kind.is_one_of_many()).count()
    }

    /// What would become of a change to the ledger: it begins now or not at all.
    pub(super) fn maintenance_admission(&self) -> Result<(), Refusal> {
        match (self.closed, &self.work) {
            (Some(refusal), _) => Err(refusal),
            (None, Some(_)) => Err(Refusal::Busy),
            (None, None) => Ok(()),
        }
    }

    /// Work begins.
    pub(super) fn begin(&mut self, work: Work) {
        self.work = Some(work);
    }

    /// A request takes the slot of its kind.
    pub(super) fn wait(&mut self, kind: Kind, request: R) {
        self.slots.push((kind, request));
    }

    /// What waits in the slot of that kind.
    pub(super) fn waiting(&mut self, kind: &Kind) -> Option<&mut R> {
        self.slots.iter_mut().find(|(waiting, _)| waiting == kind).map(|(_, request)| request)
    }

    /// Work ended. What waited longest is returned and is to begin now.
    pub(super) fn end(&mut self) -> Option<(Kind, R)> {
        self.work = None;
        if self.slots.is_empty() {
            return None;
        }
        let (kind, request) = self.slots.remove(0);
        self.work = Some(Work::Requested(kind.clone()));
        Some((kind, request))
    }

    /// Pauses or resumes. A pause returns the syncs that waited, which are to be turned away.
    pub(super) fn set_paused(&mut self, paused: bool) -> Vec<R> {
        self.paused = paused;
        if paused { self.take(Kind::stops_at_pause) } else { Vec::new() }
    }

    /// Everything that waits is returned and is to be turned away.
    pub(super) fn empty_slots(&mut self) -> Vec<R> {
        self.take(|_| true)
    }

    /// Nothing is admitted any more, for this reason. A connector whose file comes back may be opened again; one of a
    /// daemon that stops may not. Returns what waited, which is to be turned away.
    pub(super) fn close(&mut self, refusal: Refusal) -> Vec<R> {
        self.closed = Some(refusal);
        self.empty_slots()
    }

    /// The file came back.
    pub(super) fn open(&mut self) {
        if self.closed == Some(Refusal::Removed) {
            self.closed = None;
        }
    }

    /// Why nothing is admitted.
    pub(super) fn closed(&self) -> Option<Refusal> {
        self.closed
    }

    fn take(&mut self, which: impl Fn(&Kind) -> bool) -> Vec<R> {
        let (taken, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.slots).into_iter().partition(|(kind, _)| which(kind));
        self.slots = kept;
        taken.into_iter().map(|(_, request)| request).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that is busy with `work` and has these requests waiting.
    fn busy(work: Work, waiting: &[Kind]) -> Machine<u32> {
        let mut machine = Machine::new(false, true);
        machine.begin(work);
        for (number, kind) in waiting.iter().enumerate() {
            machine.wait(kind.clone(), u32::try_from(number).unwrap());
        }
        machine
    }

    #[test]
    fn rules_3_a_request_waits_behind_work_and_equal_ones_share_the_slot() {
        use Admission::{Share, Start, Wait};
        use Kind::{Sync, User};
        const PLAN: Kind = Kind::Plan(None);
        let user = |login: &str, restore| User(UserRequest { login: login.to_owned(), restore });
        let run = Work::Requested(Sync);
        let plan = Work::Requested(PLAN);
        let anna = Work::Requested(user("anna", false));
        assert_eq!(Machine::<u32>::new(false, true).admission(&Sync), Start);
        for (work, waiting, asked, expected) in [
            (&run, &[][..], Sync, Wait),
            (&run, &[][..], PLAN, Wait),
            (&run, &[][..], user("anna", false), Wait),
            (&plan, &[][..], PLAN, Wait),
            (&anna, &[][..], user("anna", false), Wait),
            (&Work::Maintenance, &[][..], Sync, Wait),
            (&run, &[Sync][..], Sync, Share),
            (&run, &[Sync][..], PLAN, Wait),
            (&run, &[Sync][..], user("anna", false), Wait),
            (&run, &[PLAN][..], Sync, Wait),
            (&run, &[user("anna", false)][..], Sync, Wait),
            (&run, &[user("anna", false)][..], user("anna", false), Share),
            (&run, &[user("anna", false)][..], user("anna", true), Wait),
            (&run, &[user("anna", false)][..], user("bert", false), Wait),
            (&run, &[PLAN, Sync][..], PLAN, Share),
        ] {
            assert_eq!(
                busy(work.clone(), waiting).admission(&asked),
                expected,
                "{work:?} {waiting:?} {asked:?}"
            );
        }
    }

    #[test]
    fn what_waited_longest_is_next_and_only_one_thing_is_done_at_once() {
        let mut machine = busy(Work::Requested(Kind::Sync), &[Kind::Plan(None), Kind::Sync]);
        assert_eq!(machine.end(), Some((Kind::Plan(None), 0)));
        assert_eq!(machine.work(), Some(&Work::Requested(Kind::Plan(None))));
        assert_eq!(machine.end(), Some((Kind::Sync, 1)));
        assert_eq!(machine.end(), None);
        assert_eq!(machine.work(), None);
    }

    #[test]
    fn only_so_many_users_wait_and_a_full_sync_and_a_plan_always_find_their_slot() {
        let user = |number: usize| Kind::User(UserRequest { login: format!("user{number}"), restore: false });
        let waiting: Vec<Kind> = (0..MOST_WAITING).map(user).collect();
        let mut machine = busy(Work::Requested(Kind::Sync), &waiting);
        assert_eq!(machine.waiting_syncs(), MOST_WAITING);
        assert_eq!(machine.admission(&user(99)), Admission::Refuse(Refusal::Full));
        assert_eq!(machine.admission(&user(3)), Admission::Share);
        assert_eq!(machine.admission(&Kind::Sync), Admission::Wait);
        assert_eq!(machine.admission(&Kind::Plan(None)), Admission::Wait);
        assert_eq!(machine.end(), Some((user(0), 0)));
        assert_eq!(machine.admission(&user(99)), Admission::Wait);
    }

    #[test]
    fn rules_26_a_pause_turns_waiting_syncs_away_and_lets_plans_work() {
        let anna = Kind::User(UserRequest { login: "anna".to_owned(), restore: true });
        let mut machine = busy(Work::Requested(Kind::Sync), &[Kind::Sync, anna.clone(), Kind::Plan(None)]);
        assert_eq!(machine.set_paused(true), vec![0, 1]);
        assert_eq!(machine.admission(&anna), Admission::Refuse(Refusal::Paused));
        assert_eq!(machine.end(), Some((Kind::Plan(None), 2)));
        assert_eq!(machine.end(), None);
        assert_eq!(machine.admission(&Kind::Sync), Admission::Refuse(Refusal::Paused));
        assert_eq!(machine.admission(&Kind::Plan(None)), Admission::Start);
        assert!(machine.set_paused(false).is_empty());
        assert_eq!(machine.admission(&Kind::Sync), Admission::Start);
    }

    #[test]
    fn without_a_good_configuration_nothing_runs() {
        let mut machine = Machine::<u32>::new(false, false);
        assert_eq!(machine.admission(&Kind::Sync), Admission::Refuse(Refusal::NotRunnable));
        assert_eq!(machine.admission(&Kind::Plan(None)), Admission::Refuse(Refusal::NotRunnable));
        assert_eq!(machine.maintenance_admission(), Ok(()), "release and rename need no configuration");
        machine.make_runnable();
        assert_eq!(machine.admission(&Kind::Sync), Admission::Start);
    }

    #[test]
    fn a_file_may_come_back_but_a_stopping_daemon_stays_closed() {
        let mut machine = busy(Work::Requested(Kind::Sync), &[Kind::Sync]);
        assert_eq!(machine.close(Refusal::Removed), vec![0]);
        assert_eq!(machine.admission(&Kind::Plan(None)), Admission::Refuse(Refusal::Removed));
        machine.open();
        assert_eq!(machine.admission(&Kind::Plan(None)), Admission::Wait);
        machine.close(Refusal::Stopping);
        machine.open();
        assert_eq!(machine.admission(&Kind::Plan(None)), Admission::Refuse(Refusal::Stopping));
        assert_eq!(machine.end(), None);
    }

    #[test]
    fn the_ledger_is_changed_only_while_nothing_is_busy() {
        assert_eq!(busy(Work::Requested(Kind::Plan(None)), &[]).maintenance_admission(), Err(Refusal::Busy));
        assert_eq!(busy(Work::Maintenance, &[]).maintenance_admission(), Err(Refusal::Busy));
    }
}
