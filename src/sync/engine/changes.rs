//! A run between two full ones: reads what changed at the source, and does what follows from it (RULES 22).
//!
//! It starts from what the source showed before, puts in what changed, and plans as a full run does, under the same guard. It
//! never concludes that somebody left for not being shown. What a person has not decided about yet waits, and so does what
//! comes to it.

use chrono::{DateTime, TimeDelta, Utc};

use super::judge::Decisions;
use super::read::{Everybody, Read, Recalled, read_request, rules_in_force};
use super::{Failure, RunTicket, Services, cache, carry_out, failed_report};
use crate::config::model::{ChangesFrom, Connector};
use crate::source::cache::STAMP_LAG;
use crate::source::{Changes, ChangesRead, LogPlace, ReadRequest, Since};
use crate::store::{LogPosition, StoredRead, StoredRecords};
use crate::sync::model::{Ledger, SourceSnapshot};
use crate::sync::progress::{Phase, RunControl};
use crate::sync::report::{Outcome, Report};

/// How long the log may not have been read before a full run takes its place (Okta keeps entries for 90 days).
const LOG_LIFE: TimeDelta = TimeDelta::days(7);

/// How a run that reads changes ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangesEnd {
    /// As its report says.
    Done,
    /// Nothing had changed, and nothing was left to do.
    Nothing,
    /// It cannot begin before a full run has: the end of a sentence that says why.
    NotYet(String),
    /// A full run has to take its place now: the end of a sentence that says why.
    NeedsFullRun(String),
}

/// What an incremental run begins with.
struct Base {
    request: ReadRequest,
    ledger: Ledger,
    source: SourceSnapshot,
    stored: StoredRecords,
    read: StoredRead,
}

/// Syncs what changed. Never fails: whatever goes wrong is in the report.
pub async fn sync_changes(
    connector: &Connector,
    services: &Services,
    ticket: &RunTicket,
    control: &RunControl,
) -> (Report, ChangesEnd) {
    let mut report = failed_report(&connector.name, ticket, ticket.started, String::new());
    let end = match run(connector, services, ticket, control, &mut report).await {
        Ok(end) => end,
        Err(failure) => {
            report.outcome = if failure.cancelled { Outcome::Cancelled } else { Outcome::Failed };
            report.error = Some(failure.message);
            report.managed = services.store.managed(&connector.name).await.unwrap_or_default();
            if let Err(error) = services.store.untell(ticket.run).await {
                tracing::warn!("{error}");
            }
            ChangesEnd::Done
        }
    };
    if end != ChangesEnd::Done {
        report.outcome = Outcome::Success;
        report.error = None;
        report.managed = services.store.managed(&connector.name).await.unwrap_or_default();
    }
    report.ended = services.clock.now();
    report.requests = control.progress.view().requests;
    control.progress.enter(Phase::Done);
    (report, end)
}

async fn run(
    connector: &Connector,
    services: &Services,
    ticket: &RunTicket,
    control: &RunControl,
    report: &mut Report,
) -> Result<ChangesEnd, Failure> {
    control.progress.enter(Phase::Reading);
    let base = match base(connector, services).await? {
        Ok(base) => base,
        Err(why) => return Ok(ChangesEnd::NotYet(why)),
    };
    let Base { request, ledger, mut source, stored, read } = base;
    let since = match since(connector, &read, services.clock.now()) {
        Ok(since) => since,
        Err(why) => return needs_full_run(connector, services, why).await,
    };
    let found = match services.source.read_changes(&mut source, &since, &request, control).await? {
        Changes::Read(found) => found,
        Changes::NeedsFullRead(why) => return needs_full_run(connector, services, why).await,
    };
    if let Some(why) = &found.incomplete {
        tracing::warn!("not all that changed could be read, so the next run asks for it again: {why}");
    }
    let next = next(&read, &found, services.clock.now());
    if read.done && found.users.is_empty() && found.groups.is_empty() {
        services.store.set_cached_read(&connector.name, Some(StoredRead { done: true, ..next })).await?;
        return Ok(ChangesEnd::Nothing);
    }
    tracing::info!(users = found.users.len(), groups = found.groups.len(), "changed at the source");
    let decisions = Decisions::standing(connector, services, Some(ticket)).await?;
    let rules = rules_in_force(connector, services, control).await?;
    source.of_changes = Some(found.asked);
    let permission = &decisions.permission;
    let recalled = Some(Recalled { stored: &stored, fresh: &found.users });
    let everybody =
        Everybody { connector, services, rules: &rules, request: &request, permission, control, recalled };
    let mut both: Read = everybody.read(source, ledger).await?;
    let is_whole = !both.cache.forgets_read;
    if is_whole {
        both.cache.read = Some(next.clone());
    }
    let kept = both.keep(connector, services).await;
    both.drop_records();
    drop((request, stored));
    let owed = std::mem::take(&mut both.owed);
    if owed.later > 0 {
        tracing::info!(users = owed.later, "would get accounts too and are asked for in the next run");
    }
    carry_out(connector, services, ticket, control, report, (decisions, both, None)).await?;
    // What was not kept is asked for again. Where nobody came, since all are held or nothing is written, the others would not
    // either.
    let users = &report.counts.users;
    let came = users.created + report.adopted > 0 || (users.updated > 0 && users.held == 0);
    let came = owed.gone > 0 || (connector.apply && came);
    let all_asked = owed.unanswered.is_empty() && !(owed.later > 0 && came);
    if is_whole && kept && all_asked && done(report.outcome) {
        services.store.set_cached_read(&connector.name, Some(StoredRead { done: true, ..next })).await?;
    }
    Ok(ChangesEnd::Done)
}

