//! Keeping an eye on the API token: when it was used, when it will be, and a word in the log if that is too late.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Task;
use crate::config;
use crate::config::model::OktaSettings;
use crate::daemon::token::{Reminder, Token, Use};
use crate::daemon::wording;
use crate::store::ConnectorMemory;
use crate::sync::progress::Progress;

/// How often a connector that does nothing looks at its token. Others may share it, so what it finds can change meanwhile.
const LOOK: Duration = Duration::from_secs(3600);

/// What a connector's task knows of its token.
#[derive(Debug, Default)]
pub(super) struct Care {
    token: Option<Token>,
    /// When the last work began in which Okta let it in.
    used: Option<DateTime<Utc>>,
    /// The token, the progress and the beginning of what is busy.
    busy: Option<(Token, Progress, DateTime<Utc>)>,
    reminder: Reminder,
}

impl Care {
    /// From what is remembered. Until there is a good file, the last one that worked says what the token is.
    pub(super) fn remembered(name: &str, memory: &ConnectorMemory) -> Self {
        let path = std::path::PathBuf::from(format!("{name}.yaml"));
        let last_file = memory.last_file.as_deref().and_then(|text| config::earlier_version(&path, text));
        let token = last_file.and_then(|connector| Token::of(&connector.source));
        Self { token, used: memory.last_read, ..Self::default() }
    }

    /// Takes what is remembered of another connector's runs.
    pub(super) fn remember(&mut self, memory: &ConnectorMemory) {
        self.used = memory.last_read;
    }

    /// Takes what a good file says; `first` if none was in force before. Of another token nothing is known yet.
    pub(super) fn change(&mut self, source: &OktaSettings, first: bool) {
        let token = Token::of(source);
        if !first && token != self.token {
            self.used = None;
        }
        self.token = token;
    }

    /// A run or a plan begins.
    pub(super) fn work_begins(&mut self, progress: &Progress, now: DateTime<Utc>) {
        self.busy = self.token.clone().map(|token| (token, progress.clone(), now));
    }

    /// It ended. When exactly the token was used in it is not known; it was after its beginning.
    pub(super) fn work_ended(&mut self) {
        if let Some((token, progress, began)) = self.busy.take()
            && progress.was_let_in()
            && self.token == Some(token)
        {
            self.used = self.used.max(Some(began));
        }
    }

    /// How long until the next look at the token.
    pub(super) fn sleep(&self) -> Option<Duration> {
        self.token.is_some().then_some(LOOK)
    }
}

impl Task {
    /// Lets others know what the token is used for, and shows when it lapses.
    pub(super) fn note_token(&self) {
        let next = self.next_use();
        let of = |token| Use { token, last: self.care.used, next };
        self.common.note_token(&self.name, self.care.token.clone().map(of));
    }

    /// When the connector reads by itself next, or why it does not.
    fn next_use(&self) -> Result<DateTime<Utc>, &'static str> {
        let view = &self.view;
        if view.removed {
            return Err("the connector's file is gone");
        }
        if !view.runnable {
            return Err("the connector's file is broken, so it does not run");
        }
        if view.paused {
            return Err("the connector is paused");
        }
        // What waits for a full run does not ask Okta before.
        let changes = self.rhythm.next().filter(|_| view.incremental_waits_for.is_none());
        let next = self.timetable.next_run().into_iter().chain(changes).min();
        next.ok_or("the connector has no schedule and runs only when asked")
    }

    /// Says in the log once a day that the token will lapse.
    pub(super) fn remind_of_token(&mut self, now: DateTime<Utc>) {
        if self.machine.closed().is_some() {
            return;
        }
        self.note_token();
        let outlook = self.common.tokens.outlook(&self.name);
        if let Some(token) = outlook.filter(|token| token.is_pressing(now))
            && self.care.reminder.is_due(now)
        {
            tracing::warn!(connector = self.name, "{}", wording::token_lapses(&self.name, &token, now));
        }
    }
}
