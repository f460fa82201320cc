//! The panels as small charts: figures upwards from zero, the time across.

use std::time::Duration;

use crate::dashboard::panels::{Line, Panel};
use crate::svg::{Anchor, Drawing, short};

/// The whole picture.
pub(super) fn draw(panels: &[(Panel, Vec<Line>)], took: Duration) -> String {
    let rows = panels.len().div_ceil(COLUMNS) as f64;
    let seconds = took.as_secs_f64();
    let title = format!("The panels of the dashboard over {seconds:.0} s");
    let mut drawing = Drawing::new(WIDTH, TOP_MARGIN + rows * ROW_STEP, &title);
    for (place, (panel, lines)) in panels.iter().enumerate() {
        let (column, row) = ((place % COLUMNS) as f64, (place / COLUMNS) as f64);
        let (x, y) = (MARGIN + column * PANEL_STEP, TOP_MARGIN + row * ROW_STEP);
        drawing.add(format_args!("<g transform=\"translate({x} {y})\">"));
        draw_panel(&mut drawing, panel, lines, seconds);
        drawing.add("</g>");
    }
    drawing.finish()
}

fn draw_panel(drawing: &mut Drawing, panel: &Panel, lines: &[Line], seconds: f64) {
    let (factor, unit) = scale(&panel.unit, most(lines));
    let top = round_up(most(lines) * factor);
    drawing.heading(0.0, 14.0, &panel.title);
    for part in [0.0, 0.5, 1.0] {
        let y = BOTTOM + part * (TOP - BOTTOM);
        drawing.add(format_args!(
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
        ));
        let unit = if part == 1.0 { unit } else { "" };
        let label = format!("{}{unit}", short(part * top));
        drawing.text((LEFT - 6.0, y + 4.0), Anchor::End, label);
    }
    for ((line, colour), row) in lines.iter().zip(COLOURS.into_iter().cycle()).zip(0_u32..) {
        let points = line.points.iter().map(|(at, value)| {
            let x = LEFT + at / seconds * (RIGHT - LEFT);
            let y = BOTTOM + value * factor / top * (TOP - BOTTOM);
            format!("{x:.1},{y:.1}")
        });
        let points: Vec<String> = points.collect();
        drawing.add(format_args!(
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\" points=\"{}\"/>",
            points.join(" ")
        ));
        if row < MOST_KEYS {
            let (column, row) = (f64::from(row % 2), f64::from(row / 2));
            let place = (KEYS + column * KEY_STEP, BOTTOM + 20.0 + row * 17.0);
            drawing.key(place, colour, &line.name);
        }
    }
}

fn most(lines: &[Line]) -> f64 {
    let points = lines.iter().flat_map(|line| &line.points);
    points.map(|point| point.1).fold(0.0, f64::max)
}

/// The factor and the word of the unit in which the largest figure is a handy number.
fn scale(unit: &str, most: f64) -> (f64, &'static str) {
    match unit {
        "s" if most < 0.001 => (1e6, " µs"),
        "s" if most < 1.0 => (1e3, " ms"),
        "s" => (1.0, " s"),
        "bytes" => (1.0 / (1024.0 * 1024.0), " MiB"),
        "percentunit" => (100.0, " %"),
        "ops" => (1.0, "/s"),
        _ => (1.0, ""),
    }
}

/// The next even number of powers of ten; 1 for nothing.
fn round_up(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(most.log10().floor());
    let times = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0].into_iter();
    let mut fitting = times.filter(|times| times * power >= most * 0.999);
    fitting.next().unwrap_or(10.0) * power
}

/// Told apart on white and on black, and by people who do not see red and green apart.
const COLOURS: [&str; 6] = [
    "#2f81f7", "#d97706", "#2da44e", "#a371f7", "#db61a2", "#8b949e",
];

const COLUMNS: usize = 3;
const WIDTH: f64 = 1080.0;
const MARGIN: f64 = 12.0;
const TOP_MARGIN: f64 = 8.0;
const PANEL_STEP: f64 = 356.0;
const ROW_STEP: f64 = 232.0;
const LEFT: f64 = 68.0;
const RIGHT: f64 = 336.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 150.0;
const KEYS: f64 = 22.0;
const KEY_STEP: f64 = 162.0;

/// As many names as there is room for.
const MOST_KEYS: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_a_line_for_each_figure_and_its_name() {
        let dashboard = include_str!("../../../deploy/grafana/campanile-dashboard.json");
        let panel = Panel::all(dashboard).unwrap().remove(0);
        let line = Line {
            name: "users".to_owned(),
            points: vec![(0.0, 0.0), (1.0, 30.0), (2.0, 60.0)],
        };

        let svg = draw(&[(panel, vec![line])], Duration::from_secs(2));

        assert!(
            svg.contains("points=\"68.0,150.0 202.0,92.0 336.0,34.0\""),
            "{svg}"
        );
        assert!(svg.contains(">users</text>"), "{svg}");
        assert!(svg.contains(">60</text>"), "{svg}");
    }

    #[test]
    fn a_panel_without_figures_has_no_line_and_no_nonsense() {
        assert_eq!(round_up(0.0), 1.0);
        assert_eq!(round_up(37.0), 40.0);
        assert_eq!(round_up(0.000_21), 0.000_4);
    }
}
