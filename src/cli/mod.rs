//! The command line: one file per subcommand; text and JSON output.
//!
//! Data goes to standard output, messages and progress to standard error. Nothing is decided here: `run` starts the
//! daemon, `check` and `schema` ask the room of the configuration, `ctl` asks the daemon over its socket. `completions` and
//! `generate` are about the command line itself.

mod arguments;
mod backup;
mod check;
mod completion;
mod ctl;
mod decided;
mod directory;
mod doctor;
mod exit;
mod explain;
mod file;
mod follow;
mod generate;
mod history;
mod hold;
mod holds;
mod html;
mod known;
mod ledger;
mod listing;
mod manage;
mod manual;
mod next;
mod operation;
mod output;
mod plan;
mod plans;
mod progress;
mod relink;
mod report;
mod run;
mod schema;
mod status;
mod sync;
mod text;
mod undo;
mod values;
mod verdict;
mod watch;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;

pub use arguments::Arguments;
use arguments::Command;
pub use exit::{Exit, Failure};
use output::Output;

use crate::telemetry::escape::escape_lines;

/// Does what the command line says. What there is to say was said when this returns.
#[must_use]
pub fn main(line: impl IntoIterator<Item = OsString>) -> Exit {
    let line: Vec<OsString> = line.into_iter().collect();
    if completion::answered(&line) {
        return Exit::Done;
    }
    let arguments = match Arguments::try_parse_from(line) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help that nobody reads any more is no failure.
            drop(error.print());
            return if error.exit_code() == 0 { Exit::Done } else { Exit::Usage };
        }
    };
    match execute(arguments.command) {
        Ok(exit) => exit,
        Err(failure) => {
            if !failure.message.is_empty() {
                let message = escape_lines(&failure.message).into_owned();
                drop(std::io::stderr().write_all(format!("usersyncd: {message}\n").as_bytes()));
            }
            failure.exit
        }
    }
}

fn execute(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(config) => run::run(&config),
        Command::Check(arguments) => check::run(&arguments, &Output::standard(arguments.json)),
        Command::Schema => schema::run(&Output::standard(false)),
        Command::Completions { shell } => completion::run(shell, &Output::standard(false)),
        Command::Generate { directory } => generate::run(&directory),
        Command::Ctl(arguments) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(no_runtime)?.block_on(ctl::run(arguments))
        }
    }
}

/// No threads, or no file descriptors.
fn no_runtime(error: std::io::Error) -> Failure {
    Failure::new(
        Exit::Failed,
        format!(
            "the program could not be set up: {error}; nothing was done. Look at the limits of this host (`ulimit -a`), and try again"
        ),
    )
}
