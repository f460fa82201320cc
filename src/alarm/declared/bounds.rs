//! The bounds of a schema that somebody declares: checking data must cost little, whatever the schema.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// The reason why a schema is refused, and the place of the fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub(crate) struct SchemaFault {
    /// The place in the schema, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// The rule that is broken there.
    pub rule: SchemaRule,
}

/// A rule of schemas.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SchemaRule {
    /// Too long.
    #[error("a schema has at most 64 KiB")]
    TooLong,
    /// Too many levels.
    #[error("a schema has at most 32 levels of objects and arrays")]
    TooDeep,
    /// Another version of JSON Schema.
    #[error("`$schema` is left out, or {DRAFT}")]
    OtherDraft,
    /// A reference that leads out of the schema.
    #[error("a reference stays within the schema: `#`, or `#/` and a JSON pointer without `%`")]
    Foreign,
    /// A reference that leads nowhere.
    #[error("the reference leads nowhere")]
    Nowhere,
    /// References in a circle.
    #[error("the reference leads back to where it stands: a schema may not contain itself")]
    Circle,
    /// Too many references that lead to each other.
    #[error("at most 32 references lead to one another")]
    LongChain,
    /// A keyword that changes what references mean.
    #[error("the keyword `{0}` is not supported")]
    Keyword(&'static str),
    /// Too many regular expressions.
    #[error("a schema has at most 32 patterns")]
    TooManyPatterns,
    /// Too large once each reference is replaced by what it leads to.
    #[error("with its references followed, a schema has at most 2,000 parts")]
    TooManyParts,
    /// Not valid under JSON Schema 2020-12.
    #[error("{0}")]
    Invalid(String),
}

impl SchemaRule {
    /// The fault at a place.
    pub(super) fn at(self, pointer: impl Into<String>) -> SchemaFault {
        SchemaFault {
            pointer: pointer.into(),
            rule: self,
        }
    }
}

/// Checks the size, the depth and the references of a schema; returns the number of its parts.
pub(super) fn check(schema: &Value) -> Result<usize, SchemaFault> {
    if schema.to_string().len() > MOST_BYTES {
        return Err(SchemaRule::TooLong.at(""));
    }
    if depth(schema) > MOST_LEVELS {
        return Err(SchemaRule::TooDeep.at(""));
    }
    let mut parts = Parts {
        root: schema,
        known: HashMap::new(),
        open: Vec::new(),
        path: String::new(),
        patterns: 0,
    };
    let count = parts.of_schema(schema)?;
    if count > MOST_PARTS {
        return Err(SchemaRule::TooManyParts.at(""));
    }
    Ok(count)
}

/// The number of values in a value, itself among them.
pub(super) fn values_in(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(values_in).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(values_in).sum::<usize>(),
        _ => 1,
    }
}

fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

/// Counts the parts of a schema with its references followed. The target of a reference is counted once and then remembered.
struct Parts<'a> {
    root: &'a Value,
    known: HashMap<&'a str, usize>,
    /// The references that are being followed.
    open: Vec<&'a str>,
    /// The place that is being counted.
    path: String,
    patterns: usize,
}

