//! What faults do to an answer that would have been right.

use hyper::body::Bytes;
use serde_json::Value;

use super::answer::{Answer, Content, Manner};
use super::fault::{Broken, FaultKind, Met};
use super::id::Id;
use super::limits::Admission;
use super::lists::Page;
use super::state::Ask;

/// The start of the cursors that endless lists invent.
const INVENTED: &str = "again";

/// What faults want of the links.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// `next` goes to this origin.
    pub(crate) origin: Option<String>,
    /// `next` is the page itself.
    pub(crate) next_is_self: bool,
    /// Whether the request has an `expand` that `next` could forget.
    pub(crate) expands: bool,
}

/// The number of an invented cursor, if the request follows one and a fault stands behind it.
pub(crate) fn endless(ask: &Ask, met: &[Met]) -> Option<u64> {
    let endless = |fault: &Met| matches!(fault.kind, FaultKind::EndlessNext | FaultKind::EndlessEmpty);
    let number = ask.query.get("after")?.strip_prefix(INVENTED)?.parse().ok()?;
    met.iter().any(endless).then_some(number)
}

/// Applies a fault to page `number` of a list; says whether it changed anything.
pub(crate) fn page(
    fault: &Met,
    page: &mut Page,
    links: &mut Links,
    number: usize,
    endless: Option<u64>,
) -> bool {
    match &fault.kind {
        FaultKind::NoLinks => {
            if !std::mem::replace(&mut page.linked, false) {
                return false;
            }
        }
        FaultKind::SameNext => links.next_is_self = true,
        FaultKind::EndlessNext | FaultKind::EndlessEmpty => {
            if endless.is_none() && page.next.is_some() {
                return false;
            }
            if fault.kind == FaultKind::EndlessEmpty && endless.is_some() {
                page.records.clear();
            }
            page.next = Some(format!("{INVENTED}{}", endless.unwrap_or(0) + 1));
        }
        FaultKind::OtherHost(origin) => {
            if page.next.is_none() {
                return false;
            }
            links.origin = Some(origin.clone());
        }
        FaultKind::EmptyList => {
            page.records.clear();
            page.next = None;
        }
        FaultKind::ShortList(pages) => {
            if number < *pages || page.next.is_none() {
                return false;
            }
            page.next = None;
        }
        FaultKind::Skip => {
            let at = match &fault.record {
                Some(id) => page.records.iter().position(|(known, _)| is(*known, id)),
                None => page.records.len().checked_sub(1),
            };
            let Some(at) = at else { return false };
            page.records.remove(at);
        }
        FaultKind::DropExpand => {
            if !links.expands || page.next.is_none() || page.forgets.replace("expand").is_some() {
                return false;
            }
        }
        FaultKind::LargeProfile(bytes) => {
            let Some(at) = meant(fault, page) else { return false };
            let Some(large) = enlarge(&page.records[at].1, *bytes) else { return false };
            page.records[at].1 = large;
        }
        FaultKind::BrokenRecord(broken) => {
            let Some(at) = meant(fault, page) else { return false };
            if *broken == Broken::Twice {
                let record = page.records[at].clone();
                page.records.insert(at, record);
            } else {
                page.records[at].1 = break_record(&page.records[at].1, *broken);
            }
        }
        _ => return false,
    }
    true
}

/// The place of the record that a fault means, else of the first.
fn meant(fault: &Met, page: &Page) -> Option<usize> {
    match &fault.record {
        Some(id) => page.records.iter().position(|(known, _)| is(*known, id)),
        None => (!page.records.is_empty()).then_some(0),
    }
}

/// The record with a profile that is too large for most; nothing where it has no profile.
fn enlarge(json: &Bytes, bytes: usize) -> Option<Bytes> {
    let mut record: Value = serde_json::from_slice(json).ok()?;
    record.get_mut("profile")?.as_object_mut()?.insert("notes".to_owned(), "x".repeat(bytes).into());
    Some(Bytes::from(record.to_string()))
}

/// Whether a record is the one that a fault names: by its id, or by the uuid of an event.
fn is(known: Id, record: &str) -> bool {
    known.as_str() == record || record.contains('-') && record.replace('-', "").starts_with(known.as_str())
}

