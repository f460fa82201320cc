//! The common parts of the hub's peers: their addresses, their channels and the text that they are given to send.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use crate::error::Result;
use crate::http::{STAMP, USER, user_name};
use crate::swarm::{Audience, Endpoint};

/// An address nobody listens on now.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The bench's own binary, which is also some of the peers.
pub(super) fn own_binary() -> Result<PathBuf> {
    Ok(std::env::current_exe()?)
}

/// The text that a peer is given to send. It has exactly the size of the hub's event for the same alarm.
pub(super) fn alarm_text(audience: Audience) -> String {
    let topic = match audience {
        Audience::Everyone => "everyone".to_owned(),
        Audience::OneUser => format!("user:u{USER}"),
    };
    format!(
        "{{\"id\":12345,\"topic\":\"{topic}\",\"alarmType\":\"BENCH\",\"fromUserId\":null,\"targetId\":null,\
         \"data\":{{\"q\":\"{STAMP}\"}},\"url\":null,\"createdAt\":\"2026-11-22T01:02:03.456Z\",\
         \"expiresAt\":null,\"seenAt\":null,\"readAt\":null}}"
    )
}

/// The same for a peer whose event has no name and no number, but `around` around the text. The event has the same size nevertheless.
pub(super) fn alarm_text_within(audience: Audience, around: &str) -> String {
    let whole = alarm_text(audience);
    let mut text = whole.replace(NOT_NEEDED, "");
    let length = (whole.len() + HEADING.len()).saturating_sub(around.len());
    let filling = " ".repeat(length.saturating_sub(text.len()));
    text.insert_str(text.len() - 1, &filling);
    text
}

/// Percent-encoded for a query or a form, but for the places of a template.
pub(super) fn url_encoded(text: &str) -> String {
    let places = [STAMP, USER].map(|place| place.chars().next());
    let mut encoded = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() || places.contains(&Some(letter)) {
            encoded.push(letter);
        } else {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    encoded
}

/// The channel of a peer an alarm is published to: one for all, or its user's own.
pub(super) fn channel(audience: Audience) -> String {
    match audience {
        Audience::Everyone => "all".to_owned(),
        Audience::OneUser => format!("u{USER}"),
    }
}

/// The channel of a peer a user's stream hears.
pub(super) fn user_channel(user: usize, audience: Audience) -> String {
    channel(audience).replace(&format!("u{USER}"), &user_name(user))
}

/// The endpoint of a peer whose streams all begin with the same comment.
pub(super) fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::at(address, b": hi")
}

/// The first lines of an event, but for `data`.
const HEADING: &str = "event: alarm\nid: 12345\n";

/// A field that is left out where the text has to be shorter.
const NOT_NEEDED: &str = "\"seenAt\":null,";

/// Connections a server lets wait to be accepted.
pub(super) const BACKLOG: i32 = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_with_something_around_its_text_is_as_large_as_one_with_a_heading() {
        for audience in [Audience::Everyone, Audience::OneUser] {
            let channel = channel(audience);
            let around = format!("{{\"channel\":\"{channel}\",\"pub\":{{\"data\":}}}}");

            let text = alarm_text_within(audience, &around);

            let whole = HEADING.len() + alarm_text(audience).len();
            assert_eq!(around.len() + text.len(), whole);
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }

    #[test]
    fn the_places_of_a_template_stay_in_what_is_encoded() {
        let encoded = url_encoded(&format!("{{\"q\":\"{STAMP}\",\"u\":\"u{USER} é\"}}"));

        let expected = format!("%7B%22q%22%3A%22{STAMP}%22%2C%22u%22%3A%22u{USER}%20%C3%A9%22%7D");
        assert_eq!(encoded, expected);
    }
}
