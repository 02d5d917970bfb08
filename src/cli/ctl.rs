//! `ctl`: what all its subcommands share, and which of them is meant.

use std::path::PathBuf;

use super::arguments::{CtlArguments, CtlCommand, DEFAULT_CONFIG};
use super::exit::{Exit, Failure};
use super::follow::refusal;
use super::output::Output;
use super::{
    backup, directory, doctor, explain, history, holds, ledger, manage, plan, plans, relink, status, sync,
    undo,
};
use crate::config::{check_settings, closest};
use crate::control::api::{ApproveRequest, ConnectorList, Done, ErrorKind, PlanRequest, SyncRequest};
use crate::control::client::{Client, ClientError};
use crate::telemetry::escape::escape;

/// Where the socket is if no configuration says otherwise.
const DEFAULT_SOCKET: &str = "/run/usersyncd/control.sock";

/// How many names of connectors an error has at most.
const MOST_NAMES: usize = 12;

/// A way to the daemon, and a way to the person who asks.
pub(super) struct Ctl {
    pub(super) client: Client,
    pub(super) output: Output,
}

/// Asks the daemon.
pub(super) async fn run(arguments: CtlArguments) -> Result<Exit, Failure> {
    let client = Client::new(&socket(arguments.socket))?;
    let ctl = Ctl { client, output: Output::standard(arguments.json) };
    match &arguments.command {
        CtlCommand::List => status::list(&ctl).await,
        CtlCommand::Status { name } => status::status(&ctl, name.as_deref()).await,
        CtlCommand::Show { name } => status::show(&ctl, name).await,
        CtlCommand::Sync { name, all: _, user, restore, incremental, wait } => {
            let (wait, restore, incremental) = (*wait, *restore, *incremental);
            let request = SyncRequest { wait, user: user.clone(), restore, incremental };
            sync::run(&ctl, name.as_deref(), &request).await
        }
        CtlCommand::Explain { name, login } => explain::run(&ctl, name, login).await,
        CtlCommand::Doctor { name } => doctor::run(&ctl, name).await,
        CtlCommand::Plan { name, detailed, out, hours } => {
            let request = PlanRequest { keep: out.clone(), hours: *hours };
            plan::run(&ctl, name, &request, *detailed).await
        }
        CtlCommand::Plans { id: None, .. } => plans::list(&ctl).await,
        CtlCommand::Plans { id: Some(id), detailed } => plans::show(&ctl, id, *detailed).await,
        CtlCommand::Apply { id, wait } => plans::apply(&ctl, id, *wait).await,
        CtlCommand::Holds { name, all } => holds::list(&ctl, name.as_deref(), *all).await,
        CtlCommand::Hold { id } => holds::show(&ctl, *id).await,
        CtlCommand::Approve { id, wait, later, hours } => {
            let request = ApproveRequest { later: *later, wait: *wait, hours: *hours };
            holds::approve(&ctl, *id, &request).await
        }
        CtlCommand::Discard { id } => holds::discard(&ctl, *id).await,
        CtlCommand::Undo { id, yes, detailed } => {
            let asked = undo::Asked { yes: *yes, detailed: *detailed };
            undo::run(&ctl, *id, asked, undo::person()).await
        }
        CtlCommand::History { name, limit } => history::history(&ctl, name.as_deref(), *limit).await,
        CtlCommand::Run { id, html } => history::run(&ctl, *id, html.as_deref()).await,
        CtlCommand::Cancel { name } => manage::tell(&ctl, name, "cancel").await,
        CtlCommand::Pause { name } => manage::tell(&ctl, name, "pause").await,
        CtlCommand::Resume { name } => manage::tell(&ctl, name, "resume").await,
        CtlCommand::Backup { file } => backup::run(&ctl, file).await,
        CtlCommand::Reload => manage::reload(&ctl).await,
        CtlCommand::LogLevel { level } => manage::log_level(&ctl, (*level).into()).await,
        CtlCommand::Rebind { name, yes } => ledger::rebind(&ctl, name, *yes).await,
        CtlCommand::Relink { name, yes } => relink::relink(&ctl, name, *yes).await,
        CtlCommand::Rename { old, new } => ledger::rename(&ctl, old, new).await,
        CtlCommand::Release { name, login } => ledger::release(&ctl, name, login).await,
        CtlCommand::Directory(command) => directory::run(&ctl, command).await,
    }
}

/// The socket to use: the given one, else the environment's, else the configuration's, else the usual one.
pub(super) fn socket(given: Option<PathBuf>) -> PathBuf {
    let environment =
        || std::env::var_os("USERSYNCD_SOCKET").filter(|path| !path.is_empty()).map(PathBuf::from);
    let configured =
        || check_settings(DEFAULT_CONFIG.as_ref(), false).value.map(|settings| settings.control.socket);
    given.or_else(environment).or_else(configured).unwrap_or_else(|| PathBuf::from(DEFAULT_SOCKET))
}

