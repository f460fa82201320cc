//! The figures as bars, drawn as SVG: a panel for each figure, a group for each rate, a bar for each way, all on logarithmic scales.

use std::fmt::Write;

use crate::report::number;
use crate::ways::way::Way;
use crate::ways::{Cell, Terms, cell};

struct Panel {
    figure: &'static str,
    title: &'static str,
    unit: f64,
}

/// The whole picture. It has its own background, so that it reads the same in dark and light.
pub(super) fn draw(terms: &Terms, cells: &[Cell]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#1f2328\">\n\
         <title>Five ways of being told, measured at {} clients each</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"12\" fill=\"#ffffff\"/>\n",
        terms.clients
    );
    for (place, way) in Way::ALL.into_iter().enumerate() {
        let x = MARGIN + place as f64 * 150.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"20\" width=\"14\" height=\"14\" rx=\"3\" fill=\"{}\"/>\
             <text x=\"{}\" y=\"32\">{}</text>",
            color(way),
            x + 20.0,
            way.name()
        );
    }
    for (place, panel) in PANELS.iter().enumerate() {
        let (column, row) = ((place % 2) as f64, (place / 2) as f64);
        let (x, y) = (MARGIN + column * PANEL_STEP, 56.0 + row * ROW_STEP);
        let _ = write!(svg, "<g transform=\"translate({x} {y})\">");
        draw_panel(&mut svg, panel, terms, cells);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_panel(svg: &mut String, panel: &Panel, terms: &Terms, cells: &[Cell]) {
    let value =
        |way, rate| cell(cells, way, rate).map(|cell| cell.value(panel.figure) / panel.unit);
    let values: Vec<f64> = terms
        .rates
        .iter()
        .flat_map(|rate| Way::ALL.map(|way| value(way, *rate)))
        .flatten()
        .filter(|value| value.is_finite() && *value > 0.0)
        .collect();
    let scale = Scale::over(&values);
    let _ = writeln!(
        svg,
        "<text y=\"14\" font-weight=\"600\">{}</text>",
        panel.title
    );
    for decade in scale.lowest..=scale.highest {
        let y = scale.y(10_f64.powi(decade));
        let _ = writeln!(
            svg,
            "<line x1=\"{AXIS}\" x2=\"{PANEL_WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#d8dee4\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" font-size=\"11\" fill=\"#59636e\">{}</text>",
            AXIS - 6.0,
            y + 4.0,
            label(decade)
        );
    }
    let group = (PANEL_WIDTH - AXIS) / terms.rates.len().max(1) as f64;
    let bar = (group - GAP) / Way::ALL.len() as f64;
    for (place, rate) in terms.rates.iter().enumerate() {
        let left = AXIS + GAP / 2.0 + place as f64 * group;
        for (number, way) in Way::ALL.into_iter().enumerate() {
            if let Some(value) = value(way, *rate).filter(|value| *value > 0.0) {
                let x = left + number as f64 * bar;
                draw_bar(svg, &scale, way, value, (x, bar));
            }
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#59636e\">{rate}/s</text>",
            left + (group - GAP) / 2.0,
            BOTTOM + 18.0
        );
    }
}

fn draw_bar(svg: &mut String, scale: &Scale, way: Way, value: f64, (x, width): (f64, f64)) {
    let top = scale.y(value);
    let shown = number(value);
    let _ = writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\" fill=\"{}\">\
         <title>{}: {shown}</title></rect>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"8.5\">{shown}</text>",
        width - 2.0,
        (BOTTOM - top).max(1.0),
        color(way),
        way.name(),
        x + width / 2.0 - 1.0,
        top - 3.0
    );
}

/// From one power of ten to another.
struct Scale {
    lowest: i32,
    highest: i32,
}

impl Scale {
    fn over(values: &[f64]) -> Self {
        let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = values.iter().copied().fold(0.0, f64::max);
        if !(smallest.is_finite() && largest > 0.0) {
            return Self {
                lowest: 0,
                highest: 1,
            };
        }
        // A bar of the smallest value is still to be seen.
        let lowest = (smallest.log10() - 0.1).floor() as i32;
        Self {
            lowest,
            highest: ((largest.log10() + 0.1).ceil() as i32).max(lowest + 1),
        }
    }

    fn y(&self, value: f64) -> f64 {
        let decades = f64::from(self.highest - self.lowest);
        let share = (value.log10() - f64::from(self.lowest)) / decades;
        BOTTOM - share.clamp(0.0, 1.0) * (BOTTOM - TOP)
    }
}

fn label(decade: i32) -> String {
    let places = usize::try_from(-decade).unwrap_or(0);
    format!("{:.places$}", 10_f64.powi(decade))
}

/// Told apart by people who see colours differently as well (Okabe and Ito's set).
fn color(way: Way) -> &'static str {
    match way {
        Way::Polling => "#999999",
        Way::LongPolling => "#e69f00",
        Way::Streaming => "#56b4e9",
        Way::WebSocket => "#cc79a7",
        Way::Sse => "#009e73",
    }
}

const PANELS: [Panel; 4] = [
    Panel {
        figure: "cpu_us",
        title: "Server CPU for each delivered alarm, µs",
        unit: 1.0,
    },
    Panel {
        figure: "p50_ms",
        title: "Latency, median, ms",
        unit: 1.0,
    },
    Panel {
        figure: "wire_bytes",
        title: "Bytes on the wire for each delivered alarm",
        unit: 1.0,
    },
    Panel {
        figure: "pss_bytes_per_client",
        title: "Server memory (PSS) for each client, KB",
        unit: 1_000.0,
    },
];

const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 620.0;
const MARGIN: f64 = 24.0;
const PANEL_STEP: f64 = 488.0;
const PANEL_WIDTH: f64 = 464.0;
const ROW_STEP: f64 = 280.0;
const AXIS: f64 = 48.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 230.0;
const GAP: f64 = 16.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_holds_every_value_and_puts_larger_ones_higher() {
        let scale = Scale::over(&[0.7, 12.0, 950.0]);

        assert_eq!((scale.lowest, scale.highest), (-1, 4));
        assert!(scale.y(0.7) > scale.y(12.0) && scale.y(12.0) > scale.y(950.0));
        assert!(scale.y(0.7) < BOTTOM && scale.y(950.0) > TOP);
    }

    #[test]
    fn labels_show_the_decade_in_full() {
        assert_eq!([label(-1), label(0), label(3)], ["0.1", "1", "1000"]);
    }
}
