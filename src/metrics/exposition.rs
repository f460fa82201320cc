//! The two text formats of Prometheus: OpenMetrics 1.0, and the older 0.0.4, which every scraper reads.

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exposition {
    /// Prometheus 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Exposition {
    /// The media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Turns OpenMetrics text without its end mark into this format.
    pub(super) fn finished(self, text: String) -> String {
        match self {
            Self::OpenMetrics => text + END,
            Self::Prometheus => older(&text),
        }
    }
}

/// In 0.0.4 a metric is named with the suffix of its samples, there is no type for constants, and no end mark.
fn older(text: &str) -> String {
    let mut older = String::with_capacity(text.len() + text.len() / 16);
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix(HELP) {
            help = Some(rest);
            continue;
        }
        if let Some((name, kind)) = line
            .strip_prefix(TYPE)
            .and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                _ => ("", kind),
            };
            if let Some((_name, words)) = help.take().and_then(|rest| rest.split_once(' ')) {
                older.extend([HELP, name, suffix, " ", words, "\n"]);
            }
            older.extend([TYPE, name, suffix, " ", kind, "\n"]);
            continue;
        }
        older.extend([line, "\n"]);
    }
    older
}

/// The end mark of OpenMetrics, with which a cut text is known.
const END: &str = "# EOF\n";

const HELP: &str = "# HELP ";

const TYPE: &str = "# TYPE ";
