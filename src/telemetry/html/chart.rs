//! Charts of runs, oldest first: a number after each run, or how long each took. SVG, drawn here.
//!
//! Runs that did not go well have a mark whose shape says how, so that no chart depends on colours.

use chrono::TimeDelta;

use super::Html;
use crate::sync::report::{Outcome, RunSummary};
use crate::telemetry::words::duration;

/// Runs in a chart, at most.
pub const MOST_RUNS: usize = 100;

/// The size of a chart, in units that the page scales to the room there is.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 190.0;
/// Where the plot is in it: beside the numbers of the axes.
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 18.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = HEIGHT - 34.0;
/// With more runs than this, only those that stand out are marked; the others are the line.
const MOST_DOTS: usize = 40;
/// How much of its place a bar fills, and how thick it is at most and at least.
const BAR: (f64, f64, f64) = (0.7, 18.0, 1.5);

/// How a run is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It went well: a dot.
    Good,
    /// It held something: a triangle.
    Held,
    /// It did part of what it should: a diamond.
    Partial,
    /// It failed or was cut short: a cross.
    Bad,
}

impl Mark {
    /// Those that stand out, each with what it means.
    const NOTABLE: [(Mark, &'static str, &'static str); 3] = [
        (Mark::Held, "▲", "a run that held something"),
        (Mark::Partial, "◆", "a run that was partial"),
        (Mark::Bad, "×", "a run that failed or was cancelled"),
    ];

    /// The class that gives it its colour.
    fn class(self) -> &'static str {
        match self {
            Self::Good => "",
            Self::Held | Self::Partial => "warn",
            Self::Bad => "bad",
        }
    }

    /// Its outline around that point, as a path.
    fn path(self, x: f64, y: f64) -> String {
        match self {
            Self::Good => String::new(),
            Self::Held => format!("M{x:.1} {:.1}l4.5 8h-9z", y - 5.0),
            Self::Partial => format!("M{x:.1} {:.1}l5 5l-5 5l-5 -5z", y - 5.0),
            Self::Bad => format!("M{:.1} {:.1}l8 8m0 -8l-8 8", x - 4.0, y - 4.0),
        }
    }
}

/// One run in a chart.
#[derive(Clone, Debug)]
pub struct Point {
    /// `run 17`.
    pub run: String,
    /// `2026-11-23 03:00`, in UTC.
    pub when: String,
    /// How it ended, in a word.
    pub outcome: &'static str,
    /// Its number; for durations in milliseconds.
    pub value: u64,
    /// How it is marked.
    pub mark: Mark,
}

/// A run in a chart, with that number.
#[must_use]
pub fn point(run: &RunSummary, value: u64) -> Point {
    Point {
        run: format!("run {}", run.run),
        when: run.started.format("%Y-%m-%d %H:%M").to_string(),
        outcome: run.outcome.map_or("not ended", Outcome::as_str),
        value,
        mark: match run.outcome {
            Some(Outcome::Success) | None => Mark::Good,
            Some(Outcome::Held) => Mark::Held,
            Some(Outcome::Partial) => Mark::Partial,
            Some(Outcome::Failed | Outcome::Cancelled) => Mark::Bad,
        },
    }
}

/// What the numbers are, and so how they are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// How many after each run: a line.
    Count,
    /// How many milliseconds each run took: bars.
    Duration,
}

impl Scale {
    fn in_words(self, value: u64) -> String {
        match self {
            Self::Count => value.to_string(),
            Self::Duration => {
                duration(TimeDelta::milliseconds(i64::try_from(value).unwrap_or(i64::MAX / 1000)))
            }
        }
    }

    /// The same beside a line of the axis, where numbers are round: `2 min`.
    fn on_axis(self, value: u64) -> String {
        let words = self.in_words(value);
        match self {
            Self::Count => words,
            Self::Duration if value == 0 => "0".to_owned(),
            Self::Duration => {
                words.replace(" min 0 s", " min").replace(" h 0 min", " h").replace(".0 s", " s")
            }
        }
    }
}

/// A chart.
#[derive(Clone, Copy, Debug)]
pub struct Chart<'a> {
    /// Its name in the page, by which its description is found.
    pub id: &'a str,
    /// What stands above it.
    pub title: &'static str,
    /// What the numbers are, in small letters.
    pub what: &'static str,
    /// How it is drawn.
    pub scale: Scale,
    /// The runs, oldest first.
    pub points: &'a [Point],
}

