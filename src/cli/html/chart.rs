//! The charts of a page: how much the connector managed after each of the last runs. SVG, drawn here.

use super::writer::Html;
use crate::sync::report::{Outcome, RunSummary};

/// Runs in a chart, at most.
pub(super) const MOST_RUNS: usize = 100;

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

/// What a chart shows of a run.
#[derive(Clone, Copy)]
struct Series {
    title: &'static str,
    id: &'static str,
    what: &'static str,
    of: fn(&RunSummary) -> u64,
}

const SERIES: [Series; 2] = [
    Series { title: "Active users", id: "users", what: "active users", of: |run| run.managed.active },
    Series {
        title: "Managed memberships",
        id: "memberships",
        what: "memberships",
        of: |run| run.managed.memberships,
    },
];

/// The charts of these runs, oldest first; the last one is the run of the report.
pub(super) fn push(html: &mut Html, runs: &[RunSummary]) {
    html.raw("<section id=\"chart\"><h2>The last runs</h2>\n<div class=\"charts\">\n");
    for series in SERIES {
        push_series(html, series, runs);
    }
    html.raw("</div>\n");
    if runs.iter().any(went_wrong) {
        html.raw("<p class=\"note\"><span class=\"bad\">×</span> a run that failed or was cancelled</p>\n");
    }
    html.raw("</section>\n");
}

fn went_wrong(run: &RunSummary) -> bool {
    matches!(run.outcome, Some(Outcome::Failed | Outcome::Cancelled))
}

fn push_series(html: &mut Html, series: Series, runs: &[RunSummary]) {
    let Series { title, id, what, of } = series;
    html.raw("<figure><figcaption>").raw(title);
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else {
        html.raw("</figcaption><p>no runs to draw</p></figure>\n");
        return;
    };
    let values: Vec<u64> = runs.iter().map(of).collect();
    let (low, high) = bounds(&values);
    let axis = Axis::over(low, high);
    html.raw(": <strong>").number(of(last)).raw("</strong></figcaption>\n<svg viewBox=\"0 0 ");
    html.number(WIDTH as u32).raw(" ").number(HEIGHT as u32);
    html.raw("\" role=\"img\" aria-labelledby=\"").raw(id).raw("-title ").raw(id).raw("-desc\"><title id=\"");
    html.raw(id)
        .raw("-title\">")
        .raw(title)
        .raw(" after each run</title><desc id=\"")
        .raw(id)
        .raw("-desc\">");
    html.text(description(what, runs, &values)).raw("</desc>\n");
    push_axes(html, &axis, first, last);
    push_line(html, &axis, &values);
    push_marks(html, &axis, runs, &values);
    html.raw("</svg></figure>\n");
}

fn description(what: &str, runs: &[RunSummary], values: &[u64]) -> String {
    let at = |position: Option<(&RunSummary, &u64)>| {
        position.map(|(run, value)| format!("{value} after run {}", run.run)).unwrap_or_default()
    };
    let mut both = runs.iter().zip(values);
    let (low, high) = bounds(values);
    let (first, last) = (at(both.next()), at(both.next_back()));
    if last.is_empty() {
        return format!("{what}: {first}.");
    }
    format!("{what}: from {first} to {last}; at least {low}, at most {high}.")
}

fn bounds(values: &[u64]) -> (u64, u64) {
    let low = values.iter().min().copied().unwrap_or_default();
    (low, values.iter().max().copied().unwrap_or_default())
}

/// A vertical axis from `low` to `high`, with a line every `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    low: u64,
    high: u64,
    step: u64,
}

