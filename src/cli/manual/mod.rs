//! The manual pages: of the program, of each command, and of the two files.
//!
//! What can be made of the command line and of the table of keys is made of them; `program` and `files` add what neither
//! of them says. A page has no date and nothing of the host that it is made on: the same version gives the same bytes.

mod command;
mod files;
mod page;
mod program;
mod prose;

use clap::{Command, CommandFactory};

use super::arguments::Arguments;

/// A manual page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ManualPage {
    /// The name of its file, as `usersyncd.8`.
    pub(super) file: String,
    /// The page, as roff with the macros of man(7).
    pub(super) roff: String,
}

/// All pages, those of commands in the order of the help.
pub(super) fn pages() -> Vec<ManualPage> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    let mut pages = vec![program::page(&program)];
    visit(&program, &[], &mut pages);
    pages.push(files::settings());
    pages.push(files::connector());
    pages
}

/// The pages behind `parent`; `above` are the names of the pages that lead there, without it.
fn visit(parent: &Command, above: &[&str], pages: &mut Vec<ManualPage>) {
    let above: Vec<&str> = above.iter().copied().chain([name_of(parent)]).collect();
    for command in parent.get_subcommands().filter(|command| !command.is_hide_set()) {
        pages.push(command::page(command, &above));
        visit(command, &above, pages);
    }
}

/// `usersyncd-ctl-sync`, the name of the page of a command.
fn name_of(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// What a command does, without a full stop.
fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests;
