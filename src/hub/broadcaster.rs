//! The actor that owns every client channel: a thin shell over the registry, on an arbiter of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message, MessageResult};

use crate::alarm::{AlarmId, RoomId, Timestamp, Topic, UserId};
use crate::hub::registry::Registry;
use crate::hub::{
    Bye, ClientId, ClientInfo, Frame, Limits, NewClient, SubscribeError, Subscription, Which,
};
use crate::metrics::Metrics;

/// Owns the client channels.
pub struct Broadcaster {
    registry: Registry,
    metrics: Metrics,
    stopping: bool,
}

/// Opens a stream.
#[derive(Message)]
#[rtype(result = "Result<Subscription, SubscribeError>")]
pub struct Subscribe(pub NewClient);

/// Attaches the topics of a client that has read the log; answers the position its live frames start after, `None` if
/// the client is gone.
#[derive(Message)]
#[rtype(result = "Option<AlarmId>")]
pub struct GoLive(pub ClientId);

/// A client went.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Disconnect(pub ClientId);

/// Offers committed alarms, in id order.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Publish(pub Vec<Arc<Frame>>);

/// Tells all streams of a user something that is not in the log.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Notify {
    /// Whose streams.
    pub user_id: UserId,
    /// What they are told.
    pub frame: Arc<Frame>,
}

/// Closes streams for a reason they are told; answers how many.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct Close {
    /// Which streams.
    pub which: Which,
    /// The reason.
    pub bye: Bye,
}

/// Asks for the list of connections, oldest first.
#[derive(Message)]
#[rtype(result = "Vec<ClientInfo>")]
pub struct Connections;

/// Asks for the connections of one user, oldest first.
#[derive(Message)]
#[rtype(result = "Vec<ClientInfo>")]
pub struct ConnectionsOf(pub UserId);

/// Asks how many clients alarms of these topics would be offered to now.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct Reached(pub Vec<Topic>);

/// Asks who is in a room.
#[derive(Message)]
#[rtype(result = "Vec<UserId>")]
pub struct Presence(pub RoomId);

/// Asks how many users are in each room.
#[derive(Message)]
#[rtype(result = "HashMap<RoomId, usize>")]
pub struct Online;

/// Closes every stream and opens no more; answers how many were closed.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct Shutdown;

impl Broadcaster {
    /// A Broadcaster that has offered everything up to `position`.
    pub fn new(limits: Limits, position: AlarmId, metrics: Metrics) -> Self {
        Self {
            registry: Registry::new(limits, position, metrics.clone()),
            metrics,
            stopping: false,
        }
    }
}

impl Actor for Broadcaster {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(MAILBOX);
        context.run_interval(SWEEP_EVERY, |this, _context| {
            this.registry.sweep(Instant::now(), Timestamp::now())
        });
    }
}

impl Handler<Subscribe> for Broadcaster {
    type Result = Result<Subscription, SubscribeError>;

    fn handle(
        &mut self,
        Subscribe(client): Subscribe,
        context: &mut Self::Context,
    ) -> Self::Result {
        if self.stopping {
            return Err(SubscribeError::ShuttingDown);
        }
        let opened = self.registry.subscribe(client, Instant::now())?;
        let position = self.registry.position();
        Ok(Subscription::new(opened, position, context.address()))
    }
}

impl Handler<GoLive> for Broadcaster {
    type Result = Option<AlarmId>;

    fn handle(&mut self, GoLive(client_id): GoLive, _context: &mut Self::Context) -> Self::Result {
        self.registry.go_live(client_id, Instant::now())
    }
}

impl Handler<Disconnect> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Disconnect(client_id): Disconnect, _context: &mut Self::Context) {
        self.registry.disconnect(client_id, Instant::now());
    }
}

impl Handler<Publish> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Publish(frames): Publish, _context: &mut Self::Context) {
        let now = Instant::now();
        let taken: usize = frames
            .iter()
            .map(|frame| self.registry.offer(frame, now))
            .sum();
        self.metrics.deliveries.inc_by(taken as u64);
    }
}

impl Handler<Notify> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Notify { user_id, frame }: Notify, _context: &mut Self::Context) {
        self.registry.notify(&user_id, &frame, Instant::now());
    }
}

impl Handler<Close> for Broadcaster {
    type Result = usize;

    fn handle(&mut self, Close { which, bye }: Close, _context: &mut Self::Context) -> usize {
        self.registry.close_all(&which, bye, Instant::now())
    }
}

impl Handler<Connections> for Broadcaster {
    type Result = MessageResult<Connections>;

    fn handle(&mut self, _connections: Connections, _context: &mut Self::Context) -> Self::Result {
        let mut connections = self.registry.connections(Instant::now());
        connections.sort_unstable_by_key(|client| std::cmp::Reverse(client.age_seconds));
        MessageResult(connections)
    }
}

impl Handler<ConnectionsOf> for Broadcaster {
    type Result = MessageResult<ConnectionsOf>;

    fn handle(
        &mut self,
        ConnectionsOf(user_id): ConnectionsOf,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let mut connections = self.registry.connections_of(&user_id, Instant::now());
        connections.sort_unstable_by_key(|client| std::cmp::Reverse(client.age_seconds));
        MessageResult(connections)
    }
}

impl Handler<Reached> for Broadcaster {
    type Result = usize;

    fn handle(&mut self, Reached(topics): Reached, _context: &mut Self::Context) -> usize {
        self.registry.reached(&topics)
    }
}

impl Handler<Presence> for Broadcaster {
    type Result = MessageResult<Presence>;

    fn handle(&mut self, Presence(room): Presence, _context: &mut Self::Context) -> Self::Result {
        MessageResult(self.registry.presence(&room))
    }
}

impl Handler<Online> for Broadcaster {
    type Result = MessageResult<Online>;

    fn handle(&mut self, _online: Online, _context: &mut Self::Context) -> Self::Result {
        MessageResult(self.registry.online())
    }
}

impl Handler<Shutdown> for Broadcaster {
    type Result = usize;

    fn handle(&mut self, _shutdown: Shutdown, _context: &mut Self::Context) -> usize {
        self.stopping = true;
        self.registry.close_everyone(Bye::Shutdown)
    }
}

/// Enough for a burst of connecting clients; those beyond it wait their turn, in front of the mailbox.
const MAILBOX: usize = 1_024;

/// Well under a second, so that a stream ends within one of its token's end.
const SWEEP_EVERY: Duration = Duration::from_millis(500);