impl Axis {
    /// One that holds values from `low` to `high` and has round numbers. It begins at 0 unless the values are close
    /// together: then a change would not be seen.
    fn over(low: u64, high: u64) -> Self {
        let low = if low <= high / 2 { 0 } else { low };
        let step = round_step((high - low).div_ceil(4));
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

/// Where the run at `position` of `count` stands; one alone stands in the middle.
fn x(position: usize, count: usize) -> f64 {
    if count < 2 {
        return f64::midpoint(LEFT, RIGHT);
    }
    LEFT + (RIGHT - LEFT) * position as f64 / (count - 1) as f64
}

/// A number between quotes.
fn push_at(html: &mut Html, name: &'static str, at: f64) {
    html.raw(name).raw("=\"").text(format!("{at:.1}")).raw("\" ");
}

fn push_axes(html: &mut Html, axis: &Axis, first: &RunSummary, last: &RunSummary) {
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
        html.raw(">").number(value).raw("</text>");
    }
    let labels: &[(&RunSummary, f64, &'static str)] = if first.run == last.run {
        &[(last, x(0, 1), "middle")]
    } else {
        &[(first, LEFT, "start"), (last, RIGHT, "end")]
    };
    for (run, at, anchor) in labels {
        html.raw("<text text-anchor=\"").raw(anchor).raw("\" ");
        push_at(html, "x", *at);
        push_at(html, "y", HEIGHT - 14.0);
        html.raw(">")
            .text(format!("run {}, {}", run.run, run.started.format("%Y-%m-%d %H:%M")))
            .raw("</text>");
    }
    html.raw("</g>\n");
}

fn push_line(html: &mut Html, axis: &Axis, values: &[u64]) {
    let points = values.iter().enumerate();
    let points =
        points.map(|(position, value)| format!("{:.1},{:.1}", x(position, values.len()), axis.y(*value)));
    let points: Vec<String> = points.collect();
    html.raw("<polyline points=\"").text(points.join(" ")).raw("\"/>\n");
}

/// A dot or a cross for each run, which says on being pointed at which one it is.
fn push_marks(html: &mut Html, axis: &Axis, runs: &[RunSummary], values: &[u64]) {
    for (position, (run, value)) in runs.iter().zip(values).enumerate() {
        let is_last = position + 1 == runs.len();
        let (at, y) = (x(position, runs.len()), axis.y(*value));
        if went_wrong(run) {
            let cross = format!("M{:.1} {:.1}l8 8m0 -8l-8 8", at - 4.0, y - 4.0);
            html.raw("<path class=\"bad\" d=\"").text(cross).raw("\">");
            push_title(html, run, *value);
            html.raw("</path>\n");
        } else {
            let radius = match (is_last, runs.len() <= MOST_DOTS) {
                (true, _) => 4.5,
                (false, true) => 2.5,
                // Hardly more than the line, and still there to be pointed at.
                (false, false) => 1.5,
            };
            html.raw("<circle ");
            push_at(html, "cx", at);
            push_at(html, "cy", y);
            push_at(html, "r", radius);
            html.raw(">");
            push_title(html, run, *value);
            html.raw("</circle>\n");
        }
    }
}

fn push_title(html: &mut Html, run: &RunSummary, value: u64) {
    let outcome = run.outcome.map_or("not ended", Outcome::as_str);
    html.raw("<title>run ").number(run.run).raw(", ");
    html.text(run.started.format("%Y-%m-%d %H:%M UTC").to_string());
    html.raw(": ").number(value).raw(", ").raw(outcome).raw("</title>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::report::{Counts, Managed, Trigger};

    fn run(number: u64, users: u64, outcome: Outcome) -> RunSummary {
        RunSummary {
            run: number,
            connector: "acme".to_owned(),
            trigger: Trigger::Cron,
            started: "2026-11-23T03:00:00Z".parse().unwrap(),
            ended: None,
            outcome: Some(outcome),
            error: None,
            user: None,
            counts: Counts::default(),
            findings: 0,
            managed: Managed { users: users + 7, active: users, groups: 3, memberships: users * 10 },
            undoes: None,
        }
    }

    fn drawn(runs: &[RunSummary]) -> String {
        let mut html = Html::default();
        push(&mut html, runs);
        html.finish()
    }

    /// All values of an attribute, as numbers.
    fn values(svg: &str, attribute: &str) -> Vec<f64> {
        let attribute = format!(" {attribute}=\"");
        let parts = svg.split(&attribute).skip(1);
        parts.map(|part| part.split('"').next().unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn axes_have_round_numbers_around_what_there_is() {
        let axis = |low, high| {
            let Axis { low, high, step } = Axis::over(low, high);
            (low, high, step)
        };
        assert_eq!(axis(0, 0), (0, 1, 1), "nothing is at the bottom");
        assert_eq!(axis(1, 1), (0, 2, 1), "one value is in the middle");
        assert_eq!(axis(1000, 1000), (999, 1001, 1));
        assert_eq!(axis(0, 9), (0, 10, 5));
        assert_eq!(axis(998, 1003), (998, 1004, 2), "a small change is seen");
        assert_eq!(axis(400, 1000), (0, 1000, 500), "a large one is not made larger");
        assert_eq!(axis(0, 123_456), (0, 150_000, 50_000));
        assert_eq!(axis(u64::MAX, u64::MAX).0, u64::MAX - 1);
        for (low, high) in [(0, 7), (3, 4), (51, 100), (990, 1017), (1, u64::MAX), (u64::MAX - 9, u64::MAX)] {
            let axis = Axis::over(low, high);
            assert!(
                axis.low <= low && axis.high >= high && (1..=7).contains(&axis.lines().count()),
                "{axis:?}"
            );
        }
    }

    #[test]
    fn points_stand_where_their_runs_and_values_are() {
        let svg =
            drawn(&[run(15, 0, Outcome::Success), run(16, 5, Outcome::Failed), run(17, 10, Outcome::Held)]);
        let middle = f64::midpoint(LEFT, RIGHT);
        assert_eq!(values(&svg, "cx"), [LEFT, RIGHT, LEFT, RIGHT], "two series, the failed run has a cross");
        assert_eq!(values(&svg, "cy"), [BOTTOM, TOP, BOTTOM, TOP], "each has an axis of its own");
        let line = format!("<polyline points=\"{LEFT:.1},{BOTTOM:.1} {middle:.1},");
        assert_eq!(svg.matches(&line).count(), 2, "{svg}");
        let cross = format!("<path class=\"bad\" d=\"M{:.1} ", middle - 4.0);
        assert_eq!(svg.matches(&cross).count(), 2, "{svg}");
        assert!(svg.contains("<title>run 16, 2026-11-23 03:00 UTC: 5, failed</title>"), "{svg}");
        assert!(svg.contains("a run that failed or was cancelled"), "{svg}");
        assert!(
            svg.contains(
                ">active users: from 0 after run 15 to 10 after run 17; at least 0, at most 10.</desc>"
            ),
            "{svg}"
        );
    }

    #[test]
    fn one_run_stands_in_the_middle_and_many_keep_their_order() {
        let one = drawn(&[run(1, 7, Outcome::Success)]);
        assert_eq!(values(&one, "cx"), [f64::midpoint(LEFT, RIGHT); 2]);
        assert_eq!(values(&one, "cy"), [f64::midpoint(TOP, BOTTOM); 2]);
        assert!(one.contains(">active users: 7 after run 1.</desc>") && !one.contains("failed"), "{one}");
        assert_eq!(one.matches(">run 1, 2026-11-23 03:00</text>").count(), 2, "{one}");

        let many: Vec<RunSummary> =
            (1..=100).map(|number| run(number, 500 + number, Outcome::Success)).collect();
        let (at, height) = (values(&drawn(&many), "cx"), values(&drawn(&many), "cy"));
        assert_eq!((at.len(), height.len()), (200, 200));
        let users = at[..100].windows(2).all(|pair| pair[0] < pair[1]);
        assert!(users && height[..100].windows(2).all(|pair| pair[0] > pair[1]), "{at:?} {height:?}");
        assert!(
            at.iter().all(|x| (LEFT..=RIGHT).contains(x))
                && height.iter().all(|y| (TOP..=BOTTOM).contains(y))
        );
    }

    #[test]
    fn without_runs_it_says_so() {
        assert_eq!(drawn(&[]).matches("no runs to draw").count(), 2);
    }
}
