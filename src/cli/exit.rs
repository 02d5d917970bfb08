//! How a command ended, as its exit code says it.

use std::process::ExitCode;

use crate::control::client::ClientError;
use crate::sync::report::Outcome;

/// How a command ended. The numbers are part of the interface: scripts test them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// What was asked for was done.
    Done,
    /// It failed.
    Failed,
    /// The command line is not understood, or what it asks for does not exist yet.
    Usage,
    /// A configuration file is invalid.
    InvalidConfiguration,
    /// Changes are pending (`plan`, or `rebind` and `undo` that were only shown).
    ChangesPending,
    /// Something is held for a person to look at.
    Held,
    /// An operation failed, or a list was not proven.
    Partial,
    /// The daemon is not reachable, or went away in the middle of its answer.
    Unreachable,
    /// The caller may not do this.
    NotPermitted,
    /// The daemon itself will not start with this configuration: EX_CONFIG of sysexits.h, so that systemd does not
    /// restart it (`RestartPreventExitStatus=78`).
    DaemonConfiguration,
    /// Ctrl-C detached from a run that goes on: 128 + SIGINT, as shells say it. How the run ends is not known.
    Detached,
}

impl Exit {
    /// Each way to end; the order is the precedence where several things were asked for at once, the weightiest first.
    pub const ALL: [Exit; 11] = [
        Self::Detached,
        Self::NotPermitted,
        Self::Unreachable,
        Self::Usage,
        Self::DaemonConfiguration,
        Self::InvalidConfiguration,
        Self::Failed,
        Self::Partial,
        Self::Held,
        Self::ChangesPending,
        Self::Done,
    ];

    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::InvalidConfiguration => 3,
            Self::ChangesPending => 4,
            Self::Held => 5,
            Self::Partial => 6,
            Self::Unreachable => 7,
            Self::NotPermitted => 8,
            Self::DaemonConfiguration => 78,
            Self::Detached => 130,
        }
    }

    /// The weightier of two ends (RULES 28: failed, then partial, then held).
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        Self::ALL.into_iter().find(|exit| *exit == self || *exit == other).unwrap_or(self)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::Done,
            Outcome::Held => Self::Held,
            Outcome::Partial => Self::Partial,
            Outcome::Failed | Outcome::Cancelled => Self::Failed,
        }
    }
}

/// Why a command did not do what was asked: a sentence, and the exit code that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How to exit.
    pub exit: Exit,
    /// What failed, and what to do; empty if it was said already.
    pub message: String,
}

impl Failure {
    /// A failure with this sentence.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Unreachable(_) | ClientError::Lost(_) => Exit::Unreachable,
            ClientError::NotPermitted(_) => Exit::NotPermitted,
            ClientError::Refused { .. } | ClientError::Garbled(_) => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::api::ErrorKind;

    #[test]
    fn the_codes_are_the_documented_ones() {
        let codes: Vec<u8> = Exit::ALL.into_iter().map(Exit::code).collect();
        assert_eq!(codes, [130, 8, 7, 2, 78, 3, 1, 6, 5, 4, 0]);
    }

    #[test]
    fn outcomes_exit_as_rules_28_says() {
        for outcome in Outcome::ALL {
            assert_eq!(Exit::from(outcome).code(), outcome.exit_code(), "{outcome:?}");
        }
    }

    #[test]
    fn the_worst_of_several_runs_wins() {
        let worst = |exits: &[Exit]| exits.iter().copied().fold(Exit::Done, Exit::worst);
        assert_eq!(worst(&[]), Exit::Done);
        assert_eq!(worst(&[Exit::Held, Exit::Done]), Exit::Held);
        assert_eq!(worst(&[Exit::Held, Exit::Partial, Exit::Done]), Exit::Partial);
        assert_eq!(worst(&[Exit::Partial, Exit::Failed, Exit::Held]), Exit::Failed);
    }

    #[test]
    fn client_errors_have_codes() {
        let exit = |error: ClientError| Failure::from(error).exit.code();
        assert_eq!(exit(ClientError::Unreachable(String::new())), 7);
        assert_eq!(exit(ClientError::Lost(String::new())), 7);
        assert_eq!(exit(ClientError::NotPermitted(String::new())), 8);
        assert_eq!(exit(ClientError::Refused { kind: ErrorKind::Conflict, message: String::new() }), 1);
        assert_eq!(exit(ClientError::Garbled(String::new())), 1);
    }
}
