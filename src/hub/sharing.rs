//! The messages by which the hubs share who is present.

use std::time::Instant;

use actix::{Context, Handler, Message, MessageResult};

use crate::hub::Broadcaster;
use crate::hub::presence::{Elsewhere, Present};

/// There are other hubs: begins to keep the changes of presence that they have to be told.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct SharePresence;

/// Takes the changes that the other hubs were not told: who came, and who left.
#[derive(Message)]
#[rtype(result = "(Vec<Present>, Vec<Present>)")]
pub(crate) struct TakeMoves;

/// Takes all who are present by a stream of this hub; changes before it need not be told any more.
#[derive(Message)]
#[rtype(result = "Vec<Present>")]
pub(crate) struct TakeHere;

/// Other hubs tell who is present there.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Hear(pub Vec<Elsewhere>);

/// Asks for the hubs that told of users present there.
#[derive(Message)]
#[rtype(result = "Vec<String>")]
pub(crate) struct ListTold;

impl Handler<SharePresence> for Broadcaster {
    type Result = ();

    fn handle(&mut self, _share: SharePresence, _context: &mut Context<Self>) {
        self.registry.rooms.share();
    }
}

impl Handler<TakeMoves> for Broadcaster {
    type Result = MessageResult<TakeMoves>;

    fn handle(&mut self, _take: TakeMoves, _context: &mut Context<Self>) -> Self::Result {
        MessageResult(self.registry.rooms.take_untold())
    }
}

impl Handler<TakeHere> for Broadcaster {
    type Result = MessageResult<TakeHere>;

    fn handle(&mut self, _take: TakeHere, _context: &mut Context<Self>) -> Self::Result {
        let _told_by_the_list = self.registry.rooms.take_untold();
        MessageResult(self.registry.rooms.here())
    }
}

impl Handler<Hear> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Hear(news): Hear, _context: &mut Context<Self>) {
        for one in news {
            self.registry.rooms.hear(one);
        }
        self.registry.announce(Instant::now());
    }
}

impl Handler<ListTold> for Broadcaster {
    type Result = MessageResult<ListTold>;

    fn handle(&mut self, _list: ListTold, _context: &mut Context<Self>) -> Self::Result {
        MessageResult(self.registry.rooms.hubs())
    }
}
