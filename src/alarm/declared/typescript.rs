//! TypeScript types of the data that a schema allows. A type is never narrower than its schema, but where a schema names
//! properties or items, and no type, it is taken to mean an object or an array.

use std::cell::Cell;

use serde_json::{Map, Value};

/// Writes types until their text is as long as it may be; what is left then may be anything. References are written out, so a short
/// schema may have a long type.
pub(crate) struct TypeWriter {
    /// The bytes that may still be written.
    left: Cell<usize>,
}

struct Writer<'a> {
    root: &'a Value,
    left: &'a Cell<usize>,
}

impl Default for TypeWriter {
    fn default() -> Self {
        Self {
            left: Cell::new(MOST_BYTES),
        }
    }
}

impl TypeWriter {
    /// The type of the data that a schema allows.
    pub(crate) fn type_of(&self, schema: &Value) -> String {
        let writer = Writer {
            root: schema,
            left: &self.left,
        };
        writer.schema(schema)
    }
}

impl Writer<'_> {
    fn schema(&self, schema: &Value) -> String {
        let written = match schema {
            Value::Bool(false) => "never".to_owned(),
            Value::Object(fields) if self.left.get() > 0 => self.keywords(fields),
            _ => ANYTHING.to_owned(),
        };
        self.left.set(self.left.get().saturating_sub(written.len()));
        written
    }

    /// The keywords of a schema hold together.
    fn keywords(&self, fields: &Map<String, Value>) -> String {
        let list = |name: &str| fields.get(name).and_then(Value::as_array);
        let schemas = |items: &Vec<Value>| items.iter().map(|item| self.schema(item)).collect();
        let target = fields.get("$ref").and_then(Value::as_str);
        let target = target.and_then(|reference| self.root.pointer(reference.get(1..)?));
        let alternatives = ["anyOf", "oneOf"].into_iter().filter_map(list);
        let parts = [
            fields.get("const").map(literal),
            list("enum").map(|values| union(values.iter().map(literal).collect())),
            target.map(|target| self.schema(target)),
            list("allOf").map(|items| intersection(schemas(items))),
            self.shape(fields),
        ];
        let parts = parts.into_iter().flatten();
        intersection(
            parts
                .chain(alternatives.map(|items| union(schemas(items))))
                .collect(),
        )
    }

    /// The type by the keyword `type`, or by the keywords of objects and arrays.
    fn shape(&self, fields: &Map<String, Value>) -> Option<String> {
        let has = |names: &[&str]| names.iter().any(|name| fields.contains_key(*name));
        let names: Vec<&str> = match fields.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ if has(&["properties", "required", "additionalProperties"]) => vec!["object"],
            _ if has(&["items", "prefixItems"]) => vec!["array"],
            _ => return None,
        };
        let types = names.into_iter().map(|name| match name {
            "object" => self.object(fields),
            "array" => self.array(fields),
            "integer" => "number".to_owned(),
            name => name.to_owned(),
        });
        Some(union(types.collect()))
    }

    fn object(&self, fields: &Map<String, Value>) -> String {
        let none = Map::new();
        let properties = fields.get("properties").and_then(Value::as_object);
        let properties = properties.unwrap_or(&none);
        let required = fields.get("required").and_then(Value::as_array);
        let required: Vec<&str> = required
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut members: Vec<String> = properties
            .iter()
            .map(|(name, schema)| {
                let mark = if required.contains(&name.as_str()) {
                    ""
                } else {
                    "?"
                };
                format!("{}{mark}: {}", text(name), self.schema(schema))
            })
            .collect();
        let unnamed = required
            .iter()
            .filter(|name| !properties.contains_key(**name));
        members.extend(unnamed.map(|name| format!("{}: {ANYTHING}", text(name))));
        if members.is_empty() {
            let patterned = fields.contains_key("patternProperties");
            let others = fields.get("additionalProperties").filter(|_| !patterned);
            let others = others.map_or_else(|| ANYTHING.to_owned(), |others| self.schema(others));
            return format!("{{ [name: string]: {others} }}");
        }
        format!("{{ {} }}", members.join("; "))
    }

    fn array(&self, fields: &Map<String, Value>) -> String {
        let others = fields.get("items").unwrap_or(&Value::Bool(true));
        let Some(first) = fields.get("prefixItems").and_then(Value::as_array) else {
            return format!("Array<{}>", self.schema(others));
        };
        let least = fields.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let mut items: Vec<String> = (0..)
            .zip(first)
            .map(|(index, schema): (u64, _)| {
                let mark = if index < least { "" } else { "?" };
                format!("({}){mark}", self.schema(schema))
            })
            .collect();
        if *others != Value::Bool(false) {
            items.push(format!("...Array<{}>", self.schema(others)));
        }
        format!("[{}]", items.join(", "))
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let member =
                |(name, value): (&String, &Value)| format!("{}: {}", text(name), literal(value));
            let members: Vec<String> = fields.iter().map(member).collect();
            format!("{{ {} }}", members.join("; "))
        }
        // A number beyond those that TypeScript tells apart.
        Value::Number(number) if number.as_f64().is_some_and(|n| n.abs() > MOST_EXACT) => {
            "number".to_owned()
        }
        simple => simple.to_string(),
    }
}

