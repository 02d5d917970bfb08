//! The metric registry. One method per thing that happens; the names of series stand in this file only.
//!
//! Every series with a label `connector` exists from [`Metrics::connector_loaded`] on and goes with
//! [`Metrics::connector_gone`]; what still ends after that (a run that was busy) leaves no trace.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus::core::Collector;
use prometheus::{
    CounterVec, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use crate::control::api::ConnectorState;
use crate::store::ConnectorMemory;
use crate::sync::model::FindingKind;
use crate::sync::report::{Counts, HoldKind, KindCounts, Outcome, Report, Trigger};

const PREFIX: &str = "usersyncd";

/// Upper bounds of the duration of a run, in seconds: from an unchanged small org to hours of waiting for rate limits.
const RUN_SECONDS: [f64; 13] =
    [0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14_400.0];

/// Upper bounds of the duration of a request, in seconds; Okta answers in 0.2 to 1.5 s, with outliers beyond 30 s.
const REQUEST_SECONDS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The kinds of object that a connector manages.
const KINDS: [&str; 3] = ["users", "groups", "memberships"];

/// Remote APIs whose series exist before the first request, and the answers that alerts ask for.
const APIS: [&str; 1] = ["okta"];
const CODES: [&str; 6] = ["200", "401", "403", "429", "500", "none"];

/// All metrics of the daemon, cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Series>);

struct Series {
    registry: Registry,
    /// The connectors that have series. Locked while series of a connector are touched, so that a run that ends late
    /// cannot bring back those of a connector that is gone.
    loaded: Mutex<BTreeSet<String>>,
    connectors: IntGaugeVec,
    config_reload_success: IntGauge,
    config_last_reload_success: Gauge,
    sync_runs: IntCounterVec,
    sync_duration: HistogramVec,
    sync_last_attempt: GaugeVec,
    sync_last_success: GaugeVec,
    sync_next_run: GaugeVec,
    sync_interval: GaugeVec,
    sync_in_progress: IntGaugeVec,
    operations: IntCounterVec,
    held_operations: IntGaugeVec,
    findings: IntGaugeVec,
    managed_objects: IntGaugeVec,
    http_requests: IntCounterVec,
    http_request_duration: HistogramVec,
    rate_limit_remaining: IntGaugeVec,
    rate_limit_wait: CounterVec,
}

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
        for api in APIS {
            series.http_request_duration.with_label_values(&[api]);
            for code in CODES {
                series.http_requests.with_label_values(&[api, code]);
            }
        }
        Self(Arc::new(series))
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

    /// How many connectors are in each state.
    pub fn connector_states(&self, states: &[ConnectorState]) {
        for state in ConnectorState::ALL {
            let count = states.iter().filter(|other| **other == state).count();
            self.0.connectors.with_label_values(&[state.as_str()]).set(integer(count as u64));
        }
    }

    /// When the connector runs next, and how far apart its runs are.
    pub fn next_run(&self, connector: &str, at: Option<DateTime<Utc>>, interval: Option<Duration>) {
        self.of(connector, |series| {
            series.sync_next_run.with_label_values(&[connector]).set(at.map_or(0.0, seconds));
            let apart = interval.map_or(0.0, |interval| interval.as_secs_f64());
            series.sync_interval.with_label_values(&[connector]).set(apart);
        });
    }

    /// A run began. What started it is counted when it ends, with its result.
    pub fn run_began(&self, connector: &str, _trigger: Trigger, at: DateTime<Utc>) {
        self.of(connector, |series| {
            series.sync_in_progress.with_label_values(&[connector]).set(1);
            series.sync_last_attempt.with_label_values(&[connector]).set(seconds(at));
        });
    }

    /// A run ended.
    pub fn run_ended(&self, report: &Report) {
        let connector = report.connector.as_str();
        self.of(connector, |series| {
            series.sync_in_progress.with_label_values(&[connector]).set(0);
            let labels = [connector, report.trigger.as_str(), report.outcome.as_str()];
            series.sync_runs.with_label_values(&labels).inc();
            let took = (report.ended - report.started).to_std().unwrap_or_default();
            series.sync_duration.with_label_values(&[connector]).observe(took.as_secs_f64());
            if report.outcome.is_success() {
                series.sync_last_success.with_label_values(&[connector]).set(seconds(report.ended));
            }
            series.count_operations(connector, &report.counts);
            series.show_result(report);
        });
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

impl Series {
    fn register() -> Self {
        let registry = Registry::new();
        let names = Names { registry: &registry };
        let version = names.gauges("build_info", "1, with the version of the running program.", &["version"]);
        version.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let one_connector = &["connector"];
        Self {
            loaded: Mutex::default(),
            connectors: names.gauges("connectors", "Connectors in each state.", &["state"]),
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
                "When a run last began, however it ended; 0 before the first one.",
                one_connector,
            ),
            sync_last_success: names.moments(
                "sync_last_success_timestamp_seconds",
                "When a run last ended with success or with something held; absent before the first one.",
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
            sync_in_progress: names.gauges("sync_in_progress", "1 while a run is busy, else 0.", one_connector),
            operations: names.counters(
                "operations_total",
                "Changes in the target: create, update (rename and enable included), disable and delete of users and \
                 groups (disable_group: emptied because it left), add and remove of memberships, with result applied; \
                 those that failed are counted per kind of object, as operation user, group and membership, with \
                 result failed.",
                &["connector", "operation", "result"],
            ),
            held_operations: names.gauges(
                "held_operations",
                "What the last run that got as far held back for a person to look at, by the limit that holds it.",
                &["connector", "kind"],
            ),
            findings: names.gauges(
                "findings",
                "Records that the last run that got as far found something about, by kind of finding.",
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
            rate_limit_wait: names.add(CounterVec::new(
                opts("rate_limit_wait_seconds_total", "Time that requests waited for a rate-limit window."),
                &["org", "bucket"],
            )),
            registry,
        }
    }

    /// Makes every series of a connector, at 0; only the time of the last success is absent until it is known.
    fn create(&self, connector: &str) {
        for trigger in Trigger::ALL {
            for result in Outcome::ALL {
                self.sync_runs.with_label_values(&[connector, trigger.as_str(), result.as_str()]);
            }
        }
        for (operation, result, _) in operations(&Counts::default()) {
            self.operations.with_label_values(&[connector, operation, result]);
        }
        self.sync_duration.with_label_values(&[connector]);
        for vector in [&self.sync_last_attempt, &self.sync_next_run, &self.sync_interval] {
            vector.with_label_values(&[connector]);
        }
        self.sync_in_progress.with_label_values(&[connector]);
        for (vector, kinds) in self.by_kind() {
            for kind in kinds {
                vector.with_label_values(&[connector, kind]);
            }
        }
    }

    fn restore(&self, connector: &str, memory: &ConnectorMemory) {
        if let Some(at) = memory.last_attempt {
            self.sync_last_attempt.with_label_values(&[connector]).set(seconds(at));
        }
        if let Some(at) = memory.last_success {
            self.sync_last_success.with_label_values(&[connector]).set(seconds(at));
        }
        if let Some(report) = &memory.last_report {
            self.show_result(report);
        }
    }

    /// Takes every series of a connector away. Series that do not exist are none the worse for it.
    fn remove(&self, connector: &str) {
        for trigger in Trigger::ALL {
            for result in Outcome::ALL {
                drop(self.sync_runs.remove_label_values(&[connector, trigger.as_str(), result.as_str()]));
            }
        }
        for (operation, result, _) in operations(&Counts::default()) {
            drop(self.operations.remove_label_values(&[connector, operation, result]));
        }
        drop(self.sync_duration.remove_label_values(&[connector]));
        for vector in
            [&self.sync_last_attempt, &self.sync_last_success, &self.sync_next_run, &self.sync_interval]
        {
            drop(vector.remove_label_values(&[connector]));
        }
        drop(self.sync_in_progress.remove_label_values(&[connector]));
        for (vector, kinds) in self.by_kind() {
            for kind in kinds {
                drop(vector.remove_label_values(&[connector, kind]));
            }
        }
    }

    /// The gauges with the labels `connector` and `kind`, each with all its kinds.
    fn by_kind(&self) -> [(&IntGaugeVec, Vec<&'static str>); 3] {
        [
            (&self.held_operations, HoldKind::ALL.map(HoldKind::as_str).to_vec()),
            (&self.findings, FindingKind::ALL.map(FindingKind::as_str).to_vec()),
            (&self.managed_objects, KINDS.to_vec()),
        ]
    }

    fn count_operations(&self, connector: &str, counts: &Counts) {
        for (operation, result, count) in operations(counts) {
            self.operations.with_label_values(&[connector, operation, result]).inc_by(count);
        }
    }

    /// Shows what is held, found and managed. A run that ended early knows none of it: what an earlier one said stays.
    fn show_result(&self, report: &Report) {
        if matches!(report.outcome, Outcome::Failed | Outcome::Cancelled) {
            return;
        }
        let connector = report.connector.as_str();
        for kind in HoldKind::ALL {
            let held = report.holds.iter().filter(|hold| hold.kind == kind).map(|hold| hold.count).sum();
            self.held_operations.with_label_values(&[connector, kind.as_str()]).set(integer(held));
        }
        for kind in FindingKind::ALL {
            let found = report.findings.iter().filter(|finding| finding.kind == kind).count();
            self.findings.with_label_values(&[connector, kind.as_str()]).set(integer(found as u64));
        }
        let managed = [report.managed.users, report.managed.groups, report.managed.memberships];
        for (kind, count) in KINDS.into_iter().zip(managed) {
            self.managed_objects.with_label_values(&[connector, kind]).set(integer(count));
        }
    }
}

/// The label values `operation` and `result` of each count of changes. Exhaustive on purpose: a new count must be placed.
fn operations(counts: &Counts) -> Vec<(&'static str, &'static str, u64)> {
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
    let mut all = Vec::with_capacity(13);
    all.extend(of(["create_user", "update_user", "disable_user", "delete_user", "user"], users));
    all.extend(of(["create_group", "update_group", "disable_group", "delete_group", "group"], groups));
    // Memberships are added and removed; nothing else can happen to one.
    all.push(("add_membership", "applied", memberships.created));
    all.push(("remove_membership", "applied", memberships.deleted));
    all.push(("membership", "failed", memberships.failed));
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
fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::model::Finding;
    use crate::sync::report::{FORMAT_VERSION, HoldSummary, Managed};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn report(outcome: Outcome) -> Report {
        Report {
            format_version: FORMAT_VERSION,
            run: 7,
            connector: "acme".to_owned(),
            trigger: Trigger::Cron,
            started: at("2026-11-23T03:00:00Z"),
            ended: at("2026-11-23T03:00:42Z"),
            outcome,
            error: None,
            counts: Counts {
                users: KindCounts { created: 3, failed: 1, unchanged: 90, ..KindCounts::default() },
                groups: KindCounts { disabled: 2, ..KindCounts::default() },
                memberships: KindCounts { created: 40, deleted: 5, ..KindCounts::default() },
            },
            findings: vec![Finding::new(FindingKind::NameCollision, "anna", "two users want the name anna")],
            holds: vec![HoldSummary {
                kind: HoldKind::Leavers,
                group: None,
                count: 30,
                allowed: 10,
                base: 100,
                reason: "30 of 100 users left".to_owned(),
                names: Vec::new(),
            }],
            not_proven: Vec::new(),
            requests: 12,
            managed: Managed { users: 100, groups: 6, memberships: 400 },
            operations: Vec::new(),
        }
    }

    /// The value of the series written exactly so, without the prefix.
    fn value(metrics: &Metrics, series: &str) -> Option<String> {
        let start = format!("usersyncd_{series} ");
        metrics.text().lines().find_map(|line| line.strip_prefix(&start).map(str::to_owned))
    }

    fn assert_value(metrics: &Metrics, series: &str, expected: &str) {
        assert_eq!(value(metrics, series).as_deref(), Some(expected), "{series}");
    }

    #[test]
    fn series_without_connector_exist_at_once() {
        let metrics = Metrics::new();
        assert_value(&metrics, &format!("build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), "1");
        for state in ConnectorState::ALL {
            assert_value(&metrics, &format!("connectors{{state=\"{}\"}}", state.as_str()), "0");
        }
        assert_value(&metrics, "config_reload_success", "0");
        assert_value(&metrics, "http_requests_total{api=\"okta\",code=\"429\"}", "0");
        assert_value(&metrics, "http_request_duration_seconds_count{api=\"okta\"}", "0");
        assert!(!metrics.text().contains("connector="));
    }

    #[test]
    fn series_of_a_connector_start_at_zero() {
        let metrics = Metrics::new();
        metrics.connector_loaded("acme", &ConnectorMemory::default());
        for series in [
            "sync_runs_total{connector=\"acme\",result=\"failed\",trigger=\"cron\"}",
            "sync_duration_seconds_count{connector=\"acme\"}",
            "sync_last_attempt_timestamp_seconds{connector=\"acme\"}",
            "sync_next_run_timestamp_seconds{connector=\"acme\"}",
            "sync_interval_seconds{connector=\"acme\"}",
            "sync_in_progress{connector=\"acme\"}",
            "operations_total{connector=\"acme\",operation=\"create_user\",result=\"applied\"}",
            "operations_total{connector=\"acme\",operation=\"membership\",result=\"failed\"}",
            "held_operations{connector=\"acme\",kind=\"leavers\"}",
            "findings{connector=\"acme\",kind=\"name_collision\"}",
            "managed_objects{connector=\"acme\",kind=\"memberships\"}",
        ] {
            assert_value(&metrics, series, "0");
        }
    }

    /// RULES 33: a connector that never ran has no last_success series.
    #[test]
    fn last_success_is_absent_until_known_and_restored_from_memory() {
        let series = "sync_last_success_timestamp_seconds{connector=\"acme\"}";
        let metrics = Metrics::new();
        metrics.connector_loaded("acme", &ConnectorMemory::default());
        assert_eq!(value(&metrics, series), None);
        metrics.run_ended(&report(Outcome::Partial));
        assert_eq!(value(&metrics, series), None, "RULES 28: only success and held move it");
        metrics.run_ended(&report(Outcome::Held));
        assert_value(&metrics, series, "1795402842");

        let metrics = Metrics::new();
        let memory = ConnectorMemory {
            last_attempt: Some(at("2026-11-23T05:00:00Z")),
            last_success: Some(at("2026-11-23T03:00:42Z")),
            last_report: Some(report(Outcome::Held)),
            ..ConnectorMemory::default()
        };
        metrics.connector_loaded("acme", &memory);
        assert_value(&metrics, series, "1795402842");
        assert_value(&metrics, "sync_last_attempt_timestamp_seconds{connector=\"acme\"}", "1795410000");
        assert_value(&metrics, "managed_objects{connector=\"acme\",kind=\"users\"}", "100");
        assert_value(&metrics, "held_operations{connector=\"acme\",kind=\"leavers\"}", "30");
        let runs = "sync_runs_total{connector=\"acme\",result=\"held\",trigger=\"cron\"}";
        assert_value(&metrics, runs, "0");
    }

    #[test]
    fn a_run_is_counted() {
        let metrics = Metrics::new();
        metrics.connector_loaded("acme", &ConnectorMemory::default());
        metrics.run_began("acme", Trigger::Cron, at("2026-11-23T03:00:00Z"));
        assert_value(&metrics, "sync_in_progress{connector=\"acme\"}", "1");
        assert_value(&metrics, "sync_last_attempt_timestamp_seconds{connector=\"acme\"}", "1795402800");
        metrics.run_ended(&report(Outcome::Partial));
        metrics.run_ended(&report(Outcome::Partial));
        assert_value(&metrics, "sync_in_progress{connector=\"acme\"}", "0");
        for (series, expected) in [
            ("sync_runs_total{connector=\"acme\",result=\"partial\",trigger=\"cron\"}", "2"),
            ("sync_duration_seconds_sum{connector=\"acme\"}", "84"),
            ("operations_total{connector=\"acme\",operation=\"create_user\",result=\"applied\"}", "6"),
            ("operations_total{connector=\"acme\",operation=\"user\",result=\"failed\"}", "2"),
            ("operations_total{connector=\"acme\",operation=\"disable_group\",result=\"applied\"}", "4"),
            ("operations_total{connector=\"acme\",operation=\"add_membership\",result=\"applied\"}", "80"),
            ("operations_total{connector=\"acme\",operation=\"remove_membership\",result=\"applied\"}", "10"),
            ("findings{connector=\"acme\",kind=\"name_collision\"}", "1"),
        ] {
            assert_value(&metrics, series, expected);
        }
    }

    #[test]
    fn a_failed_run_does_not_pretend_that_nothing_is_managed_or_held() {
        let metrics = Metrics::new();
        metrics.connector_loaded("acme", &ConnectorMemory::default());
        metrics.run_ended(&report(Outcome::Held));
        let failed = Report {
            outcome: Outcome::Failed,
            counts: Counts::default(),
            findings: Vec::new(),
            holds: Vec::new(),
            managed: Managed::default(),
            ..report(Outcome::Failed)
        };
        metrics.run_ended(&failed);
        assert_value(&metrics, "managed_objects{connector=\"acme\",kind=\"users\"}", "100");
        assert_value(&metrics, "held_operations{connector=\"acme\",kind=\"leavers\"}", "30");
        assert_value(&metrics, "findings{connector=\"acme\",kind=\"name_collision\"}", "1");
    }

    #[test]
    fn all_series_go_with_the_connector_and_a_late_run_brings_none_back() {
        let metrics = Metrics::new();
        metrics.connector_loaded("other", &ConnectorMemory::default());
        metrics.connector_loaded("acme", &ConnectorMemory::default());
        metrics.next_run("acme", Some(at("2026-11-23T03:00:00Z")), Some(Duration::from_secs(3600)));
        metrics.run_began("acme", Trigger::Manual, at("2026-11-23T03:00:00Z"));
        metrics.run_ended(&report(Outcome::Success));
        metrics.connector_gone("acme");
        metrics.run_ended(&report(Outcome::Success));
        metrics.next_run("acme", None, None);
        let text = metrics.text();
        let left: Vec<_> = text.lines().filter(|line| line.contains("connector=\"acme\"")).collect();
        assert!(left.is_empty(), "{left:#?}");
        assert!(text.contains("connector=\"other\""));
    }

    #[test]
    fn schedule_and_states() {
        let metrics = Metrics::new();
        metrics.connector_loaded("acme", &ConnectorMemory::default());
        metrics.next_run("acme", Some(at("2026-11-23T03:00:00Z")), Some(Duration::from_secs(14_400)));
        assert_value(&metrics, "sync_next_run_timestamp_seconds{connector=\"acme\"}", "1795402800");
        assert_value(&metrics, "sync_interval_seconds{connector=\"acme\"}", "14400");
        metrics.next_run("acme", None, None);
        assert_value(&metrics, "sync_next_run_timestamp_seconds{connector=\"acme\"}", "0");
        metrics.connector_states(&[ConnectorState::Idle, ConnectorState::Held, ConnectorState::Idle]);
        assert_value(&metrics, "connectors{state=\"idle\"}", "2");
        metrics.connector_states(&[ConnectorState::ConfigError]);
        assert_value(&metrics, "connectors{state=\"idle\"}", "0");
        assert_value(&metrics, "connectors{state=\"config_error\"}", "1");
    }

    #[test]
    fn reloads_and_requests() {
        let metrics = Metrics::new();
        metrics.config_reloaded(true, at("2026-11-23T03:00:00Z"));
        metrics.config_reloaded(false, at("2026-11-23T04:00:00Z"));
        assert_value(&metrics, "config_reload_success", "0");
        assert_value(&metrics, "config_last_reload_success_timestamp_seconds", "1795402800");
        metrics.http_request("okta", Some(429), Duration::from_millis(250));
        metrics.http_request("okta", None, Duration::from_secs(30));
        assert_value(&metrics, "http_requests_total{api=\"okta\",code=\"429\"}", "1");
        assert_value(&metrics, "http_requests_total{api=\"okta\",code=\"none\"}", "1");
        assert_value(&metrics, "http_request_duration_seconds_count{api=\"okta\"}", "2");
        metrics.rate_limit_remaining("https://acme.okta.com", "users", 299);
        let labels = "{bucket=\"users\",org=\"https://acme.okta.com\"}";
        assert_value(&metrics, &format!("rate_limit_remaining{labels}"), "299");
        assert_value(&metrics, &format!("rate_limit_wait_seconds_total{labels}"), "0");
        metrics.rate_limit_waited("https://acme.okta.com", "users", Duration::from_millis(1500));
        assert_value(&metrics, &format!("rate_limit_wait_seconds_total{labels}"), "1.5");
    }

    #[test]
    fn many_threads_count_together() {
        let metrics = Metrics::new();
        metrics.connector_loaded("acme", &ConnectorMemory::default());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        metrics.run_ended(&report(Outcome::Success));
                    }
                });
            }
        });
        assert_value(
            &metrics,
            "sync_runs_total{connector=\"acme\",result=\"success\",trigger=\"cron\"}",
            "200",
        );
    }
}
