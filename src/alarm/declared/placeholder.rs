//! Placeholders in the words of a type.

use serde_json::Value;

/// A value that a text names in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Placeholder<'a> {
    /// `{fromName}`: the display name of the sender.
    FromName,
    /// `{targetId}`.
    TargetId,
    /// `{data.title}`, `{data.order.id}`: a text or a number in the data.
    Data(&'a str),
}

impl<'a> Placeholder<'a> {
    /// Reads what stands between the braces.
    fn parse(name: &'a str) -> Option<Self> {
        match name {
            "fromName" => Some(Self::FromName),
            "targetId" => Some(Self::TargetId),
            _ => {
                let path = name.strip_prefix("data.")?;
                let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
                let is_name = |name: &str| !name.is_empty() && name.chars().all(allowed);
                path.split('.').all(is_name).then_some(Self::Data(path))
            }
        }
    }

    /// The value of a path in data, if it is a number or a text that is not empty.
    pub(crate) fn in_data(path: &str, data: &Value) -> Option<String> {
        match data.pointer(&format!("/{}", path.replace('.', "/")))? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// The placeholders of a text in order; `None` if a brace opens something else.
pub(crate) fn placeholders(text: &str) -> Option<Vec<Placeholder<'_>>> {
    text.split('{')
        .skip(1)
        .map(|rest| Placeholder::parse(rest.split_once('}')?.0))
        .collect()
}

/// The text with its placeholders filled in; `None` if one of them has no value.
pub(crate) fn filled(
    text: &str,
    value: impl Fn(&Placeholder<'_>) -> Option<String>,
) -> Option<String> {
    let mut pieces = text.split('{');
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, after) = piece.split_once('}')?;
        filled.push_str(&value(&Placeholder::parse(name)?)?);
        filled.push_str(after);
    }
    Some(filled)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn placeholders_are_filled_once_and_all_or_none() {
        let data = json!({"title": "{targetId}", "n": {"id": 17}, "list": ["x"], "empty": ""});
        let value = |placeholder: &Placeholder<'_>| match placeholder {
            Placeholder::FromName => Some("Bob".to_owned()),
            Placeholder::TargetId => None,
            Placeholder::Data(path) => Placeholder::in_data(path, &data),
        };

        for (text, wanted) in [
            (
                "{fromName} likes {data.title}!",
                Some("Bob likes {targetId}!"),
            ),
            ("{data.n.id} of {data.list.0}", Some("17 of x")),
            ("plain }", Some("plain }")),
            ("{targetId}", None),
            ("{data.empty}", None),
            ("{data.n}", None),
        ] {
            assert_eq!(filled(text, value).as_deref(), wanted, "{text}");
        }
        for bad in [
            "{",
            "{}",
            "{from}",
            "{data}",
            "{data.}",
            "{data.a b}",
            "{ fromName}",
        ] {
            assert_eq!(placeholders(bad), None, "{bad}");
        }
    }
}