/// What the marks mean that are in these charts, where there are any.
pub fn push_legend<'p>(html: &mut Html, points: impl Iterator<Item = &'p Point> + Clone) {
    let there = |mark: Mark| points.clone().any(|point| point.mark == mark);
    let notable: Vec<_> = Mark::NOTABLE.into_iter().filter(|(mark, ..)| there(*mark)).collect();
    if notable.is_empty() {
        return;
    }
    html.raw("<p class=\"note legend\">");
    for (mark, sign, meaning) in notable {
        html.raw("<span><span class=\"").raw(mark.class()).raw("\" aria-hidden=\"true\">").raw(sign);
        html.raw("</span> ").raw(meaning).raw("</span> ");
    }
    html.raw("</p>\n");
}

impl Chart<'_> {
    /// Draws it.
    pub fn push(&self, html: &mut Html) {
        html.raw("<figure><figcaption>").raw(self.title);
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            html.raw("</figcaption><p>no runs to draw</p></figure>\n");
            return;
        };
        let (low, high) = self.bounds();
        let axis = Axis::over(low, high, self.scale);
        html.raw(": <strong>").text(self.scale.in_words(last.value)).raw("</strong></figcaption>\n");
        html.raw("<svg viewBox=\"0 0 ").number(WIDTH as u32).raw(" ").number(HEIGHT as u32);
        html.raw("\" role=\"img\" aria-labelledby=\"").text(self.id).raw("-title ").text(self.id);
        html.raw("-desc\"><title id=\"").text(self.id).raw("-title\">").raw(self.title);
        html.raw(match self.scale {
            Scale::Count => " after each run",
            Scale::Duration => " of each run",
        });
        html.raw("</title><desc id=\"").text(self.id).raw("-desc\">");
        html.text(self.description()).raw("</desc>\n");
        self.push_axes(html, &axis, first, last);
        match self.scale {
            Scale::Count => self.push_line(html, &axis),
            Scale::Duration => self.push_bars(html, &axis),
        }
        self.push_marks(html, &axis);
        html.raw("</svg></figure>\n");
    }

    fn bounds(&self) -> (u64, u64) {
        let values = || self.points.iter().map(|point| point.value);
        (values().min().unwrap_or_default(), values().max().unwrap_or_default())
    }

    fn description(&self) -> String {
        let Self { what, scale, points, .. } = self;
        let after = match scale {
            Scale::Count => "after",
            Scale::Duration => "in",
        };
        let at = |point: &Point| format!("{} {after} {}", scale.in_words(point.value), point.run);
        let (low, high) = self.bounds();
        match points {
            [] => String::new(),
            [only] => format!("{what}: {}.", at(only)),
            [first, .., last] => format!(
                "{what}: from {} to {}; at least {}, at most {}.",
                at(first),
                at(last),
                scale.in_words(low),
                scale.in_words(high)
            ),
        }
    }

    /// Where the run at `position` stands. A line goes from edge to edge, and bars have room beside them; one run alone stands
    /// in the middle.
    fn x(&self, position: usize) -> f64 {
        let count = self.points.len();
        match self.scale {
            Scale::Count if count > 1 => LEFT + (RIGHT - LEFT) * position as f64 / (count - 1) as f64,
            Scale::Duration if count > 1 => LEFT + self.slot() * (position as f64 + 0.5),
            _ => f64::midpoint(LEFT, RIGHT),
        }
    }

    /// The room of one bar.
    fn slot(&self) -> f64 {
        (RIGHT - LEFT) / self.points.len().max(1) as f64
    }

    fn push_axes(&self, html: &mut Html, axis: &Axis, first: &Point, last: &Point) {
        html.raw("<g class=\"grid\">");
        for value in axis.lines() {
            let y = axis.y(value);
            html.raw("<line ");
            for (name, at) in [("x1", LEFT), ("x2", RIGHT), ("y1", y), ("y2", y)] {
                push_at(html, name, at);
            }
            html.raw("/><text class=\"value\" ");
            push_at(html, "x", LEFT - 8.0);
            push_at(html, "y", y + 4.0);
            html.raw(">").text(self.scale.on_axis(value)).raw("</text>");
        }
        let labels: &[(&Point, f64, &'static str)] = if self.points.len() < 2 {
            &[(last, f64::midpoint(LEFT, RIGHT), "middle")]
        } else {
            &[(first, LEFT, "start"), (last, RIGHT, "end")]
        };
        for (point, at, anchor) in labels {
            html.raw("<text text-anchor=\"").raw(anchor).raw("\" ");
            push_at(html, "x", *at);
            push_at(html, "y", HEIGHT - 14.0);
            html.raw(">").text(&point.run).raw(", ").text(&point.when).raw("</text>");
        }
        html.raw("</g>\n");
    }

    fn push_line(&self, html: &mut Html, axis: &Axis) {
        let points = self.points.iter().enumerate();
        let points = points.map(|(at, point)| format!("{:.1},{:.1}", self.x(at), axis.y(point.value)));
        let points: Vec<String> = points.collect();
        html.raw("<polyline points=\"").text(points.join(" ")).raw("\"/>\n");
    }

    /// A bar for each run, which says on being pointed at which one it is.
    fn push_bars(&self, html: &mut Html, axis: &Axis) {
        let (share, most, least) = BAR;
        let width = (self.slot() * share).clamp(least, most);
        for (position, point) in self.points.iter().enumerate() {
            // What took no time at all is still there to be pointed at.
            let top = axis.y(point.value).min(BOTTOM - 1.0);
            html.raw("<rect class=\"").raw(point.mark.class()).raw("\" ");
            push_at(html, "x", self.x(position) - width / 2.0);
            push_at(html, "y", top);
            push_at(html, "width", width);
            push_at(html, "height", BOTTOM - top);
            html.raw(">");
            self.push_title(html, point);
            html.raw("</rect>\n");
        }
    }

    /// A dot for each run on a line, and a shape for each that stands out.
    fn push_marks(&self, html: &mut Html, axis: &Axis) {
        for (position, point) in self.points.iter().enumerate() {
            let (x, mut y) = (self.x(position), axis.y(point.value));
            if self.scale == Scale::Duration {
                // Above its bar.
                y = (y - 8.0).max(TOP - 8.0);
            }
            if point.mark != Mark::Good {
                html.raw("<path class=\"").raw(point.mark.class()).raw("\" d=\"");
                html.text(point.mark.path(x, y)).raw("\">");
                self.push_title(html, point);
                html.raw("</path>\n");
            } else if self.scale == Scale::Count {
                let radius = match (position + 1 == self.points.len(), self.points.len() <= MOST_DOTS) {
                    (true, _) => 4.5,
                    (false, true) => 2.5,
                    // Hardly more than the line, and still there to be pointed at.
                    (false, false) => 1.5,
                };
                html.raw("<circle ");
                push_at(html, "cx", x);
                push_at(html, "cy", y);
                push_at(html, "r", radius);
                html.raw(">");
                self.push_title(html, point);
                html.raw("</circle>\n");
            }
        }
    }

    fn push_title(&self, html: &mut Html, point: &Point) {
        html.raw("<title>").text(&point.run).raw(", ").text(&point.when).raw(" UTC: ");
        html.text(self.scale.in_words(point.value)).raw(", ").raw(point.outcome).raw("</title>");
    }
}

