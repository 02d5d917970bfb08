//! Lists: page after page, as far as each names the next, or not at all. Nothing says how long a list is; one that brings a
//! record twice moved while it was read, is read once more, and then is an error.

use std::collections::HashSet;

use compact_str::CompactString;
use url::Url;

use super::wire::Page;
use super::{CAPABILITIES, Context};
use crate::target::TargetError;
use crate::target::server::{Ask, Reply};

/// So many pages without a record in a row are no list.
const MOST_EMPTY: usize = 100;

/// Why a list is not whole.
pub(super) enum Broken {
    /// It moved, or it does not add up: another look may help.
    Unclear(String),
    /// It was refused.
    Refused(Reply),
    Failed(TargetError),
}

/// A list to read.
pub(super) struct List<'a> {
    pub(super) context: Context<'a>,
    /// Its path below the API.
    pub(super) path: &'a [&'a str],
    /// What it is, as the subject of a sentence.
    pub(super) what: &'a str,
    /// Whether users are to be shown with their status.
    pub(super) with_status: bool,
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

    /// The error of a list that could not be read.
    pub(super) fn error(&self, broken: Broken) -> TargetError {
        match broken {
            Broken::Unclear(why) => self.context.server.incomplete(self.what, &why),
            Broken::Refused(reply) => self.context.server.unreadable(self.what, &reply),
            Broken::Failed(error) => error,
        }
    }

    async fn once<T>(&self, read: impl Fn(&[u8]) -> Result<Page<T>, String>) -> Result<Vec<T>, Broken> {
        let Context { server, control } = self.context;
        let (mut records, mut known) = (Vec::new(), HashSet::new());
        let (mut asked, mut empty) = (HashSet::new(), 0);
        let mut url = self.first();
        while asked.insert(url.query().unwrap_or_default().to_owned()) {
            let page = match server.read(Ask::get(url, self.what), control, &read).await {
                Ok(Ok(page)) => page,
                Ok(Err(reply)) => return Err(Broken::Refused(reply)),
                Err(failed) => return Err(Broken::Failed(server.unread(self.what, failed))),
            };
            empty = if page.records.is_empty() { empty + 1 } else { 0 };
            take(page.records, &mut records, &mut known).map_err(Broken::Unclear)?;
            let Some(next) = page.next else { return Ok(records) };
            if empty > MOST_EMPTY {
                return Err(Broken::Unclear("page after page is empty, and it does not end".to_owned()));
            }
            url = self.following(&next).map_err(Broken::Unclear)?;
        }
        Err(Broken::Unclear("a page names one as the next that was read before".to_owned()))
    }

    fn first(&self) -> Url {
        let limit = CAPABILITIES.pace.page.to_string();
        let mut query = vec![("limit", limit.as_str())];
        if self.with_status {
            query.push(("expand", "status"));
        }
        self.context.url(self.path, &query)
    }

    /// The address of the next page. Its link bears a context path or not, and perhaps the name by which a proxy knows the
    /// product: only its query is of use.
    fn following(&self, link: &str) -> Result<Url, String> {
        let query = link.split_once('?').map(|(_, query)| query.split('#').next().unwrap_or_default());
        let Some(query) = query.filter(|query| !query.is_empty()) else {
            return Err("its link to the next page does not say which".to_owned());
        };
        let mut url = self.context.url(self.path, &[]);
        url.set_query(Some(query));
        if self.with_status && !url.query_pairs().any(|(name, _)| name == "expand") {
            url.query_pairs_mut().append_pair("expand", "status");
        }
        Ok(url)
    }
}

fn take<T>(
    page: Vec<(CompactString, T)>,
    records: &mut Vec<T>,
    known: &mut HashSet<CompactString>,
) -> Result<(), String> {
    records.reserve(page.len());
    for (key, record) in page {
        if known.contains(&key) {
            return Err(format!("{key} came twice: it changed while it was read"));
        }
        known.insert(key);
        records.push(record);
    }
    Ok(())
}
