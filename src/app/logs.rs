//! The log on standard error: as text, or as one JSON object a line.

use std::io::Write as _;

use log::Record;
use log::kv::{Error, Key, Value, VisitSource};
use serde_json::{Map, Value as Json, json};

use crate::alarm::Timestamp;
use crate::config::LogFormat;

/// Begins to log, filtered by `RUST_LOG`. As with every setting white space around it is no part of it, and an empty one is an
/// unset one.
pub fn log_as(format: LogFormat) {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let filter = variable("RUST_LOG");
    let filter = match filter.trim() {
        "" => "info",
        filter => filter,
    };
    let mut logger = env_logger::Builder::new();
    logger
        .parse_filters(filter)
        .parse_write_style(&variable("RUST_LOG_STYLE"));
    if format == LogFormat::Json {
        logger.format(|out, record| writeln!(out, "{}", line(record)));
    }
    logger.init();
}

/// One line, with the fields of its own beside those that every line has.
fn line(record: &Record<'_>) -> Json {
    let mut fields = Fields(Map::new());
    // The visitor takes every field.
    let _visited = record.key_values().visit(&mut fields);
    let common = json!({
        "time": Timestamp::now(),
        "level": record.level().as_str(),
        "target": record.target(),
        "message": record.args().to_string(),
    });
    match common {
        Json::Object(mut line) => {
            line.extend(fields.0);
            Json::Object(line)
        }
        other => other,
    }
}

struct Fields(Map<String, Json>);

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let json = match (value.to_u64(), value.to_f64(), value.to_bool()) {
            (Some(number), _, _) => json!(number),
            (None, Some(number), _) => json!(number),
            (None, None, Some(truth)) => json!(truth),
            (None, None, None) => json!(value.to_string()),
        };
        self.0.insert(key.to_string(), json);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_own_fields_beside_the_common_ones() {
        let fields = [
            ("status", Value::from(200_u16)),
            ("route", Value::from("/a")),
        ];
        let record = Record::builder()
            .args(format_args!("a \"line\"\n"))
            .level(log::Level::Info)
            .target("campanile::http")
            .key_values(&fields)
            .build();

        let line = line(&record);

        assert_eq!(line["message"], "a \"line\"\n");
        assert_eq!(
            (&line["status"], &line["route"]),
            (&json!(200), &json!("/a"))
        );
        assert_eq!(
            (&line["level"], &line["target"]),
            (&json!("INFO"), &json!("campanile::http"))
        );
        assert!(!line.to_string().contains('\n'));
    }
}
