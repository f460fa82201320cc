//! A client that connects, reads, stalls, cuts itself off and resumes, and remembers all it was shown.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::support::{DEADLINE, Event, Item, Parser};
use crate::torture::arena::{Arena, Seat, Tally};
use crate::torture::ledger::{Witness, marker_of};

/// Events until a client does something other than read.
const PATIENCE: std::ops::Range<u32> = 1..1_500;

/// Milliseconds without reading; the longer ones fill the server's queue and end the connection.
const STALL: std::ops::Range<u64> = 10..4_000;

const BEFORE_COMING_BACK: Duration = Duration::from_millis(20);

/// Listens until the last alarm has come and a heartbeat shows that nothing follows it.
pub(crate) async fn listen(arena: Arc<Arena>, rng: StdRng, seat: Seat) -> Witness {
    let mut listener = Listener {
        arena,
        rng,
        token: seat.token,
        cursor: None,
        witness: Witness {
            name: seat.path,
            carries: seat.carries,
            from: 0,
            seen: Vec::new(),
        },
    };
    loop {
        if let Some(mut connection) = listener.connect().await
            && listener.follow(&mut connection).await == End::Done
        {
            return listener.witness;
        }
        // A server that refuses just now is not asked without a pause.
        listener.arena.pause(BEFORE_COMING_BACK).await;
    }
}

struct Listener {
    arena: Arc<Arena>,
    rng: StdRng,
    token: String,
    /// The id of the last event that had one.
    cursor: Option<i64>,
    witness: Witness,
}

/// Why a connection is left.
#[derive(PartialEq, Eq)]
enum End {
    /// All was seen.
    Done,
    /// The server ended it, or the listener did.
    Cut,
}

struct Connection {
    body: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    parser: Parser,
}

impl Listener {
    async fn connect(&mut self) -> Option<Connection> {
        let mut request = self.arena.get(&self.token, &self.witness.name).await;
        if let Some(cursor) = self.cursor {
            request = request.header("Last-Event-ID", cursor);
            Tally::note(&self.arena.tally.resumes);
        }
        let answer = tokio::time::timeout(DEADLINE, request.send())
            .await
            .ok()?
            .ok()?;
        let status = answer.status();
        assert!(status == 200 || status.is_server_error(), "{status}");
        (status == 200).then(|| Connection {
            body: Box::pin(answer.bytes_stream()),
            parser: Parser::default(),
        })
    }

    /// Reads until the connection ends or the whim of the moment ends it.
    async fn follow(&mut self, connection: &mut Connection) -> End {
        let mut patience = self.rng.random_range(PATIENCE);
        while let Some(event) = connection.next().await {
            if self.take_in(&event) {
                return End::Done;
            }
            patience -= 1;
            if patience == 0 {
                if self.rng.random() {
                    Tally::note(&self.arena.tally.cuts);
                    return End::Cut;
                }
                Tally::note(&self.arena.tally.stalls);
                let stall = self.rng.random_range(STALL);
                self.arena.pause(Duration::from_millis(stall)).await;
                patience = self.rng.random_range(PATIENCE);
            }
        }
        End::Cut
    }

    /// Notes one event; whether it was a heartbeat after the last alarm of all.
    fn take_in(&mut self, event: &Event) -> bool {
        match event.name() {
            "connect" => self.begin(event),
            "alarm" | "message" => {
                let id = event.number();
                self.cursor = Some(id);
                self.witness.seen.push((id, marker_of(&event.data)));
                self.arena.tally.deliveries.fetch_add(1, Ordering::Relaxed);
            }
            "bye" if event.json()["reason"] == "slow" => Tally::note(&self.arena.tally.overflows),
            "ping" => {
                let seen = self.witness.seen.last().map(|(id, _)| *id);
                return seen.is_some() && seen == self.arena.last();
            }
            _ => {}
        }
        false
    }

    /// A resumed stream begins at its own cursor, without a gap; the first one where the server says.
    fn begin(&mut self, event: &Event) {
        let id = event.number();
        let data = event.json();
        assert_eq!(data["cursor"], id, "{data}");
        assert_eq!(data["gap"], false, "nothing was pruned: {data}");
        match self.cursor {
            Some(cursor) => assert_eq!(id, cursor, "a stream resumes at its cursor"),
            None => self.witness.from = id,
        }
        self.cursor = Some(id);
    }
}

impl Connection {
    /// The next whole event; `None` when the connection ended. A server that stays silent longer than many heartbeats
    /// has forgotten its client.
    async fn next(&mut self) -> Option<Event> {
        loop {
            match self.parser.next() {
                Some(Item::Event(event)) => return Some(event),
                Some(Item::Comment(_) | Item::Retry(_)) => {}
                None => {
                    let more = tokio::time::timeout(DEADLINE, self.body.next()).await;
                    let more = more.unwrap_or_else(|_| panic!("no heartbeat within {DEADLINE:?}"));
                    self.parser.feed(&more?.ok()?);
                }
            }
        }
    }
}
