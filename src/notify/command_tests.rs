//! Commands that do as they should, and those that do not.

use std::collections::BTreeMap;
use std::future::pending;

use super::*;
use crate::config::model::{Connector, NotifySettings};
use crate::notify::testing::{command, counted, courier, log, report, watched_pipe};
use crate::notify::{Before, Notifier};
use crate::sync::report::{Outcome, Report};
use crate::sync::rules::Rules;
use crate::telemetry::metrics::Metrics;

/// What only a fault takes that long.
const DEADLINE: Duration = Duration::from_secs(60);

/// Runs a script of the shell whose `$0` is that path, without a time limit.
async fn shell(script: &str, path: &str, input: &[u8]) -> Result<(), String> {
    let command = command(&["/bin/sh", "-c", script, path]);
    tokio::time::timeout(DEADLINE, run(&command, Vec::new(), input, pending())).await.expect("it hangs")
}

#[tokio::test]
async fn it_gets_the_report_and_a_clean_environment() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let script = "cat >\"$0/report\"; env >\"$0/environment\"; pwd >\"$0/pwd\"; echo \"$1\" >\"$0/argument\"";
    let command = command(&["/bin/sh", "-c", script, directory.path().to_str().unwrap(), "a b\"$(id)"]);
    let metrics = Metrics::new();
    let settings = NotifySettings { command: Some(command), ..NotifySettings::default() };
    let (notifier, mut queue) = Notifier::new(settings, metrics.clone());
    let report = Report { error: Some("the org did not answer".to_owned()), ..report(Outcome::Failed) };
    notifier.tell(&Connector::for_tests(Rules::default()), Before::default(), &report);
    for delivery in queue.waiting() {
        delivery.make(&courier()).await;
    }
    assert_eq!(counted(&metrics, "command", "delivered"), 1);
    let got: Report = serde_json::from_slice(&std::fs::read(path("report")).unwrap()).unwrap();
    assert_eq!(got, report);
    let environment = std::fs::read_to_string(path("environment")).unwrap();
    let mut environment: BTreeMap<&str, &str> =
        environment.lines().filter_map(|line| line.split_once('=')).collect();
    // What the shell adds.
    for name in ["PWD", "OLDPWD", "SHLVL", "_"] {
        environment.remove(name);
    }
    let inherited = ["PATH", "LANG"].map(|name| (name, std::env::var(name).ok()));
    for (name, value) in &inherited {
        assert_eq!(environment.remove(name), value.as_deref(), "{name}");
    }
    let own = [("USERSYNCD_CONNECTOR", "acme"), ("USERSYNCD_EVENT", "failed"), ("USERSYNCD_RUN", "7")];
    assert_eq!(environment, BTreeMap::from(own));
    assert_eq!(std::fs::read_to_string(path("pwd")).unwrap(), "/\n");
    assert_eq!(std::fs::read_to_string(path("argument")).unwrap(), "a b\"$(id)\n", "no shell reads it");
}

#[tokio::test]
async fn one_that_does_not_read_is_none_the_worse_for_it() {
    // More than a pipe holds.
    let large = vec![b'x'; 4 << 20];
    assert_eq!(shell("exit 0", "", &large).await, Ok(()));
    assert_eq!(shell("head -c 10 >/dev/null", "", &large).await, Ok(()));
    assert_eq!(shell("exec <&-; exit 0", "", &large).await, Ok(()));
}

#[tokio::test]
async fn one_that_fails_says_why_and_not_too_much() {
    let why = shell("echo out; echo 'no\tsuch room' >&2; exit 3", "", b"").await.unwrap_err();
    assert_eq!(why, "/bin/sh ended with exit status: 3, and said \"out / no\\tsuch room\"");
    let why = shell("kill -9 $$", "", b"").await.unwrap_err();
    assert!(why.starts_with("/bin/sh ended with signal: 9"), "{why}");
    // It writes more than pipes hold, and more than anybody reads.
    let why = shell(
        "head -c 1000000 /dev/zero | tr '\\0' x; head -c 1000000 /dev/zero | tr '\\0' y >&2; exit 1",
        "",
        b"",
    )
    .await
    .unwrap_err();
    assert_eq!(why.matches('x').count(), KEPT_OUTPUT + "exit".matches('x').count());
    assert_eq!(why.matches('y').count(), KEPT_OUTPUT);
}

