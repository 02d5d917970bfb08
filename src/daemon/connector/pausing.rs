//! Pausing a connector and letting it go on: by a person, or by an undo (RULES 26).

use super::Task;
use crate::control::api::RunSummary;
use crate::control::fault::Fault;
use crate::daemon::machine::Refusal;
use crate::daemon::wording;

impl Task {
    /// Pauses or resumes, also over restarts; says what that means.
    pub(super) async fn set_paused(&mut self, paused: bool) -> Result<String, Fault> {
        let name = self.name.clone();
        if self.machine.paused() == paused {
            return Ok(format!("{name} was {} already", if paused { "paused" } else { "not paused" }));
        }
        if !paused && self.machine.is_undoing() {
            return Err(Fault::conflict(format!(
                "{name} is paused by an undo that is under way; resume it when that has ended"
            )));
        }
        self.common.records.set_paused(&name, paused, None).await.map_err(|error| {
            let verb = if paused { "paused" } else { "resumed" };
            Fault::internal(format!("{name} is not {verb}, since that could not be recorded: {error}"))
        })?;
        let waiting = self.machine.set_paused(paused);
        self.view.paused = paused;
        if !paused {
            self.expect_from(self.common.clock.now()).await;
        }
        let reason = self.view.pause_reason.take();
        let turned_away = waiting.len();
        self.turn_away(waiting, Refusal::Paused).await;
        if !paused {
            return Ok(match reason {
                Some(reason) => format!(
                    "{name} is resumed; {reason}, and the next sync does again what the source still asks for: look at \
                     `usersyncd ctl plan {name}` before it runs"
                ),
                None => format!("{name} is resumed"),
            });
        }
        let mut message =
            format!("{name} is paused, also over restarts; `usersyncd ctl resume {name}` ends the pause");
        if turned_away > 0 {
            message.push_str(&format!("; {} turned away", wording::waited(turned_away)));
        }
        if let Some(run) = self.view.current_run() {
            message.push_str(&format!("; run {run} goes on, `usersyncd ctl cancel {name}` would stop it"));
        }
        Ok(message)
    }

    /// A run paused the connector: an undo, so that nothing does again what was undone (RULES 26).
    pub(super) async fn paused_by(&mut self, run: &RunSummary) {
        let waiting = self.machine.set_paused(true);
        self.view.paused = true;
        let reason = run.undoes.map(|undone| format!("run {undone} was undone by run {}", run.run));
        // It stands there already, unless somebody paused and resumed meanwhile.
        if let Err(error) = self.common.records.set_paused(&self.name, true, reason.as_deref()).await {
            tracing::error!(
                connector = self.name,
                "it is paused until the daemon ends, and perhaps no longer: {error}"
            );
        }
        self.view.pause_reason = reason;
        self.turn_away(waiting, Refusal::Paused).await;
    }
}
