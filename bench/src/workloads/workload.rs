//! The workloads by name, and what has to be open before each.

use std::time::Duration;

use clap::ValueEnum;

use crate::proc::Placement;
use crate::swarm::Audience;

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Workload {
    /// 1,000 streams, 50 alarms a second for everyone.
    #[value(name = "broadcast-50")]
    Broadcast50,
    /// 1,000 streams, alarms for everyone from 1 publisher in closed loop.
    #[value(name = "broadcast-1")]
    Broadcast1,
    /// The same from 16 publishers.
    #[value(name = "broadcast-16")]
    Broadcast16,
    /// 1,000 streams, 20 alarms a second for everyone: 20,000 deliveries a second, as at every size of `scale`.
    #[value(name = "scale-1000")]
    Scale1000,
    /// As `broadcast-16` but in as many rooms as there are cores, thread by thread: the hub on one core, with one worker.
    #[value(name = "fan-out-one-core")]
    FanOutOneCore,
    /// The same with the hub on every core, with a worker for each, and the bench behind it.
    #[value(name = "fan-out-every-core")]
    FanOutEveryCore,
    /// 10,000 streams, in as many rooms as there are cores, a publisher in closed loop for each: the hub on one core.
    #[value(name = "crowd-one-core")]
    CrowdOneCore,
    /// The same with the hub on every core.
    #[value(name = "crowd-every-core")]
    CrowdEveryCore,
    /// As `personal-256`, thread by thread: the hub on one core.
    #[value(name = "users-one-core")]
    UsersOneCore,
    /// The same with the hub on every core.
    #[value(name = "users-every-core")]
    UsersEveryCore,
    /// 10,000 streams opened, then left alone: rate of connecting, memory.
    Idle,
    /// 10,000 streams, alarms for everyone from 1 publisher in closed loop.
    #[value(name = "broadcast-10k")]
    Broadcast10k,
    /// 10,000 streams, 2 alarms a second for everyone.
    #[value(name = "scale-10000")]
    Scale10000,
    /// 4,000 streams, 5 alarms a second for everyone.
    #[value(name = "scale-4000")]
    Scale4000,
    /// 100 streams, 200 alarms a second for everyone.
    #[value(name = "scale-100")]
    Scale100,
    /// 10,000 users, alarms for one of them each, from 1 publisher in closed loop.
    #[value(name = "personal-1")]
    Personal1,
    /// The same from 16 publishers.
    #[value(name = "personal-16")]
    Personal16,
    /// The same from 256 publishers.
    #[value(name = "personal-256")]
    Personal256,
    /// 10,000 users, alarms for one of them each at half of the rate this server has just reached, whatever comes back.
    #[value(name = "half-load")]
    HalfLoad,
    /// Streams opened, closed after their first event, opened again.
    Churn,
    /// 10,000 clients come back at once, each 20 alarms behind.
    Storm,
}

/// The connections that have to be open before a workload starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) clients: usize,
    pub(crate) audience: Audience,
    pub(crate) placement: Placement,
}

/// The options of a workload that a person may change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wishes {
    /// The duration of each workload.
    pub(crate) lasting: Duration,
    /// The duration of a workload that shows whether a limit or a guarantee of the hub is kept.
    pub(crate) deciding: Duration,
    /// Streams, instead of the workload's own number.
    pub(crate) clients: Option<usize>,
    /// Publishers, instead of the workload's own number.
    pub(crate) publishers: Option<usize>,
    /// Alarms a second, for workloads at a fixed rate.
    pub(crate) rate: Option<f64>,
    /// Alarms a publisher in closed loop may have under way.
    pub(crate) window: Option<usize>,
}

impl Workload {
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    pub(crate) fn setup(self, wishes: &Wishes) -> Setup {
        let (clients, audience) = match self {
            Self::Scale100 => (100, Audience::Everyone),
            Self::Broadcast50
            | Self::Broadcast1
            | Self::Broadcast16
            | Self::FanOutOneCore
            | Self::FanOutEveryCore
            | Self::Scale1000 => (1_000, Audience::Everyone),
            Self::Scale4000 => (4_000, Audience::Everyone),
            Self::Idle
            | Self::Broadcast10k
            | Self::CrowdOneCore
            | Self::CrowdEveryCore
            | Self::Scale10000 => (10_000, Audience::Everyone),
            Self::Personal1
            | Self::Personal16
            | Self::Personal256
            | Self::UsersOneCore
            | Self::UsersEveryCore
            | Self::HalfLoad => (10_000, Audience::OneUser),
            Self::Churn | Self::Storm => (0, Audience::Everyone),
        };
        let clients = if clients == 0 {
            0
        } else {
            wishes.clients.unwrap_or(clients)
        };
        let placement = match self {
            Self::FanOutEveryCore | Self::CrowdEveryCore | Self::UsersEveryCore => {
                Placement::EveryCore
            }
            _ => Placement::OneCore,
        };
        Setup {
            clients,
            audience,
            placement,
        }
    }

    /// Returns true if only the hub is measured: its peers cannot resume, and are given one process on one core.
    pub(crate) fn is_for_the_hub_alone(self) -> bool {
        self == Self::Storm || self.tells_threads_apart()
    }

    /// Returns true if it is about what each thread of the hub does.
    pub(crate) fn tells_threads_apart(self) -> bool {
        matches!(
            self,
            Self::FanOutOneCore
                | Self::FanOutEveryCore
                | Self::CrowdOneCore
                | Self::CrowdEveryCore
                | Self::UsersOneCore
                | Self::UsersEveryCore
        )
    }
}
