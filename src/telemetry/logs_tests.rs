use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};

use tracing::{debug, error, info, info_span, warn};

use super::*;

/// What `events` writes.
fn written(
    format: LogFormat,
    clock: Option<Clock>,
    priorities: bool,
    events: impl FnOnce(&LogHandle),
) -> String {
    let buffer = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&buffer);
    let lines = Lines {
        format,
        clock,
        priorities,
        journal: None,
        write: move |line: &str| sink.lock().unwrap().push_str(line),
    };
    let (filter, handle) = reload::Layer::new(targets(LogLevel::Info));
    let subscriber = Registry::default().with(filter).with(lines);
    tracing::subscriber::with_default(subscriber, || events(&LogHandle(handle)));
    buffer.lock().unwrap().clone()
}

#[test]
fn connector_and_run_stand_in_front() {
    let text = written(LogFormat::Text, None, false, |_| {
        info!("3 connectors loaded");
        let connector = info_span!("connector", connector = %"acme").entered();
        info!(next = "03:00 UTC", "waiting");
        let run = info_span!(parent: &connector, "run", run = 17_u64, trigger = "cron").entered();
        warn!(users = 12, "12 users created");
        drop(run);
        error!(connector = "other", "its file is broken");
    });
    assert_eq!(
        text,
        "INFO 3 connectors loaded\n\
         INFO acme: waiting next=\"03:00 UTC\"\n\
         WARN acme run 17: 12 users created users=12\n\
         ERROR other: its file is broken\n"
    );
}

#[test]
fn a_run_number_may_be_recorded_later() {
    let text = written(LogFormat::Text, None, false, |_| {
        let span = info_span!("run", connector = "acme", run = tracing::field::Empty).entered();
        span.record("run", 4_u64);
        info!("began");
    });
    assert_eq!(text, "INFO acme run 4: began\n");
}

#[test]
fn names_cannot_forge_lines_or_colour_terminals() {
    let text = written(LogFormat::Text, None, false, |_| {
        info!(user = "eve\nERROR acme: all users deleted", "created \u{1b}[2J{}", "a\nb");
    });
    assert_eq!(text, "INFO created \\u{1b}[2Ja\\nb user=\"eve\\nERROR acme: all users deleted\"\n");
}

#[tokio::test(start_paused = true)]
async fn time_and_json() {
    let base = "2026-11-23T03:00:00Z".parse().unwrap();
    let clock = Clock::starting_at(base);
    let text = written(LogFormat::Json, Some(clock.clone()), false, |_| {
        let _span = info_span!("run", connector = "acme", run = 17_u64).entered();
        info!(created = 12, level = "odd", "say \"hi\"\n");
    });
    assert_eq!(
        text,
        "{\"timestamp\":\"2026-11-23T03:00:00.000Z\",\"level\":\"info\",\"target\":\"usersyncd::telemetry::logs::tests\",\
         \"connector\":\"acme\",\"run\":17,\"message\":\"say \\\"hi\\\"\\n\",\"created\":12,\"field.level\":\"odd\"}\n"
    );
    let text = written(LogFormat::Text, Some(clock), false, |_| info!("hello"));
    assert_eq!(text, "2026-11-23T03:00:00.000Z INFO hello\n");
}

#[test]
fn the_journal_gets_severities() {
    let text = written(LogFormat::Text, None, true, |_| {
        error!("a");
        warn!("b");
        info!("c");
    });
    assert_eq!(text, "<3>ERROR a\n<4>WARN b\n<6>INFO c\n");
}

#[test]
fn the_journal_gets_the_fields_by_which_a_run_is_found() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("journal");
    let listening = UnixDatagram::bind(&path).unwrap();
    let journal = Some(Journal::open(&path).unwrap());
    let lines = Lines {
        format: LogFormat::Text,
        clock: None,
        priorities: true,
        journal,
        write: |line: &str| panic!("a line beside the entry: {line}"),
    };
    tracing::subscriber::with_default(Registry::default().with(lines), || {
        let _span = info_span!("run", connector = "acme", run = 17_u64).entered();
        warn!(users = 12, "12 users\ncreated");
    });
    let mut seen = [0; 512];
    let length = listening.recv(&mut seen).unwrap();
    let seen = String::from_utf8_lossy(&seen[..length]).replace('\0', "");
    for field in [
        "PRIORITY\n\u{1}4\n",
        "USERSYNCD_CONNECTOR\n\u{4}acme\n",
        "USERSYNCD_RUN\n\u{2}17\n",
        "WARN acme run 17: 12 users\\ncreated users=12\n",
    ] {
        assert!(seen.contains(field), "{field:?} is not in {seen:?}");
    }
}

#[test]
fn what_the_journal_does_not_take_is_written_as_a_line() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("journal");
    let listening = UnixDatagram::bind(&path).unwrap();
    let journal = Some(Journal::open(&path).unwrap());
    drop(listening);
    let buffer = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&buffer);
    let lines = Lines {
        format: LogFormat::Text,
        clock: None,
        priorities: true,
        journal,
        write: move |line: &str| sink.lock().unwrap().push_str(line),
    };
    tracing::subscriber::with_default(Registry::default().with(lines), || info!("still here"));
    assert_eq!(*buffer.lock().unwrap(), "<6>INFO still here\n");
}

#[test]
fn only_this_crate_speaks_below_warning_and_the_level_changes_at_run_time() {
    let text = written(LogFormat::Text, None, false, |handle| {
        info!(target: "hyper::client", "chatter");
        warn!(target: "hyper::client", "trouble");
        debug!("not yet");
        handle.set(LogLevel::Debug);
        debug!("now");
        debug!(target: "hyper::client", "chatter");
        handle.set(LogLevel::Error);
        warn!(target: "hyper::client", "trouble");
        warn!("quiet");
    });
    assert_eq!(text, "WARN hyper::client: trouble\nDEBUG now\n");
}

#[test]
fn the_journal_is_known_by_device_and_inode() {
    assert!(names_stream("9:123456", 9, 123_456));
    for other in ["9:123457", "8:123456", "9", "", "a:b"] {
        assert!(!names_stream(other, 9, 123_456), "{other:?}");
    }
}

#[test]
fn levels_have_names() {
    for level in LogLevel::ALL {
        assert_eq!(LogLevel::from_name(level.as_str()), Some(level));
    }
    assert_eq!(LogLevel::from_name("WARN"), Some(LogLevel::Warn));
    assert_eq!(LogLevel::from_name("verbose"), None);
}
