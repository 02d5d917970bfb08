//! The metric registry. One method per thing that happens; the names of the series stand in `series.rs`.
//!
//! Every series with a label `connector` exists from [`Metrics::connector_loaded`] on and goes with
//! [`Metrics::connector_gone`]; what still ends after that (a run that was busy) leaves no trace.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus::TextEncoder;

use super::series::{Series, integer, seconds};
use crate::control::api::ConnectorState;
use crate::store::ConnectorMemory;
use crate::sync::progress::Side;
use crate::sync::report::{Report, Trigger};

const CODES: [&str; 6] = ["200", "401", "403", "429", "500", "none"];

/// How people are told what became of runs, and what came of telling them.
const CHANNELS: [&str; 2] = ["webhook", "command"];
const TOLD: [&str; 3] = ["delivered", "failed", "dropped"];

/// What may be expected of a connector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// How far apart its scheduled runs are; none without a schedule.
    pub interval: Option<Duration>,
    /// When two scheduled runs will have come since it last succeeded; none where nothing is expected.
    pub overdue: Option<DateTime<Utc>>,
    /// The same of looks for changes.
    pub incremental_overdue: Option<DateTime<Utc>>,
}

/// All metrics of the daemon, cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Series>);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry of its own; every series without a connector label exists at once.
    #[must_use]
    pub fn new() -> Self {
        let series = Series::register();
        for state in ConnectorState::ALL {
            series.connectors.with_label_values(&[state.as_str()]);
        }
        for channel in CHANNELS {
            for result in TOLD {
                series.notifications.with_label_values(&[channel, result]);
            }
        }
        let metrics = Self(Arc::new(series));
        metrics.begin_api("okta");
        metrics
    }

    /// An API may be asked from now on: its series exist.
    pub fn begin_api(&self, api: &str) {
        self.0.http_request_duration.with_label_values(&[api]);
        for code in CODES {
            self.0.http_requests.with_label_values(&[api, code]);
        }
    }

    /// The text form that Prometheus scrapes (text exposition format 0.0.4).
    #[must_use]
    pub fn text(&self) -> String {
        let families = self.0.registry.gather();
        TextEncoder::new().encode_to_string(&families).unwrap_or_else(|error| {
            tracing::error!("metrics could not be written as text: {error}; the scrape got none");
            String::new()
        })
    }

    /// A connector was loaded: its series exist from now on, restored from what is remembered of it.
    pub fn connector_loaded(&self, connector: &str, memory: &ConnectorMemory) {
        let mut loaded = self.loaded();
        if loaded.insert(connector.to_owned()) {
            self.0.create(connector);
        }
        self.0.restore(connector, memory);
    }

    /// A connector is gone, and its series with it.
    pub fn connector_gone(&self, connector: &str) {
        if self.loaded().remove(connector) {
            self.0.remove(connector);
        }
    }

    /// In which state each connector is, by its name.
    pub fn connector_states(&self, states: &[(&str, ConnectorState)]) {
        for state in ConnectorState::ALL {
            let count = states.iter().filter(|(_, other)| *other == state).count();
            self.0.connectors.with_label_values(&[state.as_str()]).set(integer(count as u64));
        }
        for (connector, now) in states {
            self.of(connector, |series| {
                for state in ConnectorState::ALL {
                    let is = i64::from(state == *now);
                    series.connector_state.with_label_values(&[connector, state.as_str()]).set(is);
                }
            });
        }
    }

    /// When the connector runs next, and what may be expected of it.
    pub fn expected(&self, connector: &str, next_run: Option<DateTime<Utc>>, expected: &Expected) {
        let Expected { interval, overdue, incremental_overdue } = *expected;
        self.of(connector, |series| {
            for (vector, value) in [
                (&series.sync_next_run, next_run.map(seconds)),
                (&series.sync_interval, interval.map(|interval| interval.as_secs_f64())),
                (&series.sync_overdue, overdue.map(seconds)),
                (&series.incremental_overdue, incremental_overdue.map(seconds)),
            ] {
                vector.with_label_values(&[connector]).set(value.unwrap_or(0.0));
            }
        });
    }

    /// Whether that side refused what the connector signs in with when it was last asked.
    pub fn sign_in(&self, connector: &str, side: Side, refused: bool) {
        self.of(connector, |series| {
            let labels = [connector, side.as_str()];
            series.credential_refused.with_label_values(&labels).set(i64::from(refused));
        });
    }

    /// When the connector's API token lapses unless it is used before; none if there is no such time.
    pub fn token_lapses(&self, connector: &str, at: Option<DateTime<Utc>>) {
        self.of(connector, |series| match at {
            Some(at) => series.token_lapse.with_label_values(&[connector]).set(seconds(at)),
            None => drop(series.token_lapse.remove_label_values(&[connector])),
        });
    }

    /// A run that concerns everybody began. What started it is counted when it ends, with its result.
    pub fn run_began(&self, connector: &str, at: DateTime<Utc>) {
        self.of(connector, |series| {
            series.sync_in_progress.with_label_values(&[connector]).set(1);
            series.sync_last_attempt.with_label_values(&[connector]).set(seconds(at));
        });
    }

    /// A run that is limited to one user began. It is no attempt to sync the connector.
    pub fn user_run_began(&self, connector: &str) {
        self.of(connector, |series| series.sync_in_progress.with_label_values(&[connector]).set(1));
    }

    /// A run ended. One that was limited to one user is counted, but it says nothing about when the connector was last
    /// synced, nor about what is found and held in it.
    pub fn run_ended(&self, report: &Report) {
        let connector = report.connector.as_str();
        self.of(connector, |series| {
            series.sync_in_progress.with_label_values(&[connector]).set(0);
            let labels = [connector, report.trigger.as_str(), report.outcome.as_str()];
            series.sync_runs.with_label_values(&labels).inc();
            let took = (report.ended - report.started).to_std().unwrap_or_default();
            series.sync_duration.with_label_values(&[connector]).observe(took.as_secs_f64());
            if report.is_about_everybody() {
                series.show_last_result(connector, Some(report.outcome));
            }
            if report.outcome.is_success() && report.is_about_everybody() {
                series.sync_last_success.with_label_values(&[connector]).set(seconds(report.ended));
            }
            if report.trigger == Trigger::Incremental && report.outcome.is_success() {
                series.incremental_last_success.with_label_values(&[connector]).set(seconds(report.ended));
            }
            if let Some(drift) = report.drift {
                series.drift_operations.with_label_values(&[connector]).set(integer(drift.operations));
                series.drift_absences.with_label_values(&[connector]).set(integer(drift.absences));
            }
            if report.apply {
                series.count_operations(connector, &report.counts, report.adopted);
            }
            series.show_result(report);
        });
    }

    /// A run that had begun turned out not to be one.
    pub fn run_left_out(&self, connector: &str) {
        self.of(connector, |series| series.sync_in_progress.with_label_values(&[connector]).set(0));
    }

    /// The configuration was read (again); `good` if nothing was rejected.
    pub fn config_reloaded(&self, good: bool, at: DateTime<Utc>) {
        self.0.config_reload_success.set(i64::from(good));
        if good {
            self.0.config_last_reload_success.set(seconds(at));
        }
    }

    /// A request to a remote API ended with an HTTP status, or with none where no answer came.
    pub fn http_request(&self, api: &'static str, status: Option<u16>, took: Duration) {
        let code = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        self.0.http_requests.with_label_values(&[api, code.as_str()]).inc();
        self.0.http_request_duration.with_label_values(&[api]).observe(took.as_secs_f64());
    }

    /// What the last answer said is left of a rate-limit window.
    pub fn rate_limit_remaining(&self, org: &str, bucket: &'static str, remaining: u64) {
        // The counter of waits exists with the first answer, so that a rate over it starts from 0.
        self.0.rate_limit_wait.with_label_values(&[org, bucket]);
        self.0.rate_limit_remaining.with_label_values(&[org, bucket]).set(integer(remaining));
    }

    /// A request waited for a rate-limit window.
    pub fn rate_limit_waited(&self, org: &str, bucket: &'static str, waited: Duration) {
        self.0.rate_limit_wait.with_label_values(&[org, bucket]).inc_by(waited.as_secs_f64());
    }

    /// Somebody was told what became of a run (`delivered`), could not be told (`failed`), or was not even tried to be told
    /// (`dropped`), by a `webhook` or a `command`.
    pub fn notification(&self, channel: &'static str, result: &'static str) {
        self.0.notifications.with_label_values(&[channel, result]).inc();
    }

    /// Does something to the series of a connector, if it has any.
    fn of(&self, connector: &str, change: impl FnOnce(&Series)) {
        let loaded = self.loaded();
        if loaded.contains(connector) {
            change(&self.0);
        }
    }

    fn loaded(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // The set is never left half changed.
        self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
