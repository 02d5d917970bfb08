//! Completion in bash, zsh and fish.
//!
//! What a package installs, and `completions` prints, is a small script that calls this program back while somebody types: the
//! variable [`VARIABLE`] says for which shell, and the words stand behind `--`. So connectors, runs, holds and kept plans can be
//! those of the running daemon (`candidates`).
//!
//! Whoever presses Tab wants no messages and does not want to wait: what cannot be known soon is not offered.

mod candidates;

use std::ffi::{OsStr, OsString};
use std::io::Write;

use clap::{Arg, Command, CommandFactory};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{EnvCompleter, Shells};

use super::arguments::{Arguments, Shell};
use super::exit::{Exit, Failure};
use super::output::Output;
use candidates::{Kind, Names};

/// Names the shell in a call that asks what may be typed; nobody else sets it.
const VARIABLE: &str = "USERSYNCD_COMPLETE";
/// The program, as the shell finds it.
const PROGRAM: &str = "usersyncd";

/// Prints the script for a shell.
pub(super) fn run(shell: Shell, output: &Output) -> Result<Exit, Failure> {
    output.print(&script(shell))?;
    Ok(Exit::Done)
}

/// What a shell reads to know how to complete.
pub(super) fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    if let Some(completer) = completer(shell.name()) {
        // Into memory, which takes everything.
        drop(completer.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script));
    }
    let script = String::from_utf8_lossy(&script);
    let script = script.trim();
    match shell {
        // zsh loads the file with the first Tab, and would offer nothing before the second.
        Shell::Zsh => format!(
            "{script}\n\nif [ \"$funcstack[1]\" = \"_{PROGRAM}\" ]; then\n    _clap_dynamic_completer_{PROGRAM} \"$@\"\nfi\n"
        ),
        Shell::Bash | Shell::Fish => format!("{script}\n"),
    }
}

/// If a shell asks what may be typed: answers on standard output, and returns true. `line` is the whole command line of this
/// process.
pub(super) fn answered(line: &[OsString]) -> bool {
    let Some(shell) = std::env::var_os(VARIABLE) else { return false };
    // What cannot be answered is answered with nothing: a message would stand in the line that is being typed.
    if let Some(answer) = shell.to_str().and_then(completer).and_then(|completer| answer(completer, line)) {
        drop(std::io::stdout().write_all(&answer));
    }
    true
}

fn answer(completer: &dyn EnvCompleter, line: &[OsString]) -> Option<Vec<u8>> {
    let words: Vec<OsString> = line.iter().skip_while(|word| *word != "--").skip(1).cloned().collect();
    // Without any, the libraries' code would count below zero.
    if words.is_empty() {
        return None;
    }
    let mut command = command(Names::of(&words));
    let mut answer = Vec::new();
    let directory = std::env::current_dir().ok();
    completer.write_complete(&mut command, words, directory.as_deref(), &mut answer).ok()?;
    Some(answer)
}

fn completer(shell: &str) -> Option<&'static dyn EnvCompleter> {
    // Those that there are scripts for.
    const SHELLS: Shells<'static> =
        Shells(&[&clap_complete::env::Bash, &clap_complete::env::Zsh, &clap_complete::env::Fish]);
    SHELLS.0.iter().copied().find(|completer| completer.is(shell))
}

/// The command line, with what may stand in each place.
fn command(names: Names) -> Command {
    let mut command = Arguments::command();
    // So that all arguments have their values when they are looked at.
    command = visit(command, "", &names);
    command
}

fn visit(command: Command, parent: &str, names: &Names) -> Command {
    let name = command.get_name().to_owned();
    command
        .mut_args(|argument| match kind_of(parent, &name, &argument) {
            Some(kind) => argument.add(completer_of(kind, names.clone())),
            None => argument,
        })
        .mut_subcommands(|subcommand| visit(subcommand, &name, names))
}

fn completer_of(kind: Kind, names: Names) -> ArgValueCompleter {
    ArgValueCompleter::new(move |begun: &OsStr| -> Vec<CompletionCandidate> {
        let begun = begun.to_str().unwrap_or_default();
        let mut candidates = names.all(kind);
        candidates
            .retain(|candidate| candidate.get_value().to_str().is_some_and(|value| value.starts_with(begun)));
        candidates
    })
}

/// What an argument names, by the command that it belongs to and the one above that.
fn kind_of(parent: &str, command: &str, argument: &Arg) -> Option<Kind> {
    match (parent, command, argument.get_id().as_str()) {
        // Whatever is called so behind `ctl` is a connector; so is what `rename` takes a ledger from.
        ("ctl", _, "name") | ("ctl", "rename", "old") => Some(Kind::Connector),
        ("ctl", "run" | "undo", "id") => Some(Kind::Run),
        ("ctl", "hold" | "approve" | "discard", "id") => Some(Kind::Hold),
        ("ctl", "plans" | "apply", "id") => Some(Kind::Plan),
        ("directory", "members", "group") => Some(Kind::Group),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
