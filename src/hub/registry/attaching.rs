//! The moment at which live frames take over: the topics of a client are attached, with what it missed where that is known.

use std::sync::Arc;
use std::time::Instant;

use crate::alarm::{AlarmId, Role, Timestamp, TopicFilter, UserId};
use crate::hub::registry::Registry;
use crate::hub::{ClientId, Frame};

/// A client whose topics were attached after it has read the log.
#[derive(Debug)]
pub(crate) struct Attached {
    /// Live frames have a higher id.
    pub(crate) position: AlarmId,
    /// The frames between what it has read and the position; `None` if they are known from the log only.
    pub(crate) missed: Option<Vec<Arc<Frame>>>,
}

/// The answer to a client that spilled and has taken all that was queued.
#[derive(Debug)]
pub(crate) struct Rejoined {
    /// The topics it carries.
    pub(crate) filter: Arc<TopicFilter>,
    /// Its user.
    pub(crate) user_id: UserId,
    /// The role of its token.
    pub(crate) role: Role,
    /// The frames it missed and the position live frames start above: its topics are attached. `None`: it reads the log
    /// first.
    pub(crate) missed: Option<(Vec<Arc<Frame>>, AlarmId)>,
}

impl Registry {
    /// Attaches the topics of a client that has read the log up to `after`; `None` if it is gone.
    pub(crate) fn go_live(
        &mut self,
        client_id: ClientId,
        after: AlarmId,
        now: Instant,
    ) -> Option<Attached> {
        let place = *self.by_id.get(&client_id)?;
        let filter = &self.clients.get(place)?.new.filter;
        let missed = self.recent.missed(after, filter, Timestamp::now());
        self.attach(place, now);
        Some(Attached {
            position: self.position(),
            missed,
        })
    }

    /// Takes a client back that has drained its channel after a spill at `after`; `None` if it is gone.
    pub(crate) fn rejoin(
        &mut self,
        client_id: ClientId,
        after: AlarmId,
        now: Instant,
    ) -> Option<Rejoined> {
        let place = *self.by_id.get(&client_id)?;
        let new = &self.clients.get(place)?.new;
        let missed = self.recent.missed(after, &new.filter, Timestamp::now());
        let rejoined = Rejoined {
            filter: Arc::clone(&new.filter),
            user_id: new.user_id.clone(),
            role: new.role,
            missed: missed.map(|missed| (missed, self.position())),
        };
        if rejoined.missed.is_some() {
            self.attach(place, now);
        }
        Some(rejoined)
    }

    pub(super) fn attach(&mut self, place: usize, now: Instant) {
        let Some(client) = self.clients.get_mut(place) else {
            return;
        };
        client.live = true;
        client.last_frame = now;
        self.index.attach(&client.new.filter, place);
    }
}
