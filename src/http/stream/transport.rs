//! The transport of a stream, by content negotiation on one URL (RFC 9110, section 12.5.1).

use std::cmp::Reverse;

use actix_web::HttpRequest;
use actix_web::http::Version;
use actix_web::http::header::{self, HeaderMap};

use crate::http::lists::{Member, members};
use crate::http::problem::ApiError;

/// One of the transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Server-Sent Events: `text/event-stream`.
    EventStream,
    /// HTTP streaming: `application/x-ndjson`.
    Lines,
    /// `Upgrade: websocket`.
    WebSocket,
    /// Polling and long polling: `application/json`.
    Poll,
}

impl Transport {
    /// The transport a request asks for. A client that accepts anything gets Server-Sent Events. An upgrade is a matter of HTTP/1.1
    /// alone: with HTTP/1.0 it is ignored (RFC 9110, section 7.8).
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let mut protocols = members(request.headers(), header::UPGRADE);
        let is_named = protocols.any(|protocol| protocol.value.eq_ignore_ascii_case("websocket"));
        if is_named && request.version() == Version::HTTP_11 {
            return Ok(Self::WebSocket);
        }
        Self::accepted(request.headers()).ok_or(ApiError::NotAcceptable)
    }

    /// The name in the log and the metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::EventStream => "sse",
            Self::Lines => "ndjson",
            Self::WebSocket => "websocket",
            Self::Poll => "poll",
        }
    }

    /// The media type of the greatest weight; of equals the one that is named most exactly, then the one named first.
    fn accepted(headers: &HeaderMap) -> Option<Self> {
        let ranges: Vec<Member<'_>> = members(headers, header::ACCEPT).collect();
        let is_empty = |line: &header::HeaderValue| line.as_bytes().trim_ascii().is_empty();
        if headers.get_all(header::ACCEPT).all(is_empty) {
            return Some(Self::EventStream);
        }
        // In the order of preference for a client that does not care.
        let offered = [
            (Self::EventStream, "text/event-stream"),
            (Self::Poll, "application/json"),
            (Self::Lines, "application/x-ndjson"),
        ];
        let rated = offered.into_iter().filter_map(|(transport, media_type)| {
            let (place, range, exactness) = most_exact(&ranges, media_type)?;
            let rating = (range.weight, exactness, Reverse(place));
            (range.weight > 0).then_some((transport, rating))
        });
        let best = rated.rev().max_by_key(|(_, rating)| *rating);
        best.map(|(transport, _)| transport)
    }
}

/// The range that decides about a media type: the most exact one, with its place and its exactness.
fn most_exact<'a>(
    ranges: &'a [Member<'a>],
    media_type: &str,
) -> Option<(usize, &'a Member<'a>, (u8, usize))> {
    let matching = ranges.iter().enumerate().filter_map(|(place, range)| {
        let exactness = exactness(range.value, media_type)?;
        Some((place, range, (exactness, range.parameters)))
    });
    matching.max_by_key(|(place, _, exactness)| (*exactness, Reverse(*place)))
}

fn exactness(range: &str, media_type: &str) -> Option<u8> {
    let (kind, _) = media_type.split_once('/')?;
    let is_kind = range
        .strip_suffix("/*")
        .is_some_and(|named| named.eq_ignore_ascii_case(kind));
    match range {
        range if range.eq_ignore_ascii_case(media_type) => Some(2),
        _ if is_kind => Some(1),
        "*/*" => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn of(lines: &[&str]) -> Option<Transport> {
        let request = lines.iter().fold(TestRequest::default(), |request, line| {
            request.append_header((header::ACCEPT, *line))
        });
        Transport::of(&request.to_http_request()).ok()
    }

    #[test]
    fn the_greatest_weight_wins_over_all_lines_and_the_most_exact_range_decides() {
        use Transport::{EventStream, Lines, Poll};
        for (lines, transport) in [
            (&[][..], Some(EventStream)),
            (&[""], Some(EventStream)),
            (&["*/*"], Some(EventStream)),
            (
                &["application/json;q=0.1, text/event-stream"],
                Some(EventStream),
            ),
            (&["application/json, text/event-stream;q=0.9"], Some(Poll)),
            (&["application/json, text/plain, */*"], Some(Poll)),
            (&["application/json", "text/event-stream"], Some(Poll)),
            (&["text/html", "application/x-ndjson"], Some(Lines)),
            (&["application/*"], Some(Poll)),
            (&["application/*, application/json;q=0"], Some(Lines)),
            (&["text/event-stream;q=0, */*"], Some(Poll)),
            (&["text/event-stream; q=.2, application/json"], Some(Poll)),
            (&["*/*;q=0.1, APPLICATION/X-NDJSON"], Some(Lines)),
            (&["text/*;q=0.5, */*;q=0.8"], Some(Poll)),
            (&["text/event-stream;q=0"], None),
            (&["*/*;q=0"], None),
            (&["text/html"], None),
            (&["nonsense"], None),
        ] {
            assert_eq!(of(lines), transport, "{lines:?}");
        }
    }

    #[test]
    fn an_upgrade_is_found_among_other_protocols() {
        let request = TestRequest::default()
            .append_header((header::UPGRADE, "h2c"))
            .append_header((header::UPGRADE, "other/1, WebSocket"));
        assert_eq!(
            Transport::of(&request.to_http_request()).ok(),
            Some(Transport::WebSocket)
        );
    }
}
