//! One client's events, as its stream reads them. It knows the Broadcaster only as the receiver of `Disconnect`.

use std::sync::Arc;
use std::task::{Context, Poll};

use actix::{Message, Recipient};

use crate::alarm::AlarmId;
use crate::hub::channel::Channel;
use crate::hub::registry::Opened;
use crate::hub::{Bye, ClientId, Frame};

/// A client went.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Disconnect(pub ClientId);

/// One client's events. Dropping it makes the Broadcaster forget the client.
pub(crate) struct Subscription {
    channel: Channel,
    position: AlarmId,
    missed: Option<Vec<Arc<Frame>>>,
    guard: Guard,
}

/// Sends Disconnect when the stream goes, whichever way it went.
struct Guard {
    client_id: ClientId,
    broadcaster: Recipient<Disconnect>,
}

impl Subscription {
    pub(crate) fn new(
        opened: Opened,
        position: AlarmId,
        broadcaster: Recipient<Disconnect>,
    ) -> Self {
        Self {
            channel: opened.channel,
            position,
            missed: opened.missed,
            guard: Guard {
                client_id: opened.client_id,
                broadcaster,
            },
        }
    }

    /// The name of the client.
    pub(crate) fn client_id(&self) -> ClientId {
        self.guard.client_id
    }

    /// The last id offered to clients when this one subscribed.
    pub(crate) fn position(&self) -> AlarmId {
        self.position
    }

    /// Takes what lies between its cursor and the position, if the Broadcaster knew; else its topics are not attached
    /// before it has read the log.
    pub(crate) fn take_missed(&mut self) -> Option<Vec<Arc<Frame>>> {
        self.missed.take()
    }

    /// Why the Broadcaster closed the channel, once it did.
    pub(crate) fn closed(&self) -> Option<Bye> {
        self.channel.closed()
    }

    /// The next frame; `None` when the channel is closed and drained.
    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Arc<Frame>>> {
        self.channel.poll_frame(context)
    }
}

impl Drop for Guard {
    #[expect(
        clippy::disallowed_methods,
        reason = "a drop cannot wait, and there is one such message for each client at most"
    )]
    fn drop(&mut self) {
        self.broadcaster.do_send(Disconnect(self.client_id));
    }
}
