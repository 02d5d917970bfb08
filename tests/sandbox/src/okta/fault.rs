//! Faults: what the stand-in does wrong on request, and how often it really did.

use std::collections::HashMap;
use std::time::Duration;

use super::Route;
use super::state::Ask;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Another status with Okta's body for it (429: E0000047; 502 and 504: the page of a gateway).
    Status(u16),
    /// 429 as for too many requests at a time: limit 0, remaining 0, a reset 114 s ahead that means nothing.
    TooManyAtOnce,
    /// 404 E0000007, as if the object did not exist.
    NotFound,
    /// The connection is reset (RST) without an answer.
    Reset,
    /// The connection is closed (FIN) without an answer.
    Close,
    /// No answer, until the client gives up.
    Stall,
    /// The right answer, late.
    Delay(Duration),
    /// The right answer, `bytes` at a time with a pause `every` time.
    SlowBody {
        /// Bytes per piece.
        bytes: usize,
        /// Pause after each piece.
        every: Duration,
    },
    /// Half of the body, though `Content-Length` promised all of it; then the connection ends.
    CutBody,
    /// Half of a chunked body, without its end; then the connection ends.
    CutChunked,
    /// A complete HTTP answer whose JSON ends in the middle.
    HalfJson,
    /// 200 with a proxy's sign-in page.
    HtmlPage,
    /// 302 to this address.
    Redirect(String),
    /// 200 with a JSON array of this many spaces.
    Oversized(u64),
    /// Pages come without any `Link` header, as behind a proxy that drops what it does not know.
    NoLinks,
    /// `next` is the page itself.
    SameNext,
    /// After the last page `next` goes on for ever, with a new cursor each time and the first page's records again.
    EndlessNext,
    /// After the last page `next` goes on for ever, with a new cursor each time and no records.
    EndlessEmpty,
    /// 400 E0000029 for every page but the first.
    StaleCursor,
    /// `next` names this origin, for instance `https://elsewhere.example.com`.
    OtherHost(String),
    /// 200 `[]`.
    EmptyList,
    /// From page n on, pages have no `next` (n = 1: the first page is all there is).
    ShortList(usize),
    /// One record of the page is broken: the one of [`Fault::record`], else the first.
    BrokenRecord(Broken),
    /// One record of the page is left out, though it exists: the one of [`Fault::record`], else the last.
    Skip,
    /// Only a share of users and groups (percent of each) is shown anywhere, single GETs and member lists included, and
    /// `usersCount` agrees with that. Who is hidden is up to chance; [`super::Resources`] hides by a rule.
    Narrowed {
        /// Percent of the users that are shown.
        users: u8,
        /// Percent of the groups that are shown.
        groups: u8,
    },
    /// `usersCount` is off by this much.
    CountOff(i64),
    /// No rate-limit headers.
    NoRateHeaders,
    /// A good answer whose headers say limit 0 and remaining 0.
    ZeroLimit,
    /// A good answer whose reset lies an hour back.
    ResetInPast,
    /// An access token lasts only so long, whatever its answer promises.
    ExpiresEarly(Duration),
}

/// How a record is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It has no `id`.
    WithoutId,
    /// It has an `id`, and a `profile` that is a string.
    ProfileOfWrongType,
    /// Its status is one that does not exist yet.
    UnknownStatus,
    /// It is `null`.
    Null,
    /// It is in the page twice.
    Twice,
}

/// A fault to switch on. Without further words it hits every matching request until it is cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(crate) route: Route,
    pub(crate) kind: FaultKind,
    pub(crate) times: Option<u64>,
    pub(crate) after: u64,
    pub(crate) matching: Option<String>,
    pub(crate) record: Option<String>,
}

/// Names a fault that was switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(pub(crate) u64);

impl Fault {
    /// A fault on the requests of a route; its kind is a 500 until [`Self::kind`] says otherwise.
    pub fn on(route: Route) -> Self {
        Self { route, kind: FaultKind::Status(500), times: None, after: 0, matching: None, record: None }
    }

    /// A group that is still in the list, but gone (404) when it is asked for, and so are its members.
    pub fn group_vanishes(id: &str) -> Self {
        Self::on(Route::Any).kind(FaultKind::NotFound).matching(&format!("/api/v1/groups/{id}"))
    }

    /// A group that is there, while its members answer 404.
    pub fn members_missing(id: &str) -> Self {
        Self::on(Route::Members).kind(FaultKind::NotFound).matching(id)
    }

    /// What goes wrong.
    pub fn kind(mut self, kind: FaultKind) -> Self {
        self.kind = kind;
        self
    }

    /// It goes wrong this often, then never again.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// The first `requests` that match are spared.
    pub fn after(mut self, requests: u64) -> Self {
        self.after = requests;
        self
    }

    /// Only requests whose path and query, as sent or decoded, contain this text.
    pub fn matching(mut self, text: &str) -> Self {
        self.matching = Some(text.to_owned());
        self
    }

