//! Cost against size, drawn as SVG: a panel for each kind of request, a line for each database, all axes logarithmic.

use crate::growth::results::{DatabaseKind, Run};
use crate::svg::{Anchor, Axis, Drawing, short};

/// The whole picture.
pub(super) fn draw(runs: &[Run]) -> String {
    let names: Vec<&str> = names(runs);
    let lines = names.len().div_ceil(COLUMNS) as f64;
    let height = TOP_MARGIN + lines * ROW_STEP;
    let title = "Time of a request against the rows of the log, ms";
    let mut drawing = Drawing::new(WIDTH, height, title);
    drawing.heading(MARGIN, 24.0, title);
    for (place, kind) in [DatabaseKind::Sqlite, DatabaseKind::Postgres]
        .into_iter()
        .enumerate()
    {
        let x = 560.0 + place as f64 * 120.0;
        drawing.key((x, 24.0), colour(kind), kind.name());
    }
    for (place, name) in names.iter().enumerate() {
        let (column, row) = ((place % COLUMNS) as f64, (place / COLUMNS) as f64);
        let (x, y) = (MARGIN + column * PANEL_STEP, TOP_MARGIN + row * ROW_STEP);
        drawing.add(format_args!("<g transform=\"translate({x} {y})\">"));
        draw_panel(&mut drawing, name, runs);
        drawing.add("</g>");
    }
    drawing.finish()
}

/// Each kind of request once, in the order they were measured in.
pub(super) fn names(runs: &[Run]) -> Vec<&'static str> {
    let mut names = Vec::new();
    for cost in runs.iter().flat_map(|run| &run.costs) {
        if !names.contains(&cost.name) {
            names.push(cost.name);
        }
    }
    names
}

/// The rows and the milliseconds of one kind of request on one database.
pub(super) fn points(runs: &[Run], kind: DatabaseKind, name: &str) -> Vec<(f64, f64)> {
    let of_kind = runs.iter().filter(|run| run.kind == kind);
    let points = of_kind.flat_map(|run| {
        let same = run.costs.iter().filter(|cost| cost.name == name);
        same.map(|cost| (run.rows as f64, cost.millis))
    });
    points.collect()
}

fn draw_panel(drawing: &mut Drawing, name: &str, runs: &[Run]) {
    let all = || {
        runs.iter()
            .flat_map(|run| run.costs.iter().map(|cost| cost.millis))
    };
    let sizes = || runs.iter().map(|run| run.rows as f64);
    // The same for all panels, so that they can be compared.
    let up = Axis::over(all(), BOTTOM, TOP).in_decades();
    let across = Axis::over(sizes(), LEFT, RIGHT);
    drawing.heading(0.0, 14.0, name);
    drawing.levels(&up, &up.ticks(&[1.0]), LEFT, RIGHT);
    let mut sizes: Vec<f64> = sizes().collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    for size in sizes {
        let place = (across.place(size), BOTTOM + 18.0);
        drawing.text(place, Anchor::Middle, short(size));
    }
    for kind in [DatabaseKind::Sqlite, DatabaseKind::Postgres] {
        let points = points(runs, kind, name);
        let places = points.iter().map(|(x, y)| (across.place(*x), up.place(*y)));
        let places: Vec<(f64, f64)> = places.collect();
        let path: Vec<String> = places
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        drawing.add(format_args!(
            "<polyline fill=\"none\" stroke=\"{0}\" stroke-width=\"2.5\" points=\"{1}\"/>",
            colour(kind),
            path.join(" ")
        ));
        for (x, y) in places {
            drawing.add(format_args!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{}\"/>",
                colour(kind)
            ));
        }
    }
}

/// Told apart by people who see colours differently as well (Okabe and Ito's set).
fn colour(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Sqlite => "#e69f00",
        DatabaseKind::Postgres => "#56b4e9",
    }
}

const COLUMNS: usize = 4;
const WIDTH: f64 = 1_000.0;
const MARGIN: f64 = 20.0;
const TOP_MARGIN: f64 = 48.0;
const PANEL_STEP: f64 = 244.0;
const ROW_STEP: f64 = 190.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 210.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 146.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::results::{Cost, Pruning};

    fn run(kind: DatabaseKind, rows: u64, millis: f64) -> Run {
        Run {
            kind,
            rows,
            filled_seconds: 0.0,
            costs: vec![Cost {
                name: "counts",
                millis,
            }],
            pruning: Pruning::default(),
            migrations: Vec::new(),
        }
    }

    #[test]
    fn a_cost_that_grows_rises_and_one_that_does_not_is_level() {
        let runs = [
            run(DatabaseKind::Sqlite, 10_000, 0.2),
            run(DatabaseKind::Sqlite, 1_000_000, 9.0),
            run(DatabaseKind::Postgres, 10_000, 0.5),
            run(DatabaseKind::Postgres, 1_000_000, 0.5),
        ];

        let svg = draw(&runs);

        let heights = svg.split("points=\"").skip(1).map(|rest| {
            let (path, _) = rest.split_once('"').unwrap();
            let points = path
                .split(' ')
                .map(|point| point.split_once(',').unwrap().1);
            points.map(|y| y.parse().unwrap()).collect::<Vec<f64>>()
        });
        let heights: Vec<Vec<f64>> = heights.collect();
        assert!(heights[0][1] < heights[0][0], "{heights:?}");
        assert_eq!(heights[1][1], heights[1][0], "{heights:?}");
    }

    #[test]
    fn a_picture_of_nothing_is_still_a_picture() {
        assert!(!draw(&[]).contains("NaN"));
    }
}
