//! `GET /api/v1/logs`.
//!
//! Without `until` and in ascending order it is polled: events come in the order in which the log had them, `since` means
//! that moment too, and there is always a `next`; that of an empty page is the page itself. Otherwise it is a question about
//! a span of `published`, and its pages end.

use super::answer::Answer;
use super::clock::parse_stamp;
use super::event::{Event, Position};
use super::event_log::StaleCursor;
use super::lists::{Lists, Page, limit};
use super::query::Query;
use super::search::{Dialect, Expression, Mistake};

const DAY: i64 = 24 * 60 * 60 * 1000;

impl Lists<'_> {
    pub(crate) fn logs(&self, query: &Query) -> Result<Page, Answer> {
        if query.get("q").is_some() {
            return Err(invalid("q", "this stand-in knows no keywords; write a filter"));
        }
        let descending = match query.get("sortOrder") {
            None | Some("ASCENDING") => false,
            Some("DESCENDING") => true,
            Some(_) => return Err(invalid("sortOrder", "must be ASCENDING or DESCENDING")),
        };
        let limit = limit(query, self.options.pages.logs.min(100), self.options.pages.logs)?;
        let filter = query.get("filter").map(read).transpose()?;
        let until = moment(query, "until")?;
        let since = moment(query, "since")?.unwrap_or_else(|| until.unwrap_or(self.now) - 7 * DAY);
        if since < self.now - 180 * DAY {
            return Err(invalid("since", "must not be more than 180 days ago"));
        }
        if until.is_some_and(|until| until < since) {
            return Err(invalid("until", "must not be before since"));
        }
        let cursor = query.get("after").map(|cursor| position(cursor).ok_or_else(Answer::bad_cursor));
        let cursor = cursor.transpose()?;
        let actor = self.org.events.actor;
        let matches = |event: &&Event| {
            self.view.events
                && filter.as_ref().is_none_or(|filter| {
                    filter.matches(Dialect::LogFilter, &mut |name| event.attribute(name, actor))
                })
        };
        match until {
            None if !descending => self.polled((since - self.org.events.moved, 0), cursor, limit, matches),
            until => Ok(self.span(since..until.unwrap_or(i64::MAX), descending, cursor, limit, matches)),
        }
    }

    fn polled(
        &self,
        since: Position,
        cursor: Option<Position>,
        limit: usize,
        matches: impl Fn(&&Event) -> bool,
    ) -> Result<Page, Answer> {
        let log = &self.org.events;
        if let Some(cursor) = cursor
            && log.options.stale_cursor == StaleCursor::Refused
            && log.is_stale(cursor, self.now)
        {
            return Err(Answer::bad_cursor());
        }
        let start = cursor.unwrap_or(since);
        let events: Vec<&Event> = log.since(start, self.now).filter(matches).take(limit).collect();
        let next = events.last().map_or(start, |event| event.position());
        Ok(self.log_page(&events, Some(next), limit))
    }

    /// The events of a span of `published`. They are sorted as a whole for each page, as nobody reads the log so for long.
    fn span(
        &self,
        span: std::ops::Range<i64>,
        descending: bool,
        cursor: Option<Position>,
        limit: usize,
        matches: impl Fn(&&Event) -> bool,
    ) -> Page {
        let place = |event: &Event| (event.published, event.number);
        let known = self.org.events.since((i64::MIN, 0), self.now);
        let mut found: Vec<&Event> =
            known.filter(|event| span.contains(&event.published)).filter(matches).collect();
        found.sort_unstable_by_key(|event| place(event));
        if descending {
            found.reverse();
        }
        found.retain(|event| match cursor {
            None => true,
            Some(cursor) if descending => place(event) < cursor,
            Some(cursor) => place(event) > cursor,
        });
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|event| place(event));
        self.log_page(&found, next, limit)
    }

    fn log_page(&self, events: &[&Event], next: Option<Position>, limit: usize) -> Page {
        let actor = self.org.events.actor;
        Page {
            records: events.iter().map(|event| (event.short_id(), event.render(actor))).collect(),
            next: next.map(|(moment, number)| format!("{moment}_{number}")),
            limit,
            linked: true,
            forgets: None,
        }
    }
}

/// Reads a cursor, `epoch-ms_number`.
fn position(cursor: &str) -> Option<Position> {
    let (moment, number) = cursor.split_once('_')?;
    Some((moment.parse().ok().filter(|moment| *moment >= 0)?, number.parse().ok()?))
}

fn moment(query: &Query, name: &str) -> Result<Option<i64>, Answer> {
    let Some(text) = query.get(name) else { return Ok(None) };
    parse_stamp(text).map(Some).ok_or_else(|| invalid(name, "must be a moment like 2026-01-31T08:00:00.000Z"))
}

fn read(filter: &str) -> Result<Expression, Answer> {
    Expression::parse(filter, Dialect::LogFilter).map_err(|mistake| match mistake {
        Mistake::Syntax(why) => Answer::error(400, "E0000053", "Invalid SCIM filter.", Some(&why)),
        Mistake::Unsupported(why) => Answer::bad_search(&why),
    })
}

fn invalid(name: &str, why: &str) -> Answer {
    let summary = format!("Api validation failed: {name}");
    Answer::error(400, "E0000001", &summary, Some(&format!("{name}: {why}")))
}
