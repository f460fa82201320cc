//! The messages by which the hubs share who is present, and how many streams each user has.

use std::time::Instant;

use actix::{Context, Handler, Message, MessageResult};

use crate::hub::presence::{Elsewhere, Moves, Present};
use crate::hub::{Broadcaster, StreamCount};

/// There are other hubs: begins to keep the changes that they have to be told.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Share;

/// Users who came to a room and who left one, and users whose number of streams changed.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Those who came.
    pub joined: Vec<Present>,
    /// Those who left.
    pub left: Vec<Present>,
    /// Those with another number of streams.
    pub streams: Vec<StreamCount>,
}

/// Takes changes that the other hubs were not told: all of presence, and so many of streams that a signal holds them.
#[derive(Message)]
#[rtype(result = "Changes")]
pub(crate) struct TakeChanges;

/// Takes all who are present by a stream of this hub; changes before it need not be told any more. Those with many streams are changes
/// again.
#[derive(Message)]
#[rtype(result = "Vec<Present>")]
pub(crate) struct TakeHere;

/// News of a hub.
#[derive(Debug)]
pub(crate) struct News {
    /// The users present there.
    pub present: Elsewhere,
    /// The users with many streams there: those that changed, or all where all who are present are told.
    pub streams: Vec<StreamCount>,
}

/// News of the hubs, in the order in which it was told.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Hear {
    /// This hub.
    pub me: String,
    /// The news, that of this hub too.
    pub news: Vec<News>,
}

/// Asks for the hubs that told of users there.
#[derive(Message)]
#[rtype(result = "Vec<String>")]
pub(crate) struct ListTold;

impl Handler<Share> for Broadcaster {
    type Result = ();

    fn handle(&mut self, _share: Share, _context: &mut Context<Self>) {
        self.registry.rooms.share();
        self.registry.counts.share();
    }
}

impl Handler<TakeChanges> for Broadcaster {
    type Result = MessageResult<TakeChanges>;

    fn handle(&mut self, _take: TakeChanges, _context: &mut Context<Self>) -> Self::Result {
        let (joined, left) = self.registry.rooms.take_untold();
        MessageResult(Changes {
            joined,
            left,
            streams: self.registry.take_untold_counts(),
        })
    }
}

impl Handler<TakeHere> for Broadcaster {
    type Result = MessageResult<TakeHere>;

    fn handle(&mut self, _take: TakeHere, _context: &mut Context<Self>) -> Self::Result {
        let _told_by_the_list = self.registry.rooms.take_untold();
        self.registry.tell_counts_again();
        MessageResult(self.registry.rooms.here())
    }
}

impl Handler<Hear> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Hear { me, news }: Hear, _context: &mut Context<Self>) {
        let now = Instant::now();
        for News { present, streams } in news {
            if present.hub == me {
                self.registry.end_excess(&streams, now);
                continue;
            }
            let all = matches!(present.news, Moves::All(_));
            self.registry.counts.hear(&present.hub, &streams, all);
            self.registry.rooms.hear(present);
        }
        self.registry.announce(now);
    }
}

impl Handler<ListTold> for Broadcaster {
    type Result = MessageResult<ListTold>;

    fn handle(&mut self, _list: ListTold, _context: &mut Context<Self>) -> Self::Result {
        let mut hubs = self.registry.rooms.hubs();
        hubs.extend(self.registry.counts.hubs().cloned());
        hubs.sort_unstable();
        hubs.dedup();
        MessageResult(hubs)
    }
}
