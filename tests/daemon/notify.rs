//! People are told what became of runs, once, by a webhook that can check who tells it and by a command.

use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use hmac::{Hmac, Mac};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use sandbox::okta::{Fault, FaultKind, Route};
use serde_json::Value;
use sha2::Sha256;
use tokio::runtime::Runtime;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::harness::{Daemon, Site};

/// What only a fault takes that long.
const DEADLINE: Duration = Duration::from_secs(60);
/// In the address and in the key, and nowhere else.
const CANARY: &str = "k4n4ry";

/// Somebody who is told, and checks it as docs/operations.md says.
struct Told {
    requests: Receiver<Request>,
    server: MockServer,
    _runtime: Runtime,
}

impl Told {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (sender, requests) = channel();
        let server = runtime.block_on(serve(sender));
        Self { requests, server, _runtime: runtime }
    }

    /// The next event, with its body.
    fn next(&self) -> (String, Value) {
        let request = self
            .requests
            .recv_timeout(DEADLINE)
            .unwrap_or_else(|_| panic!("nobody was told anything within {DEADLINE:?}"));
        let header = |name: &str| request.headers[name].to_str().unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(format!("{CANARY} key").as_bytes()).unwrap();
        mac.update(format!("{}.", header("x-usersyncd-timestamp")).as_bytes());
        mac.update(&request.body);
        let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(header("x-usersyncd-signature"), format!("sha256={digest}"));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["event"], header("x-usersyncd-event"));
        (header("x-usersyncd-event").to_owned(), body)
    }
}

async fn serve(sender: Sender<Request>) -> MockServer {
    let server = MockServer::start().await;
    let takes = move |request: &Request| {
        sender.send(request.clone()).unwrap();
        ResponseTemplate::new(204)
    };
    Mock::given(method("POST")).and(path(format!("/{CANARY}"))).respond_with(takes).mount(&server).await;
    server
}

/// Stops a daemon, and returns its log.
fn stopped(mut daemon: Daemon) -> String {
    daemon.signal(Signal::SIGTERM);
    let status = daemon.ended();
    assert!(status.success(), "{status}: {}", daemon.log());
    daemon.log()
}

#[test]
fn each_change_is_told_once_by_webhook_and_command() {
    let site = Site::new();
    let receiver = Told::new();
    fs::write(site.path("url"), format!("{}/{CANARY}\n", receiver.server.uri())).unwrap();
    fs::write(site.path("key"), format!("{CANARY} key\n")).unwrap();
    let pipe = site.path("pipe");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let script = r#"{ echo "$USERSYNCD_EVENT $USERSYNCD_CONNECTOR $USERSYNCD_RUN"; cat; } >"$0""#;
    site.settings(&format!(
        "notify:\n  command: [/bin/sh, -c, '{script}', {}]\n  command_timeout: 1h\n",
        pipe.display()
    ));
    let (url, key) = (site.path("url"), site.path("key"));
    site.write(
        "acme",
        &site.connector(&format!(
            "notify: {{ webhook: {{ url: {{ file: {} }}, key: {{ file: {} }} }} }}",
            url.display(),
            key.display()
        )),
    );
    // What the command gets: its environment, and the report.
    let by_command = || {
        let text = fs::read_to_string(&pipe).unwrap();
        let (first, report) = text.split_once('\n').unwrap();
        (first.to_owned(), serde_json::from_str::<Value>(report).unwrap())
    };

    let daemon = site.start();
    let report = daemon.sync("acme");
    let (event, body) = receiver.next();
    assert_eq!(
        (event.as_str(), &body["run"], &body["outcome"]),
        ("first_success", &report["run"], &report["outcome"])
    );
    assert_eq!(body["counts"], report["counts"]);
    assert_eq!(by_command(), ("first_success acme 1".to_owned(), report));

    // Half of the users are gone from view.
    let narrowed =
        site.okta.fault(Fault::on(Route::Any).kind(FaultKind::Narrowed { users: 50, groups: 100 }));
    let report = daemon.sync("acme");
    assert!(site.okta.met(narrowed) > 0);
    assert_eq!(report["outcome"], "held", "{report:#}");
    let (event, body) = receiver.next();
    assert_eq!(event, "held");
    let (told, held) = (&body["holds"][0], &report["holds"][0]);
    for key in ["kind", "count", "allowed", "base", "reason"] {
        assert_eq!(told[key], held[key], "{key}");
    }
    let names = held["names"].as_array().unwrap();
    assert!(names.len() > 10);
    for name in names {
        assert!(!body.to_string().contains(name.as_str().unwrap()), "{name}: {body}");
    }
    assert_eq!(by_command(), ("held acme 2".to_owned(), report));
    site.okta.clear_faults();

    // It fails twice, which is told once; a restart between the two makes no difference.
    let refused = site.okta.fault(Fault::on(Route::Users).kind(FaultKind::Status(403)));
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "failed");
    let (event, body) = receiver.next();
    assert_eq!((event.as_str(), &body["error"]), ("failed", &report["error"]));
    assert_eq!(by_command().0, "failed acme 3");
    let first_log = stopped(daemon);
    let daemon = site.start();
    assert_eq!(daemon.sync("acme")["outcome"], "failed");
    assert_eq!(site.okta.met(refused), 2);
    site.okta.clear_faults();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    let (event, body) = receiver.next();
    assert_eq!((event.as_str(), body["run"].as_u64()), ("recovered", Some(5)));
    assert_eq!(by_command().0, "recovered acme 5");
    // Nothing changed: the next that is told is not of this run.
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    site.okta.fault(Fault::on(Route::Users).kind(FaultKind::Status(403)));
    assert_eq!(daemon.sync("acme")["outcome"], "failed");
    let (event, body) = receiver.next();
    assert_eq!((event.as_str(), body["run"].as_u64()), ("failed", Some(7)));
    assert_eq!(by_command().0, "failed acme 7");

    let second_log = stopped(daemon);
    for (log, events) in
        [(first_log, &["first_success", "held", "failed"][..]), (second_log, &["recovered", "failed"])]
    {
        for channel in ["webhook", "command"] {
            let told = format!("the {channel} was told of it (");
            let told: Vec<_> = log.lines().filter_map(|line| line.split_once(&told)).collect();
            let told: Vec<_> = told.iter().map(|(_, rest)| rest.split_once(')').unwrap().0).collect();
            assert_eq!(told, events, "{channel}: {log}");
        }
        assert!(!log.contains(CANARY), "{log}");
    }
}
