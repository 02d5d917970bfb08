//! The series themselves: the names, labels and helps of all of them stand in this file only.

use std::collections::BTreeSet;
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use prometheus::core::Collector;
use prometheus::{
    CounterVec, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

use crate::control::api::ConnectorState;
use crate::store::ConnectorMemory;
use crate::sync::model::FindingKind;
use crate::sync::progress::Side;
use crate::sync::report::{Counts, HoldKind, KindCounts, Outcome, Report, Trigger};

const PREFIX: &str = "usersyncd";

/// Upper bounds of the duration of a run, in seconds: from an unchanged small org to hours of waiting for rate limits.
const RUN_SECONDS: [f64; 13] =
    [0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14_400.0];

/// Upper bounds of the duration of a request, in seconds; Okta answers in 0.2 to 1.5 s, with outliers beyond 30 s.
const REQUEST_SECONDS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The kinds of object that a connector manages.
const KINDS: [&str; 3] = ["users", "groups", "memberships"];

/// How a run ends that nobody cancels.
const RESULTS: [Outcome; 4] = [Outcome::Success, Outcome::Held, Outcome::Partial, Outcome::Failed];

/// All collectors, and the registry that knows them.
pub(super) struct Series {
    pub(super) registry: Registry,
    /// The connectors that have series. Locked while series of a connector are touched, so that a run that ends late
    /// cannot bring back those of a connector that is gone.
    pub(super) loaded: Mutex<BTreeSet<String>>,
    pub(super) connectors: IntGaugeVec,
    pub(super) connector_state: IntGaugeVec,
    pub(super) config_reload_success: IntGauge,
    pub(super) config_last_reload_success: Gauge,
    pub(super) sync_runs: IntCounterVec,
    pub(super) sync_duration: HistogramVec,
    pub(super) sync_last_attempt: GaugeVec,
    pub(super) sync_last_success: GaugeVec,
    pub(super) sync_next_run: GaugeVec,
    pub(super) sync_interval: GaugeVec,
    pub(super) sync_overdue: GaugeVec,
    pub(super) sync_last_result: IntGaugeVec,
    pub(super) credential_refused: IntGaugeVec,
    pub(super) token_lapse: GaugeVec,
    pub(super) incremental_last_success: GaugeVec,
    pub(super) incremental_overdue: GaugeVec,
    pub(super) drift_operations: IntGaugeVec,
    pub(super) drift_absences: IntGaugeVec,
    pub(super) sync_in_progress: IntGaugeVec,
    pub(super) operations: IntCounterVec,
    pub(super) held_operations: IntGaugeVec,
    pub(super) findings: IntGaugeVec,
    pub(super) managed_objects: IntGaugeVec,
    pub(super) http_requests: IntCounterVec,
    pub(super) http_request_duration: HistogramVec,
    pub(super) rate_limit_remaining: IntGaugeVec,
    pub(super) rate_limit_wait: CounterVec,
    pub(super) notifications: IntCounterVec,
}

impl Series {
    pub(super) fn register() -> Self {
        let registry = Registry::new();
        let names = Names { registry: &registry };
        let version = names.gauges("build_info", "1, with the version of the running program.", &["version"]);
        version.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let one_connector = &["connector"];
        Self {
            loaded: Mutex::default(),
            connectors: names.gauges("connectors", "Connectors in each state.", &["state"]),
            connector_state: names.gauges(
                "connector_state",
                "1 for the state that the connector is in, 0 for the others.",
                &["connector", "state"],
            ),
            config_reload_success: names.add(IntGauge::with_opts(opts(
                "config_reload_success",
                "1 if nothing was rejected when the configuration was last read, else 0.",
            ))),
            config_last_reload_success: names.add(Gauge::with_opts(opts(
                "config_last_reload_success_timestamp_seconds",
                "When the configuration was last read without anything being rejected; 0 before the first time.",
            ))),
            sync_runs: names.counters(
                "sync_runs_total",
                "Runs that ended, by what started them and how they ended.",
                &["connector", "trigger", "result"],
            ),
            sync_duration: names.histogram(
                "sync_duration_seconds",
                "How long runs took, waiting for rate limits included.",
                one_connector,
                &RUN_SECONDS,
            ),
            sync_last_attempt: names.moments(
                "sync_last_attempt_timestamp_seconds",
                "When a run of everybody last began, however it ended; 0 before the first one.",
                one_connector,
            ),
            sync_last_success: names.moments(
                "sync_last_success_timestamp_seconds",
                "When a run of everybody last ended with success or with something held; absent before the first one.",
                one_connector,
            ),
            sync_next_run: names.moments(
                "sync_next_run_timestamp_seconds",
                "When the connector runs next by itself; 0 if it does not.",
                one_connector,
            ),
            sync_interval: names.moments(
                "sync_interval_seconds",
                "How far apart the next two scheduled runs are; 0 without a schedule.",
                one_connector,
            ),
            sync_overdue: names.moments(
                "sync_overdue_timestamp_seconds",
                "When two scheduled runs will have come since the connector last succeeded, or got its schedule; 0 without a \
                 schedule and while it is paused.",
                one_connector,
            ),
            sync_last_result: names.gauges(
                "sync_last_result",
                "1 for how the last run of everybody ended that nobody cancelled, 0 for the others.",
                &["connector", "result"],
            ),
            credential_refused: names.gauges(
                "credential_refused",
                "1 if the source or the target, when it was last asked, refused what the connector signs in with, or the \
                 source let it read nothing of what it has to read; else 0.",
                &["connector", "side"],
            ),
            token_lapse: names.moments(
                "token_lapse_timestamp_seconds",
                "When Okta drops the connector's API token unless it is used before; absent for service apps, and before \
                 the first run that reached Okta.",
                one_connector,
            ),
            incremental_last_success: names.moments(
                "incremental_last_success_timestamp_seconds",
                "When what changed at the source was last read and synced; 0 before the first time.",
                one_connector,
            ),
            incremental_overdue: names.moments(
                "incremental_overdue_timestamp_seconds",
                "When two looks for changes will have come since the last one, or the last full run, succeeded; 0 where \
                 nobody looks for changes, or while that waits for a full run.",
                one_connector,
            ),
            drift_operations: names.gauges(
                "drift_operations",
                "Operations that the last full run had to do because incremental runs had missed a change; more than 0 is a fault.",
                one_connector,
            ),
            drift_absences: names.gauges(
                "drift_absences",
                "Operations of the last full run for users and groups that are no longer shown, which only a full run can tell.",
                one_connector,
            ),
            sync_in_progress: names.gauges("sync_in_progress", "1 while a run is busy, else 0.", one_connector),
            operations: names.counters(
                "operations_total",
                "Changes in the target: create, update (rename, enable, adopt and anonymize included), disable and delete \
                 of users and groups (disable_group: emptied because it left), add and remove of memberships, with \
                 result applied, and adopt once more by itself; those that failed are counted per kind of object, as \
                 operation user, group and membership, with result failed.",
                &["connector", "operation", "result"],
            ),
            held_operations: names.gauges(
                "held_operations",
                "What the last run of everybody that got as far held back for a person to look at, by the limit that holds it.",
                &["connector", "kind"],
            ),
            findings: names.gauges(
                "findings",
                "Records that the last run of everybody that got as far found something about, by kind of finding.",
                &["connector", "kind"],
            ),
            managed_objects: names.gauges(
                "managed_objects",
                "What the connector manages in its target, disabled users included.",
                &["connector", "kind"],
            ),
            http_requests: names.counters(
                "http_requests_total",
                "Requests to remote APIs, by HTTP status; none: no answer came.",
                &["api", "code"],
            ),
            http_request_duration: names.histogram(
                "http_request_duration_seconds",
                "How long requests to remote APIs took, from sending to the end of the answer.",
                &["api"],
                &REQUEST_SECONDS,
            ),
            rate_limit_remaining: names.gauges(
                "rate_limit_remaining",
                "Requests left in the current rate-limit window, as the last answer said.",
                &["org", "bucket"],
            ),
            notifications: names.counters(
                "notifications_total",
                "Events that were told, could not be told, or were dropped since too many waited or the daemon stopped.",
                &["channel", "result"],
            ),
            rate_limit_wait: names.add(CounterVec::new(
                opts("rate_limit_wait_seconds_total", "Time that requests waited for a rate-limit window."),
                &["org", "bucket"],
            )),
            registry,
        }
    }

    /// Makes every series of a connector, at 0; only the times of the last success and of the token's
    /// lapse are absent until they are known.
    pub(super) fn create(&self, connector: &str) {
        for trigger in Trigger::ALL {
            for result in Outcome::ALL {
                self.sync_runs.with_label_values(&[connector, trigger.as_str(), result.as_str()]);
            }
        }
        for (operation, result, _) in operations(&Counts::default(), 0) {
            self.operations.with_label_values(&[connector, operation, result]);
        }
        self.sync_duration.with_label_values(&[connector]);
        for vector in [
            &self.sync_last_attempt,
            &self.sync_next_run,
            &self.sync_interval,
            &self.sync_overdue,
            &self.incremental_last_success,
            &self.incremental_overdue,
        ] {
            vector.with_label_values(&[connector]);
        }
        for vector in [&self.drift_operations, &self.drift_absences] {
            vector.with_label_values(&[connector]);
        }
        self.sync_in_progress.with_label_values(&[connector]);
        for (vector, kinds) in self.by_kind() {
            for kind in kinds {
                vector.with_label_values(&[connector, kind]);
            }
        }
    }

    pub(super) fn restore(&self, connector: &str, memory: &ConnectorMemory) {
        if let Some(at) = memory.last_attempt {
            self.sync_last_attempt.with_label_values(&[connector]).set(seconds(at));
        }
        if let Some(at) = memory.last_success {
            self.sync_last_success.with_label_values(&[connector]).set(seconds(at));
        }
        self.show_last_result(connector, memory.last_outcome);
        if let Some(report) = &memory.last_report {
            self.show_result(report);
        }
    }

    /// Takes every series of a connector away. Series that do not exist are none the worse for it.
    pub(super) fn remove(&self, connector: &str) {
        for trigger in Trigger::ALL {
            for result in Outcome::ALL {
                drop(self.sync_runs.remove_label_values(&[connector, trigger.as_str(), result.as_str()]));
            }
        }
        for (operation, result, _) in operations(&Counts::default(), 0) {
            drop(self.operations.remove_label_values(&[connector, operation, result]));
        }
        drop(self.sync_duration.remove_label_values(&[connector]));
        for vector in [
            &self.sync_last_attempt,
            &self.sync_last_success,
            &self.sync_next_run,
            &self.sync_interval,
            &self.sync_overdue,
            &self.token_lapse,
            &self.incremental_last_success,
            &self.incremental_overdue,
        ] {
            drop(vector.remove_label_values(&[connector]));
        }
        for vector in [&self.drift_operations, &self.drift_absences] {
            drop(vector.remove_label_values(&[connector]));
        }
        drop(self.sync_in_progress.remove_label_values(&[connector]));
        for (vector, kinds) in self.by_kind() {
            for kind in kinds {
                drop(vector.remove_label_values(&[connector, kind]));
            }
        }
    }

    /// The gauges with the label `connector` and a second one, each with all values of that one.
    fn by_kind(&self) -> [(&IntGaugeVec, Vec<&'static str>); 6] {
        [
            (&self.connector_state, ConnectorState::ALL.map(ConnectorState::as_str).to_vec()),
            (&self.sync_last_result, RESULTS.map(Outcome::as_str).to_vec()),
            (&self.credential_refused, Side::ALL.map(Side::as_str).to_vec()),
            (&self.held_operations, HoldKind::ALL.map(HoldKind::as_str).to_vec()),
            (&self.findings, FindingKind::ALL.map(FindingKind::as_str).to_vec()),
            (&self.managed_objects, KINDS.to_vec()),
        ]
    }

    /// Shows how the last run of everybody ended. One that was cancelled says nothing.
    pub(super) fn show_last_result(&self, connector: &str, outcome: Option<Outcome>) {
        let Some(outcome) = outcome.filter(|outcome| RESULTS.contains(outcome)) else { return };
        for result in RESULTS {
            let is = i64::from(result == outcome);
            self.sync_last_result.with_label_values(&[connector, result.as_str()]).set(is);
        }
    }

    pub(super) fn count_operations(&self, connector: &str, counts: &Counts, adopted: u64) {
        for (operation, result, count) in operations(counts, adopted) {
            self.operations.with_label_values(&[connector, operation, result]).inc_by(count);
        }
    }

    /// Shows what is held, found and managed. A run that ended early knows none of it: what an earlier one said stays.
    pub(super) fn show_result(&self, report: &Report) {
        if matches!(report.outcome, Outcome::Failed | Outcome::Cancelled) {
            return;
        }
        let connector = report.connector.as_str();
        let managed = [report.managed.users, report.managed.groups, report.managed.memberships];
        for (kind, count) in KINDS.into_iter().zip(managed) {
            self.managed_objects.with_label_values(&[connector, kind]).set(integer(count));
        }
        if !report.is_about_everybody() {
            return;
        }
        for kind in HoldKind::ALL {
            let held = report.holds.iter().filter(|hold| hold.kind == kind).map(|hold| hold.count).sum();
            self.held_operations.with_label_values(&[connector, kind.as_str()]).set(integer(held));
        }
        for kind in FindingKind::ALL {
            let found = report.findings.iter().filter(|finding| finding.kind == kind).count();
            self.findings.with_label_values(&[connector, kind.as_str()]).set(integer(found as u64));
        }
    }
}

/// The label values `operation` and `result` of each count of changes; `adopted` users and groups are among the updated
/// ones too. Exhaustive on purpose: a new count must be placed.
fn operations(counts: &Counts, adopted: u64) -> Vec<(&'static str, &'static str, u64)> {
    let Counts { users, groups, memberships } = counts;
    let of = |names: [&'static str; 5], counts: &KindCounts| {
        let KindCounts { created, updated, disabled, deleted, failed, unchanged: _, filtered: _, held: _ } =
            *counts;
        let [create, update, disable, delete, any] = names;
        [
            (create, "applied", created),
            (update, "applied", updated),
            (disable, "applied", disabled),
            (delete, "applied", deleted),
            (any, "failed", failed),
        ]
    };
    let mut all = Vec::with_capacity(14);
    all.extend(of(["create_user", "update_user", "disable_user", "delete_user", "user"], users));
    all.extend(of(["create_group", "update_group", "disable_group", "delete_group", "group"], groups));
    // Memberships are added and removed; nothing else can happen to one.
    all.push(("add_membership", "applied", memberships.created));
    all.push(("remove_membership", "applied", memberships.deleted));
    all.push(("membership", "failed", memberships.failed));
    all.push(("adopt", "applied", adopted));
    all
}

/// Makes collectors and puts them into the registry.
struct Names<'a> {
    registry: &'a Registry,
}

impl Names<'_> {
    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.add(IntCounterVec::new(opts(name, help), labels))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.add(IntGaugeVec::new(opts(name, help), labels))
    }

    /// Gauges in seconds, points in time (since the Unix epoch) or spans.
    fn moments(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.add(GaugeVec::new(opts(name, help), labels))
    }

    fn histogram(&self, name: &str, help: &str, labels: &[&str], bounds: &[f64]) -> HistogramVec {
        let opts = HistogramOpts { common_opts: opts(name, help), buckets: bounds.to_vec() };
        self.add(HistogramVec::new(opts, labels))
    }

    #[allow(clippy::expect_used, reason = "names and labels are constants, and every test makes them all")]
    fn add<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let collector = made.expect("metric names and labels are valid");
        self.registry.register(Box::new(collector.clone())).expect("metric names are unique");
        collector
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace(PREFIX)
}

/// Seconds since the Unix epoch.
#[allow(clippy::cast_precision_loss, reason = "exact for the next 280 000 years")]
pub(super) fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