impl Ctl {
    /// The answer to a question about a connector. If there is none of that name, the error lists the names there are.
    pub(super) async fn known<T>(&self, name: &str, answer: Result<T, ClientError>) -> Result<T, Failure> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(ClientError::Refused { kind, message }) => Err(self.refused(name, kind, message).await),
            Err(error) => Err(error.into()),
        }
    }

    /// The failure of a refused question about a connector.
    pub(super) async fn refused(&self, name: &str, kind: ErrorKind, message: String) -> Failure {
        if kind != ErrorKind::NotFound {
            return refusal(kind, message);
        }
        let Ok(list) = self.client.get::<ConnectorList>(&["v1", "connectors"], &[]).await else {
            return refusal(kind, message);
        };
        let names: Vec<String> = list.connectors.into_iter().map(|connector| connector.name).collect();
        // Something else was not found.
        if names.iter().any(|known| known == name) {
            return refusal(kind, message);
        }
        Failure::new(Exit::Failed, unknown(name, &names))
    }

    /// Says what was done.
    pub(super) fn done(&self, done: &Done) -> Result<Exit, Failure> {
        self.output.show(done, |done| format!("{}\n", escape(&done.message)))?;
        Ok(Exit::Done)
    }
}

fn unknown(name: &str, names: &[String]) -> String {
    if names.is_empty() {
        return format!(
            "there is no connector {name}, and no other: put a file NAME.yaml into the connectors directory"
        );
    }
    let all = "`usersyncd ctl list` shows all that there are";
    match closest(name, names.iter().map(String::as_str)) {
        Some(meant) => format!("there is no connector {name}: did you mean {meant}? {all}"),
        None if names.len() <= MOST_NAMES => {
            format!("there is no connector {name}; there are: {}. {all}, with their state", names.join(", "))
        }
        None => format!("there is no connector {name}, but {} others; {all}", names.len()),
    }
}

#[cfg(test)]
pub(super) mod fake {
    //! A daemon that says what a test wants it to say.

    use axum::Router;
    use axum::routing::get;
    use serde_json::json;
    use tempfile::TempDir;
    use tokio::net::UnixListener;

    use super::*;
    use crate::cli::output::captured::Seen;
    use crate::clock::Clock;
    use crate::control::api::{ConnectorState, ConnectorStatus};
    use crate::sync::report::{FORMAT_VERSION, Managed};

    pub(in crate::cli) fn connector(name: &str) -> ConnectorStatus {
        ConnectorStatus {
            pause_reason: None,
            name: name.to_owned(),
            state: ConnectorState::Idle,
            runnable: true,
            source: Some("https://acme.okta.com".to_owned()),
            target: Some("the built-in directory".to_owned()),
            schedule: Some("0 */4 * * * (Europe/Berlin)".to_owned()),
            apply: true,
            next_run: Some("2026-11-23T08:00:00Z".parse().unwrap()),
            incremental: None,
            token: None,
            queued: false,
            waiting: 0,
            current: None,
            last_run: None,
            last_success: None,
            managed: Managed { users: 1000, active: 990, groups: 60, memberships: 5000 },
            config_error: None,
        }
    }

    /// What a test sees of a command.
    pub(in crate::cli) struct Session {
        pub(in crate::cli) ctl: Ctl,
        pub(in crate::cli) data: Seen,
        pub(in crate::cli) messages: Seen,
        _directory: TempDir,
    }

    /// A daemon with these routes and the connectors acme and beta.
    pub(in crate::cli) fn session(json: bool, routes: Router) -> Session {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("control.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let list = ConnectorList {
            format_version: FORMAT_VERSION,
            connectors: vec![connector("acme"), connector("beta")],
        };
        let list = json!(list).to_string();
        let routes = routes.route("/v1/connectors", get(move || async move { list }));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let clock = Clock::starting_at("2026-11-23T06:00:00Z".parse().unwrap());
        let (output, data, messages) = Output::captured(json, clock);
        Session {
            ctl: Ctl { client: Client::new(&socket).unwrap(), output },
            data,
            messages,
            _directory: directory,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_connector_is_told_the_names_there_are() {
        let names = ["acme".to_owned(), "beta".to_owned()];
        assert_eq!(
            unknown("amce", &names),
            "there is no connector amce: did you mean acme? `usersyncd ctl list` shows all that there are"
        );
        assert_eq!(
            unknown("gamma", &names),
            "there is no connector gamma; there are: acme, beta. `usersyncd ctl list` shows all that there are, with their state"
        );
        let many: Vec<String> = (0..13).map(|number| format!("connector-{number}")).collect();
        assert_eq!(
            unknown("x", &many),
            "there is no connector x, but 13 others; `usersyncd ctl list` shows all that there are"
        );
        assert!(unknown("acm", &[]).contains("put a file NAME.yaml"));
    }

    #[test]
    fn the_given_socket_comes_first() {
        assert_eq!(socket(Some(PathBuf::from("x.sock"))), PathBuf::from("x.sock"));
    }
}
