//! The schema of an alarm's data: JSON Schema 2020-12, without files, without the network, and with patterns of linear time.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use crate::alarm::declared::bounds::{self, SchemaFault, SchemaRule};

/// A schema, ready to check data.
#[derive(Debug)]
pub(crate) struct DataSchema {
    validator: Validator,
    parts: usize,
}

/// The first value that breaks a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataFault {
    /// The place in the data, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// The rule that is broken; the value itself is not repeated.
    pub rule: String,
}

impl DataSchema {
    /// Prepares a schema, within the bounds.
    pub(crate) fn parse(source: &Value) -> Result<Self, SchemaFault> {
        let parts = bounds::check(source)?;
        let patterns = PatternOptions::regex()
            .size_limit(PATTERN_BYTES)
            .dfa_size_limit(PATTERN_BYTES);
        let built = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(patterns)
            .build(source);
        let validator = built.map_err(|fault| {
            let rule = SchemaRule::Invalid(shortened(&fault.masked().to_string()));
            rule.at(fault.instance_path().to_string())
        })?;
        Ok(Self { validator, parts })
    }

    /// The number of steps that a check of data takes at most.
    pub(crate) fn steps(&self, data: &Value) -> usize {
        self.parts.saturating_mul(bounds::values_in(data))
    }

    /// Checks data. Where a schema and data are both large, the fault is told without its place: finding that costs memory.
    pub(crate) fn check(&self, data: &Value) -> Result<(), DataFault> {
        if self.validator.is_valid(data) {
            return Ok(());
        }
        if self.steps(data) > MOST_STEPS {
            return Err(DataFault {
                pointer: String::new(),
                rule: "it does not match the schema of its type".to_owned(),
            });
        }
        self.validator.validate(data).map_err(|fault| DataFault {
            pointer: fault.instance_path().to_string(),
            rule: shortened(&fault.masked().to_string()),
        })
    }
}

/// The part of a message that is shown: one may list many names.
fn shortened(message: &str) -> String {
    message.chars().take(MOST_CHARACTERS).collect()
}

const MOST_CHARACTERS: usize = 300;

/// The memory of one compiled pattern.
const PATTERN_BYTES: usize = 256 * 1024;

/// Each step may leave a fault of some hundred bytes.
const MOST_STEPS: usize = 100_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_is_named_by_a_pointer_and_repeats_no_data() {
        let schema = json!({"type": "object", "required": ["items"], "properties": {"items": {
            "type": "array", "items": {"$ref": "#/$defs/item"}}}, "$defs": {"item": {"type": "integer"}}});
        let schema = DataSchema::parse(&schema).unwrap();

        assert_eq!(schema.check(&json!({"items": [1, 2]})), Ok(()));
        let fault = schema.check(&json!({"items": [1, "secret"]})).unwrap_err();
        assert_eq!(fault.pointer, "/items/1");
        assert!(!fault.rule.contains("secret"), "{}", fault.rule);
        assert_eq!(schema.check(&json!({})).unwrap_err().pointer, "");
    }

    #[test]
    fn a_schema_that_is_none_is_refused_where_its_fault_is() {
        for (schema, at) in [
            (json!(7), ""),
            (json!({"type": "text"}), "/type"),
            (
                json!({"properties": {"a": {"minimum": "1"}}}),
                "/properties/a/minimum",
            ),
            (json!({"pattern": "("}), "/pattern"),
            (json!({"items": {"pattern": "(a)\\1"}}), "/items/pattern"),
            (json!({"pattern": "(?=a)"}), "/pattern"),
            (json!({"pattern": "(\\p{L}{50}){50}"}), "/pattern"),
            (
                json!({"patternProperties": {"(": true}}),
                "/patternProperties/(",
            ),
        ] {
            let fault = DataSchema::parse(&schema).unwrap_err();
            let is_invalid = matches!(fault.rule, SchemaRule::Invalid(_));
            assert!(is_invalid, "{schema}: {fault}");
            assert_eq!(fault.pointer, at, "{schema}: {fault}");
        }
    }
}