#[tokio::test]
async fn one_that_is_missing_is_said_to_be() {
    let log = log();
    let metrics = Metrics::new();
    let settings =
        NotifySettings { command: Some(command(&["/nonexistent/tell"])), ..NotifySettings::default() };
    let (notifier, mut queue) = Notifier::new(settings, metrics.clone());
    notifier.tell(&Connector::for_tests(Rules::default()), Before::default(), &report(Outcome::Failed));
    for delivery in queue.waiting() {
        delivery.make(&courier()).await;
    }
    assert_eq!(counted(&metrics, "command", "failed"), 1);
    let said = log.text();
    assert!(said.contains("/nonexistent/tell could not be started: No such file or directory"), "{said}");
    assert!(said.contains("WARN") && said.contains("connector=\"acme\" run=7"), "{said}");
}

/// A shell that ignores SIGTERM, with a child that does so too. Both hold the other end of a pipe.
#[tokio::test]
async fn one_that_takes_too_long_is_killed_with_its_children() {
    let directory = tempfile::tempdir().unwrap();
    let alive = directory.path().join("alive");
    let (has_started, has_ended) = watched_pipe(alive.clone());
    let script = "trap '' TERM; exec 9>\"$0\"; sleep 300 & echo started; echo started >&9; wait; sleep 300";
    let command = command(&["/bin/sh", "-c", script, alive.to_str().unwrap()]);
    let over = async { has_started.await.unwrap() };
    let why = run(&command, Vec::new(), b"{}", over).await.unwrap_err();
    assert_eq!(
        why,
        "/bin/sh was killed, since it took longer than 30 s (notify.command_timeout), and said \"started\""
    );
    let ended = tokio::time::timeout(DEADLINE, has_ended).await;
    assert_eq!(ended.expect("somebody lives on").unwrap(), "");
}

/// The limit is the one of the settings.
#[tokio::test(start_paused = true)]
async fn the_time_limit_is_kept() {
    let settings =
        NotifySettings { command: Some(command(&["/bin/sleep", "300"])), ..NotifySettings::default() };
    let metrics = Metrics::new();
    let (notifier, mut queue) = Notifier::new(settings, metrics.clone());
    notifier.tell(&Connector::for_tests(Rules::default()), Before::default(), &report(Outcome::Failed));
    let before = tokio::time::Instant::now();
    for delivery in queue.waiting() {
        delivery.make(&courier()).await;
    }
    // With up to four seconds for it to be gone.
    assert!((30..=34).contains(&before.elapsed().as_secs()), "{:?}", before.elapsed());
    assert_eq!(counted(&metrics, "command", "failed"), 1);
}

/// What goes on in the background with its output closed is let be; what keeps it open counts as part of the command.
#[tokio::test]
async fn a_command_is_over_when_its_outputs_are() {
    let directory = tempfile::tempdir().unwrap();
    let alive = directory.path().join("alive");
    nix::unistd::mkfifo(&alive, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let path = alive.to_str().unwrap().to_owned();
    // The background process ends when somebody reads the pipe, which happens after the command is over.
    // It holds the other end of the command's input, too.
    let script = "exec 3<&0; (echo done >\"$0\") >/dev/null 2>&1 </dev/null & exit 0";
    assert_eq!(shell(script, &path, &vec![b'x'; 4 << 20]).await, Ok(()));
    let said = tokio::task::spawn_blocking(move || std::fs::read_to_string(alive).unwrap()).await.unwrap();
    assert_eq!(said, "done\n");
    let why = shell("(exec 2>&-; sleep 0; echo late) & exit 4", "", b"{}").await.unwrap_err();
    assert!(why.ends_with("exit status: 4, and said \"late\""), "{why}");
}
