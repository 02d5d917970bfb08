//! What every request needs.

use url::Url;

use super::CAPABILITIES;
use crate::sync::progress::RunControl;
use crate::target::server::{Ask, Failed, Reply, Server};
use crate::target::{TargetError, WriteError};

/// A server, and the run that asks it.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) server: &'a Server,
    pub(super) control: &'a RunControl,
    pub(super) at_once: usize,
}

/// Why a list is not whole.
pub(super) enum Broken {
    /// It moved, or it does not add up: another look may help.
    Unclear(String),
    /// A refusal.
    Refused(Box<Reply>),
    /// No answer.
    Unanswered(Failed),
}

impl<'a> Look<'a> {
    pub(super) fn new(server: &'a Server, control: &'a RunControl) -> Self {
        Self { server, control, at_once: CAPABILITIES.pace.at_once }
    }

    /// The address of a resource of the API.
    pub(super) fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let path: Vec<&str> = ["rest", "api", "2"].iter().chain(path).copied().collect();
        self.server.url(&path, query)
    }

    /// Reads one page of a list.
    pub(super) async fn page<T>(
        &self,
        url: Url,
        what: &str,
        read: impl FnMut(&[u8]) -> Result<T, String>,
    ) -> Result<T, Broken> {
        match self.server.read(Ask::get(url, what), self.control, read).await {
            Ok(Ok(page)) => Ok(page),
            Ok(Err(reply)) => Err(Broken::Refused(Box::new(reply))),
            Err(failed) => Err(Broken::Unanswered(failed)),
        }
    }

    /// Asks, and turns the absence of an answer into the error of a write.
    pub(super) async fn send(&self, ask: Ask<'_>) -> Result<Reply, WriteError> {
        let what = ask.what;
        self.server.ask(ask, self.control).await.map_err(|failed| self.server.unwritten(what, failed))
    }

    /// Why reading ended.
    pub(super) fn unreadable(&self, what: &str, broken: Broken) -> TargetError {
        match broken {
            Broken::Unclear(why) => self.server.incomplete(what, &why),
            Broken::Refused(reply) => self.server.unreadable(what, &reply),
            Broken::Unanswered(failed) => self.server.unread(what, failed),
        }
    }

    /// Why something was not done: what it depends on could not be read.
    pub(super) fn unwritable(&self, what: &str, broken: Broken) -> WriteError {
        match broken {
            Broken::Unclear(why) => WriteError::refused(format!(
                "{what}: {} does not say what is there: {why}",
                self.server.place()
            )),
            Broken::Refused(reply) => self.server.refused(what, &reply),
            Broken::Unanswered(failed) => self.server.unwritten(what, failed),
        }
    }
}
