//! Header fields that are lists (RFC 9110, section 5.6.1), over all their lines (section 5.3), with weights (section 12.4.2).

use actix_web::http::header::{AsHeaderName, HeaderMap};

/// One member of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    /// The value without its parameters.
    pub(crate) value: &'a str,
    /// The number of its parameters before the weight.
    pub(crate) parameters: usize,
    /// The weight in thousandths; 0 excludes what the member names.
    pub(crate) weight: u16,
}

/// The members of a list. A line that is no text names nothing.
pub(crate) fn members(
    headers: &HeaderMap,
    name: impl AsHeaderName,
) -> impl Iterator<Item = Member<'_>> {
    let lines = headers.get_all(name);
    let texts = lines.filter_map(|line| line.to_str().ok());
    texts
        .flat_map(|text| separated(text, ','))
        .filter_map(member)
}

fn member(text: &str) -> Option<Member<'_>> {
    let mut parts = separated(text, ';').map(str::trim);
    let value = parts.next().filter(|value| !value.is_empty())?;
    let mut parameters = 0;
    for part in parts.filter(|part| !part.is_empty()) {
        let (name, written) = part.split_once('=').unwrap_or((part, ""));
        if name.trim().eq_ignore_ascii_case("q") {
            let weight = weight(written.trim()).unwrap_or(MOST);
            return Some(Member {
                value,
                parameters,
                weight,
            });
        }
        parameters += 1;
    }
    Some(Member {
        value,
        parameters,
        weight: MOST,
    })
}

/// A weight in thousandths; `None` if the text is not a weight.
fn weight(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        // As Java's URLConnection writes it: `*/*; q=.2`.
        "" if !fraction.is_empty() => Some(thousandths),
        "1" => Some(MOST),
        _ => None,
    }
}

/// Splits at a separator that stands outside of quoted strings.
fn separated(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |c| {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
        c == separator && !is_quoted
    })
}

/// The weight of a member that names none.
const MOST: u16 = 1_000;

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, HeaderValue};

    use super::*;

    #[test]
    fn a_list_has_the_members_of_all_its_lines_with_their_weights() {
        let mut headers = HeaderMap::new();
        for line in [
            "text/html;level=\"a,b\", , a/b;q=0.25",
            "c/d;Q=0 ;x=1,e/f; q=1.000",
            "g/h;q=nonsense",
            "*/*; q=.2, i/j;q=, k/l;q=.",
        ] {
            headers.append(ACCEPT, HeaderValue::from_static(line));
        }

        let found: Vec<_> = members(&headers, ACCEPT)
            .map(|member| (member.value, member.parameters, member.weight))
            .collect();

        assert_eq!(
            found,
            [
                ("text/html", 1, 1_000),
                ("a/b", 0, 250),
                ("c/d", 0, 0),
                ("e/f", 0, 1_000),
                ("g/h", 0, 1_000),
                ("*/*", 0, 200),
                ("i/j", 0, 1_000),
                ("k/l", 0, 1_000)
            ]
        );
    }
}
