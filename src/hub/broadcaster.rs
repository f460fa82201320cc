//! The actor that owns every client channel: a thin shell over the registry, on an arbiter of its own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message, MessageResult};

use crate::alarm::{AlarmId, Role, RoomId, Timestamp, Topic, UserId};
use crate::hub::presence::PresentPage;
use crate::hub::registry::Registry;
use crate::hub::telling::TELL_EVERY;
use crate::hub::{
    Attached, Bye, ClientId, ClientInfo, Disconnect, Frame, Limits, NewClient, Rejoined, Rights,
    StreamList, SubscribeError, Subscription,
};
use crate::metrics::Metrics;

/// Owns the client channels.
pub(crate) struct Broadcaster {
    pub(super) registry: Registry,
    metrics: Metrics,
    stopping: bool,
    /// True while events of big rooms wait to be sent.
    telling: bool,
}

/// Opens a stream.
#[derive(Message)]
#[rtype(result = "Result<Subscription, SubscribeError>")]
pub(crate) struct Subscribe(pub NewClient);

/// Attaches the topics of a client that has read the log up to an id; answers `None` if it is gone.
#[derive(Message)]
#[rtype(result = "Option<Attached>")]
pub(crate) struct GoLive {
    /// The client.
    pub client_id: ClientId,
    /// The id up to which it has read.
    pub after: AlarmId,
}

/// A client that spilled has taken all that was queued, and asks for what comes above an id; answers `None` if it is gone.
#[derive(Message)]
#[rtype(result = "Option<Rejoined>")]
pub(crate) struct Rejoin {
    /// The client.
    pub client_id: ClientId,
    /// The id up to which it was given everything.
    pub after: AlarmId,
}

/// A client has its answer, which is not sent yet: it gets no more, but still counts.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Finish(pub ClientId);

/// Delivers committed alarms, in id order.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Publish(pub Vec<Arc<Frame>>);

/// Forgets the frames that were kept for clients that come back: their alarms may be in the log no more.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ForgetRecent;

/// Forgets alarms that were retracted: no client that comes back may be given them from memory.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Retract(pub HashSet<AlarmId>);

/// Tells all streams of a user something that is not in the log.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Notify {
    /// The user.
    pub user_id: UserId,
    /// The event.
    pub frame: Arc<Frame>,
}

/// Closes streams for a reason they are told; answers the number of them.
#[derive(Message)]
#[rtype(result = "usize")]
pub(crate) struct Close {
    /// The streams.
    pub streams: StreamList,
    /// The reason.
    pub bye: Bye,
}

/// Asks for the list of connections, oldest first.
#[derive(Message)]
#[rtype(result = "Vec<ClientInfo>")]
pub(crate) struct ListStreams;

/// Asks for the connections of one user, oldest first.
#[derive(Message)]
#[rtype(result = "Vec<ClientInfo>")]
pub(crate) struct ListStreamsOf(pub UserId);

/// Asks what the streams of some users were opened with; those of all users if none are named.
#[derive(Message)]
#[rtype(result = "Vec<Rights>")]
pub(crate) struct ListRights(pub Option<HashSet<UserId>>);

/// Asks for the number of clients that alarms of these topics would be delivered to now.
#[derive(Message)]
#[rtype(result = "usize")]
pub(crate) struct CountReach(pub Vec<Topic>);

/// Asks for the users whose open streams carry one of these topics, each once, with the role of one of their streams.
#[derive(Message)]
#[rtype(result = "Vec<(UserId, Role)>")]
pub(crate) struct ListAudience(pub HashSet<Topic>);

/// Asks which of these users have open streams, and if one of them carries a topic; or who has one that carries it.
#[derive(Message)]
#[rtype(result = "HashMap<UserId, bool>")]
pub(crate) struct ListWatching(pub Topic, pub Option<HashSet<UserId>>);

/// Asks for the users in a room, a page of them by id.
#[derive(Message)]
#[rtype(result = "PresentPage")]
pub(crate) struct ListPresent {
    /// The room.
    pub room: RoomId,
    /// The user before the page.
    pub after: Option<UserId>,
    /// The most users.
    pub limit: usize,
}

/// Asks for the number of users in each room.
#[derive(Message)]
#[rtype(result = "HashMap<RoomId, usize>")]
pub(crate) struct CountPresent;

/// Closes every stream and opens no more; answers the number that were closed.
#[derive(Message)]
#[rtype(result = "usize")]
pub(crate) struct Shutdown;

impl Broadcaster {
    /// A Broadcaster that has delivered everything up to `position`, of which it knows the last frames.
    pub(crate) fn new(
        limits: Limits,
        position: AlarmId,
        recent: &[Arc<Frame>],
        metrics: Metrics,
    ) -> Self {
        let mut registry = Registry::new(limits, position, metrics.clone());
        registry.recall(recent);
        Self {
            registry,
            metrics,
            stopping: false,
            telling: false,
        }
    }