/// A vertical axis from `low` to `high`, with a line every `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    low: u64,
    high: u64,
    step: u64,
}

impl Axis {
    /// One that holds values from `low` to `high` and has round numbers. Counts begin at 0 unless they are close together:
    /// then a change would not be seen. Bars always do.
    fn over(low: u64, high: u64, scale: Scale) -> Self {
        let (low, step) = match scale {
            Scale::Count => {
                let low = if low <= high / 2 { 0 } else { low };
                (low, round_step((high - low).div_ceil(4)))
            }
            Scale::Duration => (0, round_time(high.div_ceil(4))),
        };
        let (below, above) = (low / step * step, high.div_ceil(step).saturating_mul(step));
        if below < above {
            return Self { low: below, high: above, step };
        }
        // All runs have the same: a line in the middle, or at the bottom if it is 0.
        Self { low: below.saturating_sub(step), high: above.saturating_add(step), step }
    }

    /// The height of a value in the chart.
    fn y(&self, value: u64) -> f64 {
        let share = (value - self.low) as f64 / (self.high - self.low) as f64;
        BOTTOM - share * (BOTTOM - TOP)
    }

    fn lines(&self) -> impl Iterator<Item = u64> {
        (0..=(self.high - self.low) / self.step).map(|line| self.low + line * self.step)
    }
}

/// The least of 1, 2, 5, 10, 20, 50 … that is not below `least`.
fn round_step(least: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if step >= least {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// The least round time that is not below `least`, in milliseconds: in seconds, minutes or hours as clocks have them.
fn round_time(least: u64) -> u64 {
    const SECOND: u64 = 1000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    match least {
        // A tenth of a second is as short as times are shown.
        0..=SECOND => round_step(least.max(100)),
        _ => [SECOND, MINUTE, HOUR]
            .into_iter()
            .flat_map(|unit| [1, 2, 5, 10, 15, 30].map(|many| many * unit))
            .find(|step| *step >= least)
            .unwrap_or_else(|| round_step(least.div_ceil(HOUR)).saturating_mul(HOUR)),
    }
}

/// A number between quotes.
fn push_at(html: &mut Html, name: &'static str, at: f64) {
    html.raw(name).raw("=\"").text(format!("{at:.1}")).raw("\" ");
}

#[cfg(test)]
#[path = "chart_tests.rs"]
mod tests;
