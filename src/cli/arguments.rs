//! What may be typed.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::model::LogLevel;

/// Where the daemon's configuration is, unless said otherwise.
pub(super) const DEFAULT_CONFIG: &str = "/etc/usersyncd/usersyncd.yaml";

/// Keeps the users and groups of a target equal to what an Okta org says.
#[derive(Debug, Parser)]
#[command(
    name = "usersyncd",
    version,
    max_term_width = 100,
    after_help = "A first sync:
  usersyncd check                      is the configuration right?
  usersyncd ctl plan acme              what would happen?
  usersyncd ctl sync acme --wait       do it

Exit codes:
    0  done                          5  something is held
    1  failed                        6  partly failed or not proven
    2  usage                         7  daemon not reachable
    3  invalid configuration         8  not permitted
       (the daemon itself: 78)     130  detached by Ctrl-C from a run that goes on
    4  changes are pending (plan)"
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon in the foreground
    #[command(after_help = "Example: usersyncd run --config ./usersyncd.yaml")]
    Run(ConfigFile),
    /// Say what `run` would make of the configuration, and when each connector would run
    #[command(after_help = "Examples:
  usersyncd check                                  usersyncd.yaml and all connector files
  usersyncd check ./acme.yaml                      this connector file alone
  usersyncd check --online ./acme.yaml             and what Okta shows with its token
  usersyncd check --sample anna.json ./acme.yaml   what becomes of one saved user, without a token
  usersyncd check --json | jq '.diagnostics[]'     for programs

A saved user is what Okta answers, or {\"user\": that answer, \"groups\": [names]}:
  curl -H \"Authorization: SSWS $TOKEN\" https://acme.okta.com/api/v1/users/LOGIN > anna.json

A token in a credential is read where systemd would put it:
  CREDENTIALS_DIRECTORY=/etc/usersyncd usersyncd check --online")]
    Check(CheckArguments),
    /// Print the JSON Schema of the connector file, for editors
    #[command(
        after_help = "Example: usersyncd schema > connector.schema.json, and as first line of the YAML file:
  # yaml-language-server: $schema=connector.schema.json"
    )]
    Schema,
    /// Talk to the running daemon
    #[command(after_help = "Example: usersyncd ctl sync acme --wait")]
    Ctl(CtlArguments),
}