/// Whether a run went through all that there was to do. What failed for one user or group is for the next full run.
pub(super) fn done(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Success | Outcome::Held | Outcome::Partial)
}

/// A full run has come so far that those between full ones may go on from what it read.
pub(super) async fn note_judged(connector: &Connector, services: &Services) -> Result<(), Failure> {
    if let Some(read) = services.store.cached_read(&connector.name).await? {
        services.store.set_cached_read(&connector.name, Some(StoredRead { judged: true, ..read })).await?;
    }
    Ok(())
}

/// A full run went through all that it read: the next incremental one has to look at what changed since only.
pub(super) async fn note_done(connector: &Connector, services: &Services) -> Result<(), Failure> {
    if let Some(read) = services.store.cached_read(&connector.name).await?.filter(|read| !read.done) {
        services.store.set_cached_read(&connector.name, Some(StoredRead { done: true, ..read })).await?;
    }
    Ok(())
}

async fn needs_full_run(
    connector: &Connector,
    services: &Services,
    why: String,
) -> Result<ChangesEnd, Failure> {
    services.store.set_cached_read(&connector.name, None).await?;
    Ok(ChangesEnd::NeedsFullRun(why))
}

/// What a full run, and those since, left; or why there is nothing to start from.
async fn base(connector: &Connector, services: &Services) -> Result<Result<Base, String>, Failure> {
    let Some(read) = services.store.cached_read(&connector.name).await? else {
        return Ok(Err("no full run has read everything yet".to_owned()));
    };
    if services.store.is_relinking(&connector.name).await? {
        return Ok(Err("a relink is under way".to_owned()));
    }
    let now = services.clock.now();
    let ledger = services.store.ledger(&connector.name).await?;
    let lists = services.store.cached_lists(&connector.name).await?;
    let lists = cache::usable(lists, connector.schedule.as_ref(), now);
    let capabilities = services.reader.capabilities();
    let request = read_request((&connector.rules, true), capabilities, &ledger, lists);
    if read.settings != cache::settings(connector, &request, &services.reader.address()) {
        return Ok(Err("the connector's settings have changed since the last full run".to_owned()));
    }
    if !read.judged {
        return Ok(Err("the last full run ended before it had looked at what it read".to_owned()));
    }
    let stored = services.store.cached_records(&connector.name).await?;
    let narrowed = connector.source.users_search.is_some() || connector.source.app.is_some();
    let Some(source) = cache::recall(&request.member_lists, &stored, &request, narrowed) else {
        return Ok(Err("what the last full run left cannot be read".to_owned()));
    };
    Ok(Ok(Base { request, ledger, source, stored, read }))
}

/// From where on changes are read: well before the end of what is known, since searches and the log run behind.
fn since(connector: &Connector, read: &StoredRead, now: DateTime<Utc>) -> Result<Since, String> {
    let incremental = connector.schedule.as_ref().and_then(|schedule| schedule.incremental);
    let from = incremental.map_or(ChangesFrom::Lists, |incremental| incremental.from);
    let time = read.since - STAMP_LAG;
    Ok(match (from, &read.log) {
        (ChangesFrom::Lists, _) => Since::Time(time),
        (ChangesFrom::SystemLog, Some(log)) if now - log.at > LOG_LIFE => {
            return Err(format!("Okta's log was read last {} days ago", (now - log.at).num_days()));
        }
        (ChangesFrom::SystemLog, None) if now - read.since > LOG_LIFE => {
            return Err(
                "the last full run is too long ago for Okta's log to tell what changed since".to_owned()
            );
        }
        (ChangesFrom::SystemLog, log) => match log.as_ref().and_then(|log| log.from.clone()) {
            Some(from) => Since::Log(LogPlace::Next(from)),
            None => Since::Log(LogPlace::Time(time)),
        },
    })
}

/// Up to when the source is known after this read. What could not be read is asked for again.
fn next(read: &StoredRead, found: &ChangesRead, now: DateTime<Utc>) -> StoredRead {
    let mut next = StoredRead { done: false, ..read.clone() };
    if found.incomplete.is_some() {
        return next;
    }
    next.since = found.began.unwrap_or(read.since);
    if let Some(end) = &found.log {
        // What is asked for an entry's sake may run behind the log.
        let from = read.log.as_ref().map(|log| log.end.clone());
        next.log = Some(LogPosition { from, end: end.clone(), at: now });
    }
    next
}
