//! All that this test knows of the product: how to open its files, run it once, and read its report.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use usersyncd::clock::Clock;
use usersyncd::config::check_connector;
use usersyncd::http::{Patience, Shared};
use usersyncd::source::okta::{Okta, SignIns};
use usersyncd::store::Store;
use usersyncd::sync::engine::{self, RunTicket, Services};
use usersyncd::sync::progress::RunControl;
use usersyncd::sync::report::{Report, Trigger};
use usersyncd::target::directory::Directory;
use usersyncd::telemetry::metrics::Metrics;

/// The HTTP clients of one thread.
pub(crate) struct Clients {
    patient: Shared,
    /// For servers that are silent on purpose.
    impatient: Shared,
}

impl Clients {
    pub(crate) fn new() -> Self {
        let patient = Patience { first_pause: Duration::from_millis(1), ..Patience::default() };
        let impatient = Patience { tries: 2, silence: Duration::from_millis(60), ..patient };
        let shared = |patience| Shared::with_patience(Metrics::new(), patience).unwrap();
        Self { patient: shared(patient), impatient: shared(impatient) }
    }
}

/// What a report says of a hold.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Which limit.
    pub(crate) kind: &'static str,
    /// Of which group.
    pub(crate) group: Option<String>,
    /// Nothing is held yet: it is said of users in their grace that they will be too many.
    pub(crate) announced: bool,
}

/// What a report says of a run.
pub(crate) struct Ran {
    pub(crate) outcome: &'static str,
    pub(crate) holds: Vec<Held>,
    /// How many lists were not proven.
    pub(crate) unproven: usize,
    /// Removals that do not exist in the plan for want of proof.
    pub(crate) left_out: u64,
    /// The report, for a story.
    pub(crate) text: String,
}

/// A store, a directory and a connector file in a scratch directory.
pub(crate) struct Product {
    root: TempDir,
    store: Store,
    directory: Directory,
}

const NAME: &str = "acme";

impl Product {
    pub(crate) async fn open(token: &str) -> Self {
        // In memory where there is such a place: what is tested here is not the disk.
        let memory = std::path::Path::new("/dev/shm");
        let root = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        std::fs::write(root.path().join("token"), token).unwrap();
        let store = Store::open(root.path()).await.unwrap();
        let directory = Directory::open(root.path()).await.unwrap();
        Self { root, store, directory }
    }

    /// The file of the directory.
    pub(crate) fn directory_file(&self) -> PathBuf {
        self.root.path().join("directory.db")
    }

    /// The file that the token is in.
    pub(crate) fn token_file(&self) -> String {
        self.root.path().join("token").display().to_string()
    }

    /// Syncs once, at a moment in seconds since the epoch, by a connector file with this text.
    pub(crate) async fn sync(&self, yaml: &str, clients: &Clients, impatient: bool, now: i64) -> Ran {
        let file = self.root.path().join(format!("{NAME}.yaml"));
        std::fs::write(&file, yaml).unwrap();
        let checked = check_connector(&file);
        let Some(connector) = checked.value else {
            let all: Vec<String> = checked.diagnostics.iter().map(|it| it.render(false)).collect();
            panic!("the generated file is wrong:\n{}\n{yaml}", all.join("\n"));
        };
        let shared = if impatient { &clients.impatient } else { &clients.patient };
        let started = chrono::DateTime::from_timestamp(now, 0).unwrap();
        let sign_ins = SignIns::new(Clock::starting_at(started));
        let services = Services {
            store: self.store.clone(),
            clock: Clock::starting_at(started),
            source: Arc::new(Okta::new(connector.source.clone(), shared, &sign_ins)),
            source_of: {
                let shared = shared.clone();
                Arc::new(move |settings| Arc::new(Okta::new(settings.clone(), &shared, &sign_ins)))
            },
            reader: Arc::new(self.directory.clone()),
            writer: Arc::new(self.directory.clone()),
            turn: Arc::default(),
        };
        let trigger = Trigger::Manual;
        let run = self.store.begin_run(NAME, trigger, None, started).await.unwrap();
        let ticket = RunTicket { run, trigger, user: None, kept: None, started };
        let report = engine::sync(&connector, &services, &ticket, &RunControl::default()).await;
        self.store.end_run(&report).await.unwrap();
        read(&report)
    }
}

fn read(report: &Report) -> Ran {
    let holds = report.holds.iter().map(|hold| Held {
        kind: hold.kind.as_str(),
        group: hold.group.as_ref().map(ToString::to_string),
        announced: hold.reason.contains("Nothing happens to them yet"),
    });
    let mut text = format!("outcome {}", report.outcome.as_str());
    let mut line = |line: String| text += &format!("\n    {line}");
    report.error.iter().for_each(|error| line(format!("error: {error}")));
    report.not_proven.iter().for_each(|it| line(format!("not proven: {}: {}", it.list, it.reason)));
    report.holds.iter().for_each(|hold| line(format!("held: {}", hold.reason)));
    report.findings.iter().for_each(|finding| line(format!("finding: {}", finding.message)));
    Ran {
        outcome: report.outcome.as_str(),
        holds: holds.collect(),
        unproven: report.not_proven.len(),
        left_out: report.not_proven.iter().map(|it| it.removals_left_out).sum(),
        text,
    }
}
