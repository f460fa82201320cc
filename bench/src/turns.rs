//! Which workloads of the report a server is measured with, and in how many repetitions.

use crate::args::ReportCommand;
use crate::bars;
use crate::servers::Kind;
use crate::workloads::Workload;

/// The workloads of a server in one repetition, the first of which is number 0.
pub(crate) fn workloads(command: &ReportCommand, kind: Kind, repetition: usize) -> Vec<Workload> {
    let all = possible(kind).iter().copied();
    all.filter(|workload| repetition < turns(command, kind, *workload))
        .collect()
}

/// Pushpin takes longest.
pub(crate) fn is_measured_once(kind: Kind) -> bool {
    kind == Kind::Pushpin
}

fn turns(command: &ReportCommand, kind: Kind, workload: Workload) -> usize {
    let others = command.repeat_others.min(command.repeat);
    match kind {
        _ if is_measured_once(kind) => 1,
        Kind::CampanileInMemory => others,
        _ if bars::decides(workload) => command.repeat,
        _ => others,
    }
}

/// The workloads that a server is measured with. Slow servers get only those that the hub is compared in.
fn possible(kind: Kind) -> &'static [Workload] {
    match kind {
        Kind::Campanile | Kind::Floor | Kind::Nchan => &EVERYTHING,
        Kind::Node => &BESIDE,
        Kind::Pushpin => &FEW,
        Kind::Mercure | Kind::Centrifugo => &DECIDING,
        Kind::Spring => &DECIDING_IN_LITTLE_TIME,
        Kind::CampanileInMemory | Kind::Before => &STORING,
        Kind::CampanileWithoutStore => &PERSONAL,
    }
}

const EVERYTHING: [Workload; 20] = [
    Workload::Broadcast50,
    Workload::Broadcast1,
    Workload::Broadcast16,
    Workload::Scale1000,
    Workload::FanOutOneCore,
    Workload::FanOutEveryCore,
    Workload::CrowdOneCore,
    Workload::CrowdEveryCore,
    Workload::UsersOneCore,
    Workload::UsersEveryCore,
    Workload::Idle,
    Workload::Broadcast10k,
    Workload::Scale10000,
    Workload::Scale4000,
    Workload::Scale100,
    Workload::Personal1,
    Workload::Personal16,
    Workload::Personal256,
    Workload::HalfLoad,
    Workload::Storm,
];

const BESIDE: [Workload; 11] = [
    Workload::Broadcast50,
    Workload::Broadcast16,
    Workload::Scale1000,
    Workload::Idle,
    Workload::Broadcast10k,
    Workload::Scale10000,
    Workload::Scale4000,
    Workload::Scale100,
    Workload::Personal16,
    Workload::Personal256,
    Workload::HalfLoad,
];

const DECIDING: [Workload; 4] = [
    Workload::Broadcast50,
    Workload::Idle,
    Workload::Broadcast10k,
    Workload::Personal16,
];

const DECIDING_IN_LITTLE_TIME: [Workload; 3] =
    [Workload::Idle, Workload::Broadcast10k, Workload::Personal16];

const FEW: [Workload; 7] = [
    Workload::Broadcast50,
    Workload::Broadcast16,
    Workload::Scale1000,
    Workload::Idle,
    Workload::Broadcast10k,
    Workload::Scale100,
    Workload::Personal16,
];

const STORING: [Workload; 6] = [
    Workload::Broadcast50,
    Workload::Broadcast16,
    Workload::Personal1,
    Workload::Personal16,
    Workload::Personal256,
    Workload::HalfLoad,
];

const PERSONAL: [Workload; 2] = [Workload::Personal16, Workload::Personal256];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Command, CommandLine};
    use clap::Parser;

    fn command() -> ReportCommand {
        let line = CommandLine::parse_from(["campanile-bench", "report"]);
        let Command::Report(command) = line.command else {
            panic!("this is not a report");
        };
        command
    }

    #[test]
    fn what_decides_is_measured_more_often_than_the_rest() {
        let command = command();
        let at = |kind, repetition| workloads(&command, kind, repetition);

        assert_eq!(at(Kind::Campanile, 0), EVERYTHING);
        let last = at(Kind::Campanile, command.repeat - 1);
        assert!(last.contains(&Workload::Broadcast10k) && last.contains(&Workload::Scale10000));
        assert!(!last.contains(&Workload::Scale100));
        assert_eq!(at(Kind::Campanile, command.repeat), []);
    }

    #[test]
    fn pushpin_is_measured_once_and_memory_as_often_as_the_rest() {
        let command = command();

        assert_eq!(workloads(&command, Kind::Pushpin, 1), []);
        let memory = |repetition| workloads(&command, Kind::CampanileInMemory, repetition).len();
        assert_eq!(memory(command.repeat_others - 1), STORING.len());
        assert_eq!(memory(command.repeat_others), 0);
    }

    #[test]
    fn every_peer_is_measured_where_the_best_peer_decides() {
        for kind in Kind::PEERS {
            let workloads = workloads(&command(), kind, 0);

            assert!(workloads.contains(&Workload::Broadcast10k), "{kind:?}");
        }
    }
}
