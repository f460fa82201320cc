//! The topics that no publisher may use.

use percent_encoding::percent_decode_str;
use url::Url;

/// True for a topic below the path of the hub (at any host), which is kept for the protocol's own events.
pub(crate) fn is_reserved(topic: &str, base: &Url) -> bool {
    let Ok(url) = base.join(topic) else {
        return false;
    };
    let path = unescaped(url.path());
    path.strip_prefix(PATH)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The path with the escapes of unreserved characters (RFC 3986, section 2.3) decoded.
fn unescaped(path: &str) -> String {
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let escape = after.get(..2).unwrap_or_default();
        let character = percent_decode_str(&format!("%{escape}")).next();
        match character {
            Some(byte) if escape.len() == 2 && is_unreserved(byte) => {
                decoded.push(char::from(byte));
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push('%');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

const PATH: &str = "/.well-known/mercure";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_of_the_hub_is_reserved_however_it_is_written() {
        let base = Url::parse("https://hub.example/.well-known/mercure").unwrap();
        for reserved in [
            "https://any.host/.well-known/mercure/x",
            "/.well-known/mercure/subscriptions",
            "/.well-known/mercure",
            "mercure/subscriptions/foo",
            "https://h/.well-known/%6Dercure/x",
            "https://h\\.well-known\\mercure\\x",
            "",
            "#fragment",
            "?query",
        ] {
            assert!(is_reserved(reserved, &base), "{reserved:?}");
        }
        for free in [
            "/.well-known/mercureXXX",
            "mercure-dashboard",
            "/foo/.well-known/mercure/bar",
            "urn:example:mercure",
            "bar",
            "../mercure/x",
            "a topic with spaces",
            "https://example.com/%zz/50%",
        ] {
            assert!(!is_reserved(free, &base), "{free:?}");
        }
    }
}
