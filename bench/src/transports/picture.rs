//! The figures as bars, drawn as SVG: a panel for each figure, a group for each rate, a bar for each transport, all on logarithmic scales.

use crate::report::number;
use crate::svg::{Anchor, Axis, Drawing};
use crate::transports::cell::{Cell, cell};
use crate::transports::terms::Terms;
use crate::transports::transport::Transport;

struct Panel {
    figure: &'static str,
    title: &'static str,
    unit: f64,
}

/// The whole picture.
pub(super) fn draw(terms: &Terms, cells: &[Cell]) -> String {
    let title = format!(
        "The five transports, measured at {} clients each",
        terms.clients
    );
    let mut drawing = Drawing::new(WIDTH, HEIGHT, &title);
    for (place, transport) in Transport::ALL.into_iter().enumerate() {
        let x = MARGIN + place as f64 * 150.0;
        drawing.key((x + 8.0, 32.0), color(transport), transport.name());
    }
    for (place, panel) in PANELS.iter().enumerate() {
        let (column, row) = ((place % 2) as f64, (place / 2) as f64);
        let (x, y) = (MARGIN + column * PANEL_STEP, 56.0 + row * ROW_STEP);
        drawing.add(format_args!("<g transform=\"translate({x} {y})\">"));
        draw_panel(&mut drawing, panel, terms, cells);
        drawing.add("</g>");
    }
    drawing.finish()
}

fn draw_panel(drawing: &mut Drawing, panel: &Panel, terms: &Terms, cells: &[Cell]) {
    let value = |transport, rate| {
        cell(cells, transport, rate).map(|cell| cell.value(panel.figure) / panel.unit)
    };
    let rates = terms.rates.iter();
    let values = rates.flat_map(|rate| Transport::ALL.map(|transport| value(transport, *rate)));
    let scale = Axis::over(values.flatten(), BOTTOM, TOP).in_decades();
    drawing.heading(0.0, 14.0, panel.title);
    drawing.levels(&scale, &scale.ticks(&[1.0]), AXIS, PANEL_WIDTH);
    let group = (PANEL_WIDTH - AXIS) / terms.rates.len().max(1) as f64;
    let bar = (group - GAP) / Transport::ALL.len() as f64;
    for (place, rate) in terms.rates.iter().enumerate() {
        let left = AXIS + GAP / 2.0 + place as f64 * group;
        for (number, transport) in Transport::ALL.into_iter().enumerate() {
            if let Some(value) = value(transport, *rate).filter(|value| *value > 0.0) {
                let x = left + number as f64 * bar;
                draw_bar(drawing, &scale, transport, value, (x, bar));
            }
        }
        let below = (left + (group - GAP) / 2.0, BOTTOM + 18.0);
        drawing.text(below, Anchor::Middle, format_args!("{rate}/s"));
    }
}

fn draw_bar(
    drawing: &mut Drawing,
    scale: &Axis,
    transport: Transport,
    value: f64,
    (x, width): (f64, f64),
) {
    let top = scale.place(value);
    let shown = number(value);
    drawing.add(format_args!(
        "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\" fill=\"{}\">\
         <title>{}: {shown}</title></rect>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"8.5\">{shown}</text>",
        width - 2.0,
        (BOTTOM - top).max(1.0),
        color(transport),
        transport.name(),
        x + width / 2.0 - 1.0,
        top - 3.0
    ));
}

/// Told apart by people who see colours differently as well (Okabe and Ito's set).
fn color(transport: Transport) -> &'static str {
    match transport {
        Transport::Polling => "#999999",
        Transport::LongPolling => "#e69f00",
        Transport::Streaming => "#56b4e9",
        Transport::WebSocket => "#cc79a7",
        Transport::Sse => "#009e73",
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
    use crate::figures::Figures;

    #[test]
    fn a_larger_figure_has_a_taller_bar() {
        let terms = Terms {
            clients: 5,
            rooms: 1,
            rates: vec![1.0],
            seconds: 1.0,
            poll_seconds: 1.0,
            runs: 1,
            load_before: 0.0,
        };
        let cell = |transport: Transport, cpu| {
            let mut median = Figures::default();
            median.set("cpu_us", cpu);
            Cell {
                transport: transport.name(),
                rate: 1.0,
                median,
                runs: Vec::new(),
            }
        };

        let svg = draw(
            &terms,
            &[cell(Transport::Polling, 900.0), cell(Transport::Sse, 30.0)],
        );

        let height = |transport: Transport| {
            let end = format!("<title>{}: ", transport.name());
            let rectangle = svg.lines().find(|line| line.contains(&end)).unwrap();
            let (_, rest) = rectangle.split_once("height=\"").unwrap();
            rest.split_once('"').unwrap().0.parse::<f64>().unwrap()
        };
        assert!(
            height(Transport::Polling) > 2.0 * height(Transport::Sse),
            "{svg}"
        );
    }
}