    /// The record that is meant, by its id (for [`FaultKind::BrokenRecord`] and [`FaultKind::Skip`]). Pages without it
    /// are left alone.
    pub fn record(mut self, id: &str) -> Self {
        self.record = Some(id.to_owned());
        self
    }
}

/// One fault that a request has met.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    pub(crate) id: FaultId,
    pub(crate) kind: FaultKind,
    pub(crate) record: Option<String>,
}

#[derive(Debug)]
struct Active {
    id: FaultId,
    fault: Fault,
    /// Requests that matched, the spared ones included.
    seen: u64,
    /// Requests it was tried on; less than `times` allows is given back when there was nothing to break.
    taken: u64,
    met: u64,
    /// For [`FaultKind::ShortList`]: the pages of each list that were served, since its first one.
    pages: HashMap<String, usize>,
}

/// All faults that were switched on.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    active: Vec<Active>,
    /// How often faults that were cleared had been met.
    cleared: Vec<(FaultId, u64)>,
    last: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> FaultId {
        self.last += 1;
        let id = FaultId(self.last);
        self.active.push(Active { id, fault, seen: 0, taken: 0, met: 0, pages: HashMap::new() });
        id
    }

    pub(crate) fn clear(&mut self, only: Option<FaultId>) {
        let (cleared, kept) = std::mem::take(&mut self.active)
            .into_iter()
            .partition::<Vec<_>, _>(|active| only.is_none_or(|id| active.id == id));
        self.cleared.extend(cleared.iter().map(|active| (active.id, active.met)));
        self.active = kept;
    }

    pub(crate) fn met(&self, id: FaultId) -> u64 {
        let active = self.active.iter().find(|active| active.id == id).map(|active| active.met);
        let cleared = || self.cleared.iter().find(|(cleared, _)| *cleared == id).map(|(_, met)| *met);
        active.or_else(cleared).unwrap_or_default()
    }

    /// The faults this request is to meet, in the order in which they were switched on.
    pub(crate) fn select(&mut self, route: Route, target: &str, decoded: &str) -> Vec<Met> {
        let mut selected = Vec::new();
        for active in &mut self.active {
            let fault = &active.fault;
            let text = fault.matching.as_deref().unwrap_or_default();
            let matches = (fault.route == Route::Any || fault.route == route)
                && (target.contains(text) || decoded.contains(text));
            if !matches {
                continue;
            }
            active.seen += 1;
            if active.seen <= fault.after || fault.times.is_some_and(|times| active.taken >= times) {
                continue;
            }
            active.taken += 1;
            selected.push(Met { id: active.id, kind: fault.kind.clone(), record: fault.record.clone() });
        }
        selected
    }

    /// The number of the page that a request asks for, from 1, as this fault has seen the list being read.
    pub(crate) fn page_number(&mut self, met: &Met, ask: &Ask) -> usize {
        let active = self.active.iter_mut().find(|active| active.id == met.id);
        let Some(active) = active.filter(|active| matches!(active.fault.kind, FaultKind::ShortList(_)))
        else {
            return 1;
        };
        let list = format!("{}?{}", ask.path, ask.query.link(None, 0));
        let number = active.pages.entry(list).or_default();
        *number = if ask.query.get("after").is_none() { 1 } else { *number + 1 };
        *number
    }

    /// Settles what [`Self::select`] handed out: delivered, or nothing to break in that answer.
    pub(crate) fn settle(&mut self, id: FaultId, delivered: bool) {
        if let Some(active) = self.active.iter_mut().find(|active| active.id == id) {
            match delivered {
                true => active.met += 1,
                false => active.taken = active.taken.saturating_sub(1),
            }
        }
    }

    /// Every fault that is on: its number, its text form, and how often it was met.
    pub(crate) fn list(&self) -> Vec<(u64, String, u64)> {
        self.active.iter().map(|active| (active.id.0, active.fault.to_string(), active.met)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spared_requests_come_first_and_times_is_a_limit() {
        let mut faults = Faults::default();
        let id = faults.add(Fault::on(Route::Members).after(1).times(2).matching("limit=5"));
        let mut hits = Vec::new();
        for (route, target) in [
            (Route::Members, "/x?limit=5"),
            (Route::Users, "/x?limit=5"),
            (Route::Members, "/x?limit=6"),
            (Route::Members, "/x?limit=5"),
            (Route::Members, "/x?limit=5"),
            (Route::Members, "/x?limit=5"),
        ] {
            let met = faults.select(route, target, target);
            met.iter().for_each(|met| faults.settle(met.id, true));
            hits.push(met.len());
        }
        assert_eq!(hits, [0, 0, 0, 1, 1, 0]);
        assert_eq!(faults.met(id), 2);
        faults.clear(None);
        assert_eq!(faults.met(id), 2, "what was met stays known");
    }

    #[test]
    fn what_broke_nothing_is_given_back() {
        let mut faults = Faults::default();
        let id = faults.add(Fault::on(Route::Any).times(1));
        faults.select(Route::Users, "/", "/");
        faults.settle(id, false);
        assert_eq!(faults.met(id), 0);
        assert_eq!(faults.select(Route::Users, "/", "/").len(), 1);
    }
}
