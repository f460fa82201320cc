//! The stream of the protocol. An update is written once for all of its subscribers, and so is an alarm that comes over the bridge.

use actix_web::body::MessageBody;
use actix_web::web::{Bytes, BytesMut};

use crate::actions::updates;
use crate::alarm::update::Content;
use crate::feed::Events;
use crate::http::mercure::active::Active;
use crate::http::stream::sse::FrameBody;
use crate::hub::{Entry, EventName, Frame};

/// The body: a comment, an event that tells of a gap, then what comes. `gap` is the id that the client saw last, if it is not known and
/// the client wants to know.
pub(super) fn of(
    events: Events,
    gap: Option<&str>,
    active: Option<Active>,
) -> impl MessageBody + use<> {
    let mut head = BytesMut::from(COMMENT);
    if let Some(id) = gap {
        let data = serde_json::json!({ "lastEventId": id }).to_string();
        let event = Parts {
            event_type: Some(GAP),
            retry: 0,
            id: updates::EARLIEST,
            data: &data,
        };
        head.extend_from_slice(&event.written());
    }
    FrameBody::new(head.freeze(), events, move |frame| {
        // Held by the body: the end of a subscription is told when its events are gone.
        let _active = &active;
        encoded(frame)
    })
}

/// The bytes of a frame; none for one that the protocol does not have.
fn encoded(frame: &Frame) -> Bytes {
    match (frame.entry(), frame.event()) {
        (Some(Entry::Update(update)), _) => {
            frame.written_for_mercure(|| of_content(&update.content))
        }
        (Some(Entry::Alarm(alarm)), _) => frame.written_for_mercure(|| {
            let parts = Parts {
                event_type: None,
                retry: 0,
                id: &updates::id_of(alarm.id),
                data: frame.data(),
            };
            parts.written()
        }),
        (None, EventName::Ping | EventName::Comment) => Bytes::from_static(COMMENT),
        (None, _) => Bytes::new(),
    }
}

fn of_content(content: &Content) -> Bytes {
    let parts = Parts {
        event_type: content.event_type.as_deref(),
        retry: content.retry,
        id: &content.external_id,
        data: &content.data,
    };
    parts.written()
}

/// The parts of an event.
struct Parts<'a> {
    event_type: Option<&'a str>,
    /// Not written if it is 0.
    retry: u64,
    id: &'a str,
    data: &'a str,
}

impl Parts<'_> {
    fn written(&self) -> Bytes {
        let mut text = String::with_capacity(self.data.len() + self.id.len() + 64);
        if let Some(kind) = self.event_type {
            text.push_str(&format!("event: {kind}\n"));
        }
        if self.retry != 0 {
            text.push_str(&format!("retry: {}\n", self.retry));
        }
        text.push_str(&format!("id: {}\n", self.id));
        for line in self.data.replace("\r\n", "\n").split(['\n', '\r']) {
            text.push_str("data: ");
            text.push_str(line);
            text.push('\n');
        }
        text.push('\n');
        Bytes::from(text)
    }
}

/// The type of the event that tells of a gap.
pub(super) const GAP: &str = "campanile-gap";

const COMMENT: &[u8] = b":\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_its_fields_in_the_order_of_the_protocol() {
        let parts = Parts {
            event_type: Some("type"),
            retry: 5,
            id: "custom-id",
            data: "several\nlines\r\n with\rspaces",
        };

        assert_eq!(
            parts.written(),
            "event: type\nretry: 5\nid: custom-id\ndata: several\ndata: lines\ndata:  with\ndata: spaces\n\n"
        );
        let bare = Parts {
            event_type: None,
            retry: 0,
            id: "a",
            data: "",
        };
        assert_eq!(bare.written(), "id: a\ndata: \n\n");
    }
}
