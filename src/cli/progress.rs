//! How far a run is: a bar on a terminal, plain lines elsewhere, both on standard error.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::output::Output;
use super::text::plural;
use crate::sync::progress::{Phase, ProgressView};
use crate::telemetry::escape::{escape, escape_lines};

/// Plain lines come no more often than this, unless the phase changes.
const BETWEEN_LINES: Duration = Duration::from_secs(5);
/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// The progress of several runs at once.
pub(super) struct Board<'a> {
    output: &'a Output,
    bars: Option<MultiProgress>,
}

impl<'a> Board<'a> {
    /// Bars if messages are read on a terminal.
    pub(super) fn new(output: &'a Output) -> Self {
        Self { output, bars: output.messages_on_terminal.then(MultiProgress::new) }
    }

    /// A place for the run of one connector.
    pub(super) fn place(&self, connector: &str) -> Place<'a> {
        let connector = escape(connector).into_owned();
        let bar = self.bars.as_ref().map(|bars| {
            let bar =
                bars.add(ProgressBar::new_spinner().with_prefix(connector.clone()).with_style(spinner()));
            bar.enable_steady_tick(TICK);
            bar
        });
        Place { output: self.output, connector, bar, shown: None, opening: None }
    }
}

/// Where the progress of one run is shown.
pub(super) struct Place<'a> {
    output: &'a Output,
    connector: String,
    bar: Option<ProgressBar>,
    /// What was shown last, and when.
    shown: Option<(ProgressView, Instant)>,
    /// What is said once the request is accepted.
    opening: Option<String>,
}

impl Place<'_> {
    /// The same place, where this is said first if the request is accepted.
    pub(super) fn opening(mut self, opening: Option<String>) -> Self {
        self.opening = opening;
        self
    }

    /// The request is accepted.
    pub(super) fn open(&mut self) {
        if let Some(opening) = self.opening.take() {
            self.say(&opening);
        }
    }

    /// Shows how far the run is.
    pub(super) fn show(&mut self, view: ProgressView) {
        let now = Instant::now();
        if let Some(bar) = &self.bar {
            draw(bar, &view);
        } else if !self.output.json && is_due(self.shown.as_ref(), &view, now) {
            self.say(&sentence(&view));
        } else {
            return;
        }
        self.shown = Some((view, now));
    }

    /// Says something about this connector, beside the bar.
    pub(super) fn say(&self, message: &str) {
        let line = format!("{}: {}", self.connector, escape_lines(message));
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.say(&line)),
            None => self.output.say(&line),
        }
    }
}

impl Drop for Place<'_> {
    /// Takes the bar away, so that what is printed next stands in its place.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn is_due(shown: Option<&(ProgressView, Instant)>, view: &ProgressView, now: Instant) -> bool {
    match shown {
        // The summary says it better.
        _ if view.phase == Phase::Done => false,
        None => true,
        Some((last, at)) => last.phase != view.phase || (last != view && now - *at >= BETWEEN_LINES),
    }
}

fn draw(bar: &ProgressBar, view: &ProgressView) {
    let (done, total) = match view.phase {
        Phase::Reading => (view.groups_read, view.groups_total),
        Phase::Applying => (view.operations_applied, view.operations_total),
        Phase::Waiting | Phase::Planning | Phase::Done => (0, 0),
    };
    bar.set_message(sentence(view));
    if total == 0 {
        bar.set_style(spinner());
    } else {
        bar.set_style(measured());
        bar.set_length(total);
        bar.set_position(done);
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix}  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn measured() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix}  [{bar:24}] {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// `reading: 1200 users, 12 of 60 groups, 34 requests`.
pub(super) fn sentence(view: &ProgressView) -> String {
    let mut text = match view.phase {
        Phase::Waiting => "waiting for its turn".to_owned(),
        Phase::Reading => format!(
            "reading: {}, {} of {}, {}",
            plural(view.users_read, "user"),
            view.groups_read,
            plural(view.groups_total, "group"),
            plural(view.requests, "request"),
        ),
        Phase::Planning => "comparing".to_owned(),
        Phase::Applying => {
            format!("applying: {} of {}", view.operations_applied, plural(view.operations_total, "operation"))
        }
        Phase::Done => "done".to_owned(),
    };
    if view.waiting_for_rate_limit > 0 {
        // In front: a narrow terminal cuts the end.
        text = format!("waiting for Okta's rate limit, {text}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn view(phase: Phase) -> ProgressView {
        ProgressView {
            phase,
            users_read: 1200,
            groups_read: 12,
            groups_total: 60,
            operations_applied: 5,
            operations_total: 9,
            requests: 1,
            waiting_for_rate_limit: 0,
        }
    }

    #[test]
    fn phases_in_words() {
        assert_eq!(sentence(&view(Phase::Reading)), "reading: 1200 users, 12 of 60 groups, 1 request");
        let waiting = ProgressView { waiting_for_rate_limit: 2, ..view(Phase::Reading) };
        assert!(sentence(&waiting).starts_with("waiting for Okta's rate limit, reading: 1200"));
        assert_eq!(sentence(&view(Phase::Applying)), "applying: 5 of 9 operations");
    }

    #[tokio::test(start_paused = true)]
    async fn plain_lines_come_with_phases_and_seldom_otherwise() {
        let (output, data, messages) = Output::captured(false, Clock::system());
        let board = Board::new(&output);
        let mut place = board.place("ac\nme");
        let mut reading = view(Phase::Reading);
        place.show(reading);
        reading.users_read += 200;
        place.show(reading);
        tokio::time::advance(BETWEEN_LINES).await;
        place.show(reading);
        tokio::time::advance(BETWEEN_LINES).await;
        place.show(reading);
        place.show(view(Phase::Applying));
        place.show(view(Phase::Done));
        assert_eq!(
            messages.text(),
            "ac\\nme: reading: 1200 users, 12 of 60 groups, 1 request\n\
             ac\\nme: reading: 1400 users, 12 of 60 groups, 1 request\n\
             ac\\nme: applying: 5 of 9 operations\n"
        );
        assert_eq!(data.text(), "");
    }

    #[tokio::test]
    async fn nothing_is_drawn_beside_json() {
        let (output, _, messages) = Output::captured(true, Clock::system());
        Board::new(&output).place("acme").show(view(Phase::Reading));
        assert_eq!(messages.text(), "");
    }

    #[test]
    fn bar_templates_are_valid() {
        assert!(ProgressStyle::with_template("{spinner} {prefix}  {wide_msg}").is_ok());
        assert!(ProgressStyle::with_template("{spinner} {prefix}  [{bar:24}] {wide_msg}").is_ok());
        let bar = ProgressBar::hidden();
        draw(&bar, &view(Phase::Applying));
        assert_eq!((bar.position(), bar.length()), (5, Some(9)));
    }
}
