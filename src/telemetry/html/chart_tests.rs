//! Where the parts of a chart stand, and what they say.

use super::*;

fn run(number: u64, value: u64, mark: Mark) -> Point {
    let outcome = match mark {
        Mark::Good => "success",
        Mark::Held => "held",
        Mark::Partial => "partial",
        Mark::Bad => "failed",
    };
    Point { run: format!("run {number}"), when: "2026-11-23 03:00".to_owned(), outcome, value, mark }
}

fn drawn(scale: Scale, points: &[Point]) -> String {
    let mut html = Html::default();
    Chart { id: "users", title: "Active users", what: "active users", scale, points }.push(&mut html);
    push_legend(&mut html, points.iter());
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
        let Axis { low, high, step } = Axis::over(low, high, Scale::Count);
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
        let axis = Axis::over(low, high, Scale::Count);
        assert!(axis.low <= low && axis.high >= high && (1..=7).contains(&axis.lines().count()), "{axis:?}");
    }
}

#[test]
fn axes_of_durations_begin_at_nothing_and_have_times_that_clocks_have() {
    let lines = |high| {
        let axis = Axis::over(high, high, Scale::Duration);
        let lines: Vec<String> = axis.lines().map(|line| Scale::Duration.on_axis(line)).collect();
        lines.join(", ")
    };
    assert_eq!(lines(0), "0, 0.1 s");
    assert_eq!(lines(340), "0, 0.1 s, 0.2 s, 0.3 s, 0.4 s");
    assert_eq!(lines(1900), "0, 0.5 s, 1 s, 1.5 s, 2 s");
    assert_eq!(lines(41_000), "0, 15 s, 30 s, 45 s");
    assert_eq!(lines(150_000), "0, 1 min, 2 min, 3 min");
    assert_eq!(lines(6_500_000), "0, 30 min, 1 h, 1 h 30 min, 2 h");
    for high in [7, 99_999_999, u64::MAX] {
        let axis = Axis::over(0, high, Scale::Duration);
        assert!(axis.high >= high && (2..=6).contains(&axis.lines().count()), "{axis:?}");
    }
}

#[test]
fn points_stand_where_their_runs_and_values_are() {
    let svg = drawn(Scale::Count, &[run(15, 0, Mark::Good), run(16, 5, Mark::Bad), run(17, 10, Mark::Good)]);
    let middle = f64::midpoint(LEFT, RIGHT);
    assert_eq!(values(&svg, "cx"), [LEFT, RIGHT], "the failed run has a cross");
    assert_eq!(values(&svg, "cy"), [BOTTOM, TOP]);
    assert!(svg.contains(&format!("<polyline points=\"{LEFT:.1},{BOTTOM:.1} {middle:.1},")), "{svg}");
    assert!(svg.contains(&format!("<path class=\"bad\" d=\"M{:.1} ", middle - 4.0)), "{svg}");
    assert!(svg.contains("<title>run 16, 2026-11-23 03:00 UTC: 5, failed</title>"), "{svg}");
    assert!(svg.contains("a run that failed or was cancelled") && !svg.contains("held something"), "{svg}");
    assert!(
        svg.contains(">active users: from 0 after run 15 to 10 after run 17; at least 0, at most 10.</desc>"),
        "{svg}"
    );
}

#[test]
fn bars_are_as_high_as_their_runs_took_and_marks_stand_above_them() {
    let points = [
        run(1, 0, Mark::Good),
        run(2, 2000, Mark::Held),
        run(3, 1000, Mark::Partial),
        run(4, 500, Mark::Bad),
    ];
    let svg = drawn(Scale::Duration, &points);
    let (heights, tops) = (values(&svg, "height"), values(&svg, "y"));
    let half = (BOTTOM - TOP) / 2.0;
    assert_eq!(heights, [1.0, BOTTOM - TOP, half, half / 2.0], "nothing is still there to be pointed at");
    assert!(heights.iter().all(|height| tops.contains(&(BOTTOM - height))), "{tops:?}");
    let (left, width) = (values(&svg, "x"), values(&svg, "width"));
    assert!(
        left.iter().all(|x| (0.0..=RIGHT).contains(x)) && width.iter().all(|width| *width <= 18.0),
        "{svg}"
    );
    // Four bars and three marks, each mark with the shape of its own.
    assert_eq!((svg.matches("<rect ").count(), svg.matches("<path ").count()), (4, 3), "{svg}");
    for shape in ["l4.5 8h-9z", "l5 5l-5 5l-5 -5z", "l8 8m0 -8l-8 8"] {
        assert_eq!(svg.matches(shape).count(), 1, "{shape}");
    }
    for meaning in ["held something", "was partial", "failed or was cancelled"] {
        assert!(svg.contains(&format!("a run that {meaning}")), "{meaning}");
    }
    assert!(svg.contains("<title>run 2, 2026-11-23 03:00 UTC: 2.0 s, held</title>"), "{svg}");
    assert!(svg.contains("from 0.0 s in run 1 to 0.5 s in run 4; at least 0.0 s, at most 2.0 s."), "{svg}");
}

#[test]
fn one_run_stands_in_the_middle_and_many_keep_their_order() {
    let one = drawn(Scale::Count, &[run(1, 7, Mark::Good)]);
    assert_eq!(values(&one, "cx"), [f64::midpoint(LEFT, RIGHT)]);
    assert_eq!(values(&one, "cy"), [f64::midpoint(TOP, BOTTOM)]);
    assert!(one.contains(">active users: 7 after run 1.</desc>") && !one.contains("legend"), "{one}");
    assert_eq!(one.matches(">run 1, 2026-11-23 03:00</text>").count(), 1, "{one}");

    let many: Vec<Point> = (1..=100).map(|number| run(number, 500 + number, Mark::Good)).collect();
    let svg = drawn(Scale::Count, &many);
    let (at, height) = (values(&svg, "cx"), values(&svg, "cy"));
    assert_eq!((at.len(), height.len()), (100, 100));
    assert!(at.windows(2).all(|pair| pair[0] < pair[1]), "{at:?}");
    assert!(height.windows(2).all(|pair| pair[0] > pair[1]), "{height:?}");
    assert!(
        at.iter().all(|x| (LEFT..=RIGHT).contains(x)) && height.iter().all(|y| (TOP..=BOTTOM).contains(y))
    );

    let bars = drawn(Scale::Duration, &many);
    assert_eq!(values(&bars, "height").len(), 100);
}

#[test]
fn without_runs_it_says_so() {
    assert_eq!(drawn(Scale::Count, &[]).matches("no runs to draw").count(), 1);
}