impl<'a> Parts<'a> {
    fn of_schema(&mut self, value: &'a Value) -> Result<usize, SchemaFault> {
        let mut count: usize = 1;
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let of_item = self.inside(&index.to_string(), |parts| parts.of_schema(item))?;
                    count = count.saturating_add(of_item);
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    let of_field = self.inside(name, |parts| parts.of_keyword(name, field))?;
                    count = count.saturating_add(of_field);
                }
                if UNEVALUATED.iter().any(|name| fields.contains_key(*name)) {
                    count = count.saturating_mul(TRIED_AGAIN);
                }
            }
            _ => {}
        }
        Ok(count)
    }

    fn of_keyword(&mut self, name: &'a str, value: &'a Value) -> Result<usize, SchemaFault> {
        if let Some(keyword) = UNSUPPORTED.iter().find(|keyword| **keyword == name) {
            return Err(self.fault(SchemaRule::Keyword(keyword)));
        }
        match (name, value) {
            ("$schema", other) if other != DRAFT => Err(self.fault(SchemaRule::OtherDraft)),
            ("$ref", Value::String(reference)) => self.follow(reference),
            // Data, which may look like a schema.
            ("const" | "enum", data) => Ok(values_in(data)),
            ("default" | "examples" | "dependentRequired", _data) => Ok(1),
            ("pattern", _) => self.add_patterns(1),
            ("patternProperties", Value::Object(fields)) => {
                self.add_patterns(fields.len())?;
                self.of_each(fields)
            }
            (
                "properties" | "$defs" | "definitions" | "dependentSchemas",
                Value::Object(fields),
            ) => self.of_each(fields),
            _ => self.of_schema(value),
        }
    }

    /// The parts of schemas that have names of their own.
    fn of_each(&mut self, fields: &'a Map<String, Value>) -> Result<usize, SchemaFault> {
        let mut count: usize = 1;
        for (name, field) in fields {
            let of_field = self.inside(name, |parts| parts.of_schema(field))?;
            count = count.saturating_add(of_field);
        }
        Ok(count)
    }

    fn add_patterns(&mut self, count: usize) -> Result<usize, SchemaFault> {
        self.patterns += count;
        if self.patterns > MOST_PATTERNS {
            return Err(self.fault(SchemaRule::TooManyPatterns));
        }
        Ok(count * PARTS_OF_PATTERN)
    }

    fn follow(&mut self, reference: &'a str) -> Result<usize, SchemaFault> {
        if let Some(count) = self.known.get(reference) {
            return Ok(*count);
        }
        // The library decodes `%`, and so another place might be meant than the one that is looked at here.
        let pointer = reference
            .strip_prefix('#')
            .filter(|pointer| pointer.is_empty() || pointer.starts_with('/'))
            .filter(|pointer| !pointer.contains('%'));
        let pointer = pointer.ok_or_else(|| self.fault(SchemaRule::Foreign))?;
        let target = self.root.pointer(pointer);
        let target = target.ok_or_else(|| self.fault(SchemaRule::Nowhere))?;
        if self.open.contains(&reference) || self.stands_in(pointer) {
            return Err(self.fault(SchemaRule::Circle));
        }
        if self.open.len() >= MOST_CHAIN {
            return Err(self.fault(SchemaRule::LongChain));
        }
        self.open.push(reference);
        let here = std::mem::replace(&mut self.path, pointer.to_owned());
        let count = self.of_schema(target)?;
        self.path = here;
        self.open.pop();
        self.known.insert(reference, count);
        Ok(count)
    }

    /// True if the reference at this place leads to a schema that contains it.
    fn stands_in(&self, pointer: &str) -> bool {
        let rest = self.path.strip_prefix(pointer);
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    fn inside<T>(
        &mut self,
        name: &str,
        count: impl FnOnce(&mut Self) -> Result<T, SchemaFault>,
    ) -> Result<T, SchemaFault> {
        let before = self.path.len();
        self.path.push('/');
        self.path
            .push_str(&name.replace('~', "~0").replace('/', "~1"));
        let counted = count(self)?;
        self.path.truncate(before);
        Ok(counted)
    }

    fn fault(&self, rule: SchemaRule) -> SchemaFault {
        rule.at(self.path.clone())
    }
}

/// Keywords by which a reference leads elsewhere than its text says.
const UNSUPPORTED: [&str; 6] = [
    "$id",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "$vocabulary",
];

/// Keywords for which the schemas beside them are tried once more.
const UNEVALUATED: [&str; 2] = ["unevaluatedProperties", "unevaluatedItems"];

/// Each level of such keywords takes up to 2.7 times as long as the one in it.
const TRIED_AGAIN: usize = 3;

/// The one version of JSON Schema.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

const MOST_BYTES: usize = 64 * 1024;

const MOST_LEVELS: usize = 32;

/// Each is a step of a recursion.
const MOST_CHAIN: usize = 32;

/// Each takes memory when it is compiled.
const MOST_PATTERNS: usize = 32;

/// A pattern looks at each character of a text.
const PARTS_OF_PATTERN: usize = 10;

