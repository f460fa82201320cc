//! The entries of the log on a stream, without the events between them.

use crate::support::{DEADLINE, Event, SseClient};

/// The next event that is an entry of the log.
pub(crate) async fn next_entry(stream: &mut SseClient) -> Event {
    loop {
        let event = stream.next_event(DEADLINE).await;
        if ["alarm", "message"].contains(&event.name()) {
            return event;
        }
        assert!(
            ["ping", "presence", "state"].contains(&event.name()),
            "{event:?}"
        );
    }
}

/// Reads the entries with exactly these ids, in this order.
pub(crate) async fn expect_entries(stream: &mut SseClient, ids: &[i64]) {
    for id in ids {
        assert_eq!(next_entry(stream).await.number(), *id);
    }
}
