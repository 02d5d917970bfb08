//! Creating something once, although answers get lost: what was not answered is looked for before it is sent again.

use std::time::Duration;

use super::WriteError;
use super::server::{Ask, Failed, Reply, Server};
use crate::sync::progress::RunControl;

/// How often a create is sent, as long as no answer says what became of it.
const TRIES: u32 = 5;

/// How sending a create ended.
pub(super) enum Sent<Object> {
    /// It was answered; `unanswered` says that an earlier try was not, and may have made what is refused now.
    Answered {
        /// The answer, good or not.
        reply: Reply,
        /// An earlier try may have been carried out.
        unanswered: bool,
    },
    /// An earlier try made it.
    Found(Object),
}

/// Sends a create until an answer says what became of it, or `find` finds what a try has made. `unwritten` makes the error of
/// a request without an answer; it is uncertain if a try may have been carried out.
pub(super) async fn create_once<Object, Finding>(
    server: &Server,
    control: &RunControl,
    ask: Ask<'_>,
    unwritten: impl Fn(Failed) -> WriteError,
    find: impl Fn() -> Finding,
) -> Result<Sent<Object>, WriteError>
where
    Finding: Future<Output = Result<Option<Object>, WriteError>>,
{
    let (what, ask) = (ask.what, ask.once());
    let mut unanswered = false;
    for attempt in 1.. {
        let failed = match server.ask(ask.clone(), control).await {
            Ok(reply) => {
                let unanswered = unanswered || reply.uncertain;
                return Ok(Sent::Answered { reply, unanswered });
            }
            Err(failed) => failed,
        };
        if !failed.uncertain || failed.cancelled {
            let error = unwritten(failed);
            return Err(uncertain_if(unanswered)(error));
        }
        unanswered = true;
        if let Some(object) = find().await.map_err(uncertain)? {
            return Ok(Sent::Found(object));
        }
        if attempt >= TRIES {
            return Err(unwritten(failed));
        }
        // Nothing of it is there: it was not carried out.
        pause(attempt).await;
    }
    Err(WriteError::refused(what.to_owned()))
}

/// A look for what may have been made failed: whether it was is not known, whatever kept us from looking.
pub(super) fn uncertain(error: WriteError) -> WriteError {
    WriteError { uncertain: true, unsent: false, ..error }
}

/// The same where it matters only if an earlier try was not answered.
pub(super) fn uncertain_if(unanswered: bool) -> impl Fn(WriteError) -> WriteError {
    move |error| if unanswered { uncertain(error) } else { error }
}

/// What to say of a create that was answered as done, and of which nothing is there.
pub(super) fn not_shown(server: &Server, what: &str) -> WriteError {
    let place = server.place();
    let message = format!("{what}, as far as is known: {place} said that it was, and does not show it");
    uncertain(WriteError::refused(message))
}

/// Waits before the next look, longer each time.
pub(super) async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(200) * attempt).await;
}
