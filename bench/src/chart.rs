//! Pictures of figures against a number of clients or servers: a line for each kind.

use crate::svg::{Anchor, Axis, Drawing, short};

/// The content of a picture.
#[derive(Debug)]
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    /// The meaning of the axis across.
    pub(crate) across: &'a str,
    pub(crate) lines: Vec<Line>,
}

/// One line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    /// The place across, and the figure.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Chart<'_> {
    /// The picture; both axes are logarithmic.
    pub(crate) fn svg(&self) -> String {
        let points = || {
            let lines = self.lines.iter();
            lines.flat_map(|line| line.points.iter().copied())
        };
        let across = Axis::over(points().map(|point| point.0), LEFT, RIGHT);
        let up = Axis::over(points().map(|point| point.1), BOTTOM, TOP);
        let mut drawing = Drawing::new(WIDTH, HEIGHT, self.title);
        drawing.heading(LEFT, 22.0, self.title);
        drawing.levels(&up, &up.ticks(&[1.0, 2.0, 5.0]), LEFT, RIGHT);
        let mut numbers: Vec<f64> = points().map(|point| point.0).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        for value in numbers {
            let place = (across.place(value), BOTTOM + 20.0);
            drawing.text(place, Anchor::Middle, short(value));
        }
        let below = (f64::midpoint(LEFT, RIGHT), BOTTOM + 40.0);
        drawing.text(below, Anchor::Middle, self.across);
        self.draw(&mut drawing, &across, &up);
        drawing.finish()
    }

    fn draw(&self, drawing: &mut Drawing, across: &Axis, up: &Axis) {
        for ((line, colour), place) in self.lines.iter().zip(COLOURS).zip(0_u32..) {
            let points = line.points.iter();
            let points = points.map(|(x, y)| (across.place(*x), up.place(*y)));
            let points: Vec<(f64, f64)> = points.collect();
            let path = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}"));
            let path: Vec<String> = path.collect();
            drawing.add(format_args!(
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\" points=\"{}\"/>",
                path.join(" ")
            ));
            for (x, y) in &points {
                drawing.add(format_args!(
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>"
                ));
            }
            let y = TOP + 12.0 + 24.0 * f64::from(place);
            drawing.key((RIGHT + 22.0, y), colour, line.name);
        }
    }
}

/// Told apart on white and on black, and by people who do not see red and green apart.
const COLOURS: [&str; 6] = [
    "#8b949e", "#d97706", "#2f81f7", "#a371f7", "#2da44e", "#db61a2",
];

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 560.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 340.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_further_right_and_further_up() {
        let chart = Chart {
            title: "cost",
            across: "clients",
            lines: vec![Line {
                name: "floor",
                points: vec![(100.0, 1.0), (10_000.0, 4.0)],
            }],
        };

        let svg = chart.svg();

        let (_, rest) = svg.split_once("points=\"").unwrap();
        let (path, _) = rest.split_once('"').unwrap();
        let numbers: Vec<f64> = path
            .split([' ', ','])
            .map(|number| number.parse().unwrap())
            .collect();
        assert!(numbers[2] > numbers[0], "{path}");
        assert!(numbers[3] < numbers[1], "{path}");
        assert!(svg.contains(">10,000</text>"), "{svg}");
        assert!(svg.contains(">floor</text>"), "{svg}");
    }

    #[test]
    fn a_picture_of_nothing_is_still_a_picture() {
        let chart = Chart {
            title: "empty",
            across: "clients",
            lines: Vec::new(),
        };

        assert!(!chart.svg().contains("NaN"));
    }
}
