//! One limit of a figure, and what it was measured against.

use crate::report::{Report, Spread, number};
use crate::servers::Kind;
use crate::workloads::Workload;

/// The figure must not be above, or not be below, so many times something measured beside it, or a number.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    Most(f64),
    Least(f64),
    MostOf(f64, Kind),
    /// So many times the least of all peers that were measured.
    MostOfPeers(f64),
    LeastOf(f64, Kind),
    LeastOfWorkload(f64, Workload),
}

/// The figure that is held against a limit.
pub(super) struct Figure {
    pub(super) workload: Workload,
    pub(super) name: &'static str,
    /// The divisor for the unit in which it is shown.
    pub(super) unit: f64,
}

/// The value of a limit, and the server that it was measured at.
struct Measured {
    limit: f64,
    of: String,
}

impl Limit {
    pub(super) fn name(self, figure: &Figure) -> String {
        let times = |factor: f64| match factor {
            1.0 => String::new(),
            _ => format!("{factor} × "),
        };
        match self {
            Self::Most(most) => format!("≤ {}", number(most / figure.unit)),
            Self::Least(least) => format!("≥ {}", number(least / figure.unit)),
            Self::MostOf(factor, kind) => format!("≤ {}{}", times(factor), kind.name()),
            Self::MostOfPeers(factor) => format!("≤ {}the best peer", times(factor)),
            Self::LeastOf(factor, kind) => format!("≥ {}{}", times(factor), kind.name()),
            Self::LeastOfWorkload(factor, workload) => {
                format!("≥ {}`{}`", times(factor), workload.name())
            }
        }
    }

    pub(super) fn verdict(self, figure: &Figure, report: &Report, measured: f64) -> String {
        let Some(Measured { limit, of }) = self.measured(figure, report) else {
            return "not measured beside it".to_owned();
        };
        let reached = match self {
            Self::Most(_) | Self::MostOf(..) | Self::MostOfPeers(_) => measured <= limit,
            Self::Least(_) | Self::LeastOf(..) | Self::LeastOfWorkload(..) => measured >= limit,
        };
        let limit_shown = number(limit / figure.unit);
        if reached {
            return format!("yes ({limit_shown}{of})");
        }
        format!("**no** ({limit_shown}{of}; × {})", number(measured / limit))
    }

    fn measured(self, figure: &Figure, report: &Report) -> Option<Measured> {
        let at = |kind| Some(report.figure(figure.workload, kind, figure.name)?.median);
        let limit = match self {
            Self::Most(limit) | Self::Least(limit) => limit,
            Self::MostOf(factor, kind) | Self::LeastOf(factor, kind) => factor * at(kind)?,
            Self::MostOfPeers(factor) => return of_peers(factor, figure, report),
            Self::LeastOfWorkload(factor, workload) => {
                let other = report.figure(workload, Kind::Campanile, figure.name)?;
                factor * other.median
            }
        };
        let of = String::new();
        Some(Measured { limit, of })
    }
}

/// The limit by the best peer, from the runs in which it delivered everything. The peers that do not count are named, because one of them might be better.
fn of_peers(factor: f64, figure: &Figure, report: &Report) -> Option<Measured> {
    let mut best: Option<(f64, Kind)> = None;
    let mut not_counted = Vec::new();
    for kind in Kind::PEERS {
        let runs = report.faultless(figure.workload, kind);
        match Spread::over(&runs, figure.name).map(|spread| spread.median) {
            Some(value) if best.is_none_or(|best| value < best.0) => best = Some((value, kind)),
            Some(_) => {}
            None if report.median(figure.workload, kind).is_some() => {
                not_counted.push(format!("{} without faults", kind.name()));
            }
            None => not_counted.push(kind.name().to_owned()),
        }
    }
    let (least, kind) = best?;
    let mut of = format!(" by {}", kind.name());
    if !not_counted.is_empty() {
        of += &format!("; not measured: {}", not_counted.join(", "));
    }
    Some(Measured {
        limit: factor * least,
        of,
    })
}
