//! What may be typed behind `ctl`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use crate::cli::values;
use crate::config::model::LogLevel;
use crate::control::api::LONGEST_HOURS;

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
    /// Sync a connector now, or all of them
    #[command(after_help = "Examples:
  usersyncd ctl sync acme --wait       watch it; Ctrl-C detaches, and the run goes on
  usersyncd ctl sync --all --wait      exits with the worst of all runs
  usersyncd ctl sync acme --user anna@example.com --wait
                                       only this user and its memberships; nobody else is touched
  usersyncd ctl sync acme --user anna@example.com --restore --wait
                                       also if somebody else disabled or deleted the account

Exit codes with --wait: 0 all applied, 5 something is held (see `usersyncd ctl holds`), 6 an operation failed or a list \
was not proven, 1 nothing was applied.", group = ArgGroup::new("which").args(["name", "all"]).required(true))]
    Sync {
        /// The connector
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
        /// Only what changed at the source since the last run (with `schedule.incremental`)
        #[arg(long, conflicts_with = "user")]
        incremental: bool,
        /// Wait for the end and print a summary
        #[arg(long)]
        wait: bool,
    },
    /// Say what a sync would do, and write nothing; exits 4 if anything is pending, 5 if part would be held
    #[command(after_help = "Examples:
  usersyncd ctl plan acme                      what a sync would do, and what would be held
  usersyncd ctl plan acme --detailed | less    every operation with all its details
  usersyncd ctl plan acme --out change-4711    keep it, for `ctl apply change-4711`
  usersyncd ctl plan acme --json | jq '.operations[].summary'

Exit codes: 0 nothing to do, 4 changes are pending, 5 part of them would be held, 1 no plan could be made.

It works while the connector is paused. What would be held is let through by approving it: see `usersyncd ctl holds`.")]
    Plan {
        /// The connector
        name: String,
        /// Print every operation with all its details
        #[arg(long)]
        detailed: bool,
        /// Keep the plan under this name: letters, digits, dots, dashes and underscores
        #[arg(long, value_name = "ID", value_parser = values::plan_name)]
        out: Option<String>,
        /// For how many hours it is kept, 1 to 744 [default: 24]
        #[arg(long, value_name = "HOURS", requires = "out", value_parser = clap::value_parser!(u32).range(1..=i64::from(LONGEST_HOURS)))]
        hours: Option<u32>,
    },
    /// List the plans that are kept, or show one as it was when it was made
    #[command(after_help = "Examples:
  usersyncd ctl plans                     all that are kept, and until when
  usersyncd ctl plans change-4711         one of them
  usersyncd ctl apply change-4711 --wait  do it

`usersyncd ctl plan acme --out change-4711` makes one. They are forgotten after 24 hours, or after --hours.")]
    Plans {
        /// The plan
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        id: Option<String>,
        /// Print every operation with all its details
        #[arg(long, requires = "id")]
        detailed: bool,
    },
    /// Apply exactly the operations of a kept plan that are still true, and nothing else
    #[command(after_help = "Examples:
  usersyncd ctl plan acme --out change-4711    make the plan, and have it looked at
  usersyncd ctl apply change-4711 --wait       do it; Ctrl-C detaches, and the run goes on

Okta and the target are read again. What is no longer true is reported and not applied; what is new is not applied \
either. Limits hold as ever: what exceeds one is held, and then stands in `usersyncd ctl holds`.

Exit codes with --wait: 0 done (also if nothing of the plan was still true), 5 something is held, 6 an operation \
failed or a list was not proven, 1 nothing was applied, or no such plan is kept. Without --wait: 0 if the run began or \
waits.")]
    Apply {
        /// The plan, as `plans` lists it
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        id: String,
        /// Wait for the end and print a summary
        #[arg(long)]
        wait: bool,
    },
    /// List what is held for a person to look at: how much, why, since when, and who approved it
    #[command(after_help = "Examples:
  usersyncd ctl holds                of all connectors
  usersyncd ctl holds acme           of one
  usersyncd ctl holds acme --all     also what was held before
  usersyncd ctl hold 7               one of them, operation by operation

To decide:
  usersyncd ctl approve 7 --wait     it is right: do exactly this, and nothing else
  usersyncd ctl discard 7            leave it held, and be told of it no more
  usersyncd ctl plan acme            it is wrong: correct its cause, until this is right

The next sync ends a hold by itself if Okta and the connector file do not ask for it any more.

Exits 0 whether or not something is held; `sync --wait` and `plan` exit 5.")]
    Holds {
        /// A connector; without it, all
        name: Option<String>,
        /// Also what is not held any more
        #[arg(long)]
        all: bool,
    },
    /// Show one hold with every operation
    #[command(after_help = "Examples:
  usersyncd ctl hold 7 | less
  usersyncd ctl hold 7 --json | jq -r '.operations[].summary'")]
    Hold {
        /// The hold's number, as in `holds`
        #[arg(value_parser = values::hold)]
        id: u64,
    },
    /// Let through exactly what one hold holds, and start a run at once
    #[command(after_help = "Examples:
  usersyncd ctl hold 7                         look first
  usersyncd ctl approve 7 --wait               do it and watch; Ctrl-C detaches, and the run goes on
  usersyncd ctl approve 7 --later --hours 72   the next run within three days does it
  usersyncd ctl discard 7                      take the approval back

The approval names these operations and no others, and is used up by what is applied. The run reads everything again: \
what is no longer true is not applied, and what is new counts against the limits as ever. It is logged with your user id.

