//! The panels of the dashboard, as its file has them.

use std::time::Duration;

use serde_json::Value;

use crate::dashboard::prometheus::Prometheus;
use crate::error::Result;

/// A panel: its title, the unit of its figures, and its queries with the name of their lines.
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) unit: String,
    queries: Vec<(String, String)>,
}

/// A line of a panel.
pub(super) struct Line {
    pub(super) name: String,
    /// Seconds, and the figure.
    pub(super) points: Vec<(f64, f64)>,
}

impl Panel {
    pub(super) fn all(dashboard: &str) -> Result<Vec<Self>> {
        let dashboard: Value = serde_json::from_str(dashboard)?;
        let panels = dashboard.get("panels").and_then(Value::as_array);
        let panels = panels.ok_or("the dashboard has no panels")?;
        Ok(panels.iter().map(Self::of).collect())
    }

    fn of(panel: &Value) -> Self {
        let text = |value: &Value, place: &str| {
            let found = value.pointer(place).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let targets = panel.get("targets").and_then(Value::as_array);
        let queries = targets.into_iter().flatten().map(|target| {
            let query = text(target, "/expr").replace("$job", "campanile");
            // Five scrapes, as Grafana takes four and more.
            let query = query.replace("$__rate_interval", "10s");
            (query, text(target, "/legendFormat"))
        });
        Self {
            title: text(panel, "/title"),
            unit: text(panel, "/fieldConfig/defaults/unit"),
            queries: queries.collect(),
        }
    }

    /// The answers of a Prometheus to the queries.
    pub(super) fn lines(&self, prometheus: &Prometheus, over: Duration) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        for (query, name) in &self.queries {
            for (labels, points) in prometheus.series(query, over)? {
                lines.push(Line {
                    name: named(name, &labels),
                    points,
                });
            }
        }
        Ok(lines)
    }
}

/// A name with the labels in their places, which are written `{{label}}`.
fn named(name: &str, labels: &Value) -> String {
    let labels = labels.as_object().into_iter().flatten();
    labels.fold(name.to_owned(), |name, (label, value)| {
        let value = value.as_str().unwrap_or_default();
        name.replace(&format!("{{{{{label}}}}}"), value)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_has_the_labels_of_its_line() {
        let labels = json!({"transport": "sse", "http": "1.1"});

        assert_eq!(
            named("{{transport}} over HTTP/{{http}}", &labels),
            "sse over HTTP/1.1"
        );
    }

    #[test]
    fn the_panels_of_the_dashboard_are_read() {
        let dashboard = include_str!("../../../deploy/grafana/campanile-dashboard.json");

        let panels = Panel::all(dashboard).unwrap();

        assert!(panels.len() > 10);
        for panel in panels {
            assert!(
                !panel.title.is_empty() && !panel.queries.is_empty(),
                "{}",
                panel.title
            );
        }
    }
}
