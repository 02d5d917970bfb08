//! Ids of accounts that were just created. Bitbucket's answer does not bring them (204), so they are looked up: one by one where
//! they are few, and where they are many together, in the list of users, which takes fewer requests.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use compact_str::CompactString;
use tokio::sync::oneshot;

use super::list::List;
use super::wire::{self, Account};
use super::{CAPABILITIES, Context};
use crate::sync::model::{TargetId, UserAttributes};

/// So many are looked up together.
const TOGETHER: usize = 250;
/// So many may be created or wait for their id at a time: while some are looked up, others are created.
pub(super) const AT_A_TIME: usize = 3 * TOGETHER;

/// Those who wait for their id.
#[derive(Debug, Default)]
pub(super) struct Newcomers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Creations of which it is not known yet what becomes of them.
    open: usize,
    waiting: Vec<Newcomer>,
    /// How many accounts there are, once the list was read.
    accounts: Option<usize>,
}

#[derive(Debug)]
struct Newcomer {
    name: CompactString,
    email: CompactString,
    told: oneshot::Sender<TargetId>,
}

/// A creation that is under way.
pub(super) struct Creation<'n>(&'n Newcomers);

/// Where an id is told, if it is.
pub(super) struct Place(Option<oneshot::Receiver<TargetId>>);

impl Newcomers {
    /// The list of users has so many.
    pub(super) fn there_are(&self, accounts: usize) {
        self.state().accounts = Some(accounts);
    }

    /// A creation begins.
    pub(super) fn begin(&self) -> Creation<'_> {
        self.state().open += 1;
        Creation(self)
    }

    /// Everybody who waits, once nobody else is expected or there are enough.
    fn due(&self) -> Vec<Newcomer> {
        let mut state = self.state();
        if state.open > 0 && state.waiting.len() < TOGETHER {
            return Vec::new();
        }
        let due = std::mem::take(&mut state.waiting);
        state.accounts = state.accounts.map(|accounts| accounts + due.len());
        due
    }

    /// True if the whole list takes fewer requests than so many questions.
    fn list_is_shorter(&self, questions: usize) -> bool {
        let accounts = self.state().accounts;
        accounts.is_some_and(|accounts| accounts.div_ceil(CAPABILITIES.pace.page) < questions)
    }

    /// Nothing panics while the lock is held.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Creation<'_> {
    /// It is over. Whoever was created waits for its id.
    pub(super) fn end(self, created: Option<&UserAttributes>) -> Place {
        let place = created.map(|attributes| {
            let (told, place) = oneshot::channel();
            let (name, email) = (attributes.username.clone(), attributes.email.clone());
            self.0.state().waiting.push(Newcomer { name, email, told });
            place
        });
        Place(place)
    }
}

impl Drop for Creation<'_> {
    fn drop(&mut self) {
        self.0.state().open -= 1;
    }
}

impl Place {
    /// The id; none if it has to be asked for.
    pub(super) async fn told(self) -> Option<TargetId> {
        self.0?.await.ok()
    }
}

/// Looks up everybody who is due. Whoever is not told has to ask: the list cannot be read, it is longer than the questions, or
/// it does not show them yet.
pub(super) async fn look_up(context: Context<'_>) {
    let newcomers = &context.bitbucket.newcomers;
    let due = newcomers.due();
    if !newcomers.list_is_shorter(due.len()) {
        return;
    }
    let list = List { context, path: &["users"], narrowed: None, what: "the list of users" };
    let Ok(accounts) = list.whole(wire::users_page).await else { return };
    newcomers.there_are(accounts.len());
    let key = |name: &str| CAPABILITIES.name_key(name);
    let accounts: HashMap<CompactString, Account> =
        accounts.into_iter().map(|account| (key(&account.user.attributes.username), account)).collect();
    for newcomer in due {
        let found = accounts.get(&key(&newcomer.name)).map(|account| &account.user);
        let found = found.filter(|user| user.attributes.email.eq_ignore_ascii_case(&newcomer.email));
        // Whoever was cancelled does not hear it.
        drop(found.map(|user| newcomer.told.send(user.id.clone())));
    }
}