    /// Begins to send the events that wait in big rooms, unless that goes on already.
    fn begin_telling(&mut self, context: &mut Context<Self>) {
        if !self.telling {
            self.tell_some(context);
        }
    }

    fn tell_some(&mut self, context: &mut Context<Self>) {
        self.telling = self.registry.tell_some(Instant::now());
        if self.telling {
            context.run_later(TELL_EVERY, Self::tell_some);
        }
    }
}

impl Actor for Broadcaster {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(MAILBOX);
        context.run_interval(SWEEP_EVERY, |this, context| {
            this.registry.sweep(Instant::now(), Timestamp::now());
            this.begin_telling(context);
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
        let broadcaster = context.address().recipient();
        Ok(Subscription::new(opened, position, broadcaster))
    }
}

impl Handler<GoLive> for Broadcaster {
    type Result = Option<Attached>;

    fn handle(&mut self, go_live: GoLive, _context: &mut Self::Context) -> Self::Result {
        let GoLive { client_id, after } = go_live;
        self.registry.go_live(client_id, after, Instant::now())
    }
}

impl Handler<Rejoin> for Broadcaster {
    type Result = Option<Rejoined>;

    fn handle(&mut self, rejoin: Rejoin, _context: &mut Self::Context) -> Self::Result {
        let Rejoin { client_id, after } = rejoin;
        self.registry.rejoin(client_id, after, Instant::now())
    }
}

impl Handler<Finish> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Finish(client_id): Finish, _context: &mut Self::Context) {
        self.registry.finish(client_id, Instant::now());
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
            .map(|frame| self.registry.deliver(frame, now))
            .sum();
        self.metrics.deliveries.inc_by(taken as u64);
    }
}

impl Handler<ForgetRecent> for Broadcaster {
    type Result = ();

    fn handle(&mut self, _forget: ForgetRecent, _context: &mut Self::Context) {
        self.registry.forget_recent();
    }
}

impl Handler<Retract> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Retract(ids): Retract, _context: &mut Self::Context) {
        self.registry.retract(&ids);
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

    fn handle(&mut self, Close { streams, bye }: Close, _context: &mut Self::Context) -> usize {
        self.registry.close_all(&streams, bye, Instant::now())
    }
}

impl Handler<ListStreams> for Broadcaster {
    type Result = MessageResult<ListStreams>;

    fn handle(&mut self, _list: ListStreams, _context: &mut Self::Context) -> Self::Result {
        let mut connections = self.registry.connections(Instant::now());
        connections.sort_unstable_by_key(|client| std::cmp::Reverse(client.age_seconds));
        MessageResult(connections)
    }
}

impl Handler<ListStreamsOf> for Broadcaster {
    type Result = MessageResult<ListStreamsOf>;

    fn handle(
        &mut self,
        ListStreamsOf(user_id): ListStreamsOf,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let mut connections = self.registry.connections_of(&user_id, Instant::now());
        connections.sort_unstable_by_key(|client| std::cmp::Reverse(client.age_seconds));
        MessageResult(connections)
    }
}

impl Handler<ListRights> for Broadcaster {
    type Result = MessageResult<ListRights>;

    fn handle(
        &mut self,
        ListRights(users): ListRights,
        _context: &mut Self::Context,
    ) -> Self::Result {
        MessageResult(self.registry.rights(users.as_ref()))
    }
}

impl Handler<CountReach> for Broadcaster {
    type Result = usize;

    fn handle(&mut self, CountReach(topics): CountReach, _context: &mut Self::Context) -> usize {
        self.registry.reached(&topics)
    }
}

impl Handler<ListAudience> for Broadcaster {
    type Result = MessageResult<ListAudience>;

    fn handle(
        &mut self,
        ListAudience(topics): ListAudience,
        _context: &mut Self::Context,
    ) -> Self::Result {
        MessageResult(self.registry.audience(&topics))
    }
}

impl Handler<ListWatching> for Broadcaster {
    type Result = MessageResult<ListWatching>;

    fn handle(
        &mut self,
        ListWatching(topic, users): ListWatching,
        _context: &mut Self::Context,
    ) -> Self::Result {
        MessageResult(self.registry.watching(&topic, users.as_ref()))
    }
}

impl Handler<ListPresent> for Broadcaster {
    type Result = MessageResult<ListPresent>;

    fn handle(&mut self, list: ListPresent, _context: &mut Self::Context) -> Self::Result {
        let ListPresent { room, after, limit } = list;
        MessageResult(self.registry.rooms.page(&room, after.as_ref(), limit))
    }
}

impl Handler<CountPresent> for Broadcaster {
    type Result = MessageResult<CountPresent>;

    fn handle(&mut self, _count: CountPresent, _context: &mut Self::Context) -> Self::Result {
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
