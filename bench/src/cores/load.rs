//! The load on the hub: its streams and publishers, in as many parts as there are cores.

use std::ops::Range;
use std::time::Duration;

use crate::error::Result;
use crate::http;
use crate::proc::Placement;
use crate::servers::Server;
use crate::servers::campanile::Campanile;
use crate::swarm::{Audience, Pacing, Plan, Swarm, Waiting};
use crate::workloads::{WINDOW, Wishes, Workload};

/// Streams and publishers, in parts that have nothing to do with each other: a room each, or users of their own.
pub(super) struct Load {
    pub(super) placement: Placement,
    pub(super) publishers: usize,
    audience: Audience,
    streams: usize,
    parts: usize,
    window: usize,
    lasting: Duration,
}

impl Load {
    pub(super) fn of(workload: Workload, wishes: &Wishes, cores: usize) -> Self {
        let setup = workload.setup(wishes);
        let publishers = match workload {
            Workload::FanOutOneCore | Workload::FanOutEveryCore => 16.max(cores),
            Workload::CrowdOneCore | Workload::CrowdEveryCore => cores,
            _ => 256,
        };
        Self {
            placement: setup.placement,
            publishers: wishes.publishers.unwrap_or(publishers),
            audience: setup.audience,
            streams: setup.clients,
            parts: cores,
            window: wishes.window.unwrap_or(WINDOW),
            lasting: wishes.deciding,
        }
    }

    /// The numbers of a part, of so many.
    fn part(&self, all: usize, number: usize) -> Range<usize> {
        all * number / self.parts..all * (number + 1) / self.parts
    }

    /// Opens the streams of each part.
    pub(super) fn swarms(&self, hub: &Campanile) -> Result<Vec<Swarm>> {
        hub.introduce(self.streams)?;
        if self.audience == Audience::Everyone {
            hub.make_rooms(self.parts)?;
        }
        let open = |number| -> Result<Swarm> {
            let users = self.part(self.streams, number);
            let first = match self.audience {
                Audience::Everyone => number,
                Audience::OneUser => users.start,
            };
            let requests: Result<Vec<_>> = users.map(|user| self.request(number, user)).collect();
            let mut swarm = Swarm::beginning_at(hub.endpoint(), first)?;
            swarm.open(requests?, hub.opens_at_once())?;
            swarm.rest(SETTLING)?;
            Ok(swarm)
        };
        (0..self.parts).map(open).collect()
    }

    /// The request for a user's stream: everybody is in the room of the part, or nobody is in a room.
    fn request(&self, part: usize, user: usize) -> Result<Vec<u8>> {
        let authorization = Campanile::authorization(user)?;
        let headers = format!("Accept: text/event-stream\r\n{authorization}");
        let room = match self.audience {
            Audience::Everyone => format!("?room={}", http::user_name(part)),
            Audience::OneUser => String::new(),
        };
        Ok(http::get(&format!("/api/stream{room}"), &headers).into_bytes())
    }

    /// Connects the publishers of each part.
    pub(super) fn hire(&self, hub: &Campanile, swarms: &mut [Swarm]) -> Result<()> {
        let template = match self.audience {
            Audience::Everyone => hub.publish_to_room()?,
            Audience::OneUser => hub.publish(Audience::OneUser)?,
        };
        for swarm in swarms {
            swarm.publishers(self.publishers_of_each(), &template)?;
        }
        Ok(())
    }

    fn publishers_of_each(&self) -> usize {
        (self.publishers / self.parts).max(1)
    }

    /// The plan of each part.
    pub(super) fn plan(&self) -> Plan {
        Plan {
            audience: self.audience,
            publishers: self.publishers_of_each(),
            pacing: Pacing::Closed {
                window: self.window,
            },
            waiting: match self.placement {
                Placement::OneCore => Waiting::Awake,
                Placement::EveryCore => Waiting::Behind,
            },
            lasting: self.lasting,
        }
    }

    /// The plan of a short run that does not count.
    pub(super) fn warming_up(&self) -> Plan {
        Plan {
            lasting: self.lasting.min(WARMING_UP),
            ..self.plan()
        }
    }
}

/// The time after which the hub has finished its work behind the answers.
const SETTLING: Duration = Duration::from_millis(700);

/// Long enough that caches are warm and connections have grown their buffers.
const WARMING_UP: Duration = Duration::from_millis(700);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_is_in_one_part() {
        let wishes = Wishes {
            lasting: Duration::from_secs(1),
            deciding: Duration::from_secs(1),
            clients: Some(10),
            publishers: None,
            rate: None,
            window: None,
        };

        let load = Load::of(Workload::CrowdEveryCore, &wishes, 3);

        let parts = (0..3).flat_map(|number| load.part(10, number));
        assert_eq!(parts.collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        assert_eq!(load.publishers_of_each(), 1);
    }
}
