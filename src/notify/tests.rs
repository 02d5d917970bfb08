//! Who is told, in which order, and what becomes of what cannot be told.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wiremock::matchers::{body_partial_json, header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::testing::{command, counted, courier, hold, log, report, watched_pipe, webhook};
use super::*;
use crate::config::model::{ConnectorNotify, SecretRef};
use crate::sync::report::Outcome;
use crate::sync::rules::Rules;

/// What only a fault takes that long; less than a try of a webhook may.
const DEADLINE: Duration = Duration::from_secs(30);

const NEVER: Before = Before { outcome: None, succeeded: false };

fn settings() -> NotifySettings {
    NotifySettings {
        webhook: Some(webhook("/everybody".into())),
        command: Some(command(&["/bin/tell"])),
        ..NotifySettings::default()
    }
}

fn acme(notify: ConnectorNotify) -> Connector {
    Connector { notify, ..Connector::for_tests(Rules::default()) }
}

/// Each delivery that waits: the event and whom it is for.
fn waiting(queue: &mut Queue) -> Vec<(Event, String)> {
    let whom = |way: &Way| match way {
        Way::Webhook(webhook) => webhook.url.to_string(),
        Way::Command(command) => command.program.display().to_string(),
    };
    queue.waiting().iter().map(|delivery| (delivery.event, whom(&delivery.way))).collect()
}

#[tokio::test]
async fn whoever_asked_is_told_and_nobody_else() {
    use Event::{Failed, FirstSuccess, Held};
    let only = |events: &[Event]| Some(events.iter().copied().collect::<BTreeSet<_>>());
    let own = || Some(webhook("/own".into()));
    let mut held = report(Outcome::Partial);
    held.holds = vec![hold(true)];
    /// Both files, a run, and what is told to whom.
    type Row<'a> = (NotifySettings, ConnectorNotify, &'a Report, &'a [(Event, &'a str)]);
    let table: [Row<'_>; 7] = [
        (NotifySettings::default(), ConnectorNotify::default(), &held, &[]),
        (
            settings(),
            ConnectorNotify::default(),
            &report(Outcome::Success),
            &[(FirstSuccess, "file /everybody"), (FirstSuccess, "/bin/tell")],
        ),
        (
            settings(),
            ConnectorNotify { webhook: own(), on: None },
            &held,
            &[(Failed, "file /own"), (Failed, "/bin/tell"), (Held, "file /own"), (Held, "/bin/tell")],
        ),
        (
            NotifySettings { on: [Held].into(), ..settings() },
            ConnectorNotify { webhook: own(), on: None },
            &held,
            &[(Held, "file /own"), (Held, "/bin/tell")],
        ),
        (
            NotifySettings { on: [Held].into(), ..settings() },
            ConnectorNotify { webhook: None, on: only(&[Failed]) },
            &held,
            &[(Failed, "file /everybody"), (Failed, "/bin/tell")],
        ),
        (settings(), ConnectorNotify { webhook: own(), on: only(&[]) }, &held, &[]),
        (
            NotifySettings::default(),
            ConnectorNotify { webhook: own(), on: None },
            &report(Outcome::Failed),
            &[(Failed, "file /own")],
        ),
    ];
    for (settings, connector, report, expected) in table {
        let (notifier, mut queue) = Notifier::new(settings, Metrics::new());
        notifier.tell(&acme(connector), NEVER, report);
        let expected: Vec<_> = expected.iter().map(|(event, whom)| (*event, (*whom).to_owned())).collect();
        assert_eq!(waiting(&mut queue), expected);
    }
}

#[tokio::test]
async fn new_settings_count_for_what_comes() {
    let (notifier, mut queue) = Notifier::new(NotifySettings::default(), Metrics::new());
    let tell = || notifier.tell(&acme(ConnectorNotify::default()), NEVER, &report(Outcome::Failed));
    tell();
    notifier.configure(NotifySettings { webhook: None, ..settings() });
    tell();
    assert_eq!(waiting(&mut queue), [(Event::Failed, "/bin/tell".to_owned())]);
}

