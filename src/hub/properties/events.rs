//! The steps of which a life of streams consists.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{CLIENTS, TOPICS};

/// One step of the world.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// The store commits alarms of a topic; nobody has heard of them yet.
    Commit { topic: usize, count: usize },
    /// The Broadcaster delivers some of what was committed.
    Deliver { count: usize },
    /// A client comes, or comes back with its cursor.
    Connect(usize),
    /// A client does the next thing it needs: asks, attaches, reads a page, or takes a live frame.
    Step { client: usize, count: usize },
    /// A client goes; the Broadcaster hears of it at once or finds out by itself.
    Cut { client: usize, heard: bool },
    /// The Broadcaster ends a stream.
    Kick(usize),
    /// All streams are told something that is not in the log.
    Tell,
    /// Time passes, and the Broadcaster looks for silence and stalls.
    Sweep { seconds: u64 },
    /// The process dies and starts again.
    Restart,
}

/// Any order of any steps.
pub(super) fn events() -> impl Strategy<Value = Vec<Event>> {
    let client = 0..CLIENTS;
    // Enough at once to fill a queue, at times.
    let count = prop_oneof![8 => 1..4_usize, 2 => 4..300_usize, 1 => 300..700_usize];
    let step =
        (client.clone(), count.clone()).prop_map(|(client, count)| Event::Step { client, count });
    let commit =
        (0..TOPICS.len(), count.clone()).prop_map(|(topic, count)| Event::Commit { topic, count });
    let cut =
        (client.clone(), any::<bool>()).prop_map(|(client, heard)| Event::Cut { client, heard });
    let event = prop_oneof![
        6 => commit,
        6 => count.prop_map(|count| Event::Deliver { count }),
        6 => client.clone().prop_map(Event::Connect),
        20 => step,
        2 => cut,
        1 => client.prop_map(Event::Kick),
        1 => Just(Event::Tell),
        1 => (1..40_u64).prop_map(|seconds| Event::Sweep { seconds }),
        1 => Just(Event::Restart),
    ];
    vec(event, 1..120)
}
