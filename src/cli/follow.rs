//! Following a run over the socket, from its request to its end.

use super::exit::{Exit, Failure};
use super::progress::Place;
use crate::control::api::{ErrorKind, KeptPlan, PlanDocument, RunEvent, UndoDocument};
use crate::control::client::{ClientError, Events};
use crate::sync::report::Report;

/// How following a run ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The run ended.
    Report(Box<Report>),
    /// The plan was made, and perhaps kept.
    Plan(Box<PlanDocument>, Option<Box<KeptPlan>>),
    /// It was said what undoing a run would do.
    Undo(Box<UndoDocument>),
    /// The request could not be carried out.
    Refused(ErrorKind, String),
    /// Interrupted: the run, if it began under that number, goes on.
    Detached(Option<u64>),
}

/// Shows the events until the run ends or `interrupted` does.
pub(super) async fn follow(
    mut events: Events,
    mut place: Place<'_>,
    interrupted: impl Future<Output = ()>,
) -> Result<Ended, Failure> {
    let mut interrupted = std::pin::pin!(interrupted);
    let mut run = None;
    loop {
        let event = tokio::select! {
            event = events.next() => event?,
            () = &mut interrupted => return Ok(Ended::Detached(run)),
        };
        if !matches!(event, None | Some(RunEvent::Refused { .. })) {
            place.open();
        }
        match event {
            Some(RunEvent::Queued { behind }) => {
                place.say(&format!("run {behind} is busy; this request waits for its end"));
            }
            Some(RunEvent::Started { run: number }) => {
                run = Some(number);
                place.say(&format!("run {number} began"));
            }
            Some(RunEvent::Progress { progress }) => place.show(progress),
            Some(RunEvent::Notice { message }) => place.say(&message),
            Some(RunEvent::Finished { report }) => return Ok(Ended::Report(report)),
            Some(RunEvent::Planned { plan, kept }) => return Ok(Ended::Plan(plan, kept)),
            Some(RunEvent::UndoPlanned { undo }) => return Ok(Ended::Undo(undo)),
            Some(RunEvent::Refused { error, message }) => return Ok(Ended::Refused(error, message)),
            None => return Err(unsaid()),
        }
    }
}

/// The daemon stopped talking before it had said what became of the request.
pub(super) fn unsaid() -> Failure {
    Failure::new(
        Exit::Unreachable,
        "the daemon ended its answer before the run did; see what became of it with `usersyncd ctl status` and \
         `systemctl status usersyncd`",
    )
}

/// The daemon answered, but not with what was asked for.
pub(super) fn other_answer(asked: &str) -> Failure {
    Failure::new(
        Exit::Failed,
        format!(
            "the daemon answered with something else than {asked}: it may be of another version than this command. Restart it \
             after an upgrade (`systemctl restart usersyncd`), and look at `usersyncd ctl history` before asking again"
        ),
    )
}

/// The failure that a refusal is.
pub(super) fn refusal(kind: ErrorKind, message: String) -> Failure {
    match kind {
        ErrorKind::NotPermitted => ClientError::NotPermitted(message).into(),
        _ => ClientError::Refused { kind, message }.into(),
    }
}
