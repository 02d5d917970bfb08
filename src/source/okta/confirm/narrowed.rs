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

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(page: Records<SourceId>, ended: Result<Ended, Unread>) -> Vec<String> {
        let mut brought = Brought::new(["1", "2", "3"].map(SourceId::from).into());
        brought.take(page, |id| id);
        let answers = brought.answers(ended, ScopeRule::UsersSearch).unwrap();
        let shown = answers.into_iter().map(|(id, answer)| match answer {
            Answered::Found(found) => format!("{id} found {found}"),
            Answered::Left(..) => format!("{id} left"),
            Answered::Broken(broken) => format!("{id} broken: {}", broken.why),
            Answered::Absent(Absence::OutOfScope(rule)) => format!("{id} not by {}", rule.as_str()),
            Answered::Absent(Absence::Gone) => format!("{id} gone"),
            Answered::Absent(Absence::Unknown(why)) => format!("{id} unknown: {why}"),
        });
        shown.collect()
    }

    fn broken(id: Option<&str>) -> Result<SourceId, Broken> {
        Err(Broken { id: id.map(Into::into), why: "odd" })
    }

    #[test]
    fn who_does_not_come_is_out_of_scope_only_if_the_list_is_whole_and_about_those_who_were_asked_for() {
        let found = || Ok(SourceId::from("2"));
        assert_eq!(
            ask(vec![found(), broken(Some("3"))], Ok(Ended::Complete)),
            ["1 not by source.okta.users.search", "2 found 2", "3 broken: odd"]
        );
        let unknown =
            |why: &str| [format!("1 unknown: {why}"), "2 found 2".to_owned(), format!("3 unknown: {why}")];
        let short = Ok(Ended::Short("page 2 is missing".to_owned()));
        assert_eq!(ask(vec![found()], short), unknown("page 2 is missing"));
        assert_eq!(ask(vec![found()], Err(Unread::Strange("418".to_owned()))), unknown("418"));
        assert_eq!(
            ask(vec![broken(None), found()], Ok(Ended::Complete)),
            unknown("one of its records cannot be read: odd")
        );
        assert_eq!(
            ask(vec![found(), Ok(SourceId::from("4"))], Ok(Ended::Complete)),
            unknown("Okta answered with another record, 4")
        );
        assert_eq!(ask(vec![], Ok(Ended::Missing)).len(), 3);
        assert!(ask(vec![], Ok(Ended::Missing)).iter().all(|answer| answer.contains("unknown")));
    }
}
