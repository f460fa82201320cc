//! URI Templates (RFC 6570) as matchers: the regular expression of what a template may expand to. The engine takes linear
//! time, and a template's expression is bounded.

use regex::{Regex, RegexBuilder};

/// The regular expression of a template; `None` if the text is no valid template.
pub(super) fn expression(template: &str) -> Option<Regex> {
    let mut pattern = String::from("^");
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (literal, after) = rest.split_at_checked(at)?;
        pattern.push_str(&regex::escape(literal));
        let (inner, next) = after.strip_prefix('{')?.split_once('}')?;
        pattern.push_str(&expansion(inner)?);
        rest = next;
    }
    pattern.push_str(&regex::escape(rest));
    pattern.push('$');
    RegexBuilder::new(&pattern)
        .size_limit(MOST_BYTES)
        .build()
        .ok()
}

/// The literal text before the first expression.
pub(super) fn literal_prefix(template: &str) -> &str {
    template.split('{').next().unwrap_or_default()
}

/// The text that one expression may expand to (RFC 6570, section 3.2).
fn expansion(inner: &str) -> Option<String> {
    let operator = inner.chars().next()?;
    let (operator, variables) = if "+#./;?&".contains(operator) {
        (operator, inner.get(1..)?)
    } else {
        ('\0', inner)
    };
    if !variables.split(',').all(is_variable) {
        return None;
    }
    Some(match operator {
        '\0' => format!("(?:[{UNRESERVED},=]|{ESCAPED})*"),
        '+' => format!("(?:[{UNRESERVED}{RESERVED}]|{ESCAPED})*"),
        '#' => format!("(?:#(?:[{UNRESERVED}{RESERVED}]|{ESCAPED})*)?"),
        '.' => format!(r"(?:\.(?:[{UNRESERVED},=]|{ESCAPED})*)*"),
        '/' => format!("(?:/(?:[{UNRESERVED},=]|{ESCAPED})*){}", times(variables)),
        ';' => format!("(?:;(?:[{UNRESERVED},=]|{ESCAPED})*)*"),
        '?' => format!(r"(?:\?(?:[{UNRESERVED},=&]|{ESCAPED})*)?"),
        _ => format!("(?:&(?:[{UNRESERVED},=&]|{ESCAPED})*)?"),
    })
}

/// Each variable is one segment, but one that is exploded may be several.
fn times(variables: &str) -> String {
    if variables.contains('*') {
        return "*".to_owned();
    }
    format!("{{0,{}}}", variables.split(',').count())
}

fn is_variable(text: &str) -> bool {
    let name = match text.split_once(':') {
        Some((name, length)) if length.parse::<u16>().is_ok_and(|n| n < 10_000) => name,
        Some(_) => return false,
        None => text.strip_suffix('*').unwrap_or(text),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '%');
    !name.is_empty() && name.chars().all(allowed)
}

const UNRESERVED: &str = r"A-Za-z0-9\-._~";

const RESERVED: &str = r":/?#\[\]@!$&'()*+,;=";

const ESCAPED: &str = "%[0-9A-Fa-f]{2}";

/// Enough for a template of some hundred expressions, and for the part of a URL pattern.
pub(super) const MOST_BYTES: usize = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_matches_what_it_may_expand_to() {
        let matches = |template: &str, topic: &str| expression(template).unwrap().is_match(topic);

        assert!(matches(
            "https://example.com/books/{id}",
            "https://example.com/books/12"
        ));
        assert!(!matches(
            "https://example.com/books/{id}",
            "https://example.com/books/1/2"
        ));
        assert!(!matches(
            "https://example.com/books/{id}",
            "https://example.com/books/1?x"
        ));
        assert!(matches(
            "https://example.com/{+path}",
            "https://example.com/a/b?c#d"
        ));
        assert!(matches(
            "https://example.com{/a,b}",
            "https://example.com/1/2"
        ));
        assert!(!matches(
            "https://example.com{/a}",
            "https://example.com/1/2"
        ));
        assert!(matches(
            "https://example.com{?q,p}",
            "https://example.com?q=1&p=2"
        ));
        assert!(matches("https://example.com{?q}", "https://example.com"));
        assert!(matches("/books.{ext}", "/books.json"));
        assert!(!matches("/books.{ext}", "/booksXjson"));
        for bad in ["{", "}", "{}", "{a", "{a b}", "{!a}", "{a:x}"] {
            assert!(expression(bad).is_none(), "{bad}");
        }
    }
}
