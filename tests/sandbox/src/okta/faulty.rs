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
        FaultKind::BrokenRecord(broken) => {
            let at = match &fault.record {
                Some(id) => page.records.iter().position(|(known, _)| is(*known, id)),
                None => (!page.records.is_empty()).then_some(0),
            };
            let Some(at) = at else { return false };
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

/// Whether a record is the one that a fault names: by its id, or by the uuid of an event.
fn is(known: Id, record: &str) -> bool {
    known.as_str() == record || record.contains('-') && record.replace('-', "").starts_with(known.as_str())
}

/// Applies a fault to a single object; says whether it changed anything.
pub(crate) fn single(fault: &Met, record: &mut (Id, Bytes)) -> bool {
    let FaultKind::BrokenRecord(broken) = &fault.kind else { return false };
    let meant = fault.record.as_deref().is_none_or(|id| record.0.as_str() == id);
    if !meant || *broken == Broken::Twice {
        return false;
    }
    record.1 = break_record(&record.1, *broken);
    true
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
    let hour_ago = now.div_euclid(1000) - 3600;
    match &fault.kind {
        FaultKind::Delay(by) => answer.delay += *by,
        FaultKind::NoRateHeaders => answer.headers.retain(|(name, _)| !name.starts_with("x-rate-limit-")),
        FaultKind::ZeroLimit => {
            let reset = now.div_euclid(1000) + 60;
            answer.rate_headers(&Admission { allowed: true, limit: 0, remaining: 0, reset });
        }
        FaultKind::ResetInPast => {
            for (name, value) in &mut answer.headers {
                if *name == "x-rate-limit-reset" {
                    *value = hour_ago.to_string();
                }
            }
        }
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
