//! What may be typed, and the help that is shown with it. The manual pages are made of the same texts, by the rules that
//! `cli::manual::prose` reads them with: examples are indented by two spaces, and what stands behind them after two or more
//! spaces is a remark.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Where the daemon's configuration is, unless said otherwise.
pub(super) const DEFAULT_CONFIG: &str = "/etc/usersyncd/usersyncd.yaml";

/// The ways out, for whoever looks for help and has never seen this.
macro_rules! recipes {
    () => {
        "When something is held (exit code 5):
  usersyncd ctl holds acme             what is held, how much, why, and its number
  usersyncd ctl hold 7                 all of it, name by name
  usersyncd ctl approve 7 --wait       it is right: do exactly this
  usersyncd ctl plan acme              it is wrong: correct its cause, until this is right

When a run was wrong:
  usersyncd ctl history acme           which run it was
  usersyncd ctl undo 17                shows what it would take back, and asks; pauses acme
  usersyncd ctl plan acme              correct the cause, until this is right
  usersyncd ctl resume acme            go on by schedule"
    };
}

mod ctl;

pub(super) use ctl::{CtlArguments, CtlCommand, DirectoryCommand};

/// Keeps the users and groups of a target equal to what an Okta org says.
#[derive(Debug, Parser)]
#[command(
    name = "usersyncd",
    version,
    max_term_width = 100,
    after_help = concat!(
        "A first sync:
  usersyncd check                      is the configuration right?
  usersyncd ctl plan acme              what would happen?
  usersyncd ctl sync acme --wait       do it

",
        recipes!(),
        "

Exit codes:
    0  done                          5  something is held
    1  failed                        6  partly failed or not proven
    2  usage                         7  daemon not reachable
    3  invalid configuration         8  not permitted
       (the daemon itself: 78)     130  detached by Ctrl-C from a run that goes on
    4  changes are pending, or were only shown"
    )
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
    #[command(after_help = "Examples:
  usersyncd run                                with /etc/usersyncd/usersyncd.yaml
  usersyncd run --config ./usersyncd.yaml      with another configuration
  sudo systemctl enable --now usersyncd        as a service, now and at each start of this host

SIGHUP has all files read again; SIGTERM and SIGINT let the operation at hand finish and then end the daemon, a second \
one ends it at once.

Exit codes: 0 it was told to stop, 78 the configuration is invalid or the state is of a newer version, so that starting it \
again would not help, 1 something else that it needs cannot be had.")]
    Run(ConfigFile),
    /// Say what `run` would make of the configuration, and when each connector would run
    #[command(after_help = "Examples:
  usersyncd check                                  usersyncd.yaml and all connector files
  usersyncd check ./acme.yaml                      this connector file alone
  usersyncd check --online ./acme.yaml             and what Okta shows with its token
  usersyncd check --sample anna.json ./acme.yaml   what becomes of one saved user, without a token
  usersyncd check --json | jq '.diagnostics[]'     for programs

A saved user is what Okta answers, or {\"user\": that answer, \"groups\": [names]}:
  curl -H \"Authorization: SSWS $TOKEN\" \\
    \"https://$ORG/api/v1/users/LOGIN\" > anna.json

A token in a credential is read where systemd would put it:
  sudo usersyncd check --online                                   while the service runs
  CREDENTIALS_DIRECTORY=/etc/usersyncd usersyncd check --online   without it

Exit codes: 0 nothing is wrong, 3 the configuration is invalid, 1 a source could not be read, a run would fail, or the \
saved user cannot be mapped.")]
    Check(CheckArguments),
    /// Print the JSON Schema of the connector file, for editors
    #[command(after_help = "Examples:
  usersyncd schema > /etc/usersyncd/connector.schema.json

An editor that runs the YAML language server finds it by the first line of the connector file:
  # yaml-language-server: $schema=../connector.schema.json")]
    Schema,
    /// Talk to the running daemon
    #[command(after_help = concat!("Example: usersyncd ctl sync acme --wait\n\n", recipes!()))]
    Ctl(CtlArguments),
    /// Print what makes a shell complete commands, connectors, runs, holds and kept plans
    #[command(after_help = "Examples:
  source <(usersyncd completions bash)             in ~/.bashrc
  source <(usersyncd completions zsh)              in ~/.zshrc, behind compinit
  usersyncd completions fish | source              in ~/.config/fish/config.fish

The packages install all three. Names and numbers come from the running daemon while you type; where it cannot be \
reached, or you may not ask it, there are only commands, options and the connectors whose files you may list.")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write what a package installs: manual pages, completions and the schema
    #[command(hide = true, after_help = "Example: usersyncd generate target/generated")]
    Generate {
        /// Where they are written; it is made if it is missing, and files that are there are replaced
        directory: PathBuf,
    },
}

/// The shells that completions are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// Friendly interactive shell
    Fish,
}

impl Shell {
    /// The name of its program.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }
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

#[cfg(test)]
mod tests;
