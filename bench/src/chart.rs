//! Pictures of figures against the number of clients, as SVG that reads on a light and on a dark page.

use std::fmt::Write;

use crate::report::number;

/// What a picture shows.
#[derive(Debug)]
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) lines: Vec<Line>,
}

/// One server's line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    /// Number of clients, figure.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Chart<'_> {
    /// The picture; both axes are logarithmic.
    pub(crate) fn svg(&self) -> String {
        let points = || {
            self.lines
                .iter()
                .flat_map(|line| line.points.iter().copied())
        };
        let across = Axis::over(points().map(|point| point.0), LEFT, RIGHT);
        let up = Axis::over(points().map(|point| point.1), BOTTOM, TOP);
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n<title>{title}</title>\n\
             <style>text{{fill:#6e7781}}.axis{{stroke:#8b949e;stroke-opacity:.35}}\
             @media(prefers-color-scheme:dark){{text{{fill:#adbac7}}}}</style>\n\
             <text x=\"{LEFT}\" y=\"22\" font-size=\"15\" font-weight=\"600\">{title}</text>\n",
            title = self.title
        );
        for value in up.ticks() {
            let y = up.place(value);
            let _ = writeln!(
                text,
                "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                short(value)
            );
        }
        let mut clients: Vec<f64> = points().map(|point| point.0).collect();
        clients.sort_by(f64::total_cmp);
        clients.dedup();
        for value in clients {
            let _ = writeln!(
                text,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                across.place(value),
                BOTTOM + 20.0,
                short(value)
            );
        }
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">clients</text>",
            f64::midpoint(LEFT, RIGHT),
            BOTTOM + 40.0
        );
        self.draw(&mut text, &across, &up);
        text.push_str("</svg>\n");
        text
    }

    fn draw(&self, text: &mut String, across: &Axis, up: &Axis) {
        for ((line, colour), place) in self.lines.iter().zip(COLOURS).zip(0_u32..) {
            let points = line.points.iter();
            let points = points.map(|(x, y)| (across.place(*x), up.place(*y)));
            let points: Vec<(f64, f64)> = points.collect();
            let path = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}"));
            let path: Vec<String> = path.collect();
            let _ = writeln!(
                text,
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\" points=\"{}\"/>",
                path.join(" ")
            );
            for (x, y) in &points {
                let _ = writeln!(
                    text,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>"
                );
            }
            let y = TOP + 12.0 + 24.0 * f64::from(place);
            let _ = writeln!(
                text,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
                RIGHT + 22.0,
                y - 4.5,
                RIGHT + 34.0,
                line.name
            );
        }
    }
}

/// A logarithmic axis.
struct Axis {
    least: f64,
    most: f64,
    start: f64,
    end: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Self {
        let bounds = values
            .filter(|value| *value > 0.0)
            .fold(None, |bounds, value| {
                let (least, most) = bounds.unwrap_or((value, value));
                Some((value.min(least), value.max(most)))
            });
        let (least, most): (f64, f64) = bounds.unwrap_or((1.0, 10.0));
        Self {
            least: least * 0.85,
            most: most * 1.15,
            start,
            end,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let value = value.max(self.least);
        let part = (value / self.least).ln() / (self.most / self.least).ln();
        self.start + part * (self.end - self.start)
    }

    /// 1, 2 and 5 times the powers of ten within.
    fn ticks(&self) -> Vec<f64> {
        let powers = (-4..8).map(|power| 10_f64.powi(power));
        powers
            .flat_map(|power| [1.0, 2.0, 5.0].map(|times| times * power))
            .filter(|value| (self.least..=self.most).contains(value))
            .collect()
    }
}

/// A round number without the digits behind the point that say nothing.
fn short(value: f64) -> String {
    let text = number(value);
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
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
            lines: Vec::new(),
        };

        assert!(!chart.svg().contains("NaN"));
    }
}