/// Nobody empties the queue: telling ends all the same, and says what is lost.
#[tokio::test]
async fn what_is_too_much_is_dropped_and_counted() {
    let log = log();
    let metrics = Metrics::new();
    let (notifier, mut queue) =
        Notifier::new(NotifySettings { webhook: None, ..settings() }, metrics.clone());
    for run in 0..300 {
        let report = Report { run, ..report(Outcome::Failed) };
        notifier.tell(&acme(ConnectorNotify::default()), NEVER, &report);
    }
    let waiting = queue.waiting();
    assert_eq!(
        waiting.iter().map(|delivery| delivery.report.run).collect::<Vec<_>>(),
        (0..256).collect::<Vec<_>>()
    );
    assert_eq!(counted(&metrics, "command", "dropped"), 44);
    assert_eq!(log.text().matches("256 notifications wait already").count(), 44, "{}", log.text());
    // Their places are free again.
    drop(waiting);
    notifier.tell(&acme(ConnectorNotify::default()), NEVER, &report(Outcome::Failed));
    assert_eq!(queue.waiting().len(), 1);
}

/// A queue that is being emptied, with a notifier whose webhook is `server`.
struct Running {
    notifier: Notifier,
    metrics: Metrics,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl Running {
    fn new(server: &MockServer, courier: Courier) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = directory.path().join("url");
        std::fs::write(&url, server.uri()).unwrap();
        let metrics = Metrics::new();
        let settings = NotifySettings { webhook: Some(webhook(url)), ..NotifySettings::default() };
        let (notifier, queue) = Notifier::new(settings, metrics.clone());
        let stop = CancellationToken::new();
        let task = tokio::spawn(queue.run(courier, stop.clone()));
        Self { notifier, metrics, stop, task, _directory: directory }
    }

    fn tell(&self, name: &str, outcome: Outcome, before: Outcome) {
        let connector = Connector { name: name.to_owned(), ..acme(ConnectorNotify::default()) };
        let before = Before { outcome: Some(before), succeeded: true };
        self.notifier.tell(&connector, before, &Report { connector: name.to_owned(), ..report(outcome) });
    }

