//! What may be typed, and what may not.

use clap::CommandFactory;

use super::ctl::Level;
use super::*;
use crate::config::model::LogLevel;

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line.split_whitespace())
}

#[test]
fn the_grammar_is_sound() {
    Arguments::command().debug_assert();
}

/// Each command that help shows, with those behind it.
fn commands() -> Vec<clap::Command> {
    fn visit(command: &clap::Command, found: &mut Vec<clap::Command>) {
        found.push(command.clone());
        for each in command.get_subcommands().filter(|each| !each.is_hide_set()) {
            visit(each, found);
        }
    }
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    let mut found = Vec::new();
    visit(&program, &mut found);
    found
}

fn help_of(command: &clap::Command) -> String {
    command.get_after_help().map(ToString::to_string).unwrap_or_default()
}

/// A line about what it does, an example, and a line about each argument; none of these lines ends in a full stop.
#[test]
fn every_command_explains_itself() {
    let commands = commands();
    for command in &commands {
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(about.len() > 8 && !about.ends_with('.'), "{name}: {about:?}");
        assert!(about.starts_with(char::is_uppercase), "{name}: {about:?}");
        // The first help begins with the way to a first sync.
        let help = help_of(command);
        assert!(help.contains("Example") || name == "usersyncd" && help.contains("A first sync:"), "{name}");
        for argument in command.get_arguments() {
            let about = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty() && !about.ends_with('.'), "{name} {}: {about:?}", argument.get_id());
        }
    }
    assert!(commands.len() > 30, "{}", commands.len());
}

/// The example command lines of a help text: what stands in lines of their own, and what is quoted.
fn examples(help: &str) -> Vec<String> {
    let lines = help.lines().map(|line| line.trim().trim_start_matches("Example: "));
    let quoted = help.split('`').skip(1).step_by(2);
    lines
        .chain(quoted)
        .flat_map(|line| line.split("  ").take(1))
        .map(|line| line.trim_start_matches("sudo ").trim_start_matches("source <("))
        .map(|line| line.split([')', '|', '>', '#']).next().unwrap())
        // What the shell takes away.
        .map(|line| line.trim_start_matches("CREDENTIALS_DIRECTORY=/etc/usersyncd ").trim().to_owned())
        .filter(|line| line.starts_with("usersyncd "))
        .collect()
}

/// Whoever has never seen this types what the help says.
#[test]
fn every_example_is_understood() {
    let mut seen = 0;
    for command in commands() {
        let (name, help) = (command.get_bin_name().unwrap_or_else(|| command.get_name()), help_of(&command));
        let longest =
            help.lines().filter(|line| line.starts_with("  ")).map(|line| line.chars().count()).max();
        // Wider, and they would be broken in the middle.
        assert!(longest.unwrap_or_default() <= 100, "{name}: {longest:?}");
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{name}");
        for line in examples {
            if let Err(error) = parse(&line) {
                panic!("{name}: {line}: {error}");
            }
            seen += 1;
        }
    }
    assert!(seen > 90, "{seen}");
}

#[test]
fn a_misspelt_command_is_told_the_right_one() {
    for (line, right) in [
        ("usersyncd chek", "'check'"),
        ("usersyncd ctl aprove 7", "'approve'"),
        ("usersyncd ctl directory member x", "'members'"),
        ("usersyncd ctl sync acme --wiat", "'--wait'"),
    ] {
        let told = parse(line).unwrap_err().to_string();
        assert!(told.contains(right), "{line}: {told}");
    }
}

#[test]
fn the_ways_out_stand_in_the_first_help() {
    for command in [Arguments::command(), Arguments::command().find_subcommand("ctl").unwrap().clone()] {
        let help = command.get_after_help().unwrap().to_string();
        for way in ["ctl holds", "ctl approve", "ctl undo", "ctl resume"] {
            assert!(help.contains(way), "{}: {way}", command.get_name());
        }
    }
}

#[test]
fn options_of_ctl_stand_anywhere() {
    for line in ["usersyncd ctl --json --socket s list", "usersyncd ctl list --socket s --json"] {
        let Command::Ctl(ctl) = parse(line).unwrap().command else { panic!("{line}") };
        assert!(ctl.json && ctl.socket.as_deref() == Some("s".as_ref()), "{line}");
    }
}

#[test]
fn misuse_exits_with_2() {
    for line in [
        "usersyncd",
        "usersyncd ctl sync",
        "usersyncd ctl sync acme --all",
        "usersyncd ctl sync --all --user anna",
        "usersyncd ctl sync acme --user",
        "usersyncd ctl sync acme --user=",
        "usersyncd ctl sync acme --restore",
        "usersyncd ctl sync --user anna",
        "usersyncd ctl explain acme",
        "usersyncd check --online --sample anna.json",
        "usersyncd ctl log-level loud",
        "usersyncd ctl history --limit 0",
        "usersyncd ctl run seventeen",
        "usersyncd ctl plan acme --out",
        "usersyncd ctl plan acme --out=",
        "usersyncd ctl plan acme --out a/b",
        "usersyncd ctl plan acme --hours 3",
        "usersyncd ctl plan acme --out x --hours 0",
        "usersyncd ctl plan acme --out x --hours 745",
        "usersyncd ctl plans --detailed",
        "usersyncd ctl apply",
        "usersyncd ctl holds acme beta",
        "usersyncd ctl hold",
        "usersyncd ctl hold acme",
        "usersyncd ctl approve acme",
        "usersyncd ctl approve 7 --later --wait",
        "usersyncd ctl approve 7 --hours 0",
        "usersyncd ctl discard",
        "usersyncd ctl undo",
        "usersyncd ctl undo acme",
        "usersyncd ctl undo 17 --wait",
        "usersyncd nonsense",
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
    assert_eq!(parse("usersyncd --version").unwrap_err().exit_code(), 0);
    assert_eq!(parse("usersyncd ctl sync --help").unwrap_err().exit_code(), 0);
}

#[test]
fn misuse_is_told_what_would_be_right() {
    for (line, said) in [
        ("usersyncd ctl sync", "--all"),
        ("usersyncd ctl approve acme", "holds have numbers, see \"usersyncd ctl holds acme\""),
        ("usersyncd ctl hold acme", "holds have numbers, see \"usersyncd ctl holds acme\""),
        ("usersyncd ctl undo acme", "runs have numbers, see \"usersyncd ctl history acme\""),
        ("usersyncd ctl plan acme --out .x", "1 to 64 letters"),
    ] {
        let told = parse(line).unwrap_err().to_string();
        assert!(told.split("Usage:").next().unwrap().contains(said), "{line}: {told}");
    }
}

#[test]
fn a_named_configuration_must_exist() {
    let config = |line: &str| match parse(line).unwrap().command {
        Command::Run(config) => config.resolve(),
        other => panic!("{other:?}"),
    };
    assert_eq!(config("usersyncd run"), (PathBuf::from(DEFAULT_CONFIG), false));
    assert_eq!(config("usersyncd run --config x.yaml"), (PathBuf::from("x.yaml"), true));
}

#[test]
fn levels_are_those_of_the_configuration() {
    for level in Level::value_variants() {
        let name = level.to_possible_value().unwrap().get_name().to_owned();
        assert_eq!(LogLevel::from(*level).as_str(), name);
    }
    assert_eq!(Level::value_variants().len(), LogLevel::ALL.len());
}
