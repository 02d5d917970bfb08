//! What a search brings that was narrowed to some ids.

use std::collections::BTreeMap;

use super::Answered;
use crate::source::SourceError;
use crate::source::okta::client::Unread;
use crate::source::okta::list::{Ended, Taken};
use crate::source::okta::parse::{Broken, Records};
use crate::sync::model::{Absence, Proof, ScopeRule, SourceId};

/// The records that came in answer to one portion of ids.
pub(super) struct Brought<T> {
    asked: Vec<SourceId>,
    records: BTreeMap<SourceId, Result<T, Broken>>,
    /// Why nothing follows from what did not come, although the list ended well.
    doubt: Option<String>,
}

impl<T> Brought<T> {
    pub(super) fn new(asked: Vec<SourceId>) -> Self {
        Self { asked, records: BTreeMap::new(), doubt: None }
    }

    /// Takes a page.
    pub(super) fn take(&mut self, page: Records<T>, id: impl Fn(&T) -> &SourceId) -> Taken {
        let mut taken = Taken { records: page.len(), new: 0 };
        for record in page {
            let of = match &record {
                Ok(record) => id(record).clone(),
                Err(Broken { id: Some(id), .. }) => SourceId(id.clone()),
                Err(Broken { id: None, why }) => {
                    self.doubt = Some(format!("one of its records cannot be read: {why}"));
                    continue;
                }
            };
            if !self.asked.contains(&of) {
                // Whoever does not heed the ids may not have heeded the search either.
                self.doubt = Some(format!("Okta answered with another record, {of}"));
                continue;
            }
            taken.new += usize::from(self.records.insert(of, record).is_none());
        }
        taken
    }

    /// What each id turned out to be: who came is there; who did not come is out of scope by `rule`, if the list is whole.
    pub(super) fn answers(
        mut self,
        ended: Result<Ended, Unread>,
        rule: ScopeRule,
    ) -> Result<Vec<(SourceId, Answered<T>)>, SourceError> {
        let doubt = match ended {
            Err(Unread::Fatal(error)) => return Err(error),
            Err(unread) => Some(unread.reason()),
            Ok(ended) => match ended.into_proof() {
                Proof::NotProven(why) => Some(why),
                Proof::Proven => self.doubt,
            },
        };
        let answers = self.asked.into_iter().map(|id| {
            let answer = match self.records.remove(&id) {
                Some(Ok(record)) => Answered::Found(record),
                Some(Err(broken)) => Answered::Broken(broken),
                None => Answered::Absent(match &doubt {
                    Some(why) => Absence::Unknown(why.clone()),
                    None => Absence::OutOfScope(rule),
                }),
            };
            (id, answer)
        });
        Ok(answers.collect())
    }
}
