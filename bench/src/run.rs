//! Runs workloads: one server after the other, all of them as often as wished.

use std::fmt::Write;
use std::fs;
use std::time::Instant;

use clap::ValueEnum;

use crate::args::{CoresCommand, RunCommand};
use crate::cores;
use crate::disk;
use crate::error::Result;
use crate::figures::Figures;
use crate::ground::Ground;
use crate::internals;
use crate::report::Report;
use crate::servers::Kind;
use crate::workloads::{Session, Setup, Wishes, Workload};

/// `campanile-bench run`.
pub(crate) fn run(command: &RunCommand) -> Result<()> {
    let ground = Ground::prepare(&command.place)?;
    for kind in &command.servers {
        let missing = |cause| format!("{} cannot be measured: {cause}", kind.name());
        kind.prepare().map_err(missing)?;
    }
    let wishes = command.wishes();
    let workloads = match command.workloads.as_slice() {
        [] => Workload::value_variants(),
        named => named,
    };
    let mut report = Report::default();
    for _ in 0..command.repeat {
        if workloads.contains(&Workload::HalfLoad) {
            report.add_disk(disk::measure(ground.data())?);
        }
        for kind in &command.servers {
            measure(&ground, *kind, workloads, &wishes, &mut report);
        }
    }
    println!("{}", tables(&report));
    if let Some(path) = &command.json {
        fs::write(path, report.json()?)?;
    }
    Ok(())
}

/// `campanile-bench cores`: the section of the report, as a page of its own.
pub(crate) fn cores(command: &CoresCommand) -> Result<()> {
    let ground = Ground::prepare(&command.place)?;
    let workloads: Vec<Workload> = cores::PAIRS
        .iter()
        .flat_map(|pair| [pair.one, pair.every])
        .collect();
    let mut report = Report::default();
    for _ in 0..command.repeat {
        measure(
            &ground,
            Kind::Campanile,
            &workloads,
            &command.wishes(),
            &mut report,
        );
    }
    let section = cores::section(&report) + &told(&report);
    println!("{section}");
    if let Some(docs) = &command.docs {
        internals::write(docs, "cores.md", &cores::page(&section, command.repeat))?;
    }
    Ok(())
}

/// The tables, and what could not be measured.
fn tables(report: &Report) -> String {
    report.tables_only() + &cores::section(report) + &report.disk_section() + &told(report)
}

/// A line for each workload that could not be measured.
fn told(report: &Report) -> String {
    let mut text = String::new();
    for trouble in report.troubles() {
        let _ = write!(text, "\n- {trouble}");
    }
    text
}

/// Every workload at one server, those with the same set-up in one session. What a server cannot do is part of the report, and the next goes on.
pub(crate) fn measure(
    ground: &Ground,
    kind: Kind,
    workloads: &[Workload],
    wishes: &Wishes,
    report: &mut Report,
) {
    let mut session: Option<(Setup, Session)> = None;
    for workload in workloads {
        if workload.is_for_the_hub_alone() && !kind.is_hub() {
            continue;
        }
        let started = Instant::now();
        match measure_one(ground, kind, *workload, wishes, &mut session) {
            Ok(figures) => {
                let seconds = started.elapsed().as_secs_f64();
                eprintln!("{} {}: {seconds:.1} s", kind.name(), workload.name());
                report.add(*workload, kind, figures);
            }
            Err(cause) => {
                eprintln!("{} {}: {cause}", kind.name(), workload.name());
                report.fail(*workload, kind, cause.to_string());
            }
        }
    }
}

fn measure_one(
    ground: &Ground,
    kind: Kind,
    workload: Workload,
    wishes: &Wishes,
    session: &mut Option<(Setup, Session)>,
) -> Result<Figures> {
    // The last server ends before the next one starts.
    if workload.tells_threads_apart() {
        *session = None;
        return cores::measure(ground, kind, workload, wishes);
    }
    let setup = workload.setup(wishes);
    let mut open = match session.take() {
        Some((same, open)) if same == setup => open,
        other => {
            drop(other);
            ground.session(kind, setup)?
        }
    };
    let figures = workload.run(&mut open, wishes)?;
    *session = Some((setup, open));
    Ok(figures)
}