    async fn stopped(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// What a server met: connector and event of each request.
async fn met(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let text = |request: &wiremock::Request| {
        let body: serde_json::Value = request.body_json().unwrap();
        format!("{} {}", body["connector"].as_str().unwrap(), body["event"].as_str().unwrap())
    };
    requests.iter().map(text).collect()
}

#[tokio::test]
async fn a_recovery_never_overtakes_the_failure_and_other_connectors_do_not_wait_for_either() {
    let server = MockServer::start().await;
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let failed = Mock::given(header("x-usersyncd-event", "failed"))
        .and(body_partial_json(serde_json::json!({"connector": "slow"})));
    failed.respond_with(ResponseTemplate::new(503)).up_to_n_times(3).with_priority(1).mount(&server).await;
    Mock::given(method("POST"))
        .respond_with(move |request: &wiremock::Request| {
            let body: serde_json::Value = request.body_json().unwrap();
            arrived.send(body["connector"].as_str().unwrap().to_owned()).unwrap();
            ResponseTemplate::new(204)
        })
        .mount(&server)
        .await;
    let patience = Patience { first_pause: Duration::from_millis(1), ..Patience::default() };
    let courier = Courier { patience, ..courier() };
    let running = Running::new(&server, courier);
    running.tell("slow", Outcome::Failed, Outcome::Success);
    running.tell("slow", Outcome::Success, Outcome::Failed);
    running.tell("quick", Outcome::Failed, Outcome::Success);
    let mut order = Vec::new();
    for _ in 0..3 {
        order.push(timeout(DEADLINE, arrivals.recv()).await.unwrap().unwrap());
    }
    let metrics = running.metrics.clone();
    running.stopped().await;
    let met = met(&server).await;
    let slow: Vec<_> = met.iter().filter(|line| line.starts_with("slow")).collect();
    assert_eq!(slow, ["slow failed", "slow failed", "slow failed", "slow failed", "slow recovered"]);
    assert_eq!(order.iter().filter(|name| *name == "quick").count(), 1);
    assert_eq!(counted(&metrics, "webhook", "delivered"), 3);
}

/// One receiver never answers: it has a place of its own.
#[tokio::test]
async fn a_receiver_that_hangs_holds_up_its_own_connector_only() {
    let log = log();
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = MockServer::start().await;
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    Mock::given(method("POST"))
        .respond_with(move |_: &wiremock::Request| {
            arrived.send(()).unwrap();
            ResponseTemplate::new(204)
        })
        .mount(&server)
        .await;
    let running = Running::new(&server, courier());
    let directory = tempfile::tempdir().unwrap();
    let url = directory.path().join("url");
    std::fs::write(&url, format!("http://{}", hanging.local_addr().unwrap())).unwrap();
    let slow = acme(ConnectorNotify { webhook: Some(webhook(url)), on: None });
    running.notifier.tell(&slow, NEVER, &report(Outcome::Failed));
    let (connection, _) = hanging.accept().await.unwrap();
    running.tell("quick", Outcome::Failed, Outcome::Success);
    timeout(DEADLINE, arrivals.recv()).await.expect("it waits for the other").unwrap();
    while counted(&running.metrics, "webhook", "delivered") == 0 {
        tokio::task::yield_now().await;
    }
    // The other is still waiting for its answer; without one for longer than a stop has patience, it is given up.
    let metrics = running.metrics.clone();
    running.stop.cancel();
    tokio::time::pause();
    running.task.await.unwrap();
    drop(connection);
    assert_eq!(counted(&metrics, "webhook", "dropped"), 1);
    let line = "the webhook was not told of it (failed) before the daemon stopped connector=\"acme\" run=7";
    assert!(log.text().contains(line), "{}", log.text());
}

/// What is in the queue when the daemon stops is still told.
#[tokio::test]
async fn a_stop_lets_what_waits_be_told() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let running = Running::new(&server, courier());
    for name in ["a", "b", "c"] {
        running.tell(name, Outcome::Failed, Outcome::Success);
        running.tell(name, Outcome::Success, Outcome::Failed);
    }
    let metrics = running.metrics.clone();
    running.stopped().await;
    let mut met = met(&server).await;
    met.sort();
    let expected = ["a failed", "a recovered", "b failed", "b recovered", "c failed", "c recovered"];
    assert_eq!(met, expected);
    assert_eq!(counted(&metrics, "webhook", "delivered"), 6);
}

/// A command that still runs when patience with it ends is killed with its children.
#[tokio::test]
async fn a_stop_leaves_no_command_behind() {
    let log = log();
    let directory = tempfile::tempdir().unwrap();
    let alive = directory.path().join("alive");
    let (has_started, has_ended) = watched_pipe(alive.clone());
    let script = "exec 9>\"$0\"; sleep 300 & echo started >&9; wait";
    let metrics = Metrics::new();
    let command = CommandSettings {
        timeout: Duration::from_secs(3_600),
        ..command(&["/bin/sh", "-c", script, alive.to_str().unwrap()])
    };
    let settings = NotifySettings { command: Some(command), ..NotifySettings::default() };
    let (notifier, queue) = Notifier::new(settings, metrics.clone());
    let stop = CancellationToken::new();
    let task = tokio::spawn(queue.run(courier(), stop.clone()));
    notifier.tell(&acme(ConnectorNotify::default()), NEVER, &report(Outcome::Failed));
    has_started.await.unwrap();
    stop.cancel();
    // From here on only the patience of the stop passes.
    tokio::time::pause();
    task.await.unwrap();
    // Both the shell and its child are gone.
    has_ended.await.unwrap();
    assert_eq!(counted(&metrics, "command", "dropped"), 1);
    assert!(log.text().contains("the command was not told of it (failed)"), "{}", log.text());
}

#[tokio::test]
async fn a_secret_that_is_gone_is_said_by_its_place() {
    let log = log();
    let metrics = Metrics::new();
    let url = SecretRef::Environment("NO_SUCH_VARIABLE".to_owned());
    let webhook = WebhookSettings { url, ..webhook("".into()) };
    let settings = NotifySettings { webhook: Some(webhook), ..NotifySettings::default() };
    let (notifier, mut queue) = Notifier::new(settings, metrics.clone());
    notifier.tell(&acme(ConnectorNotify::default()), NEVER, &report(Outcome::Failed));
    for delivery in queue.waiting() {
        delivery.make(&courier()).await;
    }
    assert_eq!(counted(&metrics, "webhook", "failed"), 1);
    let text = log.text();
    assert!(
        text.contains("ERROR") && text.contains("The environment variable `NO_SUCH_VARIABLE` is not set.")
    );
}
