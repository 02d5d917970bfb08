//! The page of one command, made of what its `--help` says.

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, bold, italic, roman};

use super::page::{Page, reference};
use super::prose::{self, Exits, Piece};
use super::{ManualPage, about, name_of};

/// The page; `above` are the names of the pages that lead to it, of the program first.
pub(super) fn page(command: &Command, above: &[&str]) -> ManualPage {
    let name = name_of(command);
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let prose = prose::read(&help);
    let mut page = Page::new(name, 8, &summary(&about(command)));
    page.heading("synopsis");
    page.line(synopsis(command));
    page.heading("description");
    page.text(&format!("{}.", about(command)));
    for piece in &prose.description {
        match piece {
            Piece::Text(text) => page.text(text),
            Piece::Example(lines) => page.example(lines),
        }
    }
    options(&mut page, command);
    list(&mut page, command, "commands");
    if !prose.examples.is_empty() {
        page.heading("examples");
        page.example(&prose.examples);
    }
    exits(&mut page, prose.exits.as_ref());
    page.see_also(&related(name, above, &help));
    ManualPage { file: format!("{name}.8"), roff: page.finish() }
}

/// What a command does as the line of an index: without marks, and with a small letter in front.
fn summary(about: &str) -> String {
    let mut letters = about.chars();
    let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str()).replace('`', "")
}

/// How the command is typed: `usersyncd ctl sync [--user LOGIN] NAME|--all`.
pub(super) fn synopsis(command: &Command) -> Vec<Inline> {
    let mut line = vec![bold(command.get_bin_name().unwrap_or_else(|| command.get_name()))];
    let grouped: Vec<Vec<&Arg>> = command
        .get_groups()
        .filter(|group| group.is_required_set())
        .map(|group| {
            let members: Vec<_> = group.get_args().collect();
            command.get_arguments().filter(|argument| members.contains(&argument.get_id())).collect()
        })
        .collect();
    let is_alone = |argument: &&Arg| {
        let is_help = matches!(argument.get_id().as_str(), "help" | "version");
        !argument.is_hide_set() && !is_help && !grouped.iter().flatten().any(|other| other == argument)
    };
    let (places, options): (Vec<&Arg>, Vec<&Arg>) =
        command.get_arguments().filter(is_alone).partition(|argument| argument.is_positional());
    for option in options {
        push_optional(&mut line, option);
    }
    for alternatives in &grouped {
        for (index, argument) in alternatives.iter().enumerate() {
            line.push(roman(if index == 0 { " " } else { "|" }));
            line.extend(typed(argument));
        }
    }
    for place in places {
        push_optional(&mut line, place);
    }
    if command.has_subcommands() {
        line.extend([roman(" "), italic("COMMAND"), roman(" ...")]);
    }
    line
}

fn push_optional(line: &mut Vec<Inline>, argument: &Arg) {
    let (open, close) = if argument.is_required_set() { (" ", "") } else { (" [", "]") };
    line.push(roman(open));
    line.extend(typed(argument));
    if argument.is_positional() && argument.get_num_args().is_some_and(|range| range.max_values() > 1) {
        line.push(roman(" ..."));
    }
    line.push(roman(close));
}

/// An argument as it is typed: `--user LOGIN`, `NAME`.
fn typed(argument: &Arg) -> Vec<Inline> {
    let mut parts: Vec<Inline> =
        argument.get_long().map(|long| bold(format!("--{long}"))).into_iter().collect();
    let takes_value = argument.get_num_args().is_some_and(|range| range.takes_values());
    let names: Vec<&str> =
        argument.get_value_names().unwrap_or_default().iter().map(|name| &**name).collect();
    if argument.is_positional() || takes_value {
        if !parts.is_empty() {
            parts.push(roman(" "));
        }
        parts.push(italic(names.join(" ")));
    }
    parts
}

/// The options, as the library writes them.
pub(super) fn options(page: &mut Page, command: &Command) {
    let mut written = Vec::new();
    // Into memory, which takes everything.
    drop(Man::new(command.clone()).render_options_section(&mut written));
    page.written(&String::from_utf8_lossy(&written));
}

/// The commands behind this one, each with its page.
pub(super) fn list(page: &mut Page, command: &Command, heading: &str) {
    let commands: Vec<&Command> = command.get_subcommands().filter(|each| !each.is_hide_set()).collect();
    if commands.is_empty() {
        return;
    }
    page.heading(heading);
    for each in commands {
        page.item(reference(&format!("{}(8)", name_of(each))), &format!("{}.", about(each)));
    }
}

fn exits(page: &mut Page, exits: Option<&Exits>) {
    page.heading("exit status");
    let Some(exits) = exits else {
        page.text("0 if it was done. All codes stand in `usersyncd`(8).");
        return;
    };
    if !exits.when.is_empty() {
        page.text(&format!("{}:", quoted_options(&capital(&exits.when))));
    }
    for (code, meaning) in &exits.codes {
        page.item(vec![bold(code)], &format!("{}.", capital(meaning)));
    }
    page.text("All codes stand in `usersyncd`(8).");
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

fn quoted_options(text: &str) -> String {
    let word = |word: &str| if word.starts_with("--") { format!("`{word}`") } else { word.to_owned() };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// The pages of what stands above this command, and of what its help names.
fn related(name: &str, above: &[&str], help: &str) -> Vec<String> {
    let mut names: Vec<String> = above.iter().map(|page| (*page).to_owned()).collect();
    for mentioned in help.split("usersyncd ctl ").skip(1) {
        let command: String =
            mentioned.chars().take_while(|letter| letter.is_ascii_lowercase() || *letter == '-').collect();
        names.push(format!("usersyncd-ctl-{command}"));
    }
    if name == "usersyncd-check" || name == "usersyncd-schema" {
        names.push("usersyncd-connector(5)".to_owned());
    }
    let mut pages: Vec<String> = Vec::new();
    for page in names.iter().filter(|page| *page != name) {
        let page = if page.contains('(') { page.clone() } else { format!("{page}(8)") };
        if !pages.contains(&page) {
            pages.push(page);
        }
    }
    pages
}