/// Applies a fault to a single object; says whether it changed anything.
pub(crate) fn single(fault: &Met, record: &mut (Id, Bytes)) -> bool {
    if fault.record.as_deref().is_some_and(|id| record.0.as_str() != id) {
        return false;
    }
    let changed = match &fault.kind {
        FaultKind::BrokenRecord(Broken::Twice) => None,
        FaultKind::BrokenRecord(broken) => Some(break_record(&record.1, *broken)),
        FaultKind::LargeProfile(bytes) => enlarge(&record.1, *bytes),
        _ => None,
    };
    let delivered = changed.is_some();
    record.1 = changed.unwrap_or_else(|| record.1.clone());
    delivered
}

fn break_record(json: &Bytes, broken: Broken) -> Bytes {
    let mut record: Value = serde_json::from_slice(json).unwrap_or_default();
    if let Some(object) = record.as_object_mut() {
        match broken {
            Broken::WithoutId => {
                object.remove("id");
                object.remove("uuid");
            }
            Broken::ProfileOfWrongType => {
                object.insert("profile".to_owned(), Value::String("not an object".to_owned()));
            }
            Broken::UnknownStatus => {
                object.insert("status".to_owned(), Value::String("HIBERNATED".to_owned()));
            }
            Broken::Null => record = Value::Null,
            Broken::Twice => {}
        }
    }
    Bytes::from(record.to_string())
}

/// Applies a fault to the headers and to the way the answer goes out; says whether it changed anything.
pub(crate) fn manner(fault: &Met, answer: &mut Answer, now: i64) -> bool {
    if rate_headers(&fault.kind, answer, now) {
        return true;
    }
    match &fault.kind {
        FaultKind::Delay(by) => answer.delay += *by,
        FaultKind::NoDate => answer.dated = false,
        // An error is short enough to arrive whole: only good answers are broken on the way.
        _ if answer.status != 200 => return false,
        FaultKind::SlowBody { bytes, every } => answer.manner = Manner::Slow { bytes: *bytes, every: *every },
        FaultKind::CutBody => answer.manner = Manner::CutBody,
        FaultKind::CutChunked => answer.manner = Manner::CutChunked,
        FaultKind::HalfJson => {
            answer.manner = Manner::HalfJson;
            if let Content::List(records) = &answer.content
                && records.is_empty()
            {
                answer.content = Content::Whole(Bytes::from_static(b"[ "));
            }
        }
        _ => return false,
    }
    true
}

/// Applies a fault to the rate-limit headers; says whether it was one of these.
pub(crate) fn rate_headers(fault: &FaultKind, answer: &mut Answer, now: i64) -> bool {
    let seconds = now.div_euclid(1000);
    match fault {
        FaultKind::NoRateHeaders => answer.headers.retain(|(name, _)| !name.starts_with("x-rate-limit-")),
        FaultKind::ZeroLimit => {
            let admission = Admission { allowed: true, limit: 0, remaining: 0, reset: seconds + 60 };
            answer.rate_headers(&admission);
        }
        FaultKind::ResetInPast => set_reset(answer, seconds - 3600),
        FaultKind::ResetAhead => set_reset(answer, seconds + 3600),
        FaultKind::RateHeadersTwice => {
            let right: Vec<_> = answer.headers.extract_if(.., |(name, _)| is_rate_header(name)).collect();
            for (name, value) in right {
                answer.header(name, looser(&value));
                answer.header(name, value);
            }
        }
        FaultKind::RateHeadersJoined => {
            for (_, value) in answer.headers.iter_mut().filter(|(name, _)| is_rate_header(name)) {
                *value = format!("{value}, {}", looser(value));
            }
        }
        _ => return false,
    }
    true
}

fn is_rate_header(name: &str) -> bool {
    name.starts_with("x-rate-limit-")
}

fn set_reset(answer: &mut Answer, reset: i64) {
    let headers = answer.headers.iter_mut().filter(|(name, _)| *name == "x-rate-limit-reset");
    headers.for_each(|(_, value)| *value = reset.to_string());
}

/// What another limit, which is less tight, has in the place of a value.
fn looser(value: &str) -> String {
    value.parse().map_or_else(|_| value.to_owned(), |value: i64| (value + 25).to_string())
}
