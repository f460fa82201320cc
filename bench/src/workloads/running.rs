//! Runs a workload: for how long, with how many publishers, and at which rate.

use std::time::Duration;

use crate::bars;
use crate::error::Result;
use crate::figures::Figures;
use crate::swarm::{Pacing, Plan, Waiting};
use crate::workloads::publishing::WINDOW;
use crate::workloads::session::Session;
use crate::workloads::workload::{Wishes, Workload};

impl Workload {
    fn lasting(self, wishes: &Wishes) -> Duration {
        if bars::decides(self) || self.is_for_the_hub_alone() {
            wishes.deciding
        } else {
            wishes.lasting
        }
    }

    /// Runs it in a session with its set-up.
    pub(crate) fn run(self, session: &mut Session, wishes: &Wishes) -> Result<Figures> {
        let (publishers, rate) = match self {
            Self::Idle => return Ok(session.opening().clone()),
            Self::Churn => return session.churn(self.lasting(wishes)),
            Self::Storm => return session.storm(wishes.clients.unwrap_or(10_000)),
            Self::HalfLoad => return session.half_load(wishes, self.lasting(wishes)),
            Self::Scale100 => (1, Some(200.0)),
            Self::Scale1000 => (1, Some(20.0)),
            Self::Scale4000 => (1, Some(5.0)),
            Self::Scale10000 => (1, Some(2.0)),
            Self::Broadcast50 => (1, Some(50.0)),
            Self::Broadcast1 | Self::Broadcast10k | Self::Personal1 => (1, None),
            Self::Broadcast16 | Self::Personal16 => (16, None),
            Self::Personal256 => (256, None),
            Self::FanOutOneCore
            | Self::FanOutEveryCore
            | Self::CrowdOneCore
            | Self::CrowdEveryCore
            | Self::UsersOneCore
            | Self::UsersEveryCore => return Err("it needs a hub of its own".into()),
        };
        let publishers = wishes.publishers.unwrap_or(publishers);
        let pacing = match rate {
            Some(per_second) => Pacing::Rate {
                per_second: wishes.rate.unwrap_or(per_second),
            },
            None => Pacing::Closed {
                window: wishes.window.unwrap_or(WINDOW),
            },
        };
        session.publish(Plan {
            audience: self.setup(wishes).audience,
            publishers,
            pacing,
            waiting: Waiting::Awake,
            lasting: self.lasting(wishes),
        })
    }
}
