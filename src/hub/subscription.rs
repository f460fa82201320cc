//! One client's events, as its stream reads them. It knows the Broadcaster only as the receiver of `Disconnect`.

use std::sync::Arc;
use std::task::{Context, Poll};

use actix::{Message, Recipient};

use crate::alarm::AlarmId;
use crate::hub::channel::{Channel, Received};
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

    /// The last id delivered to clients when this one subscribed.
    pub(crate) fn position(&self) -> AlarmId {
        self.position
    }

    /// Takes the frames between its cursor and the position, if the Broadcaster knew them; else its topics are not attached
    /// before it has read the log.
    pub(crate) fn take_missed(&mut self) -> Option<Vec<Arc<Frame>>> {
        self.missed.take()
    }

    /// The reason for which the Broadcaster closed the channel, once it did.
    pub(crate) fn closed(&self) -> Option<Bye> {
        self.channel.closed()
    }

    /// The next frame; see [`Channel::poll_frame`].
    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        self.channel.poll_frame(context)
    }

    /// The next frame of the queue while the log is read; see [`Channel::poll_queued`].
    pub(crate) fn poll_queued(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        self.channel.poll_queued(context)
    }

    /// Waits for the end of the channel; see [`Channel::poll_closed`].
    pub(crate) fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.channel.poll_closed(context)
    }

    /// Notes that the transport took a frame.
    pub(crate) fn passed(&self) {
        self.channel.passed();
    }

    /// Notes whether frames read from the log wait for the transport.
    pub(crate) fn set_ready(&self, is_ready: bool) {
        self.channel.set_ready(is_ready);
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
