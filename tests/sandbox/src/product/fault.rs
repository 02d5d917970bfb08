//! What a stand-in does wrong on request, and how often it really did.

use std::time::Duration;

use super::{Reply, Request};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The product's own refusal with this status, and nothing is done.
    Status(u16),
    /// 429 with this `Retry-After`; none: without one.
    TooManyRequests(Option<String>),
    /// 503 with the page of a product that is being upgraded.
    Maintenance,
    /// This answer, and nothing is done.
    Answer(Reply),
    /// The request is carried out, and then answered with this status all the same.
    StatusAfterwards(u16),
    /// The connection is reset, and nothing is done.
    Reset,
    /// The request is carried out, and then the connection is reset: the answer is lost.
    LostAnswer,
    /// The request is carried out, and the answer comes late.
    Delay(Duration),
    /// The request is carried out, and no answer comes until the client gives up.
    Stall,
    /// The right answer, with the body cut to a half of its length.
    HalfBody,
}

/// A fault to switch on. Without further words it hits every matching request until it is cleared.
#[derive(Clone, Debug)]
pub struct Fault {
    operation: Option<&'static str>,
    kind: FaultKind,
    times: Option<u64>,
    after: u64,
    matching: Option<String>,
}

/// Names a fault that was switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(usize);

impl Fault {
    /// A fault on the requests of one operation.
    pub fn on(operation: &'static str, kind: FaultKind) -> Self {
        Self { operation: Some(operation), kind, times: None, after: 0, matching: None }
    }

    /// A fault on all requests.
    pub fn on_any(kind: FaultKind) -> Self {
        Self { operation: None, kind, times: None, after: 0, matching: None }
    }

    /// It hits so many requests and then no more.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// It lets so many matching requests pass first.
    #[must_use]
    pub fn after(self, after: u64) -> Self {
        Self { after, ..self }
    }

    /// It hits only requests whose path, query or body holds this text.
    #[must_use]
    pub fn matching(self, text: &str) -> Self {
        Self { matching: Some(text.to_owned()), ..self }
    }
}

#[derive(Debug)]
struct Known {
    fault: Fault,
    seen: u64,
    met: u64,
    on: bool,
}

/// All faults that were ever switched on.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Known>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> FaultId {
        self.0.push(Known { fault, seen: 0, met: 0, on: true });
        FaultId(self.0.len() - 1)
    }

    pub(crate) fn met(&self, id: FaultId) -> u64 {
        self.0.get(id.0).map_or(0, |known| known.met)
    }

    pub(crate) fn clear(&mut self) {
        self.0.iter_mut().for_each(|known| known.on = false);
    }

    /// The first fault that the request meets.
    pub(crate) fn meet(&mut self, operation: &str, request: &Request) -> Option<FaultKind> {
        for known in self.0.iter_mut().filter(|known| known.on) {
            let fault = &known.fault;
            let is_meant = fault.operation.is_none_or(|meant| meant == operation)
                && fault.matching.as_ref().is_none_or(|text| holds(request, text));
            if !is_meant {
                continue;
            }
            known.seen += 1;
            if known.seen > fault.after && fault.times.is_none_or(|times| known.met < times) {
                known.met += 1;
                return Some(fault.kind.clone());
            }
        }
        None
    }
}

fn holds(request: &Request, text: &str) -> bool {
    let in_path = request.segments.iter().any(|segment| segment.contains(text));
    let in_query = request.query.iter().any(|(_, value)| value.contains(text));
    in_path || in_query || String::from_utf8_lossy(&request.body).contains(text)
}