/// Each part may be tried for each value of an alarm's 16 KiB of data.
const MOST_PARTS: usize = 2_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A schema whose references double at each level.
    fn doubling(levels: usize) -> Value {
        let mut definitions = Map::new();
        for level in 0..levels {
            let next = json!({"$ref": format!("#/$defs/l{}", level + 1)});
            definitions.insert(format!("l{level}"), json!({"allOf": [next, next]}));
        }
        definitions.insert(format!("l{levels}"), json!({"type": "string"}));
        json!({"$ref": "#/$defs/l0", "$defs": definitions})
    }

    fn refused(schema: &Value) -> (String, SchemaRule) {
        let fault = check(schema).unwrap_err();
        (fault.pointer, fault.rule)
    }

    #[test]
    fn a_schema_is_bounded_with_its_references_followed() {
        let mut deep = json!({"type": "string"});
        for _ in 0..20 {
            deep = json!({"items": {"not": deep}});
        }
        let mut chain = Map::new();
        for link in 0..40 {
            let next = json!({"$ref": format!("#/$defs/l{}", link + 1)});
            chain.insert(format!("l{link}"), next);
        }
        chain.insert("l40".to_owned(), json!(true));
        let mut again = json!({"$ref": "#/$defs/a"});
        for _ in 0..8 {
            again = json!({"allOf": [again], "unevaluatedProperties": false});
        }
        let again = json!({"$defs": {"a": {"type": "object"}}, "allOf": [again]});
        let patterns: Vec<Value> = (0..33).map(|_| json!({"pattern": "a"})).collect();

        assert!(check(&doubling(4)).is_ok());
        for (schema, rule) in [
            (doubling(30), SchemaRule::TooManyParts),
            (again, SchemaRule::TooManyParts),
            (json!({"enum": vec![0; 2_001]}), SchemaRule::TooManyParts),
            (deep, SchemaRule::TooDeep),
            (
                json!({"description": "x".repeat(70_000)}),
                SchemaRule::TooLong,
            ),
        ] {
            assert_eq!(refused(&schema), (String::new(), rule));
        }
        let (_, rule) = refused(&json!({"$ref": "#/$defs/l0", "$defs": chain}));
        assert_eq!(rule, SchemaRule::LongChain);
        let (pointer, rule) = refused(&json!({"anyOf": patterns}));
        assert_eq!(rule, SchemaRule::TooManyPatterns);
        assert_eq!(pointer, "/anyOf/32/pattern");
    }

    #[test]
    fn a_reference_stays_within_its_schema_and_in_no_circle() {
        let of = |reference: &str| {
            let schema = json!({"properties": {"a": {"$ref": reference}}, "x%2Fy": {}});
            refused(&schema)
        };
        let at = "/properties/a/$ref".to_owned();

        for foreign in [
            "https://example.com/a.json",
            "other.json",
            "#anchor",
            "#/x%2Fy",
        ] {
            assert_eq!(of(foreign), (at.clone(), SchemaRule::Foreign));
        }
        assert_eq!(of("#/a"), (at.clone(), SchemaRule::Nowhere));
        for circle in ["#", "#/properties", "#/properties/a"] {
            assert_eq!(of(circle), (at.clone(), SchemaRule::Circle), "{circle}");
        }
        let two = json!({"$defs": {
            "a": {"properties": {"default": {"$ref": "#/$defs/b"}}},
            "b": {"items": {"$ref": "#/$defs/a"}},
        }});
        assert_eq!(refused(&two).1, SchemaRule::Circle);
    }

    #[test]
    fn a_word_is_a_keyword_only_where_keywords_stand() {
        let fine = json!({
            "$schema": DRAFT,
            "const": {"$ref": "https://example.com/", "$id": 1},
            "properties": {"$id": {"type": "string"}, "$ref": {"type": "string"}, "enum": true},
        });

        assert!(check(&fine).is_ok());
        let inside = json!({"properties": {"a/b": {"items": {"$id": "x"}}}});
        let unsupported = SchemaRule::Keyword("$id");
        assert_eq!(
            refused(&inside),
            ("/properties/a~1b/items/$id".to_owned(), unsupported)
        );
        let older = json!({"$schema": "http://json-schema.org/draft-07/schema#"});
        assert_eq!(
            refused(&older),
            ("/$schema".to_owned(), SchemaRule::OtherDraft)
        );
    }
}