Exit codes with --wait: 0 done, 5 something else is held, 6 an operation failed or a list was not proven, 1 nothing was \
applied. `usersyncd ctl undo 18` takes it back, with the number of that run.")]
    Approve {
        /// The hold's number, as in `holds`
        #[arg(value_parser = values::hold)]
        id: u64,
        /// Wait for the end of the run and print a summary
        #[arg(long)]
        wait: bool,
        /// Start no run; the next one makes use of the approval
        #[arg(long, conflicts_with = "wait")]
        later: bool,
        /// For how many hours the approval counts, 1 to 744 [default: 24]
        #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=i64::from(LONGEST_HOURS)))]
        hours: Option<u32>,
    },
    /// Put a hold aside: it stays held, and nobody is told of it again
    #[command(after_help = "Examples:
  usersyncd ctl discard 7    put it aside
  usersyncd ctl discard 3    take the approval back, if 3 was approved

Nothing is changed in the target. If the same users are to stay, correct Okta or the connector file as well: a run that \
does not ask for it any more ends the hold.")]
    Discard {
        /// The hold's number, as in `holds`
        #[arg(value_parser = values::hold)]
        id: u64,
    },
    /// Take back what one run did: shows it, asks, does it, and pauses the connector
    #[command(after_help = "Examples:
  usersyncd ctl history acme         which run it was
  usersyncd ctl undo 17              shows what would be taken back, and asks
  usersyncd ctl undo 17 --yes        shows it and does it, for programs

What is no longer as the run left it stays as it is now, and what cannot be as it was is said first: a deleted user gets \
a new id. The connector is paused, so that its schedule does not do the same again:
  usersyncd ctl plan acme            correct the cause, until this is right
  usersyncd ctl resume acme          go on

Exit codes: 0 done, or nothing to undo; 4 it was only shown, and nothing was changed; 6 an operation failed; 1 \
nothing was undone.")]
    Undo {
        /// The run's number, as in `history`
        #[arg(value_parser = values::run)]
        id: u64,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
        /// Print every operation with all its details
        #[arg(long)]
        detailed: bool,
    },
    /// Say why a user is in or out, rule by rule, and what a sync would change about it; writes nothing
    #[command(after_help = "Examples:
  usersyncd ctl explain acme anna@example.com
  usersyncd ctl explain acme anna@example.com --json | jq '.user.scope[] | .rule, .verdict'

Exits 1 if neither Okta nor the connector knows the user.")]
    Explain {
        /// The connector
        name: String,
        /// The user, by login at the source or by name in the target
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        login: String,
    },
    /// Say what a connector needs and lacks, from DNS to rights and disk space, each with the fix; writes nothing
    #[command(after_help = "Examples:
  usersyncd ctl doctor acme
  usersyncd ctl doctor acme --json | jq '.checks[] | select(.verdict == \"failed\")'

Exits 1 if anything has failed; warnings do not count.")]
    Doctor {
        /// The connector
        name: String,
    },
    /// List past runs, newest first
    #[command(after_help = "Examples:
  usersyncd ctl history acme --limit 100
  usersyncd ctl run 17        what run 17 did, operation by operation
  usersyncd ctl undo 17       take it back: shows it first, and asks")]
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
  usersyncd ctl run 17 --html run-17.html   one page with a chart and a search, to be mailed or kept
  usersyncd ctl undo 17       take it back: shows it first, and asks")]
    Run {
        /// The run's number, as in `history`
        #[arg(value_parser = values::run)]
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
    /// End a pause, also that of an `undo`
    #[command(after_help = "Example: usersyncd ctl resume acme

After an undo, look at `usersyncd ctl plan acme` first: the next sync does what that shows.")]
    Resume {
        /// The connector
        name: String,
    },
    /// Write a backup of the state directory to a file, while the daemon works
    #[command(after_help = "Examples:
  usersyncd ctl backup /backup/usersyncd.tar
  usersyncd ctl backup - | ssh backup@nas 'cat > usersyncd.tar'

The archive holds state.db and directory.db as they were at one moment, with names and addresses of people, and no \
secrets. An older file of that name is replaced when the new one is complete. To restore it, see operations.md.")]
    Backup {
        /// Where it is written, with mode 0600; `-` is standard output
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Read all configuration files now; exits 3 if one of them is broken
    #[command(after_help = "Example: usersyncd ctl reload")]
    Reload,
    /// Change the log level until log.level in usersyncd.yaml changes or the daemon restarts
    #[command(after_help = "Example: usersyncd ctl log-level debug")]
    LogLevel {
        /// How much is logged
        level: Level,
    },
    /// Bind what a connector manages to its present source and target, after either was changed
    #[command(after_help = "Examples:
  usersyncd ctl rebind acme           shows what would change, exits 4
  usersyncd ctl rebind acme --yes     does it

Exit codes: 0 done, or there was nothing to do; 4 it was only shown, and nothing was changed.")]
    Rebind {
        /// The connector
        name: String,
        /// Do it, instead of only showing it
        #[arg(long)]
        yes: bool,
    },
    /// Rebuild what a connector manages, after the state directory was lost, from what the target keeps
    #[command(after_help = "Examples:
  usersyncd ctl relink acme           shows what would be linked, exits 4
  usersyncd ctl relink acme --yes     does it

What carries Okta's id is linked at once; what has the name only is held by the next sync until you approve it.

Exit codes: 0 done, or there was nothing to do; 4 it was only shown, and nothing was changed.")]
    Relink {
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
    #[command(
        subcommand,
        after_help = "Examples:
  usersyncd ctl directory users
  usersyncd ctl directory members jira-users | wc -l"
    )]
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
