//! The parts of the bench's pictures: a frame that is readable on a light and on a dark page, text, keys, logarithmic axes and their lines.

use std::fmt::{Display, Write};

use crate::report::number;

/// A picture being drawn.
pub(crate) struct Drawing(String);

/// The side of its place that a text is on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Drawing {
    /// Nothing but its title, which a reader who does not see is told.
    pub(crate) fn new(width: f64, height: f64, title: &str) -> Self {
        Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n<title>{title}</title>\n\
             <style>text{{fill:#6e7781}}.axis{{stroke:#8b949e;stroke-opacity:.35}}\
             @media(prefers-color-scheme:dark){{text{{fill:#adbac7}}}}</style>\n"
        ))
    }

    /// Adds what only one picture has.
    pub(crate) fn add(&mut self, element: impl Display) {
        let _ = writeln!(self.0, "{element}");
    }

    pub(crate) fn heading(&mut self, x: f64, y: f64, text: &str) {
        self.add(format_args!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"15\" font-weight=\"600\">{text}</text>"
        ));
    }

    pub(crate) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, text: impl Display) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.add(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    /// A dot of a colour, and what has that colour.
    pub(crate) fn key(&mut self, (x, y): (f64, f64), colour: &str, name: &str) {
        self.add(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"{colour}\"/>",
            y - 4.5
        ));
        self.text((x + 12.0, y), Anchor::Start, name);
    }

    /// A line across, and its label, for every value an upright axis shows.
    pub(crate) fn levels(&mut self, up: &Axis, values: &[f64], left: f64, right: f64) {
        for value in values {
            let y = up.place(*value);
            self.add(format_args!(
                "<line class=\"axis\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            ));
            self.text((left - 8.0, y + 4.0), Anchor::End, short(*value));
        }
    }

    pub(crate) fn finish(self) -> String {
        self.0 + "</svg>\n"
    }
}

/// A logarithmic axis.
#[derive(Debug, PartialEq)]
pub(crate) struct Axis {
    least: f64,
    most: f64,
    start: f64,
    end: f64,
}

impl Axis {
    /// From a little less than the least value to a little more than the most.
    pub(crate) fn over(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Self {
        let positive = values.filter(|value| value.is_finite() && *value > 0.0);
        let bounds = positive.fold(None, |bounds, value| {
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

    /// The same, from one power of ten to another.
    pub(crate) fn in_decades(self) -> Self {
        let lowest = self.least.log10().floor();
        Self {
            least: 10_f64.powf(lowest),
            most: 10_f64.powf(self.most.log10().ceil().max(lowest + 1.0)),
            ..self
        }
    }

    pub(crate) fn place(&self, value: f64) -> f64 {
        let value = value.max(self.least);
        let part = (value / self.least).ln() / (self.most / self.least).ln();
        self.start + part * (self.end - self.start)
    }

    /// So many times the powers of ten within.
    pub(crate) fn ticks(&self, times: &[f64]) -> Vec<f64> {
        let powers = (-4..8).map(|power| 10_f64.powi(power));
        powers
            .flat_map(|power| times.iter().map(move |times| times * power))
            .filter(|value| (self.least * 0.999..=self.most * 1.001).contains(value))
            .collect()
    }
}

/// A round number without the digits behind the point that say nothing.
pub(crate) fn short(value: f64) -> String {
    let text = number(value);
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_holds_every_value_and_puts_larger_ones_higher() {
        let axis = Axis::over([0.7, 12.0, 950.0].into_iter(), 230.0, 34.0).in_decades();

        let ticks: Vec<String> = axis.ticks(&[1.0]).into_iter().map(short).collect();
        assert_eq!(ticks, ["0.1", "1", "10", "100", "1,000", "10,000"]);
        assert!(axis.place(0.7) > axis.place(12.0) && axis.place(12.0) > axis.place(950.0));
        assert!(axis.place(0.7) < 230.0 && axis.place(950.0) > 34.0);
    }

    #[test]
    fn an_axis_of_nothing_is_still_an_axis() {
        let axis = Axis::over([f64::NAN, 0.0].into_iter(), 0.0, 100.0);

        assert!(axis.place(5.0).is_finite());
        assert_eq!(axis.ticks(&[1.0, 2.0, 5.0]), [1.0, 2.0, 5.0, 10.0]);
    }
}