/// The daemon's configuration.
#[derive(Clone, Debug, Args)]
pub struct ConfigFile {
    /// The configuration; without this option it may be missing, and all is default [default:
    /// /etc/usersyncd/usersyncd.yaml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl ConfigFile {
    /// The file, and whether it must exist: one that was named must.
    #[must_use]
    pub fn resolve(&self) -> (PathBuf, bool) {
        match &self.config {
            Some(path) => (path.clone(), true),
            None => (PathBuf::from(DEFAULT_CONFIG), false),
        }
    }
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigFile,
    /// Connector files to check instead of usersyncd.yaml and its connectors directory
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Also ask the source: whose the token is, what it shows, who is in scope; writes nothing
    #[arg(long)]
    pub online: bool,
    /// Run one saved Okta user through scope and mapping; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "online")]
    pub sample: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `ctl`.
#[derive(Debug, Args)]
pub struct CtlArguments {
    /// The daemon's socket [default: $USERSYNCD_SOCKET, else control.socket in /etc/usersyncd/usersyncd.yaml, else
    /// /run/usersyncd/control.sock]
    #[arg(long, global = true, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// What to ask.
    #[command(subcommand)]
    pub command: CtlCommand,
}

/// What to ask the daemon.
#[derive(Debug, Subcommand)]
pub enum CtlCommand {
    /// List the connectors
    #[command(after_help = "Example: usersyncd ctl list")]
    List,
    /// Show the state of the daemon, or of one connector
    #[command(after_help = "Example: usersyncd ctl status acme")]
    Status {
        /// A connector
        name: Option<String>,
    },
    /// Show the configuration in force, defaults filled in, and the next five runs
    #[command(after_help = "Example: usersyncd ctl show acme")]
    Show {
        /// The connector
        name: String,
    },
    /// Sync now
    #[command(after_help = "Examples:
  usersyncd ctl sync acme --wait       watch it; Ctrl-C detaches, and the run goes on
  usersyncd ctl sync --all --wait      exits with the worst of all runs
  usersyncd ctl sync acme --user anna@example.com --wait
                                       only this user and its memberships; nobody else is touched
  usersyncd ctl sync acme --user anna@example.com --restore --wait
                                       also if somebody else disabled or deleted the account in the target")]
    Sync {
        /// The connector
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// All connectors
        #[arg(long)]
        all: bool,
        /// Only this user, by login at the source or by name in the target
        #[arg(long, value_name = "LOGIN", conflicts_with = "all", value_parser = NonEmptyStringValueParser::new())]
        user: Option<String>,
        /// Take back the user's account even if somebody else disabled or deleted it in the target
        #[arg(long, requires = "user")]
        restore: bool,
        /// Wait for the end and print a summary
        #[arg(long)]
        wait: bool,
    },
    /// Say what a sync would do, and write nothing; exits 4 if anything is pending, 5 if part would be held
    #[command(after_help = "Example: usersyncd ctl plan acme --detailed | less")]
    Plan {
        /// The connector
        name: String,
        /// Print every operation with all its details
        #[arg(long)]
        detailed: bool,
    },
    /// Say why a user is in or out, rule by rule, and what a sync would change about it; writes nothing
    #[command(after_help = "Examples:
  usersyncd ctl explain acme anna@example.com
  usersyncd ctl explain acme anna@example.com --json | jq '.user.scope[] | select(.verdict == \"out\")'

Exits 1 if neither Okta nor the connector knows the user.")]
    Explain {
        /// The connector
        name: String,
        /// The user, by login at the source or by name in the target
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        login: String,
    },
    /// List past runs, newest first
    #[command(after_help = "Example: usersyncd ctl history acme --limit 100")]
    History {
        /// A connector; without it, all
        name: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show what a run did, operation by operation
    #[command(after_help = "Examples:
  usersyncd ctl run 17
  usersyncd ctl run 17 --html run-17.html   one page with a chart and a search, to be mailed or kept")]
    Run {
        /// The run's number, as in `history`
        id: u64,
        /// Write it as one page for a browser, which loads nothing from elsewhere; `-` is standard output
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// Cancel the busy run; what it has applied stays
    #[command(after_help = "Example: usersyncd ctl cancel acme")]
    Cancel {
        /// The connector
        name: String,
    },
    /// Stop running by schedule and refuse syncs, until `resume`
    #[command(after_help = "Example: usersyncd ctl pause acme")]
    Pause {
        /// The connector
        name: String,
    },
    /// Undo `pause`
    #[command(after_help = "Example: usersyncd ctl resume acme")]
    Resume {
        /// The connector
        name: String,
    },
    /// Read all configuration files now; exits 3 if one of them is broken
    #[command(after_help = "Example: usersyncd ctl reload")]
    Reload,
    /// Change the log level until the next change of usersyncd.yaml or restart
    #[command(after_help = "Example: usersyncd ctl log-level debug")]
    LogLevel {
        /// How much is logged
        level: Level,
    },
    /// Bind what a connector manages to its present source and target, after either was changed
    #[command(after_help = "Example: usersyncd ctl rebind acme           shows what would change, exits 4
         usersyncd ctl rebind acme --yes")]
    Rebind {
        /// The connector
        name: String,
        /// Do it, instead of only showing it
        #[arg(long)]
        yes: bool,
    },
    /// Give what a connector manages to one of another name, after its file was renamed
    #[command(after_help = "Example: usersyncd ctl rename acme acme-europe")]
    Rename {
        /// The old name
        old: String,
        /// The new name
        new: String,
    },
    /// Stop managing one user, and leave the target as it is
    #[command(after_help = "Example: usersyncd ctl release acme anna@example.com")]
    Release {
        /// The connector
        name: String,
        /// The user's name in the target
        login: String,
    },
    /// Look into the built-in directory
    #[command(subcommand)]
    Directory(DirectoryCommand),
}

/// What to see of the built-in directory.
#[derive(Debug, Subcommand)]
pub enum DirectoryCommand {
    /// List the users
    #[command(after_help = "Example: usersyncd ctl directory users --json | jq '.users[] | select(.active)'")]
    Users,
    /// List the groups
    #[command(after_help = "Example: usersyncd ctl directory groups")]
    Groups,
    /// Print the members of a group, one username per line
    #[command(after_help = "Example: usersyncd ctl directory members jira-users | wc -l")]
    Members {
        /// The group
        group: String,
    },
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// What failed
    Error,
    /// And what somebody should look at
    Warn,
    /// And what happened
    Info,
    /// And how it happened
    Debug,
    /// Everything
    Trace,
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::Error,
            Level::Warn => Self::Warn,
            Level::Info => Self::Info,
            Level::Debug => Self::Debug,
            Level::Trace => Self::Trace,
        }
    }
}

#[cfg(test)]
mod tests {
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
            "usersyncd ctl run 17 --html",
            "usersyncd ctl run 17 --html=",
            "usersyncd nonsense",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
        assert_eq!(parse("usersyncd --version").unwrap_err().exit_code(), 0);
        assert_eq!(parse("usersyncd ctl sync --help").unwrap_err().exit_code(), 0);
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
}
