//! Web origins (RFC 6454): scheme, host and port.

use std::fmt;
use std::str::FromStr;

use url::{Host, ParseError, Url};

/// A web origin in the form that browsers send: lower case, ASCII host, the scheme's own port left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin(String);

impl Origin {
    /// The origin of a scheme (`http` or `https`) and an authority such as `hub.example:443`.
    pub(crate) fn of(scheme: &str, authority: &str) -> Option<Self> {
        format!("{scheme}://{authority}").parse().ok()
    }

    /// The origin in its serialised form.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// True if the host is this machine.
    pub(crate) fn is_localhost(&self) -> bool {
        let host = Url::parse(&self.0).ok();
        let host = host.as_ref().and_then(Url::host);
        host.is_some_and(|host| match host {
            Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        })
    }

    /// True if the scheme is `https`.
    pub(crate) fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let authority = authority_of(text).ok_or(EXPECTED)?;
        if authority.contains('*') {
            return Err("a wildcard is not possible: name each origin exactly".to_owned());
        }
        if authority.contains('@') {
            return Err("an origin holds no user name and no password".to_owned());
        }
        if authority.is_empty() || authority.contains(is_no_part_of_it) {
            return Err(EXPECTED.to_owned());
        }
        let url = Url::parse(text).map_err(|cause: ParseError| cause.to_string())?;
        Ok(Self(url.origin().ascii_serialization()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The part after the scheme. A single `/` at its end is the empty path of a URL, and is left out.
fn authority_of(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    let is_web = ["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    is_web.then(|| rest.strip_suffix('/').unwrap_or(rest))
}

/// The URL parser drops or reads past these; an origin has none of them.
fn is_no_part_of_it(c: char) -> bool {
    matches!(c, '/' | '\\' | '?' | '#') || c.is_whitespace() || c.is_control()
}

const EXPECTED: &str =
    "expected scheme, host and port without a path, such as https://www.example.com";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_origin_has_one_form_however_it_is_written() {
        for (written, canonical) in [
            ("https://hub.example:443", "https://hub.example"),
            ("HTTPS://Hub.Example/", "https://hub.example"),
            ("http://hub.example:80", "http://hub.example"),
            ("http://hub.example:8080", "http://hub.example:8080"),
            ("https://hub.example:0443", "https://hub.example"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("https://BÜCHER.example", "https://xn--bcher-kva.example"),
            ("http://[0:0::1]:80", "http://[::1]"),
        ] {
            let origin: Origin = written.parse().unwrap();
            assert_eq!(origin.as_str(), canonical, "{written}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for bad in [
            "",
            "null",
            "hub.example",
            "ftp://hub.example",
            "https://",
            "https:///hub.example",
            "https://hub.example/path",
            "https://hub.example//",
            "https://hub.example?a",
            "https://hub.example#a",
            "https://bob@hub.example",
            "https://*.example",
            "https://a b",
            "https://a\tb",
            "https://a\\b",
            "https://hub.example:99999",
            "https://hub.example:x",
            "https://[::1",
            "https://a.example https://b.example",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn schemes_are_different_origins() {
        assert_ne!(
            Origin::of("http", "hub.example"),
            Origin::of("https", "hub.example")
        );
    }
}
