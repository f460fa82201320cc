//! The header fields in which proxies name the client: `Forwarded` (RFC 7239) and `X-Forwarded-For`.

use std::net::IpAddr;

/// One hop as a proxy tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hop {
    /// The address the hop was asked from; `None` if it is unknown or hidden.
    pub client: Option<IpAddr>,
    /// The scheme the hop was asked with.
    pub scheme: Option<String>,
    /// The host the hop was asked for.
    pub host: Option<String>,
}

/// The hops of `Forwarded`, the nearest proxy's last. `None` if the field breaks its grammar.
pub(crate) fn forwarded(value: &str) -> Option<Vec<Hop>> {
    let elements = split(value, ',')?.into_iter();
    let elements = elements.filter(|element| !element.trim().is_empty());
    elements.map(hop).collect()
}

/// The addresses of `X-Forwarded-For`, the nearest proxy's last.
pub(crate) fn x_forwarded_for(value: &str) -> Vec<Option<IpAddr>> {
    let entries = value.split(',').map(str::trim);
    entries
        .filter(|entry| !entry.is_empty())
        .map(address)
        .collect()
}

fn hop(element: &str) -> Option<Hop> {
    let mut hop = Hop::default();
    for pair in split(element, ';')? {
        let pair = pair.trim();
        if pair.is_empty() {
            continue;
        }
        let (name, value) = pair.split_once('=')?;
        let value = unquoted(value.trim())?;
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => hop.client = address(&value),
            "proto" => hop.scheme = Some(value),
            "host" => hop.host = Some(value),
            _ => {}
        }
    }
    Some(hop)
}

/// Splits at a separator that is outside quotes. `None` if a quote is left open.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(|c: char| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match c {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return c == separator && !quoted,
        }
        false
    });
    let parts = parts.collect();
    (!quoted).then_some(parts)
}

/// The value of a token or of a quoted string (RFC 9110, section 5.6.4).
fn unquoted(text: &str) -> Option<String> {
    let Some(rest) = text.strip_prefix('"') else {
        return (!text.contains('"')).then(|| text.to_owned());
    };
    let inner = rest.strip_suffix('"')?;
    let mut plain = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(c) = letters.next() {
        plain.push(if c == '\\' { letters.next()? } else { c });
    }
    Some(plain)
}

/// The address of a node, without brackets, zone and port, in its canonical form.
fn address(node: &str) -> Option<IpAddr> {
    let node = node.trim_matches('"');
    let (address, port) = match node.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        // More than one colon is an IPv6 address without brackets, which has no port.
        None => match node.split_once(':') {
            Some((address, port)) if !port.contains(':') => {
                (address, node.get(node.len() - port.len() - 1..)?)
            }
            _ => (node, ""),
        },
    };
    if !(port.is_empty() || port.strip_prefix(':').is_some_and(is_port)) {
        return None;
    }
    let parsed = match address.split_once('%') {
        // The zone (RFC 4007) names an interface of the machine that writes it.
        Some((address, zone)) if !zone.is_empty() => IpAddr::V6(address.parse().ok()?),
        _ => address.parse().ok()?,
    };
    Some(parsed.to_canonical())
}

/// A port, or a name in its place (RFC 7239, section 6.3).
fn is_port(text: &str) -> bool {
    let is_hidden = text.strip_prefix('_').is_some_and(|name| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !name.is_empty() && name.bytes().all(allowed)
    });
    is_hidden || text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn ports_brackets_and_mapping_are_no_part_of_an_address() {
        let listed = x_forwarded_for(
            "192.0.2.1:4711, [2001:db8::1]:80,[2001:db8::2], 2001:db8::3,, ::ffff:192.0.2.9, unknown",
        );

        let expected = [
            ip("192.0.2.1"),
            ip("2001:db8::1"),
            ip("2001:db8::2"),
            ip("2001:db8::3"),
            ip("192.0.2.9"),
            None,
        ];
        assert_eq!(listed, expected);
    }

    #[test]
    fn a_zone_and_a_hidden_port_are_no_part_of_an_address() {
        for (node, expected) in [
            ("fe80::1%eth0", Some("fe80::1")),
            ("[fe80::1%25eth0]:443", Some("fe80::1")),
            ("[fe80::1%3]", Some("fe80::1")),
            ("192.0.2.43:_http", Some("192.0.2.43")),
            ("[2001:db8::1]:_a.b-c", Some("2001:db8::1")),
            ("[192.0.2.1]:80", Some("192.0.2.1")),
            ("192.0.2.1%eth0", None),
            ("fe80::1%", None),
            ("192.0.2.1:", None),
            ("192.0.2.1:99999", None),
            ("192.0.2.1:_", None),
            ("[2001:db8::1", None),
            ("[2001:db8::1]x", None),
            ("", None),
        ] {
            assert_eq!(address(node), expected.and_then(ip), "{node}");
        }
    }

    #[test]
    fn the_hops_of_forwarded_are_read_with_their_quotes() {
        let hops = forwarded(
            "For=\"[2001:db8:cafe::17]:4711\";host=\"a,b\\\"c\", for=192.0.2.43;proto=https;by=_x, for=_hidden",
        )
        .unwrap();

        let clients: Vec<Option<IpAddr>> = hops.iter().map(|hop| hop.client).collect();
        assert_eq!(clients, [ip("2001:db8:cafe::17"), ip("192.0.2.43"), None]);
        assert_eq!(hops[0].host.as_deref(), Some("a,b\"c"));
        assert_eq!(hops[1].scheme.as_deref(), Some("https"));
    }

    #[test]
    fn a_field_that_breaks_the_grammar_tells_nothing() {
        for bad in ["for", "for=\"1.2.3.4", "for=1.2.3.4;proto", "for=\"a\"b"] {
            assert_eq!(forwarded(bad), None, "{bad}");
        }
    }
}
