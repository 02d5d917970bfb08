//! What may be typed, and what may not.

use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line.split_whitespace())
}

#[test]
fn the_grammar_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_has_an_example() {
    fn visit(command: &clap::Command) {
        if command.get_subcommands().next().is_none() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{} has no example", command.get_name());
        }
        for each in command.get_subcommands() {
            visit(each);
        }
    }
    visit(&Arguments::command());
}

/// Whoever has never seen this types what the help says.
#[test]
fn every_example_is_understood() {
    fn visit(command: &clap::Command, seen: &mut usize) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = help.lines().map(|line| line.trim().trim_start_matches("Example: "));
        let quoted = help.split('`').skip(1).step_by(2);
        let longest =
            help.lines().filter(|line| line.starts_with("  ")).map(|line| line.chars().count()).max();
        // Wider, and they would be broken in the middle.
        assert!(longest.unwrap_or_default() <= 100, "{}: {longest:?}", command.get_name());
        for line in lines.chain(quoted).filter(|line| line.starts_with("usersyncd ")) {
            let line = line.split("  ").next().unwrap();
            let line = line.split(['|', '>', '#']).next().unwrap();
            if let Err(error) = parse(line) {
                panic!("{}: {line}: {error}", command.get_name());
            }
            *seen += 1;
        }
        for each in command.get_subcommands() {
            visit(each, seen);
        }
    }
    let mut seen = 0;
    visit(&Arguments::command(), &mut seen);
    assert!(seen > 60, "{seen}");
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
