//! The terms of a comparison, the same for every transport.

use std::time::Duration;

use serde::Serialize;

use crate::args::TransportsCommand;
use crate::proc;

/// The numbers of clients and rooms, and the duration and the repetitions of each transport's measurement.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Terms {
    /// Clients of each transport.
    pub(crate) clients: usize,
    /// Rooms they are spread over; every alarm is for one room.
    pub(crate) rooms: usize,
    /// Alarms a second for each client, one measurement each.
    pub(crate) rates: Vec<f64>,
    /// The minimum duration of each measurement.
    pub(crate) seconds: f64,
    /// The interval of a polling client.
    pub(crate) poll_seconds: f64,
    /// The number of repetitions.
    pub(crate) runs: usize,
    /// The load of the machine by other processes over the last minute before the first measurement.
    pub(crate) load_before: f64,
}

impl Terms {
    pub(crate) fn of(command: &TransportsCommand) -> Self {
        let rates = command.rates.iter().map(|rate| rate.clamp(0.01, 100.0));
        Self {
            clients: command.clients.clamp(1, 10_000),
            rooms: command.clients.clamp(1, 10_000).min(ROOMS),
            rates: rates.collect(),
            seconds: command.seconds.clamp(0.5, 60.0),
            poll_seconds: command.poll_every.clamp(0.05, 60.0),
            runs: command.runs.clamp(1, 20),
            load_before: proc::load(),
        }
    }

    /// Long enough that each client is owed something.
    pub(crate) fn lasting(&self, rate: f64) -> Duration {
        Duration::from_secs_f64(self.seconds.max(ALARMS_AT_LEAST / rate).min(60.0))
    }

    pub(super) fn poll_every(&self) -> Duration {
        Duration::from_secs_f64(self.poll_seconds)
    }
}

/// So many that alarms come spread over time, so few that several clients hear each.
const ROOMS: usize = 50;

/// Per client; one that falls into the end is one too few.
const ALARMS_AT_LEAST: f64 = 1.2;