/// A name or a text as a literal.
fn text(name: &str) -> String {
    Value::from(name).to_string()
}

fn union(types: Vec<String>) -> String {
    joined(types, " | ", "never")
}

fn intersection(types: Vec<String>) -> String {
    joined(types, " & ", ANYTHING)
}

fn joined(mut types: Vec<String>, sign: &str, of_none: &str) -> String {
    types.dedup();
    match types.as_slice() {
        [] => of_none.to_owned(),
        [only] => only.clone(),
        several => format!("({})", several.join(sign)),
    }
}

/// More than the sources of all types: each level of a schema counts what is in it once more.
const MOST_BYTES: usize = 32 * 1024 * 1024;

const ANYTHING: &str = "unknown";

/// `Number.MAX_SAFE_INTEGER`.
const MOST_EXACT: f64 = 9_007_199_254_740_991.0;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_becomes_a_type() {
        for (schema, wanted) in [
            (json!(true), "unknown"),
            (json!(false), "never"),
            (json!({"minimum": 1}), "unknown"),
            (json!({"type": ["integer", "null"]}), "(number | null)"),
            (json!({"const": {"a": [1, "x"]}}), r#"{ "a": [1, "x"] }"#),
            (json!({"enum": ["a", null, true]}), r#"("a" | null | true)"#),
            (
                json!({"type": "object", "required": ["b", "c"],
                    "properties": {"a-\"": {"type": "string"}, "b": {"type": "boolean"}}}),
                r#"{ "a-\""?: string; "b": boolean; "c": unknown }"#,
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "number"}}),
                "{ [name: string]: number }",
            ),
            (json!({"items": {"type": "string"}}), "Array<string>"),
            (
                json!({"prefixItems": [{"type": "string"}, true], "minItems": 1, "items": false}),
                "[(string), (unknown)?]",
            ),
            (
                json!({"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}], "$defs": {"a": {"type": "string"}}}),
                "(string | null)",
            ),
            (
                json!({"allOf": [{"required": ["a"]}], "type": "object"}),
                r#"({ "a": unknown } & { [name: string]: unknown })"#,
            ),
        ] {
            let written = TypeWriter::default().type_of(&schema);
            assert_eq!(written, wanted, "{schema}");
        }
    }

    #[test]
    fn what_is_too_long_may_be_anything() {
        let writer = TypeWriter::default();
        writer.left.set(10);
        let schema = json!({"type": "object", "properties": {
            "a": {"enum": ["0123456789"]}, "b": {"type": "string"},
        }});

        let written = writer.type_of(&schema);

        assert_eq!(written, r#"{ "a"?: "0123456789"; "b"?: unknown }"#);
    }
}
