//! `Upgrade` (RFC 9110, section 7.8) beside the framework's codec. For `websocket` the codec takes everything that follows for
//! the body of the request, before the application has decided. An upgrade that is declined changes nothing, so the codec
//! does not see the field.

use std::ops::Range;

use actix_http::header::{self, HeaderName, HeaderValue};
use actix_http::{HttpMessage, Request, Version};
use http::Method;

/// Takes the field out of a whole head that lies at the begin of these bytes. Returns its list, over all its lines.
pub(super) fn hide(bytes: &mut [u8]) -> Option<HeaderValue> {
    let (mut list, mut names) = (Vec::new(), Vec::new());
    let mut at = begin_of(bytes);
    loop {
        let rest = bytes.get(at..)?;
        let length = rest.iter().position(|byte| *byte == b'\n')?;
        let line = rest.get(..length).unwrap_or_default();
        if line.trim_ascii_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_at_checked(NAME.len())
            && name.eq_ignore_ascii_case(NAME)
        {
            names.push(at..at + NAME.len());
            list.push(value.trim_ascii().to_vec());
        }
        at += length + 1;
    }
    names.into_iter().for_each(|name| cover(bytes, name));
    let list = list.join(&b", "[..]);
    HeaderValue::from_bytes(&list)
        .ok()
        .filter(|list| !list.is_empty())
}

/// Empty lines before a request are passed over (RFC 9112, section 2.2).
fn begin_of(bytes: &[u8]) -> usize {
    let is_break = |byte: &&u8| matches!(**byte, b'\r' | b'\n');
    bytes.iter().take_while(is_break).count()
}

fn cover(bytes: &mut [u8], name: Range<usize>) {
    if let Some(name) = bytes.get_mut(name) {
        name.copy_from_slice(COVER);
    }
}

/// Gives a request the field back.
pub(super) fn show(request: &mut Request, list: Option<HeaderValue>) {
    let headers = &mut request.head_mut().headers;
    headers.remove(HeaderName::from_static(COVERED));
    if let Some(list) = list {
        headers.insert(header::UPGRADE, list);
    }
}

/// True if the client may go on with another protocol once it is told so. HTTP/1.0 knows no upgrade.
pub(super) fn is_possible(request: &Request) -> bool {
    let lists = request.headers().get_all(header::UPGRADE);
    let mut protocols = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    request.version() == Version::HTTP_11
        && *request.method() == Method::GET
        && request.head().upgrade()
        && protocols.any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

const NAME: &[u8] = b"upgrade:";

/// In the place of the name, and as long. A field of this name that a client sends is dropped.
const COVER: &[u8; NAME.len()] = b"x-cover:";

const COVERED: &str = "x-cover";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_taken_out_of_a_whole_head_alone() {
        let mut head = b"\r\nGET / HTTP/1.1\r\nUPGRADE:  h2c\nHost: x\r\nUpgrade: websocket \r\n\r\nUpgrade: x\r\n".to_vec();

        assert_eq!(hide(&mut head).unwrap(), "h2c, websocket");

        let text = String::from_utf8(head).unwrap();
        assert_eq!(
            text,
            "\r\nGET / HTTP/1.1\r\nx-cover:  h2c\nHost: x\r\nx-cover: websocket \r\n\r\nUpgrade: x\r\n"
        );
        for partial in ["", "GET", "GET / HTTP/1.1\r\nUpgrade: a\r\nHost: x\r\n"] {
            let mut bytes = partial.as_bytes().to_vec();
            assert_eq!(hide(&mut bytes), None);
            assert_eq!(bytes, partial.as_bytes());
        }
    }
}
