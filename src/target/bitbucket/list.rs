//! Lists: page after page, each from where the one before says, or not at all. Nothing says how long a list is; one that
//! brings a record twice moved while it was read, is read once more, and then is an error.

use std::collections::HashSet;

use super::wire::{Next, Page};
use super::{CAPABILITIES, Context};
use crate::target::server::{Ask, Failed, Reply};
use crate::target::{TargetError, WriteError};

/// Why a list is not whole.
pub(super) enum Broken {
    /// It moved, or it does not add up: another look may help.
    Unclear(String),
    /// It was refused.
    Refused(Reply),
    Failed(Failed),
}

/// A list to read.
pub(super) struct List<'a> {
    pub(super) context: Context<'a>,
    /// Its path below the administration.
    pub(super) path: &'a [&'a str],
    /// Of what, or with what in it.
    pub(super) narrowed: Option<(&'a str, &'a str)>,
    /// What it is, as the subject of a sentence.
    pub(super) what: &'a str,
}

impl List<'_> {
    /// All records.
    pub(super) async fn whole<T>(
        &self,
        read: impl Fn(&[u8]) -> Result<Page<T>, String>,
    ) -> Result<Vec<T>, Broken> {
        match self.once(&read).await {
            Err(Broken::Unclear(why)) => {
                tracing::info!(why, "{} is read once more", self.what);
                self.once(&read).await
            }
            other => other,
        }
    }

    /// The first record that is meant.
    pub(super) async fn find<T>(
        &self,
        read: impl Fn(&[u8]) -> Result<Page<T>, String>,
        is_meant: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, Broken> {
        let mut start = Some(0);
        while let Some(from) = start {
            let page = self.page(from, &read).await?;
            if let Some((_, found)) = page.records.into_iter().find(|(_, record)| is_meant(record)) {
                return Ok(Some(found));
            }
            start = following(from, page.next).map_err(Broken::Unclear)?;
        }
        Ok(None)
    }

    /// The error of a list that could not be read.
    pub(super) fn error(&self, broken: Broken) -> TargetError {
        match broken {
            Broken::Unclear(why) => self.context.server.incomplete(self.what, &why),
            Broken::Refused(reply) => self.context.server.unreadable(self.what, &reply),
            Broken::Failed(failed) => self.context.unread(self.what, failed),
        }
    }

    /// The same where it was read for a write; `what` of the list is what was not done then.
    pub(super) fn write_error(&self, broken: Broken) -> WriteError {
        match broken {
            Broken::Unclear(why) => {
                WriteError::refused(format!("{}: a list does not add up: {why}", self.what))
            }
            Broken::Refused(reply) => self.context.server.refused(self.what, &reply),
            Broken::Failed(failed) => self.context.unwritten(self.what, failed),
        }
    }

    async fn once<T>(&self, read: impl Fn(&[u8]) -> Result<Page<T>, String>) -> Result<Vec<T>, Broken> {
        let (mut records, mut known) = (Vec::new(), HashSet::new());
        let mut start = Some(0);
        while let Some(from) = start {
            let page = self.page(from, &read).await?;
            records.reserve(page.records.len());
            for (key, record) in page.records {
                if known.contains(&key) {
                    return Err(Broken::Unclear(format!("{key} came twice: it changed while it was read")));
                }
                known.insert(key);
                records.push(record);
            }
            start = following(from, page.next).map_err(Broken::Unclear)?;
        }
        Ok(records)
    }

    async fn page<T>(
        &self,
        start: u64,
        read: impl Fn(&[u8]) -> Result<Page<T>, String>,
    ) -> Result<Page<T>, Broken> {
        let (start, limit) = (start.to_string(), CAPABILITIES.pace.page.to_string());
        let mut query: Vec<(&str, &str)> = self.narrowed.into_iter().collect();
        query.extend([("start", start.as_str()), ("limit", limit.as_str())]);
        let ask = Ask::get(self.context.url(self.path, &query), self.what);
        match self.context.server.read(ask, self.context.control, &read).await {
            Ok(Ok(page)) => Ok(page),
            Ok(Err(reply)) => Err(Broken::Refused(reply)),
            Err(failed) => Err(Broken::Failed(failed)),
        }
    }
}

/// Where the next page starts, which is not always where this one ends: what an account may not see is left out.
fn following(from: u64, next: Next) -> Result<Option<u64>, String> {
    match next {
        Next::End => Ok(None),
        Next::From(start) if start > from => Ok(Some(start)),
        Next::From(start) => Err(format!("the page from {from} says that the next one starts at {start}")),
        Next::Nowhere => Err(format!("the page from {from} is not the last and does not name the next")),
    }
}
