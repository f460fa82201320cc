//! One text for all texts that mean the same JSON: keys sorted, strings decoded, no white space. Numbers keep the digits they
//! are written with: 1.0 and 1 may differ to the one who wrote them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The canonical form of a body; bytes that are no JSON stay as they are.
pub(super) fn form(body: &[u8]) -> Cow<'_, [u8]> {
    let mut form = String::with_capacity(body.len());
    let text = std::str::from_utf8(body).ok();
    match text.and_then(|text| write(text, 0, &mut form)) {
        Some(()) => Cow::Owned(form.into_bytes()),
        None => Cow::Borrowed(body),
    }
}

fn write(json: &str, depth: usize, into: &mut String) -> Option<()> {
    let json = json.trim();
    if depth > DEEPEST {
        return None;
    }
    match json.as_bytes().first()? {
        b'{' => {
            let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(json).ok()?;
            into.push('{');
            for (name, value) in members {
                into.push_str(&serde_json::to_string(&name).ok()?);
                into.push(':');
                write(value.get(), depth + 1, into)?;
                into.push(',');
            }
            into.push('}');
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            into.push('[');
            for item in items {
                write(item.get(), depth + 1, into)?;
                into.push(',');
            }
            into.push(']');
        }
        b'"' => {
            let text: String = serde_json::from_str(json).ok()?;
            into.push_str(&serde_json::to_string(&text).ok()?);
        }
        _ => into.push_str(json),
    }
    Some(())
}

/// Deeper than any body that is accepted.
const DEEPEST: usize = 140;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_has_one_form_and_what_differs_has_another() {
        let first = form(br#"{"to":{"user":"bob"},"data":{"b":[1.50,"\u00e9"],"a":null}}"#);
        let same = " { \"data\" : {\"a\":null, \"b\":[ 1.50 ,\"\u{e9}\"]}, \"t\\u006f\":{\"user\":\"bob\"} } ";
        assert_eq!(first, form(same.as_bytes()));

        for other in [
            r#"{"to":{"user":"bob"},"data":{"b":[1.5,"\u00e9"],"a":null}}"#,
            r#"{"to":{"user":"bob"},"data":{"b":["\u00e9",1.50],"a":null}}"#,
            r#"{"to":{"user":"bob"},"data":{"b":[1.50,"\u00e9"]}}"#,
        ] {
            assert_ne!(first, form(other.as_bytes()), "{other}");
        }
        assert_eq!(&*form(b"no JSON"), b"no JSON");
    }
}
